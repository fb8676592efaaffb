"""Many nodes or pods without an object each: a few templates, an index, and names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from sched_core.objects.records import Node, Pod


class NumberedNames(Sequence[str]):
    """The names ``pattern.format(start)``, ``pattern.format(start + 1)``, ... made when they are asked for."""

    def __init__(self, pattern: str, count: int, start: int = 0) -> None:
        self.pattern, self.start, self._length = pattern, start, count

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            first, last, step = index.indices(self._length)
            if step == 1:
                return NumberedNames(self.pattern, max(last - first, 0), self.start + first)
            return [self[position] for position in range(first, last, step)]
        if not -self._length <= index < self._length:
            raise IndexError(index)
        return self.pattern.format(self.start + index % self._length)


class NodeArray(NamedTuple):
    """N nodes made of a few templates.

    Node i is ``templates[template_of[i]]`` with ``metadata.name = names[i]``; a template that has the label
    ``kubernetes.io/hostname`` gets ``names[i]`` as its value.
    """

    names: Sequence[str]
    templates: Sequence[Node]
    template_of: NDArray[np.int32]


class PodArray(NamedTuple):
    """P pods made of a few templates: pod i is ``templates[template_of[i]]`` with ``metadata.name = names[i]``."""

    names: Sequence[str]
    templates: Sequence[Pod]
    template_of: NDArray[np.int32]

    def part(self, start: int, stop: int) -> PodArray:
        """Return the pods from ``start`` up to ``stop`` (not included)."""
        return PodArray(self.names[start:stop], self.templates, self.template_of[start:stop])
