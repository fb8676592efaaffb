"""Expressions of admission: which variables policies, webhooks and their conditions have, and of which types.

Upstream: apiserver/pkg/admission/plugin/cel/compile.go and apiserver/pkg/cel/mutation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache

from cluster_shim.api.cel.environment import Environment, Program
from cluster_shim.api.cel.errors import CelError, CompileError
from cluster_shim.api.cel.functions.authorizer import PREFIX
from cluster_shim.api.cel.types import (
    BOOL,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Type,
    list_of,
    map_of,
    object_of,
    opaque,
)

_GVK = object_of("kubernetes.GroupVersionKind", {"group": STRING, "version": STRING, "kind": STRING})
_GVR = object_of("kubernetes.GroupVersionResource", {"group": STRING, "version": STRING, "resource": STRING})
_USER = object_of(
    "kubernetes.UserInfo",
    {"username": STRING, "uid": STRING, "groups": list_of(STRING), "extra": map_of(STRING, list_of(STRING))},
)
REQUEST = object_of(
    "kubernetes.AdmissionRequest",
    {
        "kind": _GVK,
        "resource": _GVR,
        "subResource": STRING,
        "requestKind": _GVK,
        "requestResource": _GVR,
        "requestSubResource": STRING,
        "name": STRING,
        "namespace": STRING,
        "operation": STRING,
        "userInfo": _USER,
        "dryRun": BOOL,
        "options": DYN,
    },
)
_CONDITION = object_of(
    "kubernetes.NamespaceCondition",
    {"status": STRING, "type": STRING, "lastTransitionTime": TIMESTAMP, "message": STRING, "reason": STRING},
)
NAMESPACE = object_of(
    "kubernetes.Namespace",
    {
        "metadata": object_of(
            "kubernetes.NamespaceMetadata",
            {
                "name": STRING,
                "generateName": STRING,
                "namespace": STRING,
                "labels": map_of(STRING, STRING),
                "annotations": map_of(STRING, STRING),
                "UID": STRING,
                "creationTimestamp": TIMESTAMP,
                "deletionGracePeriodSeconds": INT,
                "deletionTimestamp": TIMESTAMP,
                "generation": INT,
                "resourceVersion": STRING,
                "finalizers": list_of(STRING),
            },
        ),
        "spec": object_of("kubernetes.NamespaceSpec", {"finalizers": list_of(STRING)}),
        "status": object_of("kubernetes.NamespaceStatus", {"conditions": list_of(_CONDITION), "phase": STRING}),
    },
)
OBJECT = "Object"
JSON_PATCH = object_of("JSONPatch", {"op": STRING, "path": STRING, "from": STRING, "value": DYN})


class _AnyField(Mapping[str, Type]):
    """Fields of objects of which nothing is known: whatever is asked for is there."""

    def __getitem__(self, name: str) -> Type:
        return DYN

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class _PatchTypes(Mapping[str, Type]):
    """The types that mutations make: ``Object{…}``, ``Object.spec{…}`` and so on, and ``JSONPatch{…}``."""

    def __getitem__(self, name: str) -> Type:
        if name == JSON_PATCH.name:
            return JSON_PATCH
        if name.partition(".")[0] == OBJECT:
            return object_of(name, _AnyField())
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter((OBJECT, JSON_PATCH.name))

    def __len__(self) -> int:
        return 2


class ExpressionError(CelError):
    """An expression that cannot be used, in upstream's words."""


@cache
def _plain(has_params: bool, has_authorizer: bool) -> Mapping[str, Type]:
    variables: dict[str, Type] = {"object": DYN, "oldObject": DYN, "namespaceObject": NAMESPACE, "request": REQUEST}
    if has_params:
        variables["params"] = DYN
    if has_authorizer:
        variables["authorizer"] = opaque(f"{PREFIX}Authorizer")
        variables["authorizer.requestResource"] = opaque(f"{PREFIX}ResourceCheck")
    return variables


def environment(
    has_params: bool = False,
    has_authorizer: bool = True,
    variables: Mapping[str, Type] | None = None,
    has_patch_types: bool = False,
) -> Environment:
    """Return the environment of expressions; `variables` are those of a policy, with their types."""
    known = dict(_plain(has_params, has_authorizer))
    if variables is not None:
        known["variables"] = object_of("kubernetes.variables", variables)
    return Environment(known, _PatchTypes() if has_patch_types else None)


def compile_expression(within: Environment, text: str, allowed: Collection[Type] = ()) -> Program:
    """Return a program whose result is of one of some types (none given: of any). Raises ExpressionError."""
    try:
        program = within.compile(text)
    except CompileError as error:
        raise ExpressionError(f"compilation failed: {error}") from None
    if allowed and program.type not in allowed:
        names = [_shown(each) for each in allowed]
        wanted = names[0] if len(names) == 1 else f"one of [{' '.join(names)}]"
        raise ExpressionError(f"must evaluate to {wanted} but got {_shown(program.type)}")
    return program


def _shown(of: Type) -> str:
    return of.declared + (f"({', '.join(map(_shown, of.params))})" if of.params else "")
