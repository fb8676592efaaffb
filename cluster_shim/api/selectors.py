"""Selectors of a request: labels and fields, parsed with upstream's grammar and its texts of errors.

A parsed selector is a function of labels (or fields) to bool; parsing is cached, as the same few selectors come again
and again. Upstream: apimachinery/pkg/labels/selector.go, apimachinery/pkg/fields/selector.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from cluster_shim.api import fields
from cluster_shim.api.errors import bad_request
from cluster_shim.api.integers import IntegerError, parse_int
from cluster_shim.api.remembered import remembered
from cluster_shim.api.validation.formats import label_key, label_value

Matches = Callable[[Mapping[str, str]], bool]

_SYMBOLS = ("==", "!=", "=", "!", ",", "(", ")", ">", "<")
_OPERATORS = ("in", "notin", "=", "==", "!=", "gt", "lt")
_NUMBERS = ("Gt", "Lt")


class Requirement(NamedTuple):
    """One term of a label selector; operators are in, notin, =, ==, !=, exists, !, gt, lt."""

    key: str
    operator: str
    values: tuple[str, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether labels satisfy the term."""
        value = labels.get(self.key)
        match self.operator:
            case "in" | "=" | "==":
                return value is not None and value in self.values
            case "notin" | "!=":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
        if value is None or not _is_integer(value):
            return False
        return int(value) > int(self.values[0]) if self.operator == "gt" else int(value) < int(self.values[0])


@remembered(4096)
def label_selector(text: str) -> Matches | None:
    """Return what a label selector matches; None if it matches everything. Raises APIError 400."""
    requirements = label_requirements(text)
    if not requirements:
        return None
    if len(requirements) == 1 and requirements[0].operator in ("=", "=="):
        key, value = requirements[0].key, requirements[0].values[0]
        return lambda labels: labels.get(key) == value
    return lambda labels: all(each.matches(labels) for each in requirements)


@remembered(4096)
def label_requirements(text: str) -> tuple[Requirement, ...]:
    """Return the terms of a label selector, sorted by key as upstream has them. Raises APIError 400."""
    return tuple(sorted(_Parser(_tokens(text)).requirements(), key=lambda each: each.key))


class _Token(NamedTuple):
    kind: str
    """A symbol, ``id`` for an identifier, ``end``."""
    text: str


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(text):
        if text[position] in " \t\r\n":
            position += 1
            continue
        symbol = next((each for each in _SYMBOLS if text.startswith(each, position)), "")
        if symbol:
            tokens.append(_Token(symbol, symbol))
            position += len(symbol)
            continue
        start = position
        while position < len(text) and text[position] not in " \t\r\n=!,()><":
            position += 1
        tokens.append(_Token("id", text[start:position]))
    return [*tokens, _Token("end", "")]


