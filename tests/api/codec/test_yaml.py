"""YAML: what go-yaml makes of a text, its errors, and how it writes one."""

from __future__ import annotations

import time
from typing import Any

import pytest

from cluster_shim.api import codec
from cluster_shim.api.errors import APIError
from cluster_shim.api.resources import GroupVersionKind

CONFIG_MAP = GroupVersionKind("", "v1", "ConfigMap")

DOCUMENTS: list[tuple[str, Any]] = [
    ("# nothing\n", None),
    ("---\na: 1\n---\nb: [", {"a": 1}),
    ("[0x10, 010, 1_000, 0b11, +1, -0x1]", [16, 8, 1000, 3, 1, -1]),
    ("[1.5, 1e3, .5, 1.0, -.5]", [1.5, 1000, 0.5, 1, -0.5]),
    ("[y, No, on, OFF, TRUE, ~, null, '']", [True, False, True, False, True, None, None, ""]),
    ("[yEs, 12:30:45, 2020-01-02, 1.2.3, 0o8, 1__a]", ["yEs", "12:30:45", "2020-01-02", "1.2.3", "0o8", "1__a"]),
    ("[!!str 5, !!float 1, !!binary aGk=, !own x, '5']", ["5", 1, "hi", "x", "5"]),
    ("{1: a, true: b, x: c, 1.5: d, 1e3: e}", {"1": "a", "true": "b", "x": "c", "1.5": "d", "1000": "e"}),
    ("b: &x {k: v}\nc: *x\nd: {<<: *x, l: z}", {"b": {"k": "v"}, "c": {"k": "v"}, "d": {"k": "v", "l": "z"}}),
    ("18446744073709551615", 2**64 - 1),
]


@pytest.mark.parametrize(("text", "value"), DOCUMENTS)
def test_documents(text: str, value: Any) -> None:
    assert codec.read_yaml(text.encode()) == (value, "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c\n", "yaml: mapping values are not allowed in this context"),
        ("a: b\nc: d: e\n", "yaml: line 2: mapping values are not allowed in this context"),
        ("\tx: 1", "yaml: found character that cannot start any token"),
        ("a: *b", "yaml: unknown anchor 'b' referenced"),
        ("a: &a [*a]", "yaml: anchor 'a' value contains itself"),
        ("a: \x01", "yaml: control characters are not allowed"),
        ("a: .nan", "json: unsupported value: NaN"),
        ("? [a]\n: b", "yaml: invalid map key"),
        ("a: {<<: 5}", "yaml: map merge requires map or sequence of maps as the value"),
        ("~: x", 'unsupported map key of type: %!s(<nil>), key: <nil>, value: "x"'),
        ("%YAML 1.2\n---\na: b", "yaml: found incompatible YAML document"),
        ("kind: 'x\n", "yaml: line 2: found unexpected end of stream"),
        ("!!int x", "yaml: cannot decode !!str `x` as a !!int"),
        ("!!binary '?'", "yaml: !!binary value contains invalid base64 data"),
    ],
)
def test_what_is_no_yaml(text: str, message: str) -> None:
    with pytest.raises(codec.YAMLError) as caught:
        codec.read_yaml(text.encode())
    assert str(caught.value) == message


def test_repeated_keys_are_told_with_their_lines() -> None:
    value, complaint = codec.read_yaml(b"a: 1\na: 2\nb:\n  c: 3\n  c: 4\n")
    assert value == {"a": 2, "b": {"c": 4}}
    assert complaint == (
        'yaml: unmarshal errors:\n  line 2: key "a" already set in map\n  line 5: key "c" already set in map'
    )
    assert codec.read_yaml(b"a: {<<: [{p: 1, q: 1}, {p: 2}]}")[0] == {"a": {"p": 1, "q": 1}}
    decoded = codec.decode(b"kind: ConfigMap\ndata:\n  a: b\n  a: c\nx: 1\n", codec.YAML, CONFIG_MAP)
    assert decoded.object["data"] == {"a": "c"}
    assert decoded.warnings == ['line 4: key "a" already set in map', 'unknown field "x"']
    assert decoded.strict_message == (
        'strict decoding error: yaml: unmarshal errors:\n  line 4: key "a" already set in map, unknown field "x"'
    )


