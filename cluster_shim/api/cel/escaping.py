"""Escaping: names of properties as names that expressions may use. Upstream: apiserver/pkg/cel/escaping.go."""

from __future__ import annotations

import re

RESERVED = frozenset(
    (
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if"),
        *("import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
    )
)
_VALID = re.compile(r"^[a-zA-Z_](?:[a-zA-Z0-9_]|-|\.|/)*$")
_SPECIAL = re.compile(r"__|\.|-|/")
_WRITTEN = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_READ = re.compile(r"__underscores__|__dot__|__dash__|__slash__")
_PLAIN = {written: plain for plain, written in _WRITTEN.items()}


def escape(name: str) -> str | None:
    """Return the name by which expressions know a property; None if they cannot name it."""
    if name in RESERVED:
        return f"__{name}__"
    if _VALID.match(name) is None:
        return None
    return _SPECIAL.sub(lambda match: _WRITTEN[match.group()], name)


def unescape(name: str) -> str:
    """Return the property that a name of expressions stands for."""
    if not name.startswith("__") and "__" not in name:
        return name
    if name.startswith("__") and name.endswith("__") and name[2:-2] in RESERVED:
        return name[2:-2]
    return _READ.sub(lambda match: _PLAIN[match.group()], name)
