"""ValidatingAdmissionPolicy: refuses, warns or notes for the audit log what policies say is not right.

Upstream: admission/plugin/policy/validating.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from cluster_shim.api.errors import APIError
from cluster_shim.api.resources import Catalogue
from cluster_shim.apiserver.admission.plugin import ANY, Attributes, Authorizer, Interest, Reader, forbidden
from cluster_shim.apiserver.admission.policy import conditions
from cluster_shim.apiserver.admission.policy.activation import (
    CONDITIONS_BUDGET,
    Activation,
    Failed,
    OutOfBudget,
)
from cluster_shim.apiserver.admission.policy.compiled import Expression
from cluster_shim.apiserver.admission.policy.policies import Hook, Invocation, Policies
from cluster_shim.storage.store import Source

CODES = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413}
MAX_MESSAGE_BYTES = 5 * 1024
MAX_ANNOTATION_BYTES = 10 * 1024


class Denial(NamedTuple):
    """A validation that does not hold, or could not be evaluated."""

    position: int
    message: str
    reason: str = "Invalid"


class ValidatingAdmissionPolicy:
    """The plugin."""

    name = "ValidatingAdmissionPolicy"
    interests = (Interest(("CREATE", "UPDATE", "DELETE", "CONNECT"), ANY, ANY, ANY),)

    def __init__(self, objects: Reader, source: Source, catalogue: Catalogue, authorizer: Authorizer) -> None:
        names = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
        self._policies = Policies(objects, source, catalogue, authorizer, *names)

    def validate(self, attributes: Attributes) -> None:
        """Refuse what a policy denies. Raises APIError."""
        if not self._policies.hooks():
            return
        invocations, failures = self._policies.invocations(attributes)
        refusals = [
            (each.hook, each.binding, Denial(0, each.message)) for each in failures if not each.hook.ignores_failures
        ]
        notes: dict[str, list[str]] = {}
        for invocation in invocations:
            for denial in self._evaluate(attributes, invocation, notes):
                if _act(attributes, invocation, denial):
                    refusals.append((invocation.hook, invocation.binding, denial))
        for key, values in notes.items():
            attributes.annotations[key] = ", ".join(dict.fromkeys(values))
        if refusals:
            raise _refusal(attributes, *refusals[0])

    def _evaluate(self, attributes: Attributes, invocation: Invocation, notes: dict[str, list[str]]) -> list[Denial]:
        hook, compiled = invocation.hook, invocation.hook.compiled
        namespace = self._policies.namespace_of(attributes)

        def activation(budget: int | None = None) -> Activation:
            more = {} if budget is None else {"budget": budget}
            return Activation(
                attributes,
                invocation.matched,
                namespace if budget is None else None,
                compiled.variables,
                self._policies.authorizer,
                invocation.params,
                **more,
            )

        try:
            if compiled.conditions and not conditions.hold(
                activation(CONDITIONS_BUDGET), compiled.conditions, hook.ignores_failures
            ):
                return []
            validating = activation()
            denials = _validations(validating, hook)
            _annotate(activation() if compiled.annotations else validating, hook, notes)
        except Failed as error:
            return [] if hook.ignores_failures else [Denial(0, str(error))]
        return denials


def _validations(activation: Activation, hook: Hook) -> list[Denial]:
    """Return what does not hold. Raises OutOfBudget."""
    denials = []
    for index, (source, expression, message) in enumerate(hook.compiled.validations):
        try:
            if activation.evaluate(expression) is True:
                continue
        except OutOfBudget:
            raise
        except Failed as error:
            if not hook.ignores_failures:
                denials.append(Denial(index, str(error)))
            continue
        text = _message(activation, message) or (source.get("message") or "").strip()
        text = text or f"failed expression: {source['expression'].strip()}"
        denials.append(Denial(index, text, source.get("reason") or "Invalid"))
    return denials


def _message(activation: Activation, expression: Expression | None) -> str:
    """Return what messageExpression gives; nothing if that cannot be used."""
    if expression is None:
        return ""
    try:
        value = activation.evaluate(expression)
    except OutOfBudget as error:
        raise OutOfBudget(f"failed messageExpression: {error}") from None
    except Failed:
        return ""
    text = value.strip() if isinstance(value, str) else ""
    return "" if "\n" in text or len(text.encode()) > MAX_MESSAGE_BYTES else text


def _annotate(activation: Activation, hook: Hook, notes: dict[str, list[str]]) -> None:
    for key, expression in hook.compiled.annotations:
        try:
            value = activation.evaluate(expression)
        except Failed:
            if hook.ignores_failures:
                continue
            raise
        text = value.strip() if isinstance(value, str) else ""
        if text:
            kept = text.encode()[:MAX_ANNOTATION_BYTES].decode(errors="ignore")
            notes.setdefault(f"{hook.name}/{key}", []).append(kept)


def _act(attributes: Attributes, invocation: Invocation, denial: Denial) -> bool:
    """Warn and note as a binding wants it; tell whether it wants the write refused."""
    policy, binding = invocation.hook.name, invocation.binding
    actions: list[str] = binding["spec"].get("validationActions") or []
    name = binding["metadata"]["name"]
    if "Warn" in actions:
        text = f"Validation failed for ValidatingAdmissionPolicy '{policy}' with binding '{name}': {denial.message}"
        attributes.warnings.append(text)
    if "Audit" in actions:
        failure = {
            "message": denial.message,
            "policy": policy,
            "binding": name,
            "expressionIndex": denial.position,
            "validationActions": actions,
        }
        key = "validation.policy.admission.k8s.io/validation_failure"
        attributes.annotations[key] = msgspec.json.encode([failure]).decode()
    return "Deny" in actions


def _refusal(attributes: Attributes, hook: Hook, binding: Mapping[str, Any] | None, denial: Denial) -> APIError:
    with_binding = f" with binding '{binding['metadata']['name']}'" if binding is not None else ""
    message = f"ValidatingAdmissionPolicy '{hook.name}'{with_binding} denied request: {denial.message}"
    error = forbidden(attributes, message, [{"message": message}])
    error.reason = denial.reason
    error.code = CODES.get(denial.reason, 422)
    return error
