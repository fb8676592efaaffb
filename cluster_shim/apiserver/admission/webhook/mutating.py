"""MutatingAdmissionWebhook: webhooks one after the other, each sees what those before it have made of the object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from cluster_shim.api import errors
from cluster_shim.api.errors import APIError
from cluster_shim.api.fields import quoted
from cluster_shim.api.patch import json_patch
from cluster_shim.api.patch.json_patch import Operation
from cluster_shim.api.resources import gvk_of
from cluster_shim.apiserver.admission.plugin import ANY, CONNECT, CREATE, DELETE, UPDATE, Attributes, Interest, Reader
from cluster_shim.apiserver.admission.webhook.caller import Caller
from cluster_shim.apiserver.admission.webhook.hooks import Hooks, Invocation, is_exempt
from cluster_shim.apiserver.admission.webhook.review import Verdict, WebhookError, ask, check_patch
from cluster_shim.apiserver.admission.webhook.serving import Serving

_EVERYTHING = (Interest((CREATE, UPDATE, DELETE, CONNECT), ANY, ANY, ANY),)


class MutatingAdmissionWebhook:
    """The plugin. `serving` is what it needs of the server; `caller` asks."""

    name = "MutatingAdmissionWebhook"
    interests = _EVERYTHING

    def __init__(self, reader: Reader, serving: Serving, caller: Caller | None = None) -> None:
        self._hooks = Hooks(reader, "mutatingwebhookconfigurations")
        self._serving = serving
        self._caller = caller or Caller(reader)

    async def admit(self, attributes: Attributes) -> None:
        """Let webhooks change the object. Raises what they refuse with, and InternalError for those that are away."""
        hooks = self._hooks.all()
        if not hooks or is_exempt(attributes):
            return
        again = attributes.reinvocation
        state = again.state.setdefault(self.name, _State())
        if again.is_second and state.last is not None and state.last != attributes.object:
            state.require_all()
        for hook in hooks:
            invocation = self._hooks.invocation(hook, attributes)
            if invocation is None or not self._serving.matches_conditions(hook.spec, attributes):
                continue
            if again.is_second and hook.uid not in state.required:
                continue
            if await self._ask(invocation, attributes, 1 if again.is_second else 0):
                state.require_all()
                again.is_wanted = True
            if hook.spec.get("reinvocationPolicy") == "IfNeeded":
                state.asked.add(hook.uid)
        state.last = msgspec.json.decode(msgspec.json.encode(attributes.object))

    async def _ask(self, invocation: Invocation, attributes: Attributes, round_: int) -> bool:
        """Return whether a webhook has changed the object."""
        hook = invocation.hook
        convert = self._serving.convert
        new = convert(attributes.object, invocation.kind)
        try:
            verdict = await ask(
                self._caller, invocation, attributes, new, convert(attributes.old_object, invocation.kind)
            )
            try:
                check_patch(verdict, is_mutating=True)
                operations = _operations(hook.name, verdict)
            except ValueError as error:
                raise WebhookError(hook.name, f"received invalid webhook response: {error}") from None
        except WebhookError as error:
            if not hook.fails_open:
                raise errors.internal(str(error)) from None
            key = f"failed-open.mutation.webhook.admission.k8s.io/round_{round_}_index_{hook.index}"
            attributes.annotations[key] = hook.name
            return False
        changed = bool(operations) and self._apply(operations, invocation, attributes, new)
        note = {"configuration": hook.configuration, "webhook": hook.name, "mutated": changed}
        key = f"mutation.webhook.admission.k8s.io/round_{round_}_index_{hook.index}"
        attributes.annotations[key] = msgspec.json.encode(note).decode()
        return changed

    def _apply(
        self, operations: Sequence[Operation], invocation: Invocation, attributes: Attributes, shown: Any
    ) -> bool:
        name = quoted(invocation.hook.name)
        if attributes.object is None:
            raise errors.internal(
                f"admission webhook {name} attempted to modify the object, which is not supported for this operation"
            )
        try:
            patched = json_patch.apply(shown, operations)
        except APIError as error:
            raise errors.internal(str(error)) from None
        _check_kind(patched, shown)
        read = self._serving.reread(patched, invocation.kind)
        changed = bool(read != shown)
        if changed:
            result = self._serving.convert(read, attributes.kind)
            attributes.object.clear()
            attributes.object.update(result or {})
        return changed


def _operations(name: str, verdict: Verdict) -> Sequence[Operation]:
    """Return what a webhook wants changed. Raises WebhookError."""
    if not verdict.patch:
        return ()
    try:
        operations, _ = json_patch.decode(verdict.patch, msgspec.json.decode(verdict.patch), strict=False)
    except (APIError, msgspec.DecodeError) as error:
        raise WebhookError(name, f"received undecodable patch in webhook response: {error}") from None
    if operations and verdict.patch_type != "JSONPatch":
        raise WebhookError(name, f"unsupported patch type {quoted(verdict.patch_type)}")
    return operations


def _check_kind(patched: Any, shown: Any) -> None:
    """Refuse an object that a patch has made one of another kind. Raises APIError 500."""
    kind = gvk_of(shown)
    if not isinstance(patched, dict) or gvk_of(patched) == kind:
        return
    got = gvk_of(patched)
    package = kind.group.partition(".")[0] or "core"
    raise errors.unclassified(f"converting ({got.version}.{got.kind}) to ({package}.{kind.kind}): unknown conversion")


class _State:
    """What is remembered of the first round: whom to ask again."""

    def __init__(self) -> None:
        self.last: Any = None
        self.asked: set[str] = set()
        """Asked before, and to be asked again if something changes."""
        self.required: set[str] = set()

    def require_all(self) -> None:
        """Ask all again that were asked and want that."""
        self.required |= self.asked
        self.asked = set()
