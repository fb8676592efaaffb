"""Authorizer: expressions ask whether somebody may do something. Upstream: apiserver/pkg/cel/library/authz.go.

Who decides is given with the value of the variable: a function that takes a user and the attributes of a request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from cluster_shim.api.cel.errors import EvaluationError

PREFIX = "kubernetes.authorization."


class Answer(NamedTuple):
    """What the authorizer says."""

    allowed: bool
    reason: str = ""
    error: str = ""


Ask = Callable[[Any, dict[str, str]], Answer]
"""Takes the user (None: who makes the request; else namespace and name of a service account) and the attributes."""


def authorizer(ask: Ask) -> Any:
    """Return the value of the variable authorizer."""
    return TYPES["Authorizer"](ask, None, {})


class _Question:
    """One stage of a question; the classes below differ in their names only."""

    type_name = ""
    __slots__ = ("ask", "attributes", "user")

    def __init__(self, ask: Ask, user: Any, attributes: dict[str, str]) -> None:
        self.ask = ask
        self.user = user
        self.attributes = attributes


class Decision:
    """An answer as a value."""

    type_name = f"{PREFIX}Decision"
    __slots__ = ("answer",)

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


TYPES = {
    name: type(name, (_Question,), {"type_name": PREFIX + name, "__slots__": ()})
    for name in ("Authorizer", "PathCheck", "GroupCheck", "ResourceCheck")
}


def _stage(type_name: str, of: _Question, /, **more: str) -> Any:
    return TYPES[type_name](of.ask, of.user, of.attributes | more)


def _path(of: _Question, path: str) -> Any:
    if not path:
        raise EvaluationError("path must not be empty")
    return _stage("PathCheck", of, path=path)


def _service_account(of: _Question, namespace: str, name: str) -> Any:
    return TYPES["Authorizer"](of.ask, (namespace, name), of.attributes)


def _check(of: _Question, verb: str) -> Decision:
    return Decision(of.ask(of.user, of.attributes | {"verb": verb}))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "path": _path,
    "group": lambda of, group: _stage("GroupCheck", of, group=group),
    "serviceAccount": _service_account,
    "resource": lambda of, resource: _stage("ResourceCheck", of, resource=resource),
    "subresource": lambda of, subresource: _stage("ResourceCheck", of, subresource=subresource),
    "namespace": lambda of, namespace: _stage("ResourceCheck", of, namespace=namespace),
    "name": lambda of, name: _stage("ResourceCheck", of, name=name),
    "fieldSelector": lambda of, selector: _stage("ResourceCheck", of, field_selector=selector),
    "labelSelector": lambda of, selector: _stage("ResourceCheck", of, label_selector=selector),
    "check": _check,
    "errored": lambda decision: bool(decision.answer.error),
    "error": lambda decision: decision.answer.error,
    "allowed": lambda decision: decision.answer.allowed,
    "reason": lambda decision: decision.answer.reason,
}
