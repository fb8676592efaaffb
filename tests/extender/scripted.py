"""An extender in memory: it answers what a test says and remembers what it was asked. And engines that have some."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from sched_core import Cluster, Engine, Extender, Pod, Speed, Transport, load_config, load_documents

Json = dict[str, Any]
Answer = Any
"""JSON, bytes as they are, an error to raise, or a function of the question that returns one of them."""

URL = "http://extender.test"


class Scripted:
    """Transports that answer by verb; ``asked`` has (verb, question) of each call."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = dict(answers)
        self.asked: list[tuple[str, Any]] = []
        self.timeouts: list[float] = []

    def connect(self, config: Extender) -> Transport:
        return self.transport

    def transport(self, url: str, body: bytes, timeout_s: float) -> bytes:
        verb = url.removeprefix(f"{URL}/")
        question = msgspec.json.decode(body)
        self.asked.append((verb, question))
        self.timeouts.append(timeout_s)
        answer = self.answers[verb]
        if callable(answer):
            answer = answer(question)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, bytes) else msgspec.json.encode(answer)

    def verbs(self) -> list[str]:
        return [verb for verb, _ in self.asked]


def extender(verbs: str, **fields: Any) -> Json:
    """Return the configuration of an extender; its verbs have the names of their fields (``filterVerb: filter``)."""
    named = {f"{verb}Verb": fields.pop(f"{verb}Verb", verb) for verb in verbs.split()}
    weight = {"weight": 1} if "prioritize" in verbs else {}
    return {"urlPrefix": f"{URL}/", **weight, **named, **fields}


def config_of(*extenders: Json, **fields: Any) -> Json:
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "percentageOfNodesToScore": 100,
        "extenders": list(extenders),
        **fields,
    }


def node(name: str, cpu: str = "4", **labels: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **labels}},
        "status": {"allocatable": {"cpu": cpu, "memory": "16Gi", "pods": "110"}},
    }


def pod(name: str, cpu: str = "1", resources: Json | None = None, uid: str = "", **spec: Any) -> Json:
    amounts = {"cpu": cpu, "memory": "1Gi", **(resources or {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": uid},
        "spec": {"containers": [{"name": "main", "image": "app", "resources": {"requests": amounts}}], **spec},
    }


def record(one: Json) -> Pod:
    return load_documents([one]).pods[0]


def engine(objects: Sequence[Json], config: Json, script: Scripted, speed: Speed = "cycle") -> Engine:
    cluster = Cluster.from_objects(load_documents(objects))
    return Engine(cluster, load_config(config), speed=speed, extenders=script.connect)


def keep(*names: str) -> Callable[[Json], Json]:
    """Return an answer to filter that keeps some nodes, in this order, in the form in which it was asked."""

    def answer(question: Json) -> Json:
        if question["NodeNames"] is not None:
            return {"NodeNames": list(names)}
        items = {item["metadata"]["name"]: item for item in question["Nodes"]["items"]}
        return {"Nodes": {"items": [items[name] for name in names]}}

    return answer
