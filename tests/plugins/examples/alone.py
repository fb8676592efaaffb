"""An engine that decides by one example, and by how much fits."""

from __future__ import annotations

from typing import Any

import msgspec

from sched_core import Engine, Plugin, Pod, Speed, load_config
from tests.plugins.tiny import Json, Tiny, pod

HEADER = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}


def engine_of(tiny: Tiny, plugin: type[Plugin], args: Json | None = None, speed: Speed = "cycle") -> Engine:
    """Return an engine in which the plugin alone scores, beside what NodeResourcesFit filters."""
    enabled = [{"name": name} for name in ("PrioritySort", "DefaultBinder", "NodeResourcesFit", plugin.name)]
    plugins = {
        "multiPoint": {"disabled": [{"name": "*"}], "enabled": enabled},
        "score": {"disabled": [{"name": "*"}], "enabled": [{"name": plugin.name}]},
    }
    config = [{"name": plugin.name, "args": args}] if args is not None else []
    profile = {"plugins": plugins, "pluginConfig": config}
    read = load_config(HEADER | {"percentageOfNodesToScore": 100, "profiles": [profile]})
    return Engine(tiny.cluster, read, speed=speed, plugins={plugin.name: plugin})


def scores(engine: Engine, waiting: Pod) -> dict[str, int]:
    """Return the score of each node that would do, after normalisation."""
    decision = engine.evaluate(waiting)
    (found,) = decision.scores.values()
    return dict(zip(decision.feasible, found.tolist(), strict=True))


def waiting(name: str = "web", labels: dict[str, str] | None = None, **more: Any) -> Pod:
    """Return a pending pod; arguments as of `pod`."""
    record = pod(name, **more)
    record["metadata"]["labels"] = labels or {}
    return msgspec.convert(record, Pod)
