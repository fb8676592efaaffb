"""The API server in memory: what it stores, and what informers are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from bench.scheduler_perf.api import Api
from bench.scheduler_perf.objects import base_node, base_pod, decode
from bench.scheduler_perf.watch import Selection, Tally
from sched_core import InvalidObjects, Pod
from sched_core.objects.pod import PodCondition
from sched_core.objects.records import AnyObject
from sched_core.scheduler import Binding

NOW = 1_800_000_000 * 10**9
REFUSED = PodCondition(type="PodScheduled", status="False", reason="Unschedulable")


class Informed:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.calls: list[int] = []

    def apply(self, record: AnyObject, now: int) -> None:
        self.apply_many([record], now)

    def apply_many(self, records: Sequence[AnyObject], now: int) -> None:
        self.calls.append(len(records))
        self.told += [f"{type(each).__name__} {each.metadata.name}" for each in records]

    def delete(self, kind: str, key: str, now: int) -> None:
        self.told.append(f"no {kind} {key}")


@pytest.fixture
def api() -> Api:
    return Api(lambda: NOW)


def create(api: Api, name: str = "p", **spec: Any) -> Pod:
    """Create a pod in the namespace ``ns``."""
    pod = base_pod()
    created = api.create(replace(pod, spec=replace(pod.spec, **spec)), "ns", name)
    assert isinstance(created, Pod)
    return created


def bind(api: Api, pod: Pod, node: str = "n") -> str:
    """Bind a pod; return the error."""
    (status,) = api.bind([Binding(pod, node)])
    return status.message


def told(api: Api) -> list[str]:
    informed = Informed()
    api.deliver(informed)
    return informed.told


def test_created_objects_have_names_uids_and_growing_versions(api: Api) -> None:
    first, second = create(api, ""), create(api, "x")
    assert first.metadata.name == "pod-00000"
    assert first.metadata.uid != second.metadata.uid
    assert int(first.metadata.resource_version) < int(second.metadata.resource_version)
    assert (second.metadata.namespace, second.status.phase) == ("ns", "Pending")
    assert told(api) == ["Pod pod-00000", "Pod x"]
    assert told(api) == []


def test_pods_created_together_share_all_but_their_metadata(api: Api) -> None:
    api.create_pods(base_pod(), ["a", "b"], "ns")
    a, b = api.pods["ns/a"], api.pods["ns/b"]
    assert a.spec is b.spec and a.status is b.status and a.metadata is not b.metadata
    informed = Informed()
    assert api.deliver(informed)
    assert informed.calls == [2]
    assert not api.deliver(informed)


def test_changes_are_delivered_in_their_order(api: Api) -> None:
    create(api, "a")
    create(api, "b")
    api.remove("Pod", "ns/a")
    create(api, "c")
    assert told(api) == ["Pod a", "Pod b", "no Pod ns/a", "Pod c"]


def test_what_cannot_be_created_is_refused(api: Api) -> None:
    create(api)
    with pytest.raises(InvalidObjects, match="Pod ns/p: exists already"):
        create(api)
    with pytest.raises(InvalidObjects, match="needs a namespace"):
        api.create(base_pod(), name="p")
    with pytest.raises(InvalidObjects, match="is in no namespace"):
        api.create(base_node(), "ns", "n")


def test_a_gated_pod_has_the_condition_from_the_beginning(api: Api) -> None:
    gated = decode(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "spec": {"schedulingGates": [{"name": "hold"}], "containers": [{"name": "c"}]},
        },
        "Pod",
        "test",
    )
    pod = api.create(gated, "ns", "p")
    assert isinstance(pod, Pod)
    assert [(each.type, each.status, each.reason) for each in pod.status.conditions] == [
        ("PodScheduled", "False", "SchedulingGated")
    ]


def test_binding_sets_node_and_condition_and_ends_the_nomination(api: Api) -> None:
    pod = create(api)
    api.patch_status(pod, REFUSED, "other")
    assert api.pods["ns/p"].status.nominated_node_name == "other"
    assert bind(api, pod) == ""
    stored = api.pods["ns/p"]
    assert stored.spec.node_name == "n"
    assert stored.status.nominated_node_name == ""
    assert [(each.type, each.status) for each in stored.status.conditions] == [("PodScheduled", "True")]
    assert (pod.spec.node_name, api.bound) == ("", 1)


def test_bindings_that_make_no_sense_are_refused(api: Api) -> None:
    pod = create(api)
    assert bind(api, replace(pod, metadata=replace(pod.metadata, uid="other"))) == 'pods "p" not found'
    bind(api, pod)
    assert bind(api, pod) == 'pod p is already assigned to node "n"'
    held = create(api, "held")
    held = api.pods["ns/held"] = replace(held, metadata=replace(held.metadata, finalizers=("x/y",)))
    api.remove("Pod", "ns/held")
    assert "is being deleted" in bind(api, held)
    assert api.bound == 1


def test_a_pod_goes_at_once_unless_it_is_bound_with_a_grace_period(api: Api) -> None:
    create(api, "pending")
    api.remove("Pod", "ns/pending")
    quick, slow = create(api, "quick", termination_grace_period_seconds=0), create(api, "slow")
    for pod in (quick, slow):
        bind(api, pod)
    told(api)
    api.remove("Pod", "ns/quick")
    api.remove("Pod", "ns/slow")
    api.remove("Pod", "ns/slow")
    api.remove("Pod", "ns/gone")
    assert told(api) == ["no Pod ns/quick", "Pod slow"]
    assert list(api.pods) == ["ns/slow"]
    stored = api.pods["ns/slow"].metadata
    assert (stored.deletion_timestamp, stored.deletion_grace_period_seconds) == ("2027-01-15T08:00:30Z", 30)


def test_finalizers_keep_a_pod_with_the_time_of_its_deletion(api: Api) -> None:
    pod = base_pod()
    api.create(replace(pod, metadata=replace(pod.metadata, finalizers=("x/y",))), "ns", "p")
    api.remove("Pod", "ns/p")
    assert api.pods["ns/p"].metadata.deletion_timestamp == "2027-01-15T08:00:00Z"


def test_the_scheduler_evicts_by_uid(api: Api) -> None:
    pod = create(api, termination_grace_period_seconds=0)
    bind(api, pod)
    api.delete(replace(pod, metadata=replace(pod.metadata, uid="other")), None)
    assert list(api.pods) == ["ns/p"]
    told(api)
    api.delete(pod, PodCondition(type="DisruptionTarget", status="True"))
    assert told(api) == ["Pod p", "no Pod ns/p"]
    api.delete(pod, None)
    api.patch_status(pod, REFUSED, None)
    assert told(api) == []


def test_an_update_of_a_node_replaces_it_and_then_its_status(api: Api) -> None:
    node = base_node()
    before = api.create(replace(node, metadata=replace(node.metadata, labels={"old": "1"})), name="n")
    told(api)
    update = replace(node, metadata=replace(node.metadata, name="n", labels={"new": "1"}))
    update = replace(update, status=replace(node.status, allocatable={"cpu": "9"}))
    api.update(update)
    assert told(api) == ["Node n", "Node n"]
    after = api.objects["Node"]["n"]
    assert (after.metadata.labels, after.status.allocatable) == ({"new": "1"}, {"cpu": "9"})
    assert after.metadata.uid == before.metadata.uid


def test_an_update_of_a_pod_changes_labels_tolerations_and_gates_and_clears_its_conditions(api: Api) -> None:
    pod = create(api)
    api.patch_status(pod, REFUSED, None)
    bind(api, pod)
    new = base_pod()
    api.update(replace(new, metadata=replace(new.metadata, name="p", labels={"a": "b"})), "ns")
    after = api.pods["ns/p"]
    assert (after.metadata.labels, after.spec.node_name, after.status.conditions) == ({"a": "b"}, "n", ())
    assert after.metadata.uid == pod.metadata.uid
    with pytest.raises(InvalidObjects, match="may change only tolerations and scheduling gates"):
        priority = replace(new.spec, priority=3)
        api.update(replace(new, metadata=replace(new.metadata, name="p"), spec=priority), "ns")
    with pytest.raises(InvalidObjects, match="Pod ns/gone: does not exist"):
        api.update(replace(new, metadata=replace(new.metadata, name="gone")), "ns")


def test_a_resize_changes_resources_only(api: Api) -> None:
    pod = create(api)
    bind(api, pod)
    new = base_pod()
    container = new.spec.containers[0]
    container.resources = replace(container.resources or pytest.fail(), requests={"cpu": "1m"}, limits={})
    container.image = "other"
    api.update(replace(new, metadata=replace(new.metadata, name="p")), "ns", "resize")
    (resized,) = api.pods["ns/p"].spec.containers
    assert resized.resources is not None and resized.resources.requests == {"cpu": "1m"}
    assert resized.image == pod.spec.containers[0].image
    assert api.pods["ns/p"].spec.node_name == "n"


def test_a_volume_binds_the_claim_that_it_refers_to(api: Api) -> None:
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    api.create(decode(claim, "PersistentVolumeClaim", "test"), "ns", "c")
    volume = {"apiVersion": "v1", "kind": "PersistentVolume", "spec": {"claimRef": {"namespace": "ns", "name": "c"}}}
    stored = api.create(decode(volume, "PersistentVolume", "test"), name="v")
    bound = api.objects["PersistentVolumeClaim"]["ns/c"]
    assert bound.spec.volume_name == "v"
    assert bound.metadata.annotations == {"pv.kubernetes.io/bind-completed": "yes"}
    told(api)
    assert api.write(stored).is_success
    assert told(api) == ["PersistentVolume v"]
    assert not api.write(replace(stored, metadata=replace(stored.metadata, name="gone"))).is_success


def test_tallies_count_scheduled_and_attempted_pods(api: Api) -> None:
    first = create(api, "first")
    everything = Tally(Selection(None, {}), api.pods.values())
    elsewhere = Tally(Selection(["elsewhere"], {}), api.pods.values())
    labelled = Tally(Selection(None, {"a": "b"}), api.pods.values())
    api.watches += [everything, elsewhere, labelled]
    second = create(api, "second", termination_grace_period_seconds=0)
    api.patch_status(first, REFUSED, None)
    assert (everything.scheduled, everything.attempted) == (0, 1)
    bind(api, first)
    bind(api, second)
    assert (everything.scheduled, everything.attempted) == (2, 2)
    api.remove("Pod", "ns/second")
    assert (everything.scheduled, everything.attempted) == (1, 1)
    new = base_pod()
    api.update(replace(new, metadata=replace(new.metadata, name="first", labels={"a": "b"})), "ns")
    assert labelled.scheduled == 1
    assert elsewhere.attempted == 0
