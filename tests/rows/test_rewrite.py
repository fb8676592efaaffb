"""Row functions as source text: what is allowed, what is refused in which words, and that names never clash."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from sched_core import Engine, Plugin, PluginError, kernel, load_config, percent, quotient
from sched_core.rows.layout import Layout
from sched_core.rows.rewrite import rewrite
from sched_core.rows.table import VECTORS
from tests.engine.worlds import COMPILING, cluster_of, node, pod, records

WIDTHS = dict.fromkeys(VECTORS, 4)
FACTOR = 3
RATIO = 0.25
TABLE = np.array([5, 7, 11], np.int64)
FREE: Any = None


@kernel(inline=True)
def twice(number: Any) -> Any:
    return 2 * number


def helped(number: int) -> int:
    return number


def rewritten(function: Callable[..., Any], args: Mapping[str, Any] | None = None, *, in_float: bool = False) -> Any:
    return rewrite("Own", function, args or {}, WIDTHS, in_float=in_float)


# What is refused ------------------------------------------------------------------------------------------------------


def no_such_pod_column(pod: Any, node: Any, args: Any) -> Any:
    return pod.cpu


def no_such_node_column(pod: Any, node: Any, args: Any) -> Any:
    return node.labels[0]


def a_vector_as_a_number(pod: Any, node: Any, args: Any) -> Any:
    return node.requested + 1


def a_number_as_a_vector(pod: Any, node: Any, args: Any) -> Any:
    return node.pod_count[0]


def no_such_argument(pod: Any, node: Any, args: Any) -> Any:
    return args.limit + len(args.others)


def no_such_name(pod: Any, node: Any, args: Any) -> Any:
    return undefined_anywhere(3)  # type: ignore[name-defined] # noqa: F821


def a_row_as_a_whole(pod: Any, node: Any, args: Any) -> Any:
    return twice(node)


def other_parameters(p: Any, n: Any, a: Any) -> Any:
    return n.pod_count


def normalize_row(score: Any, most: Any) -> Any:
    return score


a_lambda = lambda pod, node, args: 0  # noqa: E731

REFUSED = {
    no_such_pod_column: "a pod row has no column cpu; it has requests, usage, score_requests, nonzero_usage,",
    no_such_node_column: "a node row has no column labels; it has allocatable, requested, nonzero_requested,",
    a_vector_as_a_number: "node.requested is a vector: write node.requested[...]",
    a_number_as_a_vector: "node.pod_count is one number, it has no [...]",
    no_such_argument: "row_args gave no limit; it gave nothing",
    no_such_name: "unknown name undefined_anywhere",
    a_row_as_a_whole: "node cannot be used as a whole: write node.<column>",
}


@pytest.mark.parametrize("function", REFUSED, ids=lambda function: function.__name__)
def test_what_breaks_the_rules_is_refused_with_its_place(function: Callable[..., Any]) -> None:
    with pytest.raises(PluginError) as caught:
        rewritten(function)
    assert (caught.value.plugin, caught.value.extension_point) == ("Own", function.__name__)
    line = function.__code__.co_firstlineno + 1
    assert caught.value.reason.startswith(f"{__file__}:{line}: {REFUSED[function]}")
    assert str(caught.value).startswith(f"plugin Own, {function.__name__}: ")


def test_an_argument_that_is_missing_among_others() -> None:
    with pytest.raises(PluginError, match=re.escape("row_args gave no limit; it gave first, second")):
        rewritten(no_such_argument, {"first": 1, "second": 2})


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (other_parameters, "its parameters must be pod, node, args, not p, n, a"),
        (normalize_row, "its parameters must be score, lowest, highest, not score, most"),
        (a_lambda, "a row function must be a plain `def`, not a lambda"),
        (len, "the source of the row function cannot be read: "),
    ],
)
def test_what_is_no_row_function(function: Callable[..., Any], reason: str) -> None:
    with pytest.raises(PluginError) as caught:
        rewritten(function)
    assert caught.value.reason.startswith(reason)


def config(*names: str) -> Any:
    enabled = [{"name": name} for name in ("PrioritySort", "DefaultBinder", *names)]
    profile = {"plugins": {"multiPoint": {"disabled": [{"name": "*"}], "enabled": enabled}}}
    header = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
    return load_config({**header, "percentageOfNodesToScore": 100, "profiles": [profile]})


def row_plugin(function: Callable[..., Any], **more: Any) -> type[Plugin]:
    return type("Own", (Plugin,), {"score_row": staticmethod(function), **more})


def raises_it(pod: Any, node: Any, args: Any) -> Any:
    raise ValueError("no")


@pytest.mark.parametrize("function", [*REFUSED, other_parameters, raises_it], ids=lambda function: function.__name__)
def test_an_engine_refuses_it_before_the_first_pod(function: Callable[..., Any]) -> None:
    with pytest.raises(PluginError, match="plugin Own, "):
        Engine(cluster_of([node("a")]), config("Own"), plugins={"Own": row_plugin(function)})


# What numba refuses: the pods stay without a node and the plugin is named ---------------------------------------------


def calls_plain_python(pod: Any, node: Any, args: Any) -> Any:
    return helped(3)


def returns_text(pod: Any, node: Any, args: Any) -> Any:
    return "high"


@pytest.mark.skipif(not COMPILING, reason="nothing is compiled")
@pytest.mark.parametrize(
    ("function", "speed"),
    [(calls_plain_python, "cycle"), (returns_text, "cycle"), (returns_text, "incremental")],
)
def test_what_cannot_be_compiled_names_the_plugin(function: Callable[..., Any], speed: Any) -> None:
    engine = Engine(
        cluster_of([node("a"), node("b")]), config("Own"), speed=speed, plugins={"Own": row_plugin(function)}
    )
    batch = engine.schedule_many(records([pod("p"), pod("q")]))
    assert batch.node_of.tolist() == [-1, -1]
    for failure in batch.failures.values():
        assert failure.error and "Own" in failure.message
    assert engine.cluster.nodes.pods.count == 0 and not engine.cluster.nodes.pod_count.any()


# What is allowed ------------------------------------------------------------------------------------------------------


def scores(function: Callable[..., Any], **more: Any) -> list[int]:
    """Return what a row function gives the two nodes, through an engine: n0 has a pod, n1 none."""
    objects = [node("n0"), node("n1", cpu="8"), pod("old", {"cpu": "1", "memory": "1Gi"}, nodeName="n0")]
    engine = Engine(cluster_of(objects), config("Own"), plugins={"Own": row_plugin(function, **more)})
    decision = engine.evaluate(records([pod("p", {"cpu": "500m"}, priority=7)])[0])
    return [int(score) for score in decision.raw_scores["Own"]]


def names_of_ones_own(pod: Any, node: Any, args: Any) -> Any:
    i = 5
    c = 2
    n = 1
    row = node.pod_count * 3
    nodes = node.allocatable[0] // 1000
    pods = 4
    out = 0
    first, last, total = 0, 0, 0
    for e in range(len(node.requested)):
        out += node.requested[e] // 1000 if e == 0 else 0
    return i + c + n + row + nodes + pods + out + first + last + total


def names_like_columns(pod: Any, node: Any, args: Any) -> Any:
    node_pod_count = 10
    pod_requests = 20
    node_requested = node.requested[0] // 1000
    return node.pod_count + node_pod_count + pod_requests + node_requested + pod.requests[0] // 500


def constants_of_the_module(pod: Any, node: Any, args: Any) -> Any:
    return twice(FACTOR) + int(RATIO * 8) + TABLE[2] * node.pod_count + TABLE[0]


def loops_and_conditions(pod: Any, node: Any, args: Any) -> Any:
    """Use much of what Python has."""
    total = 0
    r = 0
    while r < len(pod.requests):
        if pod.requests[r] > 0:
            total += quotient(pod.requests[r], 100)
        elif node.requested[r] > 0 and not node.pod_count < 1:
            total += 1
        r += 1
    low, high = min(total, 3), max(total, 3)
    return np.floor(abs(low - high) / 1.0) + pod.priority


def arguments(pod: Any, node: Any, args: Any) -> Any:
    total = 0
    for k in range(len(args.rows)):
        total += args.weights[k] * (1 if node.allocatable[args.rows[k]] > args.limit else 0)
    return total + args.whole + args.flag + int(args.ratio * 4) + (50 if args.bounds[1] > 1e300 else 0)


ARGS = {
    "rows": np.array([0, 1]),
    "weights": [1, 2],
    "limit": 5000,
    "whole": np.int64(3),
    "flag": True,
    "ratio": np.float64(0.5),
    "bounds": np.array([-np.inf, np.inf]),
}


def an_own_column_as_a_whole(pod: Any, node: Any, args: Any) -> Any:
    return max(node.free) + max(pod.wanted)


def test_an_own_column_of_a_row_may_be_taken_as_a_whole() -> None:
    """As an array, for helper functions; the numbers of a node lie on the first axis, those of a pod on the last."""
    layout = Layout({"free": (2,)}, {"wanted": (3,)}, {}, {})
    found = rewrite("Own", an_own_column_as_a_whole, {}, {}, in_float=True, layout=layout)
    assert "max(stowage_node_free[:, stowage_row]) + max(stowage_pod_wanted[stowage_class, :])" in found.source


def test_local_variables_may_have_any_name() -> None:
    assert scores(names_of_ones_own) == [5 + 2 + 1 + 3 + 4 + 4 + 1, 5 + 2 + 1 + 0 + 8 + 4 + 0]


def test_local_variables_may_be_called_like_columns() -> None:
    assert scores(names_like_columns) == [1 + 10 + 20 + 1 + 1, 0 + 10 + 20 + 0 + 1]


def test_constants_and_helpers_of_the_module() -> None:
    assert scores(constants_of_the_module) == [6 + 2 + 11 + 5, 6 + 2 + 0 + 5]


def test_loops_and_conditions() -> None:
    assert scores(loops_and_conditions) == [3 + 7, 2 + 7]


def test_arguments_of_every_kind() -> None:
    given = {"row_args": lambda self, nodes: ARGS}
    assert scores(arguments, **given) == [2 + 3 + 1 + 2 + 50, 3 + 3 + 1 + 2 + 50]


def test_the_name_of_a_plugin_may_be_any_text() -> None:
    engine = Engine(
        cluster_of([node("a"), node("b")]),
        config("example.com/my-plugin", "example_com_my_plugin"),
        plugins={
            "example.com/my-plugin": row_plugin(names_of_ones_own),
            "example_com_my_plugin": row_plugin(loops_and_conditions),
        },
    )
    decision = engine.evaluate(records([pod("p")])[0])
    assert decision.raw_scores["example.com/my-plugin"].tolist() == [16, 16]
    assert decision.raw_scores["example_com_my_plugin"].tolist() == [3, 3]


def test_numbers_are_floats_in_batches_and_bits_are_not() -> None:
    def both(pod: Any, node: Any, args: Any) -> Any:
        return percent(node.requested[1], node.allocatable[1]) | (pod.port_bits[0] & node.used_ports[0])

    source = rewritten(both, in_float=True).source
    assert "float(stowage_node_requested[1, " in source and "float(stowage_pod_port_bits" not in source
    assert "float(" not in rewritten(both).source
