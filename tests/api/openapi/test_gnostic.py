"""OpenAPI documents as protobuf, read back by a reader that knows nothing but the wire format."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from cluster_shim.api import openapi

Wire = list[tuple[int, Any]]


def read(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the fields of a message: number, and integer, float or bytes."""
    place = 0
    while place < len(data):
        key, place = varint(data, place)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, place = varint(data, place)
            yield number, value
        elif kind == 1:
            yield number, struct.unpack("<d", data[place : place + 8])[0]
            place += 8
        else:
            assert kind == 2
            length, place = varint(data, place)
            yield number, data[place : place + length]
            place += length


def varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place


def at(data: bytes, *numbers: int) -> Any:
    """Return the first field that a way of numbers leads to."""
    for number in numbers:
        data = next(value for found, value in read(data) if found == number)
    return data


def encoded(**document: Any) -> bytes:
    return openapi.v2_protobuf({"swagger": "2.0", **document})


def schema(value: Any) -> bytes:
    found: bytes = at(encoded(definitions={"a": value}), 9, 1, 2)
    return found


def test_a_schema() -> None:
    fields = dict(
        read(
            schema(
                {
                    "type": "object",
                    "description": "x" * 200,
                    "maximum": 1.5,
                    "minLength": 300,
                    "uniqueItems": True,
                    "required": ["b"],
                    "x-kubernetes-list-type": "set",
                }
            )
        )
    )
    assert fields[4] == b"x" * 200
    assert fields[7] == 1.5
    assert fields[12] == 300
    assert fields[16] == 1
    assert fields[19] == b"b"
    assert at(fields[22], 1) == b"object"
    assert at(fields[31], 1) == b"x-kubernetes-list-type"
    assert at(fields[31], 2, 2) == b'"set"\n'


def test_schemas_in_schemas() -> None:
    reference = {"$ref": "#/definitions/b"}
    found = schema({"properties": {"p": reference}, "items": reference, "additionalProperties": reference})
    assert at(found, 25, 1, 2, 1) == at(found, 23, 1, 1) == at(found, 21, 1, 1) == b"#/definitions/b"
    assert at(schema({"additionalProperties": False}), 21, 2) == 0


def test_a_path_with_parameters_of_all_kinds() -> None:
    operation = {
        "operationId": "readIt",
        "parameters": [
            {"$ref": "#/parameters/pretty"},
            {"name": "body", "in": "body", "required": True, "schema": {"type": "string"}},
            {"name": "name", "in": "path", "type": "string", "uniqueItems": True},
            {"name": "watch", "in": "query", "type": "boolean"},
        ],
        "responses": {"200": {"description": "OK", "schema": {"type": "string"}}},
    }
    named = at(encoded(paths={"/a": {"patch": operation}}), 8, 2)
    assert at(named, 1) == b"/a"
    patch = at(named, 2, 8)
    reference, body, name, watch = (value for number, value in read(patch) if number == 8)
    assert at(reference, 2, 1) == b"#/parameters/pretty"
    assert at(body, 1, 1, 2) == b"body"
    assert at(name, 1, 2, 4, 4) == b"name"
    assert at(watch, 1, 2, 3, 6) == b"boolean"
    assert at(patch, 9, 1, 1) == b"200"
    assert at(patch, 9, 1, 2, 1, 2, 1, 22, 1) == b"string"


def test_security() -> None:
    scheme = {"type": "apiKey", "name": "authorization", "in": "header"}
    found = encoded(securityDefinitions={"Token": scheme}, security=[{"Token": []}])
    assert at(found, 13, 1, 1) == at(found, 12, 1, 1) == b"Token"
    assert at(found, 13, 1, 2, 2, 2) == b"authorization"


def third(**document: Any) -> bytes:
    return openapi.v3_protobuf({"openapi": "3.0.0", **document})


def test_schemas_of_version_3() -> None:
    reference = {"$ref": "#/components/schemas/B"}
    default = {"type": "string", "default": "TCP", "enum": ["TCP"]}
    properties = {"a": {"allOf": [reference], "default": {}}, "b": default, "c": {"default": True}, "d": {"default": 2}}
    schema = {"properties": properties, "items": reference, "additionalProperties": reference, "nullable": True}
    found = at(third(components={"schemas": {"A": schema}}), 5, 1, 1, 2, 1)
    assert at(found, 1) == 1
    assert at(found, 30, 1, 2, 1) == at(found, 32, 1, 2, 1) == b"#/components/schemas/B"
    a, b, c, d = (at(value, 2, 1) for number, value in read(at(found, 31)) if number == 1)
    assert at(a, 26, 2, 1) == b"#/components/schemas/B"
    assert 33 not in dict(read(a))
    assert at(b, 33, 3) == b"TCP"
    assert at(b, 24, 2) == b'"TCP"\n'
    assert (at(c, 33, 2), at(d, 33, 1)) == (1, 2.0)


def test_a_path_of_version_3() -> None:
    content = {"application/json": {"schema": {"$ref": "#/x"}}}
    operation = {
        "operationId": "patchIt",
        "parameters": [{"name": "force", "in": "query", "schema": {"type": "boolean", "uniqueItems": True}}],
        "requestBody": {"content": content, "required": True},
        "responses": {"200": {"description": "OK", "content": content}},
        "x-kubernetes-action": "patch",
    }
    patch = at(third(paths={"/a": {"patch": operation}}), 4, 1, 2, 10)
    assert at(patch, 6, 1, 10, 1, 25) == b"boolean"
    assert at(patch, 7, 1, 2, 1, 1) == b"application/json"
    assert at(patch, 7, 1, 2, 1, 2, 1, 2, 1) == b"#/x"
    assert at(patch, 8, 2, 1) == b"200"
    assert at(patch, 8, 2, 2, 1, 3, 1, 1) == b"application/json"
    assert at(patch, 13, 1) == b"x-kubernetes-action"
