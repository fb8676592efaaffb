"""OpenAPI v3: one document for each group and version, and one for each other path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cluster_shim.api.openapi.custom import custom_schemas
from cluster_shim.api.openapi.operations import (
    OBJECT_TYPES,
    TEXT,
    Operation,
    Shape,
    group_identifier,
    identifier,
    operations,
    tag_of,
)
from cluster_shim.api.openapi.parameters import Parameter, parameters, path_parameter
from cluster_shim.api.openapi.schemas import Schemas
from cluster_shim.api.resources import Catalogue, GroupVersionKind, Resource

Json = dict[str, Any]

RELEASE = "1.36"
REASONS = {200: "OK", 201: "Created", 202: "Accepted", 401: "Unauthorized"}
SECURITY: Json = {
    "securitySchemes": {
        "BearerToken": {
            "type": "apiKey",
            "description": "A bearer token",
            "name": "authorization",
            "in": "header",
        }
    }
}


def paths(catalogue: Catalogue) -> list[str]:
    """Return the names of all documents: ``api/v1``, ``apis/apps``, ``version``."""
    found = {"api", "apis", *SINGLE}
    for group in catalogue.groups():
        root = f"apis/{group.name}" if group.name else "api"
        has_root = any(each.custom is None for each in catalogue if each.group == group.name)
        found |= {root} if has_root else set()
        found |= {f"{root}/{version}" for version in group.versions}
    return sorted(found)


def document(catalogue: Catalogue, path: str) -> Json:
    """Return a document by its name. Raises KeyError if there is none."""
    prefix, _, rest = path.partition("/")
    group, _, version = ("", "", rest) if prefix == "api" else rest.partition("/")
    if path in SINGLE:
        return SINGLE[path]()
    if prefix not in ("api", "apis"):
        raise KeyError(path)
    if not version:
        return _root(catalogue, group, core=prefix == "api")
    resources = catalogue.in_group(group, version)
    if not resources:
        raise KeyError(path)
    return _group_version(resources)


def _group_version(resources: Sequence[Resource]) -> Json:
    schemas = Schemas({(resources[0].group, resources[0].version)})
    made: dict[str, list[Operation]] = {}
    for resource in resources:
        if resource.custom is not None:
            custom_schemas(schemas, resource)
        for each in operations(resource):
            made.setdefault(each.path, []).append(each)
    items = {path: path_item(made[path], schemas) for path in sorted(made)}
    first = resources[0]
    if any(each.custom is None for each in resources):
        root = f"/apis/{first.api_version}/" if first.group else f"/api/{first.api_version}/"
        verb = f"get{identifier(first.group, first.version)}APIResources"
        discovery = _plain(schemas, "meta/v1.APIResourceList", tag_of(first.group, first.version), verb)
        items = {root: discovery, **items}
    return _document(items, schemas)


def path_item(made: Iterable[Operation], schemas: Schemas) -> Json:
    """Return the operations of a path; parameters that all of them have stand at the path."""
    found = list(made)
    shared = set.intersection(*(set(each.parameters) | _pretty(each) for each in found))
    item: Json = {each.method: operation(each, schemas, shared) for each in found}
    known = parameters()
    whole = [path_parameter(name, found[0].kind.kind) for name in found[0].path_parameters]
    whole += [known[name] for name in shared]
    if whole:
        item["parameters"] = [_parameter(each) for each in sorted(whole)]
    return item


def _pretty(made: Operation) -> set[str]:
    return set() if made.action == "connect" else {"pretty"}


def operation(made: Operation, schemas: Schemas, shared: set[str]) -> Json:
    """Return one operation; `shared` parameters are left out."""
    known = parameters()
    shown: Json = {"tags": [made.tag], "description": made.about, "operationId": made.id}
    own = sorted((set(made.parameters) | _pretty(made)) - shared)
    if own:
        shown["parameters"] = [_parameter(known[name]) for name in own]
    if made.takes is not None:
        schema = _schema(schemas, made.takes)
        shown["requestBody"] = {"content": {each: {"schema": schema} for each in made.consumes}}
        if made.must_take:
            shown["requestBody"]["required"] = True
    schema = _schema(schemas, made.gives)
    content = {each: {"schema": schema} for each in made.produces}
    shown["responses"] = {
        **{str(code): {"description": REASONS[code], "content": content} for code in made.statuses},
        "401": {"description": REASONS[401]},
    }
    shown["x-kubernetes-action"] = made.action
    shown["x-kubernetes-group-version-kind"] = gvk_marker(made.kind)
    return shown


def gvk_marker(gvk: GroupVersionKind) -> Json:
    """Return a kind as documents mark it."""
    return {"group": gvk.group, "version": gvk.version, "kind": gvk.kind}


def _parameter(parameter: Parameter) -> Json:
    shown: Json = {"name": parameter.name, "in": parameter.place, "description": parameter.about}
    if parameter.place == "path":
        shown["required"] = True
    shown["schema"] = {"type": parameter.type, "uniqueItems": True}
    return shown


def _schema(schemas: Schemas, shape: Shape) -> Json:
    if shape == TEXT:
        return {"type": "string"}
    return schemas.of_kind(shape) if isinstance(shape, GroupVersionKind) else schemas.named(shape)


def _document(items: Mapping[str, Json], schemas: Schemas) -> Json:
    components: Json = {"schemas": dict(sorted(schemas.found.items()))} if schemas.found else {}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": RELEASE},
        "paths": items,
        "components": components | SECURITY,
    }


def _plain(schemas: Schemas, shape: str, tag: str, operation_id: str, types: Sequence[str] = OBJECT_TYPES) -> Json:
    """Return the item of a path that can only be read."""
    content = {each: {"schema": _schema(schemas, shape)} for each in types}
    responses = {"200": {"description": REASONS[200], "content": content}, "401": {"description": REASONS[401]}}
    return {"get": {"tags": [tag], "operationId": operation_id, "responses": responses}}


def _root(catalogue: Catalogue, group: str, core: bool) -> Json:
    """Return the document of ``/api``, ``/apis`` or a group. Raises KeyError if there is no such group."""
    schemas = Schemas()
    if core:
        return _document({"/api/": _plain(schemas, "meta/v1.APIVersions", "core", "getCoreAPIVersions")}, schemas)
    if not group:
        return _document({"/apis/": _plain(schemas, "meta/v1.APIGroupList", "apis", "getAPIVersions")}, schemas)
    if not any(each.group == group and each.custom is None for each in catalogue):
        raise KeyError(group)
    tag = group_identifier(group)
    verb = f"get{tag[:1].upper()}{tag[1:]}APIGroup"
    return _document({f"/apis/{group}/": _plain(schemas, "meta/v1.APIGroup", tag, verb)}, schemas)


VERSION_FIELDS = (
    "major",
    "minor",
    "gitVersion",
    "gitCommit",
    "gitTreeState",
    "buildDate",
    "goVersion",
    "compiler",
    "platform",
)
OPTIONAL_VERSION_FIELDS = ("emulationMajor", "emulationMinor", "minCompatibilityMajor", "minCompatibilityMinor")


def _version() -> Json:
    schemas = Schemas()
    name = "io.k8s.apimachinery.pkg.version.Info"
    required = list(VERSION_FIELDS)
    properties: Json = {each: {"type": "string", "default": ""} for each in required}
    properties |= {each: {"type": "string"} for each in OPTIONAL_VERSION_FIELDS}
    schemas.found[name] = {
        "description": "What a server is built of.",
        "type": "object",
        "required": required,
        "properties": dict(sorted(properties.items())),
    }
    item = _plain(schemas, TEXT, "version", "getCodeVersion", ("application/json",))
    content = item["get"]["responses"]["200"]["content"]
    content["application/json"] = {"schema": {"$ref": f"#/components/schemas/{name}"}}
    return _document({"/version/": item}, schemas)


def _text(path: str, tag: str, operation_id: str, media_type: str) -> Callable[[], Json]:
    def make() -> Json:
        schemas = Schemas()
        return _document({path: _plain(schemas, TEXT, tag, operation_id, (media_type,))}, schemas)

    return make


SINGLE: dict[str, Callable[[], Json]] = {
    "version": _version,
    ".well-known/openid-configuration": _text(
        "/.well-known/openid-configuration/",
        "WellKnown",
        "getServiceAccountIssuerOpenIDConfiguration",
        "application/json",
    ),
    "openid/v1/jwks": _text(
        "/openid/v1/jwks/", "openid", "getServiceAccountIssuerOpenIDKeyset", "application/jwk-set+json"
    ),
}
"""Documents of paths that are no part of a group."""
