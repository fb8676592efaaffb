"""Activation: the values of variables for one write, and what evaluations may cost together.

Upstream: admission/plugin/cel/activation.go and composition.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api.cel import CostExceeded, EvaluationError
from cluster_shim.api.cel.functions.authorizer import Answer, authorizer
from cluster_shim.api.cel.values import Fields, Lazy
from cluster_shim.api.resources import Resource
from cluster_shim.apiserver.admission.plugin import Attributes, Authorizer
from cluster_shim.apiserver.admission.policy.compiled import Expression
from cluster_shim.apiserver.request import RequestInfo, UserInfo

BUDGET = 10_000_000
"""What the expressions of a policy may cost together for one binding; upstream: RuntimeCELCostBudget."""
CONDITIONS_BUDGET = BUDGET // 4
OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"


class Failed(Exception):
    """An expression that has no value; the text is upstream's."""


class OutOfBudget(Failed):
    """What came before has cost all there was."""


class Activation:
    """The values for one write as it matched one policy and binding."""

    def __init__(
        self,
        attributes: Attributes,
        matched: Resource,
        namespace: Mapping[str, Any] | None,
        variables: Mapping[str, Expression],
        authorizer_: Authorizer,
        params: Mapping[str, Any] | None = None,
        budget: int = BUDGET,
    ) -> None:
        self.attributes = attributes
        self.left = budget
        ask = _asking(authorizer_, attributes.user)
        self.values: dict[str, Any] = {
            "object": _as_version(attributes.object, matched),
            "oldObject": _as_version(attributes.old_object, matched),
            "request": Lazy(lambda: request_of(attributes, matched)),
            "namespaceObject": namespace,
            "params": params,
            "authorizer": Lazy(lambda: authorizer(ask)),
            "authorizer.requestResource": Lazy(lambda: _own_question(ask, attributes)),
            "variables": _Variables(self, variables),
        }

    def evaluate(self, expression: Expression) -> Any:
        """Return the value of an expression. Raises Failed; OutOfBudget ends everything."""
        if expression.program is None:
            raise Failed(expression.error)
        if self.left <= 0:
            raise OutOfBudget(OUT_OF_BUDGET)
        try:
            value, cost = expression.program.measure(self.values)
        except CostExceeded as error:
            raise Failed(f"expression '{expression.text}' resulted in error: {error}") from None
        except EvaluationError as error:
            raise Failed(f"expression '{expression.text}' resulted in error: {error}") from None
        self.left -= cost
        if self.left < 0:
            raise OutOfBudget(OUT_OF_BUDGET)
        return value


class _Variables(Fields):
    """``variables``: each is evaluated when it is used first, and then kept."""

    def __init__(self, activation: Activation, expressions: Mapping[str, Expression]) -> None:
        self._activation = activation
        self._expressions = expressions
        self._known: dict[str, Any] = {}

    def select(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = self._evaluate(name)
        return self._known[name]

    def _evaluate(self, name: str) -> Any:
        expression = self._expressions.get(name)
        if expression is None:
            raise EvaluationError(f"no such key: {name}")
        if expression.program is None:
            text = expression.error.removeprefix("compilation error: ")
            raise EvaluationError(f'composited variable "{name}" fails to compile: {text}')
        try:
            value, cost = expression.program.measure(self._activation.values)
        except EvaluationError as error:
            raise EvaluationError(f'composited variable "{name}" fails to evaluate: {error}') from None
        self._activation.left -= cost
        return value

    def has(self, name: str) -> bool:
        return name in self._expressions


def _as_version(document: Mapping[str, Any] | None, matched: Resource) -> Any:
    """Return an object in the version that a policy asks for."""
    if document is None:
        return None
    api_version = document.get("apiVersion")
    same_group = str(api_version or "").rpartition("/")[0] == matched.group
    if api_version == matched.api_version or not same_group or document.get("kind") != matched.kind:
        return document
    if matched.custom is not None:
        return {**document, "apiVersion": matched.api_version}
    from cluster_shim.api import conversion

    return conversion.convert(dict(document), matched.gvk)


def request_of(attributes: Attributes, matched: Resource) -> dict[str, Any]:
    """Return the AdmissionRequest of a write; members that are empty are absent."""
    resource, user = attributes.resource, attributes.user
    kind = {"group": attributes.kind.group, "version": attributes.kind.version, "kind": attributes.kind.kind}
    matched_kind = kind
    if matched != resource and not attributes.subresource:
        matched_kind = {"group": matched.group, "version": matched.version, "kind": matched.kind}
    request = {
        "uid": "",
        "kind": matched_kind,
        "resource": {"group": matched.group, "version": matched.version, "resource": matched.name},
        "subResource": attributes.subresource,
        "requestKind": kind,
        "requestResource": {"group": resource.group, "version": resource.version, "resource": resource.name},
        "requestSubResource": attributes.subresource,
        "name": attributes.name,
        "namespace": attributes.namespace,
        "operation": attributes.operation,
        "userInfo": {
            name: value
            for name, value in (
                ("username", user.name),
                ("uid", user.uid),
                ("groups", list(user.groups)),
                ("extra", {key: list(values) for key, values in user.extra.items()}),
            )
            if value
        },
        "dryRun": attributes.dry_run,
        "options": dict(attributes.options) or None,
    }
    optional = ("subResource", "requestSubResource", "name", "namespace")
    return {name: value for name, value in request.items() if value or name not in optional}


def _asking(authorizer_: Authorizer, user: UserInfo) -> Any:
    known: dict[Any, Answer] = {}

    def ask(who: Any, attributes: dict[str, str]) -> Answer:
        key = (who, tuple(sorted(attributes.items())))
        if key not in known:
            known[key] = _ask(authorizer_, _account(who) if who is not None else user, attributes)
        return known[key]

    return ask


def _account(who: tuple[str, str]) -> UserInfo:
    namespace, name = who
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return UserInfo(f"system:serviceaccount:{namespace}:{name}", "", groups)


def _ask(authorizer_: Authorizer, user: UserInfo, attributes: dict[str, str]) -> Answer:
    path = attributes.get("path")
    if path is not None:
        info = RequestInfo(attributes["verb"], path)
    else:
        info = RequestInfo(
            verb=attributes["verb"],
            path="",
            is_resource=True,
            group=attributes.get("group", ""),
            version="*",
            resource=attributes.get("resource", ""),
            subresource=attributes.get("subresource", ""),
            namespace=attributes.get("namespace", ""),
            name=attributes.get("name", ""),
            label_selector=attributes.get("label_selector", ""),
            field_selector=attributes.get("field_selector", ""),
        )
    decision = authorizer_.authorize(user, info)
    return Answer(bool(decision.allowed), str(decision.reason or ""))


def _own_question(ask: Any, attributes: Attributes) -> Any:
    from cluster_shim.api.cel.functions.authorizer import TYPES

    asked = {
        "group": attributes.resource.group,
        "resource": attributes.resource.name,
        "subresource": attributes.subresource,
        "namespace": attributes.namespace,
        "name": attributes.name,
    }
    return TYPES["ResourceCheck"](ask, None, {name: value for name, value in asked.items() if value})
