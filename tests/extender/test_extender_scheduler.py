"""Extenders under the scheduler: they bind in place of the API client, and what they reject waits for any event."""

from __future__ import annotations

from sched_core import Scheduler, load_config
from tests.extender.scripted import Scripted, config_of, extender, keep
from tests.scheduler.api import SECOND, Api, node, pod


def scheduler(script: Scripted, verbs: str) -> tuple[Scheduler, Api]:
    api = Api()
    config = load_config(config_of(extender(verbs, nodeCacheCapable=True)))
    told = Scheduler(api, config, extenders=script.connect)
    told.apply(node("a"), 0)
    return told, api


def test_an_extender_binds_and_the_client_is_not_asked() -> None:
    script = Scripted({"bind": {}})
    told, api = scheduler(script, "bind")
    api.change(pod("p"))
    api.echo(told, 0)
    assert told.run(0) == 1
    expected = {"PodName": "p", "PodNamespace": "default", "PodUID": "uid-p", "Node": "a"}
    assert script.asked == [("bind", expected)]
    assert api.said("bind") == []
    assert api.notes("Scheduled") == ["Successfully assigned default/p to a"]


def test_a_binding_that_an_extender_refuses_frees_the_node() -> None:
    script = Scripted({"bind": {"Error": "taken"}})
    told, api = scheduler(script, "bind")
    api.change(pod("p"))
    api.echo(told, 0)
    told.run(0)
    assert api.notes("FailedScheduling") == ["taken"]
    assert told.cluster.nodes.pod_count.tolist() == [0]


def test_a_pod_that_an_extender_rejects_is_tried_again_after_any_event() -> None:
    script = Scripted({"filter": {"FailedNodes": {"a": "busy"}}})
    told, api = scheduler(script, "filter")
    api.change(pod("p"))
    api.echo(told, 0)
    assert told.run(0) == 1
    api.echo(told, 0)
    assert told.run(5 * SECOND) == 1  # the change of its own status is an event too
    assert api.echo(told, 5 * SECOND) == 0
    assert told.run(15 * SECOND) == 0  # nothing has happened
    script.answers["filter"] = keep("a")
    told.apply(node("a", cpu="3"), 20 * SECOND)  # less than before: none of the plugins would look again
    assert told.run(20 * SECOND) == 1
    assert api.said("bind") == [("p", "a")]
