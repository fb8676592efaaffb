"""ZoneStickiness: where the pods of an application run, and both forms."""

from __future__ import annotations

import numpy as np

from plugins.examples.zone_stickiness import ZONE, ZoneStickiness
from sched_core import NO_TERMS
from tests.plugins.examples.alone import engine_of, scores, waiting
from tests.plugins.tiny import Json, Tiny, node, pod

WEB = {"app": "web"}


def running(name: str, where: str, labels: Json, namespace: str = "default") -> Json:
    one = pod(name, nodeName=where)
    one["metadata"] |= {"labels": labels, "namespace": namespace}
    return one


def world() -> Tiny:
    nodes = [node(name, labels={ZONE: name[0]}) for name in ("a1", "a2", "b1", "c1")]
    pods = [
        ("p1", "a1", WEB),
        ("p2", "a2", WEB),
        ("p3", "b1", WEB),
        ("p4", "c1", {"app": "db"}),
        ("p5", "nowhere", WEB),
    ]
    others = [running("p6", "c1", WEB, namespace="other")]
    return Tiny(*nodes, node("nowhere"), *(running(*each) for each in pods), *others)


def test_pods_go_where_their_application_is() -> None:
    engine = engine_of(world(), ZoneStickiness)
    assert scores(engine, waiting(labels=WEB)) == {"a1": 100, "a2": 100, "b1": 50, "c1": 0, "nowhere": 0}
    assert set(scores(engine, waiting()).values()) == {0}


def test_the_label_is_an_argument() -> None:
    engine = engine_of(world(), ZoneStickiness, {"label": "team"})
    assert set(scores(engine, waiting(labels=WEB)).values()) == {0}


def test_the_domain_form_says_the_same() -> None:
    engine = engine_of(world(), ZoneStickiness)
    (profile,) = engine.profiles.values()
    (plugin,) = profile.points["score"]
    assert isinstance(plugin, ZoneStickiness)
    nodes, kinds = engine.cluster.nodes, engine.cluster.kinds
    kinds.of()  # learns of the pods that there are
    info = engine.cluster.classes.info(waiting(labels=WEB))
    ((tally, domains, *_),) = plugin.domain_terms(info, nodes).scores
    assert plugin.domain_terms(info, nodes) is plugin.domain_terms(info, nodes)
    heavy, weights = tally.weigh(0, len(kinds))
    assert weights.tolist() == [1] * len(heavy) and len(heavy) > 0
    assert all(kinds.pods[kind].metadata.labels == WEB for kind in heavy.tolist())
    assert domains.size == 3 and np.unique(domains.of).tolist() == [0, 1, 2, 3]
    plain = engine.cluster.classes.info(waiting("plain"))
    assert plugin.domain_terms(plain, nodes) is NO_TERMS
