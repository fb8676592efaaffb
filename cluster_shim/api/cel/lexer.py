"""Lexer: the text of an expression as tokens. Upstream: cel-go/parser/gen/CEL.g4."""

from __future__ import annotations

import re
from typing import NamedTuple

from cluster_shim.api.cel.errors import Issue


class Token(NamedTuple):
    """A piece of text: `kind` is a symbol itself, or one of those below."""

    kind: str
    text: str
    offset: int


IDENT, ESCAPED, INT, UINT, FLOAT, STRING, BYTES, EOF = (
    "IDENTIFIER",
    "ESC_IDENTIFIER",
    "NUM_INT",
    "NUM_UINT",
    "NUM_FLOAT",
    "STRING",
    "BYTES",
    "<EOF>",
)

_ESCAPE = r"\\(?:[abfnrtv\"'\\?`]|x[0-9a-fA-F]{2}|X[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2})"
_QUOTED = (
    rf'"""(?:{_ESCAPE}|[^\\])*?"""|' + rf"'''(?:{_ESCAPE}|[^\\])*?'''|"
    rf'"(?:{_ESCAPE}|[^\\"\n\r])*"|' + rf"'(?:{_ESCAPE}|[^\\'\n\r])*'"
)
_RAW = r'[rR](?:"""[\s\S]*?"""|' + r"'''[\s\S]*?'''|" + r'"[^"\n\r]*"|' + r"'[^'\n\r]*')"

_TOKEN = re.compile(
    "|".join(
        (
            r"(?P<skip>[\t \r\n\f]+|//[^\n]*)",
            rf"(?P<BYTES>[bB](?:{_QUOTED}|{_RAW}))",
            rf"(?P<STRING>{_QUOTED}|{_RAW})",
            r"(?P<NUM_FLOAT>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)",
            r"(?P<NUM_UINT>0x[0-9a-fA-F]+[uU]|[0-9]+[uU])",
            r"(?P<NUM_INT>0x[0-9a-fA-F]+|[0-9]+)",
            r"(?P<IDENTIFIER>[a-zA-Z_][a-zA-Z0-9_]*)",
            r"(?P<ESC_IDENTIFIER>`[a-zA-Z0-9_.\-/ ]+`)",
            r"(?P<symbol>==|!=|<=|>=|&&|\|\||[<>\[\]{}().,\-!?:+*/%])",
        )
    )
)
_KEYWORDS = frozenset(("true", "false", "null", "in"))
_HALVES = {"=": "==", "&": "&&", "|": "||"}


def tokens(source: str) -> tuple[list[Token], list[Issue]]:
    """Return the tokens, the last of kind EOF, and what could not be read."""
    found: list[Token] = []
    issues: list[Issue] = []
    offset = 0
    while offset < len(source):
        match = _TOKEN.match(source, offset)
        if match is None:
            offset = _skip_unknown(source, offset, issues)
            continue
        kind, text = match.lastgroup or "", match.group()
        if kind == "symbol" or text in _KEYWORDS:
            found.append(Token(text, text, offset))
        elif kind != "skip":
            found.append(Token(kind, text, offset))
        offset = match.end()
    found.append(Token(EOF, EOF, len(source)))
    return found, issues


def _skip_unknown(source: str, offset: int, issues: list[Issue]) -> int:
    """Report what is no token: a character, the half of a symbol with what follows it, or a text without an end."""
    end = offset + 1
    if source[offset] in _HALVES:
        end = min(offset + 2, len(source))
    elif source[offset] in "'\"":
        escaped = re.compile(rf"(?:{_ESCAPE}|[^\\{source[offset]}\n\r])*").match(source, end)
        end = min((escaped.end() if escaped else end) + 2, len(source))
        end = source.find("\n", offset, end) if "\n" in source[offset:end] else end
    issues.append(Issue(offset, f"Syntax error: token recognition error at: '{source[offset:end]}'"))
    return end


_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPED = re.compile(_ESCAPE)


def unquoted(text: str, as_bytes: bool) -> str | bytes:
    """Return the value of a token of kind STRING or BYTES. Raises ValueError."""
    if as_bytes:
        text = text[1:]
    raw = text[0] in "rR"
    if raw:
        text = text[1:]
    width = 3 if text[:3] in ('"""', "'''") else 1
    body = text[width:-width]
    if as_bytes:
        if raw:
            return body.encode()
        parts = [
            _code(each).to_bytes() if len(each) > 2 and each[1] in "xX0123" else _plain(each).encode()
            for each in re.findall(rf"{_ESCAPE}|[^\\]", body)
        ]
        return b"".join(parts)
    return body if raw else _ESCAPED.sub(lambda match: _plain(match.group()), body)


def _code(escape: str) -> int:
    return int(escape[1:], 8) if escape[1] in "0123" else int(escape[2:], 16)


def _plain(text: str) -> str:
    if not text.startswith("\\"):
        return text
    if text[1] in _SIMPLE:
        return _SIMPLE[text[1]]
    if text[1] in "xXuU0123" and len(text) > 2:
        code = _code(text)
        if 0xD800 <= code < 0xE000 or code > 0x10FFFF:
            raise ValueError("invalid unicode code point")
        return chr(code)
    return text[1]
