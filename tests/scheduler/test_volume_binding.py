"""VolumeBinding through the scheduler: a pod is bound once its claims are. The tests play the volume controller.

node a, zone a ── volume pv, zone a (1Gi)
node b, zone b ── no volume
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sched_core import (
    SUCCESS,
    ObjectReference,
    PersistentVolume,
    PersistentVolumeClaim,
    Scheduler,
    Status,
    error,
    load_documents,
    replaced,
)
from tests.plugins.tiny import Json
from tests.plugins.volumes import BOUND, ZONE, claim, mounts, storage_class, volume
from tests.scheduler.api import SECOND, Api, config, node, pod

SELECTED = "volume.kubernetes.io/selected-node"
PREFIX = 'running PreBind plugin "VolumeBinding": '
DRIVER = "disk.example.com"


class Storage(Api):
    """An API server with volumes and claims; ``failing`` says what becomes of writing an object (by name)."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, Any] = {}
        self.failing: dict[str, str] = {}
        self.news: list[Any] = []

    def write(self, record: Any) -> Status:
        name = record.metadata.name
        self.calls.append(("write", name))
        if name in self.failing:
            return error(self.failing[name])
        self.put(record)
        return SUCCESS

    def put(self, record: Any) -> None:
        """Take a new or changed object."""
        self.version += 1
        stored = replaced(record, metadata=replaced(record.metadata, resource_version=str(self.version)))
        self.objects[record.metadata.name] = stored
        self.news.append(stored)

    def bind_claim(self, name: str, volume_name: str = "pv") -> None:
        """Bind a claim to a volume, as the controller does."""
        found: PersistentVolumeClaim = self.objects[name]
        meta = replaced(found.metadata, annotations=found.metadata.annotations | BOUND)
        self.put(replaced(found, metadata=meta, spec=replaced(found.spec, volume_name=volume_name)))

    def annotate(self, name: str, annotations: dict[str, str]) -> None:
        """Give an object other annotations."""
        found = self.objects[name]
        self.put(replaced(found, metadata=replaced(found.metadata, annotations=annotations)))

    def tell(self, scheduler: Scheduler, now: int) -> None:
        """Report the objects that have changed, then the pods."""
        news, self.news = self.news, []
        scheduler.apply_many(news, now)
        self.echo(scheduler, now)


def world(*objects: Json, timeout: int = 600, **pods: tuple[str, ...]) -> tuple[Scheduler, Storage]:
    """Return a scheduler with objects that has tried pods with these claims at the time 0."""
    api = Storage()
    args = {"name": "VolumeBinding", "args": {"bindTimeoutSeconds": timeout}}
    profile = {"schedulerName": "default-scheduler", "pluginConfig": [args]}
    scheduler = Scheduler(api, config(profiles=[profile]))
    scheduler.apply_many([node(name, labels={ZONE: name}) for name in "ab"], 0)
    for records in load_documents(objects, source="test").others.values():
        for record in records:
            api.put(record)
    api.tell(scheduler, 0)
    for name, claims in pods.items():
        api.create(scheduler, pod(name, volumes=mounts(*claims)))
    scheduler.run(0)
    return scheduler, api


def static(timeout: int = 600) -> tuple[Scheduler, Storage]:
    """Return a world where ``pv`` is there for the claim of ``p``."""
    return world(storage_class(), claim("data"), volume("pv", zone="a"), timeout=timeout, p=("data",))


def dynamic() -> tuple[Scheduler, Storage]:
    """Return a world where a volume is to be made for the claim of ``p``."""
    return world(storage_class(provisioner=DRIVER), claim("data"), p=("data",))


def volume_of(scheduler: Scheduler, name: str = "pv") -> PersistentVolume:
    found = scheduler.cluster.others["PersistentVolume"][name]
    assert isinstance(found, PersistentVolume)
    return found


