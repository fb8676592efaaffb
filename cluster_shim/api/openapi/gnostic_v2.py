"""OpenAPI v2 documents as protobuf: the form in which client-go asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from cluster_shim.api.openapi.gnostic import VARINT, Encoder, Special, delimited, key, named, varint

Json = Mapping[str, Any]


def encode(document: Json) -> bytes:
    """Return an OpenAPI v2 document as protobuf."""
    return _encoder().message("Document", document)


@cache
def _encoder() -> Encoder:
    return Encoder("gnostic_v2", SPECIAL)


def _paths(encoder: Encoder, paths: Json) -> bytes:
    return b"".join(delimited(2, named(path, encoder.message("PathItem", item))) for path, item in paths.items())


def _parameter(encoder: Encoder, parameter: Json) -> bytes:
    """Return a Parameter: of the body, or of one of the other places."""
    if parameter["in"] == "body":
        return delimited(1, encoder.message("BodyParameter", parameter))
    number, message = (4, "PathParameterSubSchema") if parameter["in"] == "path" else (3, "QueryParameterSubSchema")
    return delimited(2, delimited(number, encoder.message(message, parameter)))


def _responses(encoder: Encoder, responses: Json) -> bytes:
    members = (named(code, delimited(1, encoder.message("Response", each))) for code, each in responses.items())
    return b"".join(delimited(1, each) for each in members)


def _of_schema(encoder: Encoder, schema: Json) -> bytes:
    return delimited(1, encoder.message("Schema", schema))


def _more_properties(encoder: Encoder, value: Json | bool) -> bytes:
    return key(2, VARINT) + varint(value) if isinstance(value, bool) else _of_schema(encoder, value)


def _type(_encoder: Encoder, value: str) -> bytes:
    return delimited(1, value.encode())


def _security(_encoder: Encoder, value: Json) -> bytes:
    members = (named(name, b"".join(delimited(1, each.encode()) for each in scopes)) for name, scopes in value.items())
    return b"".join(delimited(1, each) for each in members)


def _security_definition(encoder: Encoder, value: Json) -> bytes:
    return delimited(2, encoder.message("ApiKeySecurity", value))


SPECIAL: dict[str, Special] = {
    "Paths": _paths,
    "Parameter": _parameter,
    "Responses": _responses,
    "SchemaItem": _of_schema,
    "ItemsItem": _of_schema,
    "AdditionalPropertiesItem": _more_properties,
    "TypeItem": _type,
    "SecurityRequirement": _security,
    "SecurityDefinitionsItem": _security_definition,
}
"""Messages that are one of several things, or have names that are data."""
