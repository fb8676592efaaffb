"""The chain: plugins one after the other. A plugin that does not want to see a write costs nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from cluster_shim.apiserver.admission.plugin import AdmissionPlugin, Attributes

Call = Callable[[Attributes], Awaitable[None] | None]


class _Calls(NamedTuple):
    admit: tuple[Call, ...]
    validate: tuple[Call, ...]


class AdmissionChain:
    """Plugins in their order."""

    def __init__(self, plugins: Iterable[AdmissionPlugin] = ()) -> None:
        self.plugins = tuple(plugins)
        self._by_write: dict[tuple[str, str, str, str], _Calls] = {}

    async def admit(self, attributes: Attributes) -> None:
        """Let plugins change the object, twice if one asks for it. Raises APIError."""
        calls = self._calls(attributes).admit
        await _run(calls, attributes)
        if attributes.reinvocation.is_wanted:
            attributes.reinvocation.is_second = True
            await _run(calls, attributes)

    async def validate(self, attributes: Attributes) -> None:
        """Let plugins refuse the object as it is after all changes. Raises APIError."""
        await _run(self._calls(attributes).validate, attributes)

    def _calls(self, attributes: Attributes) -> _Calls:
        resource = attributes.resource
        write = (attributes.operation, resource.group, resource.name, attributes.subresource)
        calls = self._by_write.get(write)
        if calls is None:
            wanted = [each for each in self.plugins if any(interest.covers(*write) for interest in each.interests)]
            calls = self._by_write[write] = _Calls(
                tuple(each.admit for each in wanted if hasattr(each, "admit")),
                tuple(each.validate for each in wanted if hasattr(each, "validate")),
            )
        return calls


async def _run(calls: Iterable[Call], attributes: Attributes) -> None:
    for call in calls:
        pending = call(attributes)
        if pending is not None:
            await pending
