"""Formats of texts: what is accepted, and the words about what is not."""

from __future__ import annotations

import pytest

from cluster_shim.api.validation import formats

RIGHT = [
    (formats.dns_label, "a", "a-1", "0", "x" * 63),
    (formats.dns_subdomain, "a.b-c.d", "0", "x" * 253),
    (formats.dns_1035_label, "a", "a-0"),
    (formats.label_key, "app", "example.com/app", "A.b_c"),
    (formats.label_value, "", "a", "A_b.c-1"),
    (formats.config_key, "a", ".dockercfg", "A_b-c.d"),
    (formats.env_name, "A", "a.b", "with blank", "1"),
    (formats.port_name, "http", "a1-b"),
    (formats.wildcard_subdomain, "*.example.com"),
    (formats.decimal_integer, "0", "-1", "10"),
    (formats.percent, "0%", "100%"),
]


@pytest.mark.parametrize("row", RIGHT, ids=lambda row: "")
def test_right(row: tuple[formats.Format, *tuple[str, ...]]) -> None:
    check, *texts = row
    assert [check(each) for each in texts] == [()] * len(texts)


WRONG = [
    (formats.dns_label, "a.b", ("must not contain dots",)),
    (formats.dns_subdomain, "x" * 254, ("must be no more than 253 characters",)),
    (formats.dns_label, "ä" * 32, 2),
    (formats.label_key, "/a", ("prefix part must be non-empty",)),
    (formats.label_key, "a/", 2),
    (formats.label_key, "a/b/c", 1),
    (formats.label_value, "x" * 64, ("must be no more than 63 bytes",)),
    (formats.config_key, "..", ("must not be '..'",)),
    (formats.config_key, "..a", ("must not start with '..'",)),
    (formats.env_name, "", ("environment variable name must be non-empty",)),
    (formats.port_name, "-", 2),
    (formats.port_name, "a--b", ("must not contain consecutive hyphens",)),
    (formats.decimal_integer, "01", ("must be a valid decimal integer in canonical form",)),
    (formats.path_segment, "..", ("may not be '..'",)),
    (formats.path_segment, "a/b%c", ("may not contain '/'", "may not contain '%'")),
    (formats.dns_label, "a\n", 1),
]


@pytest.mark.parametrize(("check", "text", "expected"), WRONG)
def test_wrong(check: formats.Format, text: str, expected: tuple[str, ...] | int) -> None:
    messages = check(text)
    assert (len(messages) if isinstance(expected, int) else messages) == expected


def test_examples_and_pattern_are_named() -> None:
    (message,) = formats.percent("x")
    assert message == (
        "a valid percent string must be a numeric string followed by an ending '%' "
        "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
    )
