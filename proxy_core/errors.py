"""The exception tree of proxy_core.

::

    ProxyError
    ├── InvalidObjects      objects that cannot be read; carries every Problem found
    ├── InvalidConfig       a KubeProxyConfiguration that cannot be used; carries every Problem found
    ├── NotSupported        something that exists upstream and is refused here by name
    └── KernelError         the kernel (or a program that talks to it) refused something; the rules are as before

What can be expected (a service without endpoints, a slice of another family) is a value, never an exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Problem(NamedTuple):
    """One thing that is wrong with the input, in the words that a user reads."""

    file: str
    """Where it was read from: a path, ``<stdin>``, or ``<memory>``."""
    object: str
    """Kind and name, as in ``Service shop/web``; empty for a configuration."""
    field: str
    """Path of the field, as in ``spec.ports[0].port``; empty if it is the whole object."""
    reason: str

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.file, self.object, self.field) if part)
        return f"{where}: {self.reason}" if where else self.reason


class ProxyError(Exception):
    """Base of everything that proxy_core raises on purpose."""


class ProblemsError(ProxyError):
    """An input that was refused, with the list of all problems found in it."""

    what = "input"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{count} problem{'' if count == 1 else 's'} in the {self.what}"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


class InvalidObjects(ProblemsError):
    """Objects that cannot be read."""

    what = "objects"


class InvalidConfig(ProblemsError):
    """A KubeProxyConfiguration that cannot be used."""

    what = "configuration"


class NotSupported(ProxyError):
    """Something that exists upstream and is refused here by name."""


class KernelError(ProxyError):
    """The kernel, or a program that talks to it, refused something."""
