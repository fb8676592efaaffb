"""What a check says, and how checks word it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Annotations = Mapping[str, str]
Spec = Mapping[str, Any]


class Violation(NamedTuple):
    """Something that a level forbids."""

    reason: str
    detail: str


Check = Callable[[Annotations, Spec], Violation | None]


def containers_of(spec: Spec) -> Iterator[Mapping[str, Any]]:
    """Yield all containers of a pod, in the order of checks."""
    for name in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(name) or ()


def context_of(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the securityContext of a pod or a container."""
    context: Mapping[str, Any] = holder.get("securityContext") or {}
    return context


def plural(word: str, number: int) -> str:
    """Return a word for one or for several."""
    return word if number == 1 else f"{word}s"


def quoted(texts: Iterable[str]) -> str:
    """Return texts in quotes, separated by commas."""
    return ", ".join(f'"{text}"' for text in texts)


def named(containers: Sequence[str]) -> str:
    """Return containers by their names: ``containers "a", "b"``."""
    return f"{plural('container', len(containers))} {quoted(containers)}"


def setters(of_pod: bool, containers: Sequence[str]) -> str:
    """Return who sets something: the pod, containers, or both."""
    return " and ".join([*(["pod"] if of_pod else []), *([named(containers)] if containers else [])])


def unless_windows(check: Check) -> Check:
    """Return a check that lets pods for Windows pass."""
    return lambda annotations, spec: (
        None if (spec.get("os") or {}).get("name") == "windows" else check(annotations, spec)
    )


def unless_user_namespace(check: Check) -> Check:
    """Return a check that lets pods with users of their own pass."""
    return lambda annotations, spec: None if spec.get("hostUsers") is False else check(annotations, spec)
