"""Expressions against another implementation, Google's, where both are to agree."""

from __future__ import annotations

from typing import Any

import pytest

from cluster_shim.api.cel import CelError, Environment, types

cel = pytest.importorskip("cel_expr_python.cel")

VALUES: dict[str, Any] = {"a": 5, "b": -3, "s": "hello", "l": [3, 1, 2], "m": {"k": 1, "j": 2}}
OURS = Environment(
    {
        "a": types.INT,
        "b": types.INT,
        "s": types.STRING,
        "l": types.list_of(types.INT),
        "m": types.map_of(types.STRING, types.INT),
    }
)

ATOMS = ("a", "b", "2", "0", "-1", "1.5", "s", "'h'", "l", "m", "true", "m.k", "l[0]", "size(s)", "[1, 2]", "{'k': 1}")
OPERATORS = ("+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||")
SYNTAX = (
    *("a b", "a b c", "a +", "(a", "(a b)", "a)", "[1,2", "[1 2]", "a.", "a.1", "a..b", "a === b", "a = b", "a & b"),
    *("a && && b", "", "  ", "'abc", "a ? b", "a ? b : ", "f(", "f(a", "f(a b)", "{", "{a", "{a:", "{a:1", "l[0"),
    *("a @ b", "1a", "0x", "a in", "for", "if(a)", "!a!", "l.all(x, )", "1e", "99999999999999999999", "1.5.2"),
    *("a ~ b", "a || | b", "`a`", "a\nb", "?a", "a > 0 and b", "a > 0 && not true"),
)


def theirs() -> Any:
    kinds = cel.Type
    variables = {"a": kinds.INT, "b": kinds.INT, "s": kinds.STRING}
    return cel.NewEnv(variables=variables | {"l": kinds.List(kinds.INT), "m": kinds.Map(kinds.STRING, kinds.INT)})


def outcome_of_theirs(environment: Any, text: str) -> Any:
    try:
        program = environment.compile(text)
    except Exception:
        return "refused"
    try:
        value = program.eval(data=VALUES)
    except Exception:
        return "error"
    return "error" if value.type().name() == "ERROR" else value.plain_value()


def outcome_of_ours(text: str) -> Any:
    try:
        program = OURS.compile(text)
    except CelError:
        return "refused"
    try:
        return program.evaluate(VALUES)
    except CelError:
        return "error"


@pytest.mark.parametrize("operator", OPERATORS)
def test_operators(operator: str) -> None:
    environment = theirs()
    compared = 0
    for one in ATOMS:
        for other in ATOMS:
            text = f"{one} {operator} {other}"
            expected, found = outcome_of_theirs(environment, text), outcome_of_ours(text)
            if expected == "refused" and {one, other} & {"1.5"}:
                continue  # Kubernetes compares numbers of different types
            assert (text, repr(found)) == (text, repr(expected))
            compared += 1
    assert compared > 200


@pytest.mark.parametrize("text", SYNTAX)
def test_syntax_errors(text: str) -> None:
    with pytest.raises(Exception, match="ERROR") as expected:
        theirs().compile(text)
    with pytest.raises(CelError) as found:
        OURS.compile(text)
    message = str(expected.value).replace("INVALID_ARGUMENT: ", "").replace(" [INVALID_ARGUMENT]", "")
    if not text:  # cel-go has its own idea of where nothing ends
        message = message.replace("<input>:1:1:", "<input>:1:0:")
    assert str(found.value) == message.replace("\nERROR: <input>:-1:-1: <<nil>> parsetree", "")
