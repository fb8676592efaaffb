"""The plugin: charges what a write uses to the status of the quotas that count it, by compare and swap.

What was charged for a write that fails afterwards stays charged until the quota controller counts again, as upstream.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cluster_shim.api.amounts import ZERO
from cluster_shim.api.errors import APIError
from cluster_shim.apiserver.admission.plugin import ANY, CREATE, UPDATE, Attributes, Interest, forbidden
from cluster_shim.apiserver.admission.pod_resources import Amounts, add, amounts_of
from cluster_shim.apiserver.admission.resource_quota.evaluators import SPECIAL, CountEvaluator, Evaluator
from cluster_shim.apiserver.admission.resource_quota.scopes import selectors_of
from cluster_shim.apiserver.registry.locks import Locks
from cluster_shim.apiserver.registry.own import Objects

Quota = Mapping[str, Any]

_ATTEMPTS = 4
_IGNORED = {("", "events"), ("events.k8s.io", "events")}


class ResourceQuota:
    """The plugin."""

    name = "ResourceQuota"
    interests = (
        Interest((CREATE,), ANY, ANY),
        Interest((UPDATE,), "", "pods"),
        Interest((UPDATE,), "", "pods", "resize"),
        Interest((UPDATE,), "", "services"),
        Interest((UPDATE,), "", "persistentvolumeclaims"),
        Interest((UPDATE,), "", "persistentvolumeclaims", "status"),
        Interest((UPDATE,), "resource.k8s.io", "resourceclaims"),
    )

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._evaluators: dict[tuple[str, str], Evaluator] = dict(SPECIAL)
        self._locks = Locks()

    async def validate(self, attributes: Attributes) -> None:
        """Charge what a write uses. Raises Forbidden."""
        namespace = attributes.namespace
        key = (attributes.resource.group, attributes.resource.name)
        if not namespace or not attributes.resource.namespaced or key in _IGNORED:
            return
        if not list(self._objects.list("", "resourcequotas", namespace)):
            return
        evaluator = self._evaluators.get(key) or self._evaluators.setdefault(key, CountEvaluator(*key))
        if not evaluator.handles(attributes):
            return
        async with self._locks.hold(namespace):
            await self._charge(attributes, evaluator)

    async def _charge(self, attributes: Attributes, evaluator: Evaluator) -> None:
        names: set[str] | None = None
        refusal: APIError | None = None
        for _ in range(_ATTEMPTS):
            quotas = [
                quota
                for quota in self._objects.list("", "resourcequotas", attributes.namespace)
                if names is None or quota["metadata"]["name"] in names
            ]
            charges = _check(quotas, attributes, evaluator)
            if attributes.dry_run:
                return
            names = set()
            for quota, used in charges:
                status = {**quota["status"], "used": {name: str(amount) for name, amount in used.items()}}
                try:
                    await self._objects.update("", "resourcequotas", {**quota, "status": status}, "status")
                except APIError as error:
                    refusal = error
                    names.add(quota["metadata"]["name"])
            if not names:
                return
        if refusal is not None:
            raise refusal


def _check(quotas: Iterable[Quota], attributes: Attributes, evaluator: Evaluator) -> list[tuple[Quota, Amounts]]:
    """Return which quotas are charged, and what is used of them then. Raises Forbidden."""
    obj = attributes.new
    interesting = []
    for quota in quotas:
        names = _counted(quota, evaluator, obj)
        if not names:
            continue
        name = quota["metadata"]["name"]
        if missing := evaluator.missing(names, obj):
            raise forbidden(attributes, f"failed quota: {name}: {missing}")
        used = _status(quota, "used")
        if any(each not in used for each in names):
            raise forbidden(attributes, f"status unknown for quota: {name}, resources: {','.join(sorted(names))}")
        interesting.append(quota)
    usage = evaluator.usage(obj)
    before = evaluator.usage(attributes.old) if attributes.operation == UPDATE else None
    charges = []
    for quota in interesting:
        delta = usage
        if before is not None and _counted(quota, evaluator, attributes.old):
            delta = {name: max(amount.minus(before.get(name, ZERO)), ZERO) for name, amount in usage.items()}
        charged = _charged(quota, {name: amount for name, amount in delta.items() if amount.nano}, attributes)
        if charged is not None:
            charges.append((quota, charged))
    return charges


def _charged(quota: Quota, delta: Amounts, attributes: Attributes) -> Amounts | None:
    """Return what is used of a quota with a write; None if the write changes nothing of it. Raises Forbidden."""
    hard, used = _status(quota, "hard"), _status(quota, "used")
    requested = {name: amount for name, amount in delta.items() if name in hard}
    if not requested:
        return None
    after = dict(used)
    add(after, requested)
    exceeded = sorted(name for name in requested if after[name].nano > hard[name].nano)
    if exceeded and attributes.subresource != "status":
        parts = ((word, amounts) for word, amounts in (("requested", requested), ("used", used), ("limited", hard)))
        texts = (
            f"{word}: {','.join(f'{name}={amounts[name]}' for name in exceeded if name in amounts)}"
            for word, amounts in parts
        )
        raise forbidden(attributes, f"exceeded quota: {quota['metadata']['name']}, {', '.join(texts)}")
    return after


def _counted(quota: Quota, evaluator: Evaluator, obj: Mapping[str, Any]) -> list[str]:
    """Return the names of a quota that count an object; none if the object is outside its scopes."""
    names = evaluator.matching(_status(quota, "hard"))
    if not all(evaluator.in_scope(selector, obj) for selector in selectors_of(quota)):
        return []
    return names


def _status(quota: Quota, member: str) -> Amounts:
    return amounts_of((quota.get("status") or {}).get(member))
