"""ValidatingAdmissionWebhook: all webhooks at once; the first in order that refuses has the word."""

from __future__ import annotations

import asyncio

from cluster_shim.api import errors
from cluster_shim.apiserver.admission.plugin import ANY, CONNECT, CREATE, DELETE, UPDATE, Attributes, Interest, Reader
from cluster_shim.apiserver.admission.webhook.caller import Caller
from cluster_shim.apiserver.admission.webhook.hooks import Hooks, Invocation, is_exempt
from cluster_shim.apiserver.admission.webhook.review import WebhookError, ask, check_patch
from cluster_shim.apiserver.admission.webhook.serving import Serving


class ValidatingAdmissionWebhook:
    """The plugin."""

    name = "ValidatingAdmissionWebhook"
    interests = (Interest((CREATE, UPDATE, DELETE, CONNECT), ANY, ANY, ANY),)

    def __init__(self, reader: Reader, serving: Serving, caller: Caller | None = None) -> None:
        self._hooks = Hooks(reader, "validatingwebhookconfigurations")
        self._serving = serving
        self._caller = caller or Caller(reader)

    async def validate(self, attributes: Attributes) -> None:
        """Let webhooks refuse the object. Raises what they refuse with, and InternalError for those that are away."""
        hooks = self._hooks.all()
        if not hooks or is_exempt(attributes):
            return
        found = (self._hooks.invocation(hook, attributes) for hook in hooks)
        invocations = [
            each for each in found if each is not None and self._serving.matches_conditions(each.hook.spec, attributes)
        ]
        results = await asyncio.gather(*(self._ask(each, attributes) for each in invocations), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _ask(self, invocation: Invocation, attributes: Attributes) -> None:
        hook, convert = invocation.hook, self._serving.convert
        new, old = (convert(each, invocation.kind) for each in (attributes.object, attributes.old_object))
        try:
            verdict = await ask(self._caller, invocation, attributes, new, old)
            try:
                check_patch(verdict, is_mutating=False)
            except ValueError as error:
                raise WebhookError(hook.name, f"received invalid webhook response: {error}") from None
        except WebhookError as error:
            if not hook.fails_open:
                raise errors.internal(str(error)) from None
            attributes.annotations[f"failed-open.validating.webhook.admission.k8s.io/round_0_index_{hook.index}"] = (
                hook.name
            )
