"""Plugins that break their contract: the attempt ends with an error that names the plugin, and leaves no trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sched_core import (
    SKIP,
    SUCCESS,
    Code,
    CycleState,
    Decision,
    Engine,
    NodeColumns,
    Plugin,
    PluginError,
    PodInfo,
    PreFilterResult,
    Speed,
    Status,
    Verdicts,
    error,
    load_config,
    unschedulable,
)
from tests.engine.worlds import Json, cluster_of, node, places, pod, records, usage

CALLS: list[str] = []
"""What the plugins of this module were called for, in order."""


class Recording(Plugin):
    """A plugin that notes the calls of the binding cycle and agrees."""

    def reserve(self, state: CycleState, pod: PodInfo, node_name: str) -> Status:
        return self.called("reserve")

    def unreserve(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        self.called("unreserve")

    def permit(self, state: CycleState, pod: PodInfo, node_name: str) -> tuple[Status, float]:
        return self.called("permit"), 0.0

    def pre_bind(self, state: CycleState, pod: PodInfo, node_name: str) -> Status:
        return self.called("pre_bind")

    def bind(self, state: CycleState, pod: PodInfo, node_name: str) -> Status:
        return self.called("bind")

    def post_bind(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        self.called("post_bind")

    def called(self, point: str) -> Status:
        CALLS.append(f"{self.name}.{point}")
        return SKIP if point == "bind" else SUCCESS


class First(Recording):
    """Comes before the plugin that breaks."""


class Last(Recording):
    """Comes behind it."""


def config(*names: str) -> Json:
    enabled = [{"name": "PrioritySort"}, *({"name": name, "weight": 1} for name in names), {"name": "DefaultBinder"}]
    plugins = {"multiPoint": {"disabled": [{"name": "*"}], "enabled": enabled}}
    header = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
    return {**header, "percentageOfNodesToScore": 100, "profiles": [{"plugins": plugins}]}


def engine_with(breaks: type[Plugin], *more: str, speed: Speed = "auto", nodes: int = 3) -> Engine:
    cluster = cluster_of([node(f"n{number}") for number in range(nodes)])
    classes: dict[str, type[Plugin]] = {"First": First, "Breaks": breaks, "Last": Last}
    return Engine(cluster, load_config(config("First", "Breaks", "Last", *more)), speed=speed, plugins=classes)


def attempt(engine: Engine) -> Decision:
    """Schedule a pod that cannot be placed and check that the attempt leaves no trace, in a batch neither."""
    CALLS.clear()
    before = usage(engine.cluster)
    decision = engine.schedule(records([pod("web", {"cpu": "1"})])[0])
    assert (decision.row, decision.node, decision.placed_as) == (-1, None, -1)
    assert usage(engine.cluster) == before and places(engine.cluster) == {}
    calls = list(CALLS)
    batch = engine.schedule_many(records([pod("web-1", {"cpu": "1"}), pod("web-2", {"cpu": "1"})]))
    assert batch.node_of.tolist() == [-1, -1]
    assert [(each.message, each.error) for each in batch.failures.values()] == [
        (decision.message, decision.status.code == Code.Error)
    ] * 2
    assert usage(engine.cluster) == before and places(engine.cluster) == {}
    CALLS[:] = calls
    return decision


def raising(*points: str) -> type[Plugin]:
    """Return a plugin class that raises in some methods."""

    def method(self: Plugin, *arguments: Any) -> Any:
        raise ValueError("boom")

    return type("Breaks", (Plugin,), dict.fromkeys(points, method))


DECIDING = {
    "pre_filter": 'running PreFilter plugin "Breaks": boom',
    "filter": 'running "Breaks" filter plugin: boom',
    "pre_score": 'running PreScore plugin "Breaks": boom',
    "score": 'running Score plugins: plugin "Breaks" failed with: boom',
}


@pytest.mark.parametrize("point", DECIDING)
def test_what_raises_before_a_node_is_chosen_ends_the_attempt(point: str) -> None:
    methods = [point, "score"] if point == "pre_score" else [point]
    decision = attempt(engine_with(raising(*methods)))
    assert decision.status.code == Code.Error
    assert decision.message == DECIDING[point]
    assert CALLS == []


def test_what_raises_in_normalize_score_ends_the_attempt() -> None:
    class Breaks(Plugin):
        def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Any:
            return np.arange(nodes.count)

        def normalize_score(self, state: CycleState, pod: PodInfo, scores: Any) -> Any:
            raise ValueError("boom")

    message = 'running Normalize on Score plugins: plugin "Breaks" failed with: boom'
    assert attempt(engine_with(Breaks)).message == message


def test_what_raises_in_post_filter_ends_the_attempt() -> None:
    class Breaks(Plugin):
        def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
            return Verdicts.refuse(np.ones(nodes.count, np.bool_), "never")

        def post_filter(self, *arguments: Any) -> Any:
            raise ValueError("boom")

    decision = attempt(engine_with(Breaks))
    assert decision.message == 'running PostFilter plugin "Breaks": boom' and decision.status.code == Code.Error


def test_what_raises_in_pre_enqueue_keeps_the_pod_out_of_the_queue() -> None:
    engine = engine_with(raising("pre_enqueue"))
    batch = engine.schedule_many(records([pod("web"), pod("web-1")]))
    assert batch.node_of.tolist() == [-1, -1]
    for failure in batch.failures.values():
        assert failure.error and "Breaks" in failure.message and "boom" in failure.message


def test_an_exception_without_a_text_is_told_by_its_type() -> None:
    class Breaks(Plugin):
        def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Any:
            raise ZeroDivisionError

    message = 'running Score plugins: plugin "Breaks" failed with: ZeroDivisionError'
    assert attempt(engine_with(Breaks)).message == message


# The binding cycle ----------------------------------------------------------------------------------------------------

BINDING = {
    "reserve": ("Reserve", ["First.reserve"]),
    "permit": ("Permit", ["First.reserve", "Last.reserve", "First.permit"]),
    "pre_bind": ("PreBind", [f"{name}.{point}" for point in ("reserve", "permit") for name in ("First", "Last")]),
    "bind": ("Bind", [f"{name}.{point}" for point in ("reserve", "permit", "pre_bind") for name in ("First", "Last")]),
}
BINDING["pre_bind"][1].append("First.pre_bind")
BINDING["bind"][1].append("First.bind")


@pytest.mark.parametrize("point", BINDING)
def test_what_raises_behind_the_choice_takes_everything_back(point: str) -> None:
    """All plugins with Reserve are asked to undo it, the last one first, as upstream does."""
    name, before = BINDING[point]
    decision = attempt(engine_with(raising(point)))
    assert decision.status.code == Code.Error
    assert decision.message == f'running {name} plugin "Breaks": boom'
    assert [*before, "Last.unreserve", "First.unreserve"] == CALLS


@pytest.mark.parametrize("point", BINDING)
def test_an_error_behind_the_choice_takes_everything_back(point: str) -> None:
    name, before = BINDING[point]
    breaks = type(
        "Breaks", (Plugin,), {point: lambda *_: (error("no luck"), 0.0) if point == "permit" else error("no luck")}
    )
    decision = attempt(engine_with(breaks))
    assert decision.status.code == Code.Error
    assert decision.message == f'running {name} plugin "Breaks": no luck'
    assert [*before, "Last.unreserve", "First.unreserve"] == CALLS


@pytest.mark.parametrize("point", BINDING)
def test_a_refusal_behind_the_choice_takes_everything_back(point: str) -> None:
    answer: Any = unschedulable("not today")
    breaks = type("Breaks", (Plugin,), {point: lambda *_: (answer, 0.0) if point == "permit" else answer})
    decision = attempt(engine_with(breaks))
    assert decision.status == Status(Code.Unschedulable, ("not today",), "Breaks")
    assert decision.message == "0/1 nodes are available: 1 not today."
    assert [*BINDING[point][1], "Last.unreserve", "First.unreserve"] == CALLS


def test_a_plugin_that_wants_to_wait_is_refused_by_name() -> None:
    breaks = type("Breaks", (Plugin,), {"permit": lambda *_: (Status(Code.Wait), 10.0)})
    decision = attempt(engine_with(breaks))
    assert decision.status.code == Code.Error
    assert decision.message.startswith('running Permit plugin "Breaks": ') and "wait" in decision.message
    assert CALLS[-2:] == ["Last.unreserve", "First.unreserve"]


@pytest.mark.parametrize("point", ["reserve", "permit", "pre_bind", "bind", "pre_filter", "pre_score", "post_filter"])
def test_an_answer_that_is_no_status_is_an_error(point: str) -> None:
    methods: dict[str, Any] = {point: lambda *_: None}
    if point == "pre_score":
        methods["score"] = lambda self, state, pod, nodes: np.zeros(nodes.count, np.int64)
    if point == "post_filter":
        methods["filter"] = lambda self, state, pod, nodes: Verdicts.refuse(np.ones(nodes.count, np.bool_), "never")
    decision = attempt(engine_with(type("Breaks", (Plugin,), methods)))
    assert decision.status.code == Code.Error and '"Breaks"' in decision.message


def test_unreserve_that_raises_does_not_keep_the_others_from_it() -> None:
    decision = attempt(engine_with(raising("reserve", "unreserve")))
    assert decision.status.code == Code.Error
    assert decision.message.startswith('running Reserve plugin "Breaks": boom')
    assert CALLS == ["First.reserve", "Last.unreserve", "First.unreserve"]


def test_post_bind_that_raises_is_named_and_the_pod_stays_where_it_is() -> None:
    engine = engine_with(raising("post_bind"))
    with pytest.raises(PluginError) as caught:
        engine.schedule(records([pod("web")])[0])
    reason = caught.value
    assert (reason.plugin, reason.extension_point, reason.pod, reason.node) == (
        "Breaks",
        "postBind",
        "default/web",
        "n0",
    )
    assert places(engine.cluster) == {"default/web": "n0"}


def test_all_points_of_the_binding_cycle_run_in_order() -> None:
    CALLS.clear()
    engine = engine_with(type("Breaks", (Plugin,), {"reserve": lambda *_: SUCCESS}))
    batch = engine.schedule_many(records([pod("web")]))
    assert batch.node_of.tolist() == [0] and batch.speed_used == {"cycle": 1}
    points = ["reserve", "permit", "pre_bind", "bind", "post_bind"]
    assert [f"{name}.{point}" for point in points for name in ("First", "Last")] == CALLS


# Scores ---------------------------------------------------------------------------------------------------------------


def scoring(answer: Any, normalized: Any = None) -> type[Plugin]:
    """Return a plugin that scores ``answer(nodes)``, and normalises to ``normalized(scores)``."""
    methods: dict[str, Any] = {"score": lambda self, state, pod, nodes: answer(nodes)}
    if normalized is not None:
        methods["normalize_score"] = lambda self, state, pod, scores: normalized(scores)
    return type("Breaks", (Plugin,), methods)


FAILED = 'running Score plugins: plugin "Breaks" failed with: it returned '
NORMALIZING = 'running Normalize on Score plugins: plugin "Breaks" failed with: it returned '
INVALID = 'plugin "Breaks" returns an invalid score {}, it should in the range of [0, 100] after normalizing'

BAD_SCORES = {
    "too high": (scoring(lambda nodes: np.full(nodes.count, 101)), INVALID.format(101)),
    "too low": (scoring(lambda nodes: np.full(nodes.count, -1)), INVALID.format(-1)),
    "only the last": (scoring(lambda nodes: np.arange(nodes.count) * 51), INVALID.format(102)),
    "not a number": (scoring(lambda nodes: np.full(nodes.count, np.nan)), FAILED),
    "infinite": (scoring(lambda nodes: np.full(nodes.count, np.inf)), FAILED),
    "too short": (scoring(lambda nodes: np.zeros(nodes.count - 1)), FAILED + "scores of shape (2,), not (3,)"),
    "a number": (scoring(lambda nodes: 5), FAILED + "scores of shape (), not (3,)"),
    "nothing": (scoring(lambda nodes: None), FAILED),
    "text": (scoring(lambda nodes: np.array(["5"] * nodes.count)), FAILED),
    "normalized too high": (scoring(lambda n: np.zeros(n.count), lambda scores: scores + 101), INVALID.format(101)),
    "normalized too low": (scoring(lambda n: np.zeros(n.count), lambda scores: scores - 1), INVALID.format(-1)),
    "normalized too long": (scoring(lambda n: np.zeros(n.count), lambda scores: np.zeros(9)), NORMALIZING),
    "normalized to no number": (scoring(lambda n: np.zeros(n.count), lambda scores: scores * np.nan), NORMALIZING),
    "normalized to nothing": (scoring(lambda n: np.zeros(n.count), lambda scores: None), NORMALIZING),
}


@pytest.mark.parametrize("case", BAD_SCORES)
def test_scores_that_make_no_sense(case: str) -> None:
    breaks, message = BAD_SCORES[case]
    decision = attempt(engine_with(breaks))
    assert decision.status.code == Code.Error
    assert decision.message.startswith(message)
    assert CALLS == []


def test_fractions_are_cut_off() -> None:
    """Scores are int64 upstream: what a plugin gives as a fraction is truncated before the weight, also normalised."""
    halves = scoring(lambda nodes: np.array([1.9, 1.0, 0.5]), lambda scores: scores / 2)
    decision = engine_with(halves).evaluate(records([pod("web")])[0])
    assert decision.raw_scores["Breaks"].tolist() == [1, 1, 0]
    assert decision.scores["Breaks"].tolist() == [0, 0, 0]
    assert decision.total.tolist() == [0, 0, 0]


def test_a_single_node_is_not_scored() -> None:
    """Upstream takes the only feasible node without asking for scores, so a bad one does no harm."""
    engine = engine_with(BAD_SCORES["too high"][0], nodes=1)
    assert engine.schedule(records([pod("web")])[0]).node == "n0"


@pytest.mark.parametrize("bits", [np.zeros(2, np.int64), np.int64(0)])
def test_a_filter_for_other_nodes(bits: Any) -> None:
    breaks = type("Breaks", (Plugin,), {"filter": lambda *_: Verdicts(bits, ("never",))})
    message = 'running "Breaks" filter plugin: it returned no Verdicts for 3 rows'
    assert attempt(engine_with(breaks)).message == message


def test_a_pre_filter_that_fails_or_refuses() -> None:
    answers = {
        error("no luck"): ('running PreFilter plugin "Breaks": no luck', Code.Error),
        unschedulable("not today"): ("0/3 nodes are available: not today.", Code.Unschedulable),
    }
    for status, (message, code) in answers.items():
        answer = PreFilterResult(status)
        decision = attempt(engine_with(type("Breaks", (Plugin,), {"pre_filter": lambda *_, answer=answer: answer})))
        assert (decision.message, decision.status.code) == (message, code)
