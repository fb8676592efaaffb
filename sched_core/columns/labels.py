"""Labels of nodes, interned: one column of value ids for each key that somebody asks for.

Most nodes of a cluster share their labels but for ``kubernetes.io/hostname``, which is nearly always the node's name.
So a node keeps the number of a label set without that label, and columns are made per set, then gathered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HOSTNAME = "kubernetes.io/hostname"


class LabelColumn(NamedTuple):
    """The values of one label key: ``ids`` int32[N] index into ``values``, -1 where a node lacks the key."""

    ids: NDArray[np.int32]
    values: list[str]


def label_set(labels: Mapping[str, str], name: str) -> tuple[frozenset[tuple[str, str]], bool]:
    """Return the labels without that of the hostname where it is ``name``, and whether it is."""
    is_name = labels.get(HOSTNAME) == name
    return frozenset(item for item in labels.items() if not (is_name and item[0] == HOSTNAME)), is_name


def label_column(
    key: str, sets: Sequence[Mapping[str, str]], set_of: NDArray[np.int32], hostname_is_name: NDArray[np.bool_],
    names: Sequence[str],
) -> LabelColumn:  # fmt: skip
    """Return the column of a key for the nodes with the label sets ``set_of`` int32[N], which index ``sets``."""
    ids: dict[str, int] = {}
    by_set = [ids.setdefault(labels[key], len(ids)) if key in labels else -1 for labels in sets]
    column = np.array([*by_set, -1], np.int32)[set_of]
    if key == HOSTNAME and hostname_is_name.any():
        rows = np.flatnonzero(hostname_is_name)
        column[rows] = [ids.setdefault(names[row], len(ids)) for row in rows.tolist()]
    return LabelColumn(column, list(ids))
