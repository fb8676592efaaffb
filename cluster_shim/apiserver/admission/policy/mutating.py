"""MutatingAdmissionPolicy: changes objects as policies say, by apply configurations or JSON patches.

Upstream: admission/plugin/policy/mutating.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import msgspec

from cluster_shim.api import custom, defaults, errors
from cluster_shim.api.codec import from_parsed
from cluster_shim.api.errors import APIError
from cluster_shim.api.patch import json_patch
from cluster_shim.api.patch.apply.check import check
from cluster_shim.api.patch.apply.merge import merge
from cluster_shim.api.patch.apply.walk import NotTyped
from cluster_shim.api.patch.schema import Node, of_custom, of_type
from cluster_shim.api.resources import Catalogue, Resource
from cluster_shim.api.types import type_of
from cluster_shim.apiserver.admission.plugin import ANY, Attributes, Authorizer, Interest, Reader, forbidden
from cluster_shim.apiserver.admission.policy import conditions
from cluster_shim.apiserver.admission.policy.activation import (
    CONDITIONS_BUDGET,
    Activation,
    Failed,
)
from cluster_shim.apiserver.admission.policy.atomics import atomic_parts
from cluster_shim.apiserver.admission.policy.compiled import Mutation
from cluster_shim.apiserver.admission.policy.policies import Invocation, Policies
from cluster_shim.storage.store import Source

Document = dict[str, Any]


class MutatingAdmissionPolicy:
    """The plugin."""

    name = "MutatingAdmissionPolicy"
    interests = (Interest(("CREATE", "UPDATE", "CONNECT"), ANY, ANY, ANY),)

    def __init__(self, objects: Reader, source: Source, catalogue: Catalogue, authorizer: Authorizer) -> None:
        names = ("mutatingadmissionpolicies", "mutatingadmissionpolicybindings")
        self._policies = Policies(objects, source, catalogue, authorizer, *names)

    def admit(self, attributes: Attributes) -> None:
        """Change an object as policies say. Raises APIError."""
        if not self._policies.hooks() or attributes.object is None:
            return
        invocations, failures = self._policies.invocations(attributes)
        refusals = [
            (_refused(each.hook.name, each.binding, each.message), "")
            for each in failures
            if not each.hook.ignores_failures
        ]
        for invocation in invocations:
            if attributes.reinvocation.is_second and not _wants_second(invocation):
                continue
            before = deepcopy(attributes.object)
            try:
                self._mutate(attributes, invocation)
            except Failed as error:
                if not invocation.hook.ignores_failures:
                    text = _refused(invocation.hook.name, invocation.binding, str(error))
                    refusals.append((text, "Invalid"))
            if attributes.object != before:
                attributes.reinvocation.is_wanted = True
        if refusals:
            raise _refusal(attributes, refusals)

    def _mutate(self, attributes: Attributes, invocation: Invocation) -> None:
        hook = invocation.hook
        namespace = self._policies.namespace_of(attributes)

        def activation(budget: int | None = None) -> Activation:
            more = {} if budget is None else {"budget": budget}
            variables, ask = hook.compiled.variables, self._policies.authorizer
            return Activation(attributes, invocation.matched, namespace, variables, ask, invocation.params, **more)

        if hook.compiled.conditions and not conditions.hold(
            activation(CONDITIONS_BUDGET), hook.compiled.conditions, hook.ignores_failures
        ):
            return
        for mutation in hook.compiled.mutations:
            _apply(attributes, mutation, activation())


def _wants_second(invocation: Invocation) -> bool:
    return bool(invocation.hook.policy["spec"].get("reinvocationPolicy") == "IfNeeded")


def _apply(attributes: Attributes, mutation: Mutation, activation: Activation) -> None:
    value = activation.evaluate(mutation.expression)
    if mutation.mismatch:
        raise Failed(f"type mismatch: {mutation.mismatch}")
    assert attributes.object is not None
    if mutation.patch_type == "JSONPatch":
        patched = _json_patched(attributes.object, value)
    else:
        patched = _merged(attributes, value)
    patched = _reread(attributes.resource, attributes, patched)
    attributes.object.clear()
    attributes.object.update(patched)


def _reread(resource: Resource, attributes: Attributes, document: Document) -> Document:
    """Return a changed object in the form of its type, with defaults."""
    try:
        if resource.custom is not None and attributes.kind == resource.gvk:
            found, complaints = custom.reread(resource, document)
            if complaints:
                raise ValueError(f"strict decoding error: {', '.join(complaints)}")
            custom.default(resource, found)
            return found
        decoded = from_parsed(document, attributes.kind)
        if decoded.strict_errors:
            raise ValueError(decoded.strict_message)
        found = decoded.object
    except ValueError as error:
        raise errors.internal(str(error)) from None
    defaults.apply(attributes.kind, found)
    return found


def _node(attributes: Attributes) -> Node:
    if attributes.resource.custom is not None and attributes.kind == attributes.resource.gvk:
        return of_custom(attributes.resource.custom.source)
    found = type_of(attributes.kind)
    if found is None:
        text = f"Resource kind {attributes.kind.api_version}, Kind={attributes.kind.kind} not found. "
        text += "There can be a delay between when CustomResourceDefinitions are created and when they are available."
        raise errors.service_unavailable(text)
    return of_type(found)


def _merged(attributes: Attributes, value: Any) -> Document:
    """Return the object with an apply configuration merged into it."""
    assert attributes.object is not None
    kind = {"apiVersion": attributes.kind.api_version, "kind": attributes.kind.kind}
    patch, node = {**value, **kind}, _node(attributes)
    try:
        check(patch, node)
        atomics = atomic_parts(patch, node)
        if atomics:
            text = f"invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {', '.join(atomics)}"
            raise Failed(f"error applying patch: {text}")
        merged: Document = merge(deepcopy(attributes.object), patch, node)
    except NotTyped as error:
        raise Failed(f"error applying patch: failed to convert patch object to typed object: {error}") from None
    return merged


def _json_patched(document: Document, value: Any) -> Document:
    """Return a document after operations; one whose test fails leaves it as it is."""
    if not isinstance(value, list):
        raise Failed("type mismatch: JSONPatchType.expression should evaluate to array")
    patched: Any = document
    for each in value:
        if not isinstance(each, Mapping):
            raise Failed("type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch")
        operation = {name: msgspec.Raw(msgspec.json.encode(member)) for name, member in each.items()}
        try:
            patched = json_patch.apply(patched, [operation])
        except APIError as error:
            if each.get("op") == "test":
                return deepcopy(document)
            raise Failed(f"JSON Patch: {error.message}") from None
    result: Document = patched
    return result


def _refused(policy: str, binding: Mapping[str, Any] | None, text: str) -> str:
    if binding is None:
        return f'policy "{policy}" denied request: {text}'
    return f"policy '{policy}' with binding '{binding['metadata']['name']}' denied request: {text}"


def _refusal(attributes: Attributes, refusals: list[tuple[str, str]]) -> APIError:
    error = forbidden(attributes, "admission request denied by policy", [{"message": text} for text, _ in refusals])
    error.message, reason = refusals[0]
    error.reason = reason or error.reason
    return error