class _Parser:
    """Upstream's recursive descent over tokens; `values` context lets operators be names."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._position = 0

    def _peek(self) -> _Token:
        return self._tokens[min(self._position, len(self._tokens) - 1)]

    def _next(self) -> _Token:
        token = self._peek()
        self._position += 1
        return token

    def requirements(self) -> list[Requirement]:
        found: list[Requirement] = []
        while True:
            token = self._peek()
            if token.kind in ("id", "!"):
                try:
                    found.append(self._requirement())
                except _Problem as problem:
                    raise bad_request(f"unable to parse requirement: {problem}") from None
                token = self._next()
                if token.kind == "end":
                    return found
                if token.kind != ",":
                    raise bad_request(f"found '{token.text}', expected: ',' or 'end of string'")
                token = self._peek()
                if token.kind not in ("id", "!"):
                    raise bad_request(f"found '{token.text}', expected: identifier after ','")
            elif token.kind == "end":
                return found
            else:
                raise bad_request(f"found '{token.text}', expected: !, identifier, or 'end of string'")

    def _requirement(self) -> Requirement:
        negated = self._peek().kind == "!"
        if negated:
            self._next()
        token = self._next()
        if token.kind != "id":
            raise _Problem(f"found '{token.text}', expected: identifier")
        key = token.text
        _check_key(key)
        if negated or self._peek().kind in (",", "end"):
            return Requirement(key, "!" if negated else "exists", ())
        operator = self._operator()
        values = self._values() if operator in ("in", "notin") else (self._exact_value(),)
        return _checked(key, operator, values)

    def _operator(self) -> str:
        token = self._next()
        operator = {">": "gt", "<": "lt"}.get(token.kind, token.kind)
        if operator == "id" and token.text in ("in", "notin"):
            operator = token.text
        if operator not in _OPERATORS:
            raise _Problem(f"found '{token.text}', expected: {', '.join(_OPERATORS)}")
        return operator

    def _exact_value(self) -> str:
        if self._peek().kind in ("end", ","):
            return ""
        token = self._next()
        if token.kind != "id":
            raise _Problem(f"found '{token.text}', expected: identifier")
        return token.text

    def _values(self) -> tuple[str, ...]:
        token = self._next()
        if token.kind != "(":
            raise _Problem(f"found '{token.text}' expected: '('")
        token = self._peek()
        if token.kind not in ("id", ",", ")"):
            raise _Problem(f"found '{token.text}', expected: ',', ')' or identifier")
        if token.kind == ")":
            self._next()
            return ("",)
        values: set[str] = set()
        while True:
            token = self._next()
            if token.kind == "id":
                values.add(token.text)
                follows = self._peek()
                if follows.kind not in (",", ")"):
                    raise _Problem(f"found '{follows.text}', expected: ',' or ')'")
            elif token.kind == ",":
                follows = self._peek()
                if not values or follows.kind in (",", ")"):
                    values.add("")
            else:
                raise _Problem(f"found '{token.text}', expected: ',', or identifier")
            if follows.kind == ")":
                self._next()
                return tuple(sorted(values))


class _Problem(Exception):
    """What is wrong with one term."""


def _check_key(key: str) -> None:
    problems = label_key(key)
    if problems:
        raise _Problem(f"<nil>: Invalid value: {fields.quoted(key)}: {'; '.join(problems)}")


def _checked(key: str, operator: str, values: tuple[str, ...]) -> Requirement:
    if operator in ("gt", "lt") and not _is_integer(values[0]):
        raise _Problem(
            f"values[0]: Invalid value: {fields.quoted(values[0])}: "
            "for 'Gt', 'Lt' operators, the value must be an integer"
        )
    texts = []
    for index, value in enumerate(values):
        problems = label_value(value)
        if problems:
            texts.append(f"values[{index}][{key}]: Invalid value: {fields.quoted(value)}: {'; '.join(problems)}")
    if texts:
        raise _Problem(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")
    return Requirement(key, operator, values)


def _is_integer(text: str) -> bool:
    try:
        parse_int(text)
    except IntegerError:
        return False
    return True


class FieldTerm(NamedTuple):
    """One term of a field selector."""

    field: str
    equal: bool
    value: str


@remembered(4096)
def field_terms(text: str) -> tuple[FieldTerm, ...]:
    """Return the terms of a field selector. Raises APIError 400."""
    terms = []
    for part in _split_terms(text):
        if not part:
            continue
        found = _split_term(part)
        if found is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        terms.append(found)
    return tuple(sorted(terms, key=lambda each: each.field))


def name_in_field_selector(text: str) -> str:
    """Return the name that a field selector pins (``metadata.name=X``), empty if it pins none or cannot be read."""
    try:
        terms = field_terms(text)
    except Exception:
        return ""
    return next((each.value for each in terms if each.field == "metadata.name" and each.equal), "")


def _split_terms(text: str) -> list[str]:
    """Split at commas that no backslash precedes."""
    parts, start, escaped = [], 0, False
    for index, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == ",":
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


def _split_term(part: str) -> FieldTerm | None:
    for index in range(len(part)):
        rest = part[index:]
        for operator in ("!=", "==", "="):
            if rest.startswith(operator):
                value = _unescape(rest[len(operator) :])
                return FieldTerm(part[:index], operator != "!=", value)
    return None


def _unescape(text: str) -> str:
    if "\\" not in text and "," not in text and "=" not in text:
        return text
    parts: list[str] = []
    escaped = False
    for character in text:
        if escaped:
            if character not in "\\,=":
                raise bad_request(f"invalid field selector: invalid escape sequence: \\{character}")
            parts.append(character)
            escaped = False
        elif character == "\\":
            escaped = True
        elif character in ",=":
            raise bad_request(f"invalid field selector: unescaped character in value: {ord(character)}")
        else:
            parts.append(character)
    if escaped:
        raise bad_request("invalid field selector: invalid escape sequence: \\")
    return "".join(parts)


def shown(selector: Mapping[str, Any] | None) -> str:
    """Return a LabelSelector object as queries have it: ``app=web,tier in (a,b)``; nothing if it selects everything."""
    if not selector:
        return ""
    parts = [(key, f"{key}={value}") for key, value in (selector.get("matchLabels") or {}).items()]
    parts += [(each.get("key", ""), _shown(each)) for each in selector.get("matchExpressions") or ()]
    return ",".join(text for _, text in sorted(parts, key=lambda part: part[0]))


def _shown(requirement: Mapping[str, Any]) -> str:
    key, operator = requirement.get("key", ""), requirement.get("operator")
    if operator in ("Exists", "DoesNotExist"):
        return key if operator == "Exists" else f"!{key}"
    values = ",".join(sorted(requirement.get("values") or ()))
    return f"{key} {'in' if operator == 'In' else 'notin'} ({values})"
