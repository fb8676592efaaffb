"""The exception tree of sched_core.

::

    StowageError
    ├── InvalidObjects      objects that cannot be read or make no sense; carries every Problem found
    ├── InvalidConfig       a KubeSchedulerConfiguration that cannot be used; carries every Problem found
    ├── NotSupported        something that exists upstream and is refused here by name
    ├── PluginError         a plugin broke its contract or raised; names plugin, extension point, pod and node
    ├── LimitExceeded       more of something than the engine is built for
    └── ExtenderError       an HTTP extender gave no answer that can be used; the text is upstream's
        ├── ExtenderUnreachable     no connection, or one that broke before the answer was whole
        ├── ExtenderTimeout         the answer was not there in time
        ├── ExtenderStatus          another status than 200
        └── ExtenderAnswerTooLarge  more bytes than an answer can need

What can be expected (a pod that fits nowhere, a filter that says no) is a Status, never an exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Problem(NamedTuple):
    """One thing that is wrong with the input, in the words that a user reads."""

    file: str
    """Where it was read from: a path, ``<stdin>``, or ``<memory>``."""
    object: str
    """Kind and name, as in ``Pod default/web-0``; the position (``document 3``, ``items[7]``) if there is no name."""
    field: str
    """Path of the field, as in ``spec.containers[0].resources.requests[cpu]``; empty if it is the whole object."""
    reason: str

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.file, self.object, self.field) if part)
        return f"{where}: {self.reason}" if where else self.reason


class StowageError(Exception):
    """Base of everything that sched_core raises on purpose."""


class ProblemsError(StowageError):
    """An input that was refused, with the list of all problems found in it."""

    what = "input"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{count} problem{'' if count == 1 else 's'} in the {self.what}"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))

    def __reduce__(self) -> tuple[Any, ...]:
        """Let the error come out of another process."""
        return type(self), (self.problems,)


class InvalidObjects(ProblemsError):
    """Objects that cannot be read or make no sense."""

    what = "objects"


class InvalidConfig(ProblemsError):
    """A KubeSchedulerConfiguration that cannot be used."""

    what = "configuration"


class NotSupported(StowageError):
    """Something that exists upstream and is refused here by name."""


class LimitExceeded(StowageError):
    """More of something than the engine is built for."""


class PluginError(StowageError):
    """A plugin broke its contract or raised."""

    def __init__(self, plugin: str, extension_point: str, reason: str, pod: str = "", node: str = "") -> None:
        self.plugin, self.extension_point, self.reason, self.pod, self.node = plugin, extension_point, reason, pod, node
        where = "".join([f", pod {pod}" if pod else "", f", node {node}" if node else ""])
        super().__init__(f"plugin {plugin}, {extension_point}{where}: {reason}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Let the error come out of another process."""
        return type(self), (self.plugin, self.extension_point, self.reason, self.pod, self.node)


class ExtenderError(StowageError):
    """An HTTP extender gave no answer that can be used."""


class ExtenderUnreachable(ExtenderError):
    """No connection to an extender, or one that broke before the answer was whole."""

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(f'Post "{url}": {cause}')


class ExtenderTimeout(ExtenderError):
    """The answer was not there in time; ``reading`` if its head was."""

    def __init__(self, url: str, *, reading: bool) -> None:
        if reading:
            super().__init__("context deadline exceeded (Client.Timeout or context cancellation while reading body)")
        else:
            cause = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            super().__init__(f'Post "{url}": {cause}')


class ExtenderStatus(ExtenderError):
    """An extender answered with another HTTP status than 200."""

    def __init__(self, url: str, code: int) -> None:
        self.code = code
        super().__init__(f"extender at URL {url}, code {code}")


class ExtenderAnswerTooLarge(ExtenderError):
    """An answer has more bytes than it can need."""

    def __init__(self, url: str, limit_bytes: int) -> None:
        super().__init__(f"extender at URL {url} answered with more than {limit_bytes} bytes")
