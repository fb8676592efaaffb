"""The contract of an admission plugin, and what it is told.

A plugin has `admit` (may change `attributes.object` in place), `validate` (may only refuse), or both; a refusal is an
APIError. Either may be a coroutine function (webhooks). Plugins run in upstream's order (chain.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from cluster_shim.api.resources import GroupVersionKind, Resource
from cluster_shim.apiserver.request import UserInfo

CREATE, UPDATE, DELETE, CONNECT = "CREATE", "UPDATE", "DELETE", "CONNECT"


@dataclass(slots=True)
class Attributes:
    """One write, as admission sees it."""

    operation: str
    resource: Resource
    subresource: str
    kind: GroupVersionKind
    """Of `object`: that of the subresource for scale, binding, eviction."""
    namespace: str
    name: str
    object: dict[str, Any] | None
    """None for DELETE."""
    old_object: dict[str, Any] | None
    """None for CREATE."""
    options: Mapping[str, Any]
    """CreateOptions, UpdateOptions, PatchOptions as update, or DeleteOptions."""
    user: UserInfo
    dry_run: bool = False
    warnings: list[str] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)
    """For the audit log."""
    undo: list[Any] = field(default_factory=list)
    """Coroutine functions without arguments, called if the write fails after all: what was charged is given back."""


class Reader(Protocol):
    """What plugins may look up: the newest durable state. Objects must not be changed."""

    def get(self, group: str, resource: str, namespace: str, name: str) -> dict[str, Any] | None:
        """Return an object, or None."""

    def list(self, group: str, resource: str, namespace: str = "") -> Iterable[dict[str, Any]]:
        """Return the objects of a namespace, or all."""


class AdmissionPlugin(Protocol):
    """A plugin: `name` is upstream's; it has `admit`, `validate` or both, each with one argument, the Attributes."""

    name: str

    def handles(self, operation: str) -> bool:
        """Tell whether it wants to see writes of this kind."""