def test_aliases_and_depth_do_no_harm() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n"
    for one, other in zip("abcdefgh", "bcdefghi", strict=True):
        bomb += f"{other}: &{other} [{','.join([f'*{one}'] * 9)}]\n"
    started = time.monotonic()
    with pytest.raises(codec.YAMLError, match="document contains excessive aliasing"):
        codec.read_yaml(bomb.encode())
    with pytest.raises(APIError, match="exceeded max depth"):
        codec.decode_any(b"a: " + b"[" * 5000 + b"]" * 5000, codec.YAML, CONFIG_MAP)
    with pytest.raises(codec.YAMLError, match="exceeded max depth of 10000"):
        codec.read_yaml(b"[" * 100_000)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("null", "<nil>"),
        ("true", "true"),
        ("[1, null]", "[]interface {}{1, interface {}(nil)}"),
        ("{a: {b: 1.5}}", 'map[interface {}]interface {}{"a":map[interface {}]interface {}{"b":1.5}}'),
        ("[" * 5000 + "]" * 5000, "[]interface {}{" * 11 + "..." + "}" * 11),
    ],
)
def test_a_key_that_is_null(value: str, shown: str) -> None:
    with pytest.raises(codec.YAMLError) as refusal:
        codec.read_yaml(f"{{null: {value}}}".encode())
    assert str(refusal.value) == f"unsupported map key of type: %!s(<nil>), key: <nil>, value: {shown}"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("1e39", ".inf"),
        ("-1e300", "-.inf"),
        (".nan", ".nan"),
        ("1e-50", "0"),
        ("0.1", "0.1"),
        ("-2.50", "-2.5"),
        ("100000.0", "100000"),
        ("100000.5", "100000.5"),
        ("1234567.5", "1.2345675e+06"),
        ("0.00001", "1e-05"),
        ("16777217.0", "1.6777216e+07"),
    ],
)
def test_numbers_as_keys_have_single_precision(key: str, text: str) -> None:
    assert codec.read_yaml(f"{{{key}: a}}".encode())[0] == {text: "a"}


def test_what_is_both_deep_and_long_is_refused_before_it_takes_long() -> None:
    with pytest.raises(codec.YAMLError, match="too deep for its length"):
        codec.read_yaml(b"a: " + b"[" * 5000 + b"1," * 500_000)


def test_errors_name_the_body() -> None:
    with pytest.raises(APIError) as caught:
        codec.decode(b"a: b: c\n", codec.YAML, CONFIG_MAP)
    assert caught.value.message == (
        "the object provided is unrecognized (must be of type ConfigMap): "
        "yaml: mapping values are not allowed in this context (613a20623a20630a)"
    )


def test_writing() -> None:
    obj: dict[str, Any] = {
        "texts": ["y", "", "true", "1.5", "2020-01-01", "12:30", "a: b", "plain", " lead", "a\tb", "#x", "é"],
        "lines": "one\ntwo\n",
        "empty": [{}, []],
        "a10": None,
        "a9": 1.5,
        "Z": True,
        "#": -1,
        "long": "word " * 20 + "end",
    }
    assert codec.encode_yaml(obj).decode() == WRITTEN
    assert codec.read_yaml(codec.encode_yaml(obj)) == (obj, "")


WRITTEN = """\
'#': -1
Z: true
a9: 1.5
a10: null
empty:
- {}
- []
lines: |
  one
  two
long: word word word word word word word word word word word word word word word word
  word word word word end
texts:
- "y"
- ""
- "true"
- "1.5"
- "2020-01-01"
- "12:30"
- 'a: b'
- plain
- ' lead'
- "a\\tb"
- '#x'
- é
"""
