"""The language and the libraries: values, errors of evaluation, and what is refused before."""

from __future__ import annotations

from typing import Any

import pytest

from cluster_shim.api.cel import CompileError, CostExceeded, Environment, EvaluationError, types
from cluster_shim.api.cel.values import Duration, Timestamp, TypeValue, Uint

SPEC = types.object_of("object.spec", {"size": types.INT, "ratio": types.DOUBLE, "__namespace__": types.STRING})
ENVIRONMENT = Environment(
    {
        "a": types.INT,
        "s": types.STRING,
        "l": types.list_of(types.INT),
        "m": types.map_of(types.STRING, types.INT),
        "d": types.DYN,
        "spec": SPEC,
    }
)
VALUES: dict[str, Any] = {
    "a": 5,
    "s": "hello wörld",
    "l": [3, 1, 2],
    "m": {"k": 1, "j": 2},
    "d": {"x": 1, "y": [1, 2], "n": None},
    "spec": {"size": 3, "ratio": 2, "namespace": "shop"},
}


def evaluate(text: str) -> Any:
    return ENVIRONMENT.compile(text).evaluate(VALUES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("1u + 2u", Uint(3)),
        ("dyn(1) == 1.0 && dyn(1u) == 1 && dyn(1) != dyn(true)", True),
        ("2 > 1.5", True),
        ("spec.ratio / 4.0", 0.5),
        ("spec.__namespace__", "shop"),
        ("has(spec.size) && !has(d.z)", True),
        ("d.?z.orValue('none')", "none"),
        ("d[?'x'].hasValue()", True),
        ("optional.of(a).optMap(x, x + 1).value()", 6),
        ("[1, ?optional.none(), ?optional.of(2)]", [1, 2]),
        ("{'a': 1, ?'b': optional.none()}", {"a": 1}),
        ("true || 1 / 0 > 1", True),
        ("1 / 0 > 1 || true", True),
        ("[0, 1].exists(x, 1 / x > 0)", True),
        ("[0, -1].all(x, 1 / x > 0)", False),
        ("l.exists_one(x, x > 2)", True),
        ("l.map(x, x > 1, x * 2)", [6, 4]),
        ("m.map(k, k)", ["k", "j"]),
        ("l.all(i, v, i < 3 && v > 0)", True),
        ("m.transformMap(k, v, v * 10)", {"k": 10, "j": 20}),
        ("l.transformList(i, v, i > 0, v + i)", [2, 4]),
        ("l.transformMapEntry(i, v, {string(v): i})", {"3": 0, "1": 1, "2": 2}),
        ("l.sort()", [1, 2, 3]),
        ("l.sortBy(x, -x)", [3, 2, 1]),
        ("[l, [9]].flatten()", [3, 1, 2, 9]),
        ("l.sum() + l.min() + l.max() + l.indexOf(2)", 12),
        ("[1, 1, 2].distinct().isSorted()", True),
        ("lists.range(3).slice(1, 3).reverse()", [2, 1]),
        ("sets.contains([1, 2], [2]) && sets.intersects(l, [9, 1])", True),
        ("s.split(' ')[1].upperAscii()", "WöRLD"),
        ("s.substring(6).charAt(1)", "ö"),
        ("'a,b'.replace(',', '-') + ['x', 'y'].join('/')", "a-bx/y"),
        ("'abc123de4'.findAll('[0-9]+', 1)", ["123"]),
        ("'%s %d %.2f %x %s'.format(['a', 3, 1.5, 255, [1, {'k': true}]])", 'a 3 1.50 ff [1, {"k":true}]'),
        ("duration('1h30m') + duration('30s')", Duration(5430 * 10**9)),
        ("timestamp('1970-01-01T00:01:00Z') - duration('1s')", Timestamp(59 * 10**9)),
        ("timestamp('2023-01-02T03:04:05Z').getHours('America/New_York')", 22),
        ("string(timestamp('2023-01-02T05:04:05.5+02:00'))", "2023-01-02T03:04:05.5Z"),
        ("type(a) == int && type(l) == list", True),
        ("type('')", TypeValue("string")),
        ("quantity('1.5Gi').isGreaterThan(quantity('1G'))", True),
        ("quantity('500m').add(quantity('1500m')).asInteger()", 2),
        ("quantity('-1e400').asApproximateFloat() < -1e308", True),
        ("ip('fe80::1').isLinkLocalUnicast() && ip('10.0.0.1').family() == 4", True),
        ("cidr('10.1.0.0/16').containsCIDR('10.1.2.0/24') && cidr('10.0.0.0/8').containsIP('10.9.8.7')", True),
        ("string(cidr('10.1.2.3/16').masked())", "10.1.0.0/16"),
        ("url('https://u@h.example:8443/a b?q=1&q=2').getHostname()", "h.example"),
        ("url('https://h/p?q=1&q=2').getQuery()['q']", ["1", "2"]),
        ("semver('1.2.3-rc.1').isLessThan(semver('1.2.3'))", True),
        ("isSemver('v1.2') || isSemver('v1.2', true)", True),
        ("format.dns1123Label().validate('Bad').hasValue()", True),
        ("format.named('nope').hasValue()", False),
    ],
)
def test_value(text: str, expected: Any) -> None:
    found = evaluate(text)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9223372036854775807 + a", "integer overflow"),
        ("a / 0", "division by zero"),
        ("a % 0", "modulus by zero"),
        ("m.zz", "no such key: zz"),
        ("l[7]", "index out of bounds: 7"),
        ("d.x + 'a'", "no such overload"),
        ("d.x && true", "no such overload"),
        ("d.y.startsWith('a')", "no such overload"),
        ("[0, 1].all(x, 1 / x > 0)", "division by zero"),
        ("optional.none().value()", "optional.none() dereference"),
        ("{'a': 1, 'a': 2}", "Failed with repeated key: a"),
    ],
)
def test_evaluation_error(text: str, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("spec.nope", "1:5: undefined field 'nope'\n | spec.nope\n | ....^"),
        ("spec.namespace", "1:5: undefined field 'namespace'\n | spec.namespace\n | ....^"),
        ("a.b", "1:2: type 'int' does not support field selection\n | a.b\n | .^"),
        ("a + s", "1:3: found no matching overload for '_+_' applied to '(int, string)'\n | a + s\n | ..^"),
        (
            "s.startsWith(1)",
            "1:13: found no matching overload for 'startsWith' applied to 'string.(int)'\n"
            " | s.startsWith(1)\n | ............^",
        ),
        ("[1, 'a', 2]", "1:5: expected type 'int' but found 'string'\n | [1, 'a', 2]\n | ....^"),
        ("l.all(x, x)", "1:10: expected type 'bool' but found 'int'\n | l.all(x, x)\n | .........^"),
        ("has(a)", "1:5: invalid argument to has() macro\n | has(a)\n | ....^"),
        ("'a'.matches('[')", "1:13: invalid matches argument\n | 'a'.matches('[')\n | ............^"),
        ("a\n&& nope", "2:4: undeclared reference to 'nope' (in container '')\n | && nope\n | ...^"),
    ],
)
def test_compile_error(text: str, message: str) -> None:
    with pytest.raises(CompileError) as caught:
        ENVIRONMENT.compile(text)
    assert str(caught.value).split("\nERROR: ")[-1].removeprefix("ERROR: ") == f"<input>:{message}"


