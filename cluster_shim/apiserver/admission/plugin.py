"""The contract of an admission plugin, and what it is told.

A plugin has `admit` (may change `attributes.object` in place), `validate` (may only refuse), or both; a refusal is an
APIError. Either may be a coroutine function (webhooks, quota). Plugins run in upstream's order (plugins.py, chain.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from cluster_shim.api import errors
from cluster_shim.api.resources import GroupVersionKind, Resource
from cluster_shim.apiserver.request import RequestInfo, UserInfo

CREATE, UPDATE, DELETE, CONNECT = "CREATE", "UPDATE", "DELETE", "CONNECT"
ANY = "*"


@dataclass(slots=True)
class Reinvocation:
    """Whether the mutating plugins run a second time: when one of them has changed what others have seen."""

    is_second: bool = False
    is_wanted: bool = False
    state: dict[str, Any] = field(default_factory=dict)
    """What plugins remember between the two, by their names."""


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
    reinvocation: Reinvocation = field(default_factory=Reinvocation)

    @property
    def new(self) -> dict[str, Any]:
        """Return the object of a write that has one."""
        if self.object is None:
            raise errors.internal("a write without an object")
        return self.object

    @property
    def old(self) -> dict[str, Any]:
        """Return what the object was, of a write that changes one."""
        if self.old_object is None:
            raise errors.internal("an update without an old object")
        return self.old_object


class Reader(Protocol):
    """What plugins may look up: the newest durable state. Objects must not be changed."""

    def get(self, group: str, resource: str, namespace: str, name: str) -> dict[str, Any] | None:
        """Return an object, or None."""

    def list(self, group: str, resource: str, namespace: str = "") -> Iterable[dict[str, Any]]:
        """Return the objects of a namespace, or all."""


class Decision(Protocol):
    """What an authorizer says."""

    @property
    def allowed(self) -> bool:
        """Tell whether the user may."""

    @property
    def reason(self) -> str:
        """Return why."""


class Authorizer(Protocol):
    """Who is asked by plugins whether a user may do something."""

    def authorize(self, user: UserInfo, info: RequestInfo) -> Decision:
        """Decide."""


class Interest(NamedTuple):
    """Writes that a plugin wants to see; ``*`` stands for any group, resource or subresource."""

    operations: tuple[str, ...]
    group: str
    resource: str
    subresource: str = ""

    def covers(self, operation: str, group: str, resource: str, subresource: str) -> bool:
        """Tell whether a write is one of them."""
        return (
            operation in self.operations
            and self.group in (ANY, group)
            and self.resource in (ANY, resource)
            and self.subresource in (ANY, subresource)
        )


class AdmissionPlugin(Protocol):
    """A plugin: `name` is upstream's; it has `admit`, `validate` or both, each with one argument, the Attributes."""

    @property
    def name(self) -> str:
        """Return upstream's name, as flags have it."""

    @property
    def interests(self) -> Sequence[Interest]:
        """Return the writes that it wants to see; asked once."""


class Mutating(AdmissionPlugin, Protocol):
    """A plugin that may change the object."""

    def admit(self, attributes: Attributes) -> Awaitable[None] | None:
        """Change the object in place or refuse it. Raises APIError."""


class Validating(AdmissionPlugin, Protocol):
    """A plugin that may only refuse."""

    def validate(self, attributes: Attributes) -> Awaitable[None] | None:
        """Refuse the object or not. Raises APIError."""


def forbidden(attributes: Attributes, message: str, causes: Sequence[Any] = ()) -> errors.APIError:
    """Return the 403 of a plugin; an object without a name yet is called by its generateName, or Unknown."""
    metadata = (attributes.object or {}).get("metadata") or {}
    name = attributes.name or metadata.get("name") or metadata.get("generateName") or "Unknown"
    return errors.forbidden(attributes.resource.name, name, message, attributes.resource.group, causes)


def joined(messages: Iterable[str]) -> str:
    """Return several messages as one, as upstream's aggregates write them."""
    texts = list(dict.fromkeys(messages))
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
