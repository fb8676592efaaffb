"""URLs: their parts, and what Go says of texts that are none."""

from __future__ import annotations

import pytest

from cluster_shim.api.validation.urls import URL, URLError, parse

PROBLEMS = {
    "::1": 'parse "::1": missing protocol scheme',
    "%": 'parse "%": invalid URL escape "%"',
    "a b:1": 'parse "a b:1": first path segment in URL cannot contain colon',
    "https://a:b/": 'parse "https://a:b/": invalid port ":b" after host',
    "https://a b/": 'parse "https://a b/": invalid character " " in host name',
    "https://[::1/": "parse \"https://[::1/\": missing ']' in host",
    "https://a\n": 'parse "https://a\\n": net/url: invalid control character in URL',
    "https://a/#%zz": 'parse "https://a/#%zz": invalid URL escape "%zz"',
}


@pytest.mark.parametrize("text", PROBLEMS)
def test_problems(text: str) -> None:
    with pytest.raises(URLError) as found:
        parse(text)
    assert str(found.value) == PROBLEMS[text]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://u:p@h:1/x?q#f", URL("https", "u:p", "h:1", "q", "f")),
        ("HTTPS://h", URL("https", None, "h")),
        ("h/x", URL()),
        ("", URL()),
        ("mailto:a@b", URL("mailto")),
        ("//h/x", URL("", None, "h")),
    ],
)
def test_parts(text: str, url: URL) -> None:
    assert parse(text) == url