def test_an_evaluation_ends() -> None:
    rounds = "lists.range(1000)"
    program = ENVIRONMENT.compile(f"{rounds}.all(x, {rounds}.all(y, {rounds}.all(z, x + y + z >= 0)))")
    with pytest.raises(CostExceeded):
        program.evaluate(VALUES, 100_000)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(CompileError, match="recursion limit"):
        ENVIRONMENT.compile("(" * 1000 + "1" + ")" * 1000)
    with pytest.raises(CompileError, match="recursion limit"):
        ENVIRONMENT.compile("1" + " + 1" * 5000)


def test_long_chains_are_fine() -> None:
    assert evaluate(" || ".join(f"a == {number + 6}" for number in range(2000)) + " || true") is True


def test_sets_and_maps_of_schemas_compare_without_order() -> None:
    names = types.list_of(types.STRING)
    names.list_type = "set"
    ports = types.list_of(types.object_of("port", {"name": types.STRING}))
    ports.list_type, ports.map_keys = "map", ("name",)
    environment = Environment({"one": names, "other": names, "ports": ports, "olds": ports})
    values = {"one": ["a", "b"], "other": ["b", "a"], "ports": [{"name": "x"}], "olds": [{"name": "y"}, {"name": "x"}]}
    assert environment.compile("one == other && one + other == one").evaluate(values) is True
    assert environment.compile("ports + olds == olds").evaluate(values) is True
