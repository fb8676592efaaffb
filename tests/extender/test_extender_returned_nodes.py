"""Nodes that come back as objects: upstream knows no pods and no images on them and scores them so."""

from __future__ import annotations

from typing import Any

import pytest

from sched_core import Cluster, Engine, NotSupported, load_config, load_documents
from tests.extender.scripted import URL, Json, Scripted, config_of, engine, extender, keep, node, pod, record

ZONE = "topology.kubernetes.io/zone"
IMAGES = {"images": [{"names": ["app:latest"], "sizeBytes": 500 << 20}]}


def nodes() -> list[Json]:
    found = [node("a", **{ZONE: "west"}), node("b", **{ZONE: "east"}), node("c", **{ZONE: "east"})]
    found[0]["status"] |= IMAGES
    return found


def running(name: str, where: str, memory: str = "1Gi") -> Json:
    one = pod(name, nodeName=where, resources={"memory": memory})
    one["metadata"]["labels"] = {"app": "web"}
    return one


def spread(key: str) -> Json:
    selector = {"matchLabels": {"app": "web"}}
    return {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector}


def near(key: str) -> Json:
    term = {"topologyKey": key, "labelSelector": {"matchLabels": {"app": "web"}}}
    weighted = [{"weight": 10, "podAffinityTerm": term}]
    return {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": weighted}}


def raw_scores(objects: list[Json], the_pod: Json, answer: Any = None) -> dict[str, list[int]]:
    script = Scripted({"filter": answer})
    config = config_of(*([extender("filter")] if answer is not None else []))
    decision = engine(objects, config, script).evaluate(record(the_pod))
    assert decision.feasible == ["a", "b", "c"] or answer is not None
    return {name: scores.tolist() for name, scores in decision.raw_scores.items()}


def test_resources_and_images_are_scored_as_if_nothing_ran_and_nothing_was_pulled() -> None:
    busy = [*nodes(), running("x", "a", memory="8Gi"), running("y", "b")]
    returned = raw_scores(busy, pod("p"), keep("a", "b", "c"))
    empty = raw_scores([node("a"), node("b"), node("c")], pod("p"))
    for name in ("NodeResourcesFit", "NodeResourcesBalancedAllocation", "ImageLocality"):
        assert returned[name] == empty[name]
        assert returned[name] != raw_scores(busy, pod("p"))[name]


def test_pods_of_the_cluster_count_in_domains_but_not_on_the_node_itself() -> None:
    busy = [*nodes(), running("x", "a"), running("y", "b"), running("z", "b")]
    by_zone = pod("p", topologySpreadConstraints=[spread(ZONE)], affinity=near(ZONE))
    as_known, returned = raw_scores(busy, by_zone), raw_scores(busy, by_zone, keep("a", "b", "c"))
    for name in ("PodTopologySpread", "InterPodAffinity"):
        assert returned[name] == as_known[name]
        assert len(set(returned[name])) > 1
    by_host = pod("p", topologySpreadConstraints=[spread("kubernetes.io/hostname")])
    assert len(set(raw_scores(busy, by_host)["PodTopologySpread"])) > 1
    assert set(raw_scores(busy, by_host, keep("a", "b", "c"))["PodTopologySpread"]) == {0}


def test_the_cluster_is_as_before_afterwards() -> None:
    script = Scripted({"filter": keep("a", "b")})
    here = engine([*nodes(), running("x", "a")], config_of(extender("filter")), script)
    before = here.cluster.nodes.requested.copy()
    assert here.schedule(record(pod("p"))).node == "a"  # though b is emptier
    assert (here.cluster.nodes.requested - before)[0].tolist() == [1000, 0, 0]
    assert here.cluster.nodes.pod_count.tolist() == [2, 0, 0]


def test_names_keep_what_is_known_of_the_nodes() -> None:
    script = Scripted({"filter": keep("a", "b")})
    here = engine([*nodes(), running("x", "a")], config_of(extender("filter", nodeCacheCapable=True)), script)
    assert here.schedule(record(pod("p"))).node == "b"


def test_the_next_extender_is_asked_about_the_objects_that_the_one_before_returned() -> None:
    def marked(question: Json) -> Json:
        items = question["Nodes"]["items"]
        for item in items:
            item["metadata"]["annotations"] = {"seen": "yes"}
        return {"Nodes": {"items": items, "metadata": {}, "kind": "NodeList", "apiVersion": "v1"}}

    script = Scripted({"filter": marked, "names": keep("b"), "last": keep("b")})
    first, second = extender("filter"), extender("filter", filterVerb="names", nodeCacheCapable=True)
    here = engine(nodes(), config_of(first, second, extender("filter", filterVerb="last")), script)
    assert here.evaluate(record(pod("p"))).node == "b"
    (item,) = script.asked[2][1]["Nodes"]["items"]
    assert item["metadata"]["annotations"] == {"seen": "yes"}


def test_amounts_may_be_written_in_another_way() -> None:
    def rewritten(question: Json) -> Json:
        for item in question["Nodes"]["items"]:
            item["status"]["allocatable"] = {"cpu": "4000m", "memory": "16384Mi", "pods": "110"}
            item["Spec"] = {"unknown": 1}
        return {"Nodes": question["Nodes"]}

    decision = engine(nodes(), config_of(extender("filter")), Scripted({"filter": rewritten})).evaluate(
        record(pod("p"))
    )
    assert decision.node == "a"


@pytest.mark.parametrize(
    ("part", "changed"),
    [
        ("metadata", {"labels": {"new": "1"}}),
        ("spec", {"taints": [{"key": "k", "effect": "PreferNoSchedule"}]}),
        ("status", {"allocatable": {"cpu": "5"}}),
        ("status", {"allocatable": {"cpu": "a lot"}}),
    ],
)
def test_a_node_that_comes_back_with_other_content_is_refused_by_name(part: str, changed: Json) -> None:
    def answer(question: Json) -> Json:
        question["Nodes"]["items"][1].setdefault(part, {}).update(changed)
        return {"Nodes": question["Nodes"]}

    here = engine(nodes(), config_of(extender("filter")), Scripted({"filter": answer}))
    text = "^pod default/p: an extender returned node b with other labels, taints or resources$"
    with pytest.raises(NotSupported, match=text):
        here.evaluate(record(pod("p")))


def test_a_node_that_is_not_in_the_cluster_is_an_error() -> None:
    answer = {"Nodes": {"items": [{"metadata": {"name": "ghost"}}]}}
    decision = engine(nodes(), config_of(extender("filter")), Scripted({"filter": answer})).evaluate(record(pod("p")))
    expected = f'extender "{URL}/" claims a filtered node "ghost" which is not found in the input node list'
    assert decision.message == expected


def test_nodes_without_an_object_are_made_up_from_their_columns() -> None:
    from bench.workloads.nodes import synthetic_nodes

    script = Scripted({"filter": lambda question: {"Nodes": question["Nodes"]}})
    cluster = Cluster.from_array(synthetic_nodes(4, 2, 0))
    here = Engine(cluster, load_config(config_of(extender("filter"))), speed="cycle", extenders=script.connect)
    assert here.evaluate(record(pod("p"))).node is not None
    asked = load_documents([item for _, question in script.asked for item in question["Nodes"]["items"]]).nodes
    again = Cluster.from_objects(load_documents(script.asked[0][1]["Nodes"]["items"]))
    assert [each.metadata.name for each in asked] == list(cluster.nodes.names)
    for name in ("allocatable", "allowed_pods", "unschedulable"):
        assert (getattr(again.nodes, name) == getattr(cluster.nodes, name)).all()
    assert [again.nodes.labels_of(row) for row in range(4)] == [cluster.nodes.labels_of(row) for row in range(4)]