def test_a_pod_is_bound_when_the_controller_has_bound_its_claim() -> None:
    scheduler, api = static()
    assert api.calls == [("patch", "p", None, "a"), ("write", "pv")]
    written: PersistentVolume = api.objects["pv"]
    assert written.metadata.annotations == {"pv.kubernetes.io/bound-by-controller": "yes"}
    assert written.spec.claim_ref is not None and written.spec.claim_ref.uid == "uid-data"
    api.tell(scheduler, SECOND // 2)
    api.bind_claim("data")
    api.tell(scheduler, 3 * SECOND // 4)
    assert api.said("bind") == [] and scheduler.next_due == SECOND
    scheduler.run(SECOND)
    assert api.said("bind") == [("p", "a")] and scheduler.next_due is None


def test_it_looks_once_a_second_whatever_happens() -> None:
    scheduler, api = static()
    scheduler.run(5 * SECOND // 2)
    api.bind_claim("data")
    api.tell(scheduler, 5 * SECOND // 2 + 1)
    assert api.said("bind") == [] and scheduler.next_due == 3 * SECOND
    scheduler.run(3 * SECOND)
    assert api.said("bind") == [("p", "a")]


def test_a_claim_is_provisioned_on_the_selected_node() -> None:
    scheduler, api = dynamic()
    assert api.said("write") == [("data",)]
    selected = api.objects["data"].metadata.annotations[SELECTED]
    api.tell(scheduler, 1)
    scheduler.run(SECOND)
    [made] = load_documents([volume("made", zone=selected)], source="test").others["PersistentVolume"]
    api.bind_claim("data", "made")
    api.tell(scheduler, SECOND + 1)
    scheduler.run(2 * SECOND)
    assert api.said("bind") == []  # the volume is not reported yet
    api.put(made)
    api.tell(scheduler, 2 * SECOND + 1)
    scheduler.run(3 * SECOND)
    assert api.said("bind") == [("p", selected)]


def test_what_was_bound_before_the_attempt_is_not_asked_about() -> None:
    _, api = world(storage_class(), claim("data", "pv"), volume("pv"), p=("data",))
    assert [verb for verb, *_ in api.calls] == ["bind"]


def test_a_volume_set_aside_in_every_respect_is_written_as_it_is() -> None:
    ref = {"namespace": "default", "name": "data", "uid": "uid-data"}
    scheduler, api = world(storage_class(), claim("data"), volume("pv", zone="a", claimRef=ref), p=("data",))
    api.news.clear()  # nothing has changed, so nothing is reported
    api.bind_claim("data")
    api.tell(scheduler, 1)
    scheduler.run(SECOND)
    assert api.said("bind") == [("p", "a")] and volume_of(scheduler).metadata.annotations == {}


def test_time_is_up() -> None:
    scheduler, api = static(timeout=3)
    api.tell(scheduler, 1)
    for second in (1, 2):
        scheduler.run(second * SECOND)
        assert api.notes("FailedScheduling") == []
    scheduler.run(3 * SECOND)
    assert api.notes("FailedScheduling") == [f"{PREFIX}binding volumes: context deadline exceeded"]
    assert [info.key for info in scheduler.queue.backoff_q.pod_error_backoff_q.list()] == ["default/p"]


def test_no_time_at_all() -> None:
    _, api = static(timeout=0)
    assert api.notes("FailedScheduling")[0] == f"{PREFIX}binding volumes: context deadline exceeded"


def test_a_write_that_fails_gives_everything_back() -> None:
    scheduler, api = world(
        storage_class(provisioner=DRIVER), claim("data"), claim("more", size="2Gi"), volume("pv", zone="a")
    )
    api.failing["more"] = 'Operation cannot be fulfilled on persistentvolumeclaims "more"'
    api.create(scheduler, pod("p", volumes=mounts("data", "more"), nodeSelector={ZONE: "a"}))
    scheduler.run(0)
    assert api.said("write") == [("pv",), ("more",)]
    assert api.notes("FailedScheduling") == [f"{PREFIX}{api.failing['more']}"]
    claims = scheduler.cluster.others["PersistentVolumeClaim"]
    assert SELECTED not in claims["default/more"].metadata.annotations
    assert volume_of(scheduler).spec.claim_ref is None  # as reported; that it was written comes later
    api.tell(scheduler, 1)
    assert volume_of(scheduler).spec.claim_ref is not None


def gone(api: Storage, scheduler: Scheduler) -> None:
    api.remove(api.pods["default/p"])


def drop(kind: str, key: str) -> Callable[[Storage, Scheduler], None]:
    return lambda api, scheduler: scheduler.delete(kind, key, 2)


def moved(api: Storage, scheduler: Scheduler) -> None:
    scheduler.apply(node("a", labels={ZONE: "b"}), 2)


def reset(api: Storage, scheduler: Scheduler) -> None:
    found: PersistentVolume = api.objects["pv"]
    ref = ObjectReference(namespace="default", name="data")
    api.put(replaced(found, spec=replaced(found.spec, claim_ref=ref)))


@pytest.mark.parametrize(
    ("happens", "text"),
    [
        (gone, 'pod does not exist any more: pod "p" not found'),
        (drop("Node", "a"), 'failed to get node "a": node "a" not found'),
        (drop("PersistentVolume", "pv"), 'failed to check binding: could not find v1.PersistentVolume "pv"'),
        (
            drop("PersistentVolumeClaim", "default/data"),
            'failed to check binding: could not find v1.PersistentVolumeClaim "default/data"',
        ),
        (moved, 'pv "pv" node affinity doesn\'t match node "a": no matching NodeSelectorTerms'),
        (reset, 'ClaimRef got reset for pv "pv"'),
    ],
)
def test_binding_fails_when(happens: Callable[[Storage, Scheduler], None], text: str) -> None:
    scheduler, api = static()
    api.tell(scheduler, 1)
    happens(api, scheduler)
    api.tell(scheduler, 2)
    scheduler.run(SECOND)
    assert api.notes("FailedScheduling")[0] == f"{PREFIX}binding volumes: {text}"
    assert api.said("bind") == [] and scheduler.cluster.nodes.pod_count.sum() == 0
    assert ("pv" in scheduler.cluster.others["PersistentVolume"]) == ("v1.PersistentVolume " not in text)


@pytest.mark.parametrize(
    ("annotations", "text"),
    [
        ({}, 'selectedNode annotation reset for PVC "data"'),
        ({"other": "x"}, 'provisioning failed for PVC "data"'),
        ({SELECTED: "elsewhere"}, 'provisioning failed for PVC "data"'),
    ],
)
def test_provisioning_fails_when_the_node_is_taken_back(annotations: dict[str, str], text: str) -> None:
    scheduler, api = dynamic()
    api.tell(scheduler, 1)
    api.annotate("data", annotations)
    api.tell(scheduler, 2)
    scheduler.run(SECOND)
    assert api.notes("FailedScheduling")[0] == f"{PREFIX}binding volumes: {text}"


def test_provisioning_fails_when_the_claim_is_gone() -> None:
    scheduler, api = dynamic()
    scheduler.delete("PersistentVolumeClaim", "default/data", 1)
    scheduler.run(SECOND)
    text = 'failed to check provisioning pvc: could not find v1.PersistentVolumeClaim "default/data"'
    assert api.notes("FailedScheduling")[0] == f"{PREFIX}binding volumes: {text}"


def test_two_pods_that_wait_are_bound_each_when_its_own_claim_is() -> None:
    scheduler, api = world(
        storage_class(), claim("one"), claim("two"), volume("pv", zone="a"), volume("pv2", zone="b"),
        p=("one",), q=("two",),
    )  # fmt: skip
    assert sorted(api.said("write")) == [("pv",), ("pv2",)]
    of = {api.objects[name].spec.claim_ref.name: name for name in ("pv", "pv2")}
    api.bind_claim("two", of["two"])
    api.tell(scheduler, 1)
    scheduler.run(SECOND)
    assert [name for name, _ in api.said("bind")] == ["q"]
    api.bind_claim("one", of["one"])
    api.tell(scheduler, SECOND + 1)
    scheduler.run(2 * SECOND)
    assert [name for name, _ in api.said("bind")] == ["q", "p"]


def test_the_last_volume_goes_to_one_pod_and_the_other_waits_for_it() -> None:
    scheduler, api = world(
        storage_class(), claim("one"), claim("two"), volume("pv", zone="a"), timeout=2, p=("one",), q=("two",)
    )
    assert len(api.said("write")) == 1
    assert "didn't find available persistent volumes to bind" in api.notes("FailedScheduling")[0]
    assert len(scheduler.queue.unschedulable_pods) == 1
