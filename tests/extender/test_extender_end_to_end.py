"""Engine and command against extenders that really speak HTTP: here one that lets one pod on a node."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from cluster_shim.extender import connect
from sched_core import Cluster, Engine, load_config, load_documents
from tests.bench.command import PROGRAM
from tests.extender.scripted import Json, config_of, extender, node, pod, record
from tests.extender.servers import CERTIFICATES, Server, server_tls, serving


class OnePodANode:
    """An extender that lets one pod on each node, prefers the last letter, and binds by itself."""

    def __init__(self) -> None:
        self.bound: dict[str, str] = {}

    def respond(self, path: str, question: Json) -> Any:
        match path:
            case "/v1/filter":
                taken = [name for name in question["NodeNames"] if name in self.bound.values()]
                left = [name for name in question["NodeNames"] if name not in taken]
                return {"NodeNames": left, "FailedNodes": dict.fromkeys(taken, "node(s) were taken")}
            case "/v1/prioritize":
                return [{"Host": name, "Score": "abc".index(name)} for name in question["NodeNames"]]
            case "/v1/bind":
                self.bound[question["PodName"]] = question["Node"]
                return {}
        return 404, b""


def configured(server: Server, **fields: Any) -> Json:
    return config_of(
        extender("filter prioritize bind", urlPrefix=f"{server.url()}/v1", nodeCacheCapable=True, **fields)
    )


def test_an_engine_decides_with_an_extender_over_one_connection() -> None:
    shop = OnePodANode()
    with serving(shop.respond) as server:
        cluster = Cluster.from_objects(load_documents([node("a"), node("b"), node("c")]))
        engine = Engine(cluster, load_config(configured(server)), extenders=connect)
        batch = engine.schedule_many([record(pod(name)) for name in ("p", "q", "r", "s")])
        assert server.connections == 1
    assert shop.bound == {"p": "c", "q": "b", "r": "a"}
    assert [cluster.nodes.names[row] for row in batch.node_of[:3]] == ["c", "b", "a"]
    assert batch.failures[3].message.startswith("0/3 nodes are available: 3 node(s) were taken. ")


def test_an_extender_that_goes_away_fails_pods_and_one_that_comes_back_does_not() -> None:
    shop = OnePodANode()
    cluster = Cluster.from_objects(load_documents([node("a"), node("b")]))
    with serving(shop.respond) as server:
        engine = Engine(cluster, load_config(configured(server)), extenders=connect)
        assert engine.schedule(record(pod("p"))).node == "b"
    failed = engine.schedule(record(pod("q")))
    assert failed.message.endswith("connect: connection refused")
    assert cluster.nodes.pod_count.tolist() == [0, 1]


def test_a_hanging_extender_costs_its_timeout_and_no_more() -> None:
    def hang(path: str, question: Json) -> Any:
        return shop.respond(path, question) if over.wait(20) else None

    over, shop = threading.Event(), OnePodANode()
    with serving(hang) as server:
        cluster = Cluster.from_objects(load_documents([node("a")]))
        ignorable = configured(server, httpTimeout="50ms", ignorable=True)
        assert Engine(cluster, load_config(ignorable), extenders=connect).schedule(record(pod("p"))).node == "a"
        engine = Engine(cluster, load_config(configured(server, httpTimeout="50ms")), extenders=connect)
        assert "context deadline exceeded" in engine.schedule(record(pod("q"))).message
        over.set()


OBJECTS = """
apiVersion: v1
kind: Node
metadata: {name: a}
status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}
---
apiVersion: v1
kind: Node
metadata: {name: b}
status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {containers: [{name: main, image: app, resources: {requests: {cpu: "1"}}}]}
"""


@pytest.mark.parametrize("answers", [True, False], ids=["works", "fails"])
def test_the_command_calls_the_extenders_of_a_profile(tmp_path: Path, answers: bool) -> None:
    shop = OnePodANode()
    (tmp_path / "cluster.yaml").write_text(OBJECTS, encoding="utf-8")
    respond = shop.respond if answers else lambda path, question: (500, b"")
    with serving(respond, server_tls()) as server:
        profile = f"""
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
extenders:
  - urlPrefix: {server.url("https")}/v1
    filterVerb: filter
    bindVerb: bind
    nodeCacheCapable: true
    enableHTTPS: true
    tlsConfig: {{caFile: {CERTIFICATES / "authority.pem"}, serverName: extender.test}}
"""
        (tmp_path / "profile.yaml").write_text(profile, encoding="utf-8")
        arguments = ["bench", "scheduling", "--from", "cluster.yaml", "--profile", "profile.yaml"]
        command = [sys.executable, "-c", PROGRAM, *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
        url = f"{server.url('https')}/v1/filter"
    assert done.returncode == 0, done.stderr
    if answers:
        assert shop.bound == {"p": "a"}
    else:
        assert f"failed filter with extender at URL {url}, code 500" in " ".join(done.stdout.split())
