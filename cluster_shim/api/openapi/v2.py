"""OpenAPI v2 (swagger): one document with all paths and definitions.

It is made of the same operations and schemas as v3, without what v2 cannot say: defaults, alternatives, nullable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cluster_shim.api.openapi.custom import custom_schemas
from cluster_shim.api.openapi.operations import DELETE_OPTIONS, TEXT, Operation, Shape, operations
from cluster_shim.api.openapi.parameters import Parameter, parameters, path_parameter
from cluster_shim.api.openapi.schemas import REFERENCE, Schemas
from cluster_shim.api.openapi.v3 import REASONS, RELEASE, SINGLE, gvk_marker
from cluster_shim.api.openapi.v3 import document as document_v3
from cluster_shim.api.resources import Catalogue, GroupVersionKind

Json = dict[str, Any]

DEFINITIONS = "#/definitions/"
PARAMETERS = "#/parameters/"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
REPLACED: dict[str, Json] = {
    QUANTITY: {"type": "string"},
    INT_OR_STRING: {"type": "string", "format": "int-or-string"},
}
"""Types of which v2 says less."""
DROPPED = frozenset(("default", "nullable", "oneOf", "anyOf", "not"))


def document(catalogue: Catalogue) -> Json:
    """Return the document of everything that is served."""
    versions = {(each.group, each.version) for each in catalogue}
    schemas = Schemas(versions)
    made: dict[str, list[Operation]] = {}
    customs = set()
    for resource in catalogue:
        if resource.custom is not None:
            before = set(schemas.found)
            custom_schemas(schemas, resource, version_2=True)
            customs |= {name for name in set(schemas.found) - before if name in schemas.custom.values()}
        for each in operations(resource):
            made.setdefault(each.path, []).append(each)
    items = {path: _path_item(found, schemas) for path, found in made.items()}
    items |= _discovery(catalogue, schemas)
    definitions = {name: _definition(name, schema, name in customs) for name, schema in schemas.found.items()}
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": RELEASE},
        "paths": dict(sorted(items.items())),
        "definitions": dict(sorted(definitions.items())),
        "parameters": {name: _parameter(each) for name, each in parameters().items()},
        "securityDefinitions": {
            "BearerToken": {"description": "A bearer token", "type": "apiKey", "name": "authorization", "in": "header"}
        },
        "security": [{"BearerToken": []}],
    }


def _path_item(made: Iterable[Operation], schemas: Schemas) -> Json:
    found = list(made)
    item: Json = {each.method: _operation(each, schemas) for each in found}
    shared = [_parameter(path_parameter(name, found[0].kind.kind)) for name in sorted(found[0].path_parameters)]
    if any(each.action != "connect" for each in found):
        shared.append({"$ref": f"{PARAMETERS}pretty"})
    if shared:
        item["parameters"] = shared
    return item


def _operation(made: Operation, schemas: Schemas) -> Json:
    shown: Json = {
        "description": made.about,
        "consumes": list(made.consumes),
        "produces": list(made.produces),
        "schemes": ["https"],
        "tags": [made.tag],
        "operationId": made.id,
    }
    own: list[Json] = []
    if made.takes is not None:
        body: Json = {"name": "body", "in": "body", "schema": _schema(schemas, made.takes)}
        if made.must_take:
            body["required"] = True
        own.append(body)
    own += [{"$ref": PARAMETERS + name} for name in sorted(set(made.parameters) - set(made.path_parameters))]
    if own:
        shown["parameters"] = own
    schema = _schema(schemas, made.gives)
    shown["responses"] = {
        **{str(code): {"description": REASONS[code], "schema": schema} for code in made.statuses},
        "401": {"description": REASONS[401]},
    }
    shown["x-kubernetes-action"] = made.action
    shown["x-kubernetes-group-version-kind"] = gvk_marker(made.kind)
    return shown


def _parameter(parameter: Parameter) -> Json:
    shown: Json = {
        "uniqueItems": True,
        "type": parameter.type,
        "description": parameter.about,
        "name": parameter.name,
        "in": parameter.place,
    }
    if parameter.place == "path":
        shown["required"] = True
    return shown


def _schema(schemas: Schemas, shape: Shape) -> Json:
    if shape == TEXT:
        return {"type": "string"}
    found = schemas.of_kind(shape) if isinstance(shape, GroupVersionKind) else schemas.named(shape)
    return {"$ref": found["$ref"].replace(REFERENCE, DEFINITIONS)}


def _definition(name: str, schema: Mapping[str, Any], custom: bool) -> Json:
    """Return a schema as v2 writes it; built-in ones do not list the values of their enumerations there."""
    if name in REPLACED:
        return {"description": schema["description"], **REPLACED[name]}
    return _converted(schema, DROPPED if custom else DROPPED | {"enum"})


def _converted(schema: Mapping[str, Any], dropped: frozenset[str]) -> Json:
    shown: Json = {}
    for key, value in schema.items():
        if key == "allOf" and len(value) == 1:
            shown |= _converted(value[0], dropped)
        elif key == "$ref":
            shown[key] = value.replace(REFERENCE, DEFINITIONS)
        elif key in ("items", "additionalProperties") and isinstance(value, Mapping):
            shown[key] = _converted(value, dropped)
        elif key == "properties":
            shown[key] = {name: _converted(each, dropped) for name, each in value.items()}
        elif key not in dropped:
            shown[key] = value
    return shown


def _discovery(catalogue: Catalogue, schemas: Schemas) -> dict[str, Json]:
    """Return the paths that can only be read, from their documents in v3."""
    names = ["api", "apis", *SINGLE]
    for group in catalogue.groups():
        if any(each.custom is None for each in catalogue if each.group == group.name) and group.name:
            names.append(f"apis/{group.name}")
    items: dict[str, Json] = {}
    for name in names:
        found = document_v3(catalogue, name)
        schemas.found |= {
            key: each for key, each in found["components"].get("schemas", {}).items() if key not in schemas.found
        }
        items |= {path: {"get": _read(item["get"])} for path, item in found["paths"].items()}
    for resource in catalogue:
        if resource.custom is None:
            root = f"/apis/{resource.api_version}/" if resource.group else f"/api/{resource.api_version}/"
            if root not in items:
                items[root] = {"get": _read(_api_resources(catalogue, root))}
    schemas.named("meta/v1.APIResourceList")
    schemas.named(DELETE_OPTIONS)
    return items


def _api_resources(catalogue: Catalogue, root: str) -> Json:
    found: Json = document_v3(catalogue, root.strip("/"))["paths"][root]["get"]
    return found


def _read(operation: Mapping[str, Any]) -> Json:
    """Return an operation of v3 that takes nothing, in the form of v2."""
    content: Mapping[str, Json] = operation["responses"]["200"]["content"]
    schema = next(iter(content.values()))["schema"]
    return {
        "consumes": list(content),
        "produces": list(content),
        "schemes": ["https"],
        "tags": operation["tags"],
        "operationId": operation["operationId"],
        "responses": {
            "200": {"description": REASONS[200], "schema": _converted(schema, frozenset())},
            "401": {"description": REASONS[401]},
        },
    }
