"""Columns that cannot be, and plugins that do not keep to what they have said of theirs."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import numpy as np
import pytest

from sched_core import Column, Engine, Plugin, PluginError, PodInfo, Status, unschedulable
from tests.engine.devices import PARTS, Columns, Devices, DevicesInPython, config, free, machine, taken, user
from tests.engine.worlds import cluster_of, node_record, records

CONFIG = config("Devices")


# What is refused ------------------------------------------------------------------------------------------------------


def owning(**columns: Any) -> type[Plugin]:
    return type("Bad", (Columns,), {"node_columns": (), "pod_columns": (), "placed_columns": (), **columns})


REFUSED: dict[str, tuple[type[Plugin], str]] = {
    "a name of everybody's": (owning(node_columns=(Column("requested"),)), "every node has one of this name"),
    "a name of the table": (owning(placed_columns=(Column("node_of"),)), "every node has one of this name"),
    "twice": (owning(node_columns=(Column("x"),), pod_columns=(Column("x"),)), "Bad has one of this name"),
    "no identifier": (owning(node_columns=(Column("a b"),)), "its name is no identifier"),
    "no numbers": (owning(node_columns=(Column("x", str),)), "is no type of numbers"),
    "no type": (owning(node_columns=(Column("x", "?!"),)), "is no type of numbers"),
    "no shape": (owning(node_columns=(Column("x", np.int64, (0,)),)), "is no shape"),
    "no column": (owning(node_columns=("x",)), "is no Column"),
    "half": (
        type("Bad", (Columns,), {"reserve_row": staticmethod(Devices.reserve_row)}),
        "unreserve_row: it is missing",
    ),
    "both": (type("Bad", (Devices, DevicesInPython), {}), "one of them is enough"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_column_is_refused(case: str) -> None:
    plugin, text = REFUSED[case]
    with pytest.raises(PluginError, match=f"plugin Bad, .*{text}"):
        Engine(cluster_of([machine("a", 1000, 1, 0)]), config("Bad"), plugins={"Bad": plugin})


def test_a_column_has_one_owner() -> None:
    plugins = {"Devices": Devices, "Other": type("Other", (Columns,), {})}
    with pytest.raises(PluginError, match="column device_free: Devices has one of this name"):
        Engine(cluster_of([machine("a", 1000, 1, 0)]), config("Devices", "Other"), plugins=plugins)


def writes_a_filter_reads(pod: Any, node: Any, args: Any) -> Any:
    node.device_pods += 1
    return 0


def writes_what_is_everybodys(pod: Any, node: Any, args: Any) -> Any:
    node.pod_count += 1


def reads_what_is_remembered(pod: Any, node: Any, args: Any) -> Any:
    return pod.device_taken


def forgets_when_it_leaves(pod: Any, node: Any, args: Any) -> Any:
    pod.device_taken = 0


def has_too_many_indices(pod: Any, node: Any, args: Any) -> Any:
    return node.device_free[0, 1]


def writes_all_at_once(pod: Any, node: Any, args: Any) -> Any:
    node.device_free = 0


FORBIDDEN = {
    writes_a_filter_reads: ("filter_row", "node.device_pods cannot be written in"),
    writes_what_is_everybodys: ("reserve_row", "node.pod_count cannot be written in"),
    reads_what_is_remembered: ("score_row", "a pod row has no column device_taken"),
    forgets_when_it_leaves: ("unreserve_row", "pod.device_taken cannot be written in"),
    has_too_many_indices: ("filter_row", "node.device_free has 1 indices, not 2"),
    writes_all_at_once: ("reserve_row", "node.device_free is a vector"),
}


@pytest.mark.parametrize("function", FORBIDDEN, ids=lambda function: function.__name__)
def test_row_functions_write_what_is_theirs_where_placements_change_it(function: Any) -> None:
    method, text = FORBIDDEN[function]
    renamed = FunctionType(function.__code__, function.__globals__, method)
    bad = type("Devices", (Devices,), {method: staticmethod(renamed)})
    with pytest.raises(PluginError, match=text):
        Engine(cluster_of([machine("a", 1000, 1, 0)]), CONFIG, plugins={"Devices": bad})


# What fails -----------------------------------------------------------------------------------------------------------


BAD_NODES: dict[str, tuple[Any, str]] = {
    "raises": (lambda self, node: 1 // 0, "ZeroDivisionError"),
    "shape": (lambda self, node: {"device_free": [1, 2]}, r"column device_free: it is of shape \(2,\), not \(3,\)"),
    "type": (lambda self, node: {"device_pods": 1.5}, "column device_pods: it is of type float64, not int64"),
    "size": (lambda self, node: {"device_free": [2**40, 0, 0]}, "is not within int32"),
    "name": (lambda self, node: {"other": 1}, "no column other was declared"),
    "nothing": (lambda self, node: None, "TypeError"),
}


@pytest.mark.parametrize("case", BAD_NODES)
def test_a_node_that_cannot_be_filled_is_named(case: str) -> None:
    """An engine on such a node is refused; where the node comes later, pods wait with the error until it is right."""
    fill, text = BAD_NODES[case]
    bad = type("Devices", (Devices,), {"fill_node": fill})
    with pytest.raises(PluginError, match=f"plugin Devices, fill_node, node a: .*{text}"):
        Engine(cluster_of([machine("a", 1000, 1, 0)]), CONFIG, plugins={"Devices": bad})

    late = type(
        "Devices",
        (Devices,),
        {"fill_node": lambda self, node: (fill if "bad" in node.metadata.labels else Devices.fill_node)(self, node)},
    )
    engine = Engine(cluster_of([machine("a", 1000, 1, 0)]), CONFIG, plugins={"Devices": late})
    engine.cluster.add_node(node_record(machine("b", 1000, 1, 1, bad="x")))
    batch = engine.schedule_many(records([user("p", 100, 0)]), explain=False)
    assert batch.failures[0].error and batch.failures[0].message.startswith("plugin Devices, fill_node, node b: ")
    decision = engine.evaluate(records([user("p", 100, 0)])[0])
    assert decision.fault is not None
    assert (decision.fault.plugin, decision.fault.pod, decision.fault.node) == ("Devices", "default/p", "b")
    engine.cluster.add_node(node_record(machine("b", 1000, 1, 1)))
    assert engine.schedule(records([user("p", 100, 0)])[0]).node == "a"


def test_a_pod_that_cannot_be_filled_is_not_placed() -> None:
    engine = Engine(cluster_of([machine("a", 1000, 1, 0)]), CONFIG, plugins={"Devices": Devices})
    bad, good, worse = (user(name, 100, 0) for name in ("bad", "good", "worse"))
    for one in (bad, worse):
        one["metadata"]["annotations"][PARTS] = "many"
    batch = engine.schedule_many(records([bad, good, worse]), explain=False)
    assert batch.node_of.tolist() == [-1, 0, -1]
    assert set(batch.failures) == {0, 2}
    assert batch.failures[0].message.startswith("plugin Devices, fill_pod, pod default/bad: invalid literal")
    assert free(engine.cluster) == {"a": ([1000, -1, -1], 1)}


def test_a_plugin_that_raises_while_a_pod_comes_leaves_nothing_behind() -> None:
    class Breaks(DevicesInPython):
        def reserve_pod(self, pod: PodInfo, node: Any, placed: Any) -> None:
            super().reserve_pod(pod, node, placed)
            if "bad" in pod.key:
                raise RuntimeError("boom")

    engine = Engine(cluster_of([machine("a", 1000, 1, 0)]), CONFIG, plugins={"Devices": Breaks})
    batch = engine.schedule_many(records([user("bad", 100, 300), user("good", 100, 400)]))
    text = "plugin Devices, reserve_pod, pod default/bad, node a: RuntimeError: boom"
    assert batch.node_of.tolist() == [-1, 0] and batch.failures[0].message == text
    assert free(engine.cluster) == {"a": ([600, -1, -1], 1)} and taken(engine.cluster) == {"default/good": ("a", 0)}
    outside = user("bad-2", 100, 100)
    outside["spec"]["nodeName"] = "a"
    engine.cluster.add_pods(records([outside]))  # it is there, whatever the plugin says: the node's columns are unknown
    assert "bad-2" in engine.evaluate(records([user("p", 100, 0)])[0]).message


def test_reserve_that_refuses_gives_devices_back() -> None:
    class Refuses(Plugin):
        def reserve(self, state: Any, pod: PodInfo, node_name: str) -> Status:
            return unschedulable("not today")

        def unreserve(self, state: Any, pod: PodInfo, node_name: str) -> None:
            return None

    plugins = {"Devices": Devices, "Refuses": Refuses}
    engine = Engine(cluster_of([machine("a", 1000, 1, 0)]), config("Devices", "Refuses"), plugins=plugins)
    assert engine.schedule(records([user("p", 100, 300)])[0]).node is None
    assert free(engine.cluster) == {"a": ([1000, -1, -1], 0)} and taken(engine.cluster) == {}


RANKS: dict[str, tuple[Any, str]] = {
    "raises": (lambda self, nodes: 1 // 0, "ZeroDivisionError"),
    "shape": (lambda self, nodes: np.zeros(5, np.int64), r"int64 of shape \(5,\), not integers of shape \(1,\)"),
    "type": (lambda self, nodes: np.zeros(1), r"float64 of shape \(1,\)"),
}


@pytest.mark.parametrize("case", RANKS)
def test_ranks_that_make_no_sense_are_refused(case: str) -> None:
    rank, text = RANKS[case]
    bad = type("Devices", (Devices,), {"rank_nodes": rank})
    with pytest.raises(PluginError, match=f"plugin Devices, rank_nodes: .*{text}"):
        Engine(cluster_of([machine("a", 1000, 1, 0)]), CONFIG, plugins={"Devices": bad})


def test_one_plugin_ranks() -> None:
    ranking = type("Second", (Plugin,), {"rank_nodes": Devices.rank_nodes, "score": lambda self, *given: None})
    with pytest.raises(PluginError, match="plugin Second, rank_nodes: Devices ranks the nodes already"):
        Engine(
            cluster_of([machine("a", 1000, 1, 0)]), config("Devices", "Second"),
            plugins={"Devices": Devices, "Second": ranking},
        )  # fmt: skip
