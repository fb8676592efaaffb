"""JSON as Go reads it: what is malformed, in Go's words, and what only Go takes."""

from __future__ import annotations

import time

import pytest

from cluster_shim.api.codec.scanner import DEPTH_LIMIT, Malformed, Number, Pairs, scan

MALFORMED = {
    b"": "unexpected end of JSON input",
    b"{": "unexpected end of JSON input",
    b"tru": "unexpected end of JSON input",
    b"1e+": "unexpected end of JSON input",
    b'"abc': "unexpected end of JSON input",
    b"{'a':1}": r"invalid character '\'' looking for beginning of object key string",
    b'{"a":1,}': "invalid character '}' looking for beginning of object key string",
    b"[1,]": "invalid character ']' looking for beginning of value",
    b"[1 2]": "invalid character '2' after array element",
    b'{"a" 1}': "invalid character '1' after object key",
    b'{"a":1 "b"': "invalid character '\"' after object key:value pair",
    b"01": "invalid character '1' after top-level value",
    b"-x": "invalid character 'x' in numeric literal",
    b"1.x": "invalid character 'x' after decimal point in numeric literal",
    b"1ex": "invalid character 'x' in exponent of numeric literal",
    b"trux": "invalid character 'x' in literal true (expecting 'e')",
    b'"\t"': r"invalid character '\t' in string literal",
    b'"\x01"': r"invalid character '\x01' in string literal",
    rb'"\x"': "invalid character 'x' in string escape code",
    rb'"\u12G"': "invalid character 'G' in \\u hexadecimal character escape",
    b"\xef\xbb\xbf{}": "invalid character 'ï' looking for beginning of value",
    b"{}{}": "invalid character '{' after top-level value",
}


@pytest.mark.parametrize("text", MALFORMED, ids=repr)
def test_malformed(text: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        scan(text)
    assert str(caught.value) == MALFORMED[text]


def test_objects_keep_their_members_and_numbers_their_text() -> None:
    scanned = scan(b' {"a" : [1, 2.50e3, true, null, {}, []], "a":"x"} ')
    assert scanned == Pairs([("a", ["1", "2.50e3", True, None, Pairs(), []]), ("a", "x")])
    assert isinstance(scanned[0][1][1], Number)


def test_what_is_no_text_becomes_replacement_characters() -> None:
    assert scan(b'"\xff\xc3(\\ud800\\ud83d\\ude00"') == "\ufffd\ufffd(\ufffd😀"


def test_depth_has_a_limit_and_none_of_it_recurses() -> None:
    value = scan(b"[" * DEPTH_LIMIT + b"]" * DEPTH_LIMIT)
    for _ in range(DEPTH_LIMIT - 1):
        (value,) = value
    assert value == []
    started = time.monotonic()
    with pytest.raises(Malformed, match="exceeded max depth"):
        scan(b"[" * 3_000_000)
    assert time.monotonic() - started < 5
