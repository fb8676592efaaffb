"""Objects that the benchmark makes up → records. What users bring is read and checked by ``sched_core.load``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from sched_core import Node, Pod


def nodes_from(manifests: Sequence[dict[str, Any]]) -> list[Node]:
    """Return the Node records of v1 Node objects."""
    return msgspec.convert(manifests, list[Node])


def pods_from(manifests: Sequence[dict[str, Any]]) -> list[Pod]:
    """Return the Pod records of v1 Pod objects."""
    return msgspec.convert(manifests, list[Pod])
