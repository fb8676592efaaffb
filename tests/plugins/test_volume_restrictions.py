"""VolumeRestrictions: disks that are in use, claims for one pod alone, and what preemption changes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from plugins.volume_restrictions import VolumeRestrictions
from sched_core import Code, Pod
from tests.plugins.tiny import Json, node, pod, refusals
from tests.plugins.volumes import World, claim, mounts

DISK = "node(s) had no available disk"
IN_USE = (
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod"
)
ALONE: dict[str, Any] = {"accessModes": ["ReadWriteOncePod"]}


def disk(kind: str, **fields: Any) -> list[Json]:
    return [{"name": "disk", kind: fields}]


def rbd(monitors: list[str], image: str = "i", **fields: Any) -> list[Json]:
    return disk("rbd", monitors=monitors, image=image, **fields)


@pytest.mark.parametrize(
    ("mine", "other", "conflict"),
    [
        (disk("gcePersistentDisk", pdName="d"), disk("gcePersistentDisk", pdName="d"), True),
        (disk("gcePersistentDisk", pdName="d", readOnly=True), disk("gcePersistentDisk", pdName="d"), True),
        (
            disk("gcePersistentDisk", pdName="d", readOnly=True),
            disk("gcePersistentDisk", pdName="d", readOnly=True),
            False,
        ),
        (disk("gcePersistentDisk", pdName="d"), disk("gcePersistentDisk", pdName="e"), False),
        (disk("awsElasticBlockStore", volumeID="v"), disk("awsElasticBlockStore", volumeID="w"), False),
        (
            disk("awsElasticBlockStore", volumeID="v", readOnly=True),
            disk("awsElasticBlockStore", volumeID="v", readOnly=True),
            True,
        ),
        (disk("iscsi", iqn="q", targetPortal="1"), disk("iscsi", iqn="q", targetPortal="2"), True),
        (disk("iscsi", iqn="q", readOnly=True), disk("iscsi", iqn="q", readOnly=True), False),
        (disk("iscsi", iqn="q"), disk("iscsi", iqn="r"), False),
        (rbd(["a", "b"]), rbd(["b", "c"]), True),
        (rbd(["a", "b"]), rbd(["c"]), False),
        (rbd(["a"]), rbd(["a"], "j"), False),
        (rbd(["a"]), rbd(["a"], pool="rbd"), True),
        (rbd(["a"]), rbd(["a"], pool="other"), False),
        (rbd(["a"], readOnly=True), rbd(["a"], readOnly=True), False),
        (rbd(["a"], readOnly=True), rbd(["a"]), True),
        (disk("iscsi", iqn="q"), disk("gcePersistentDisk", pdName="q"), False),
    ],
)
def test_disks(mine: list[Json], other: list[Json], conflict: bool) -> None:
    runs = pod("runs", nodeName="used", volumes=other)
    here = World(VolumeRestrictions(), node("free"), node("used"), runs)
    found = refusals(here.tiny.nodes, here.verdicts(here.info(volumes=mine)))
    assert found == ({"used": ((DISK,), Code.Unschedulable)} if conflict else {})


def test_a_missing_claim_is_named() -> None:
    here = World(VolumeRestrictions(), node("n"))
    status = here.pre_filter(here.info(volumes=mounts("data"))).status
    assert (status.code, status.message) == (
        Code.UnschedulableAndUnresolvable, 'persistentvolumeclaim "data" not found',
    )  # fmt: skip


def test_a_claim_for_one_pod_is_refused_everywhere_while_it_is_used() -> None:
    runs = pod("runs", nodeName="a", volumes=mounts("data"))
    here = World(VolumeRestrictions(), node("a"), node("b"), claim("data", **ALONE), runs)
    found = refusals(here.tiny.nodes, here.verdicts(here.info(volumes=mounts("data"))))
    assert found == dict.fromkeys(("a", "b"), ((IN_USE,), Code.Unschedulable))
    here.cluster.remove_pod("default/runs")
    assert here.pre_filter(here.info(volumes=mounts("data"))).status.is_skip


def test_a_disk_in_use_is_said_before_a_claim_in_use() -> None:
    taken = disk("iscsi", iqn="q") + mounts("data")
    runs = pod("runs", nodeName="a", volumes=taken)
    here = World(VolumeRestrictions(), node("a"), node("b"), claim("data", **ALONE), runs)
    assert here.refused(here.info(volumes=taken)) == {"a": (DISK,), "b": (IN_USE,)}


def test_uses_in_other_namespaces_and_other_access_modes_do_not_count() -> None:
    runs = pod("runs", nodeName="a", volumes=mounts("data"))
    runs["metadata"]["namespace"] = "other"
    shared = pod("shared", nodeName="a", volumes=mounts("many"))
    here = World(VolumeRestrictions(), node("a"), claim("data", **ALONE), claim("many"), runs, shared)
    assert here.pre_filter(here.info(volumes=mounts("data", "many"))).status.is_skip


def test_what_if_counts_claims_by_name_in_every_namespace() -> None:
    runs = pod("runs", nodeName="a", volumes=mounts("data"))
    here = World(VolumeRestrictions(), node("a"), claim("data", **ALONE), runs)
    waiting = here.info(volumes=mounts("data"))
    assert set(here.refused(waiting)) == {"a"}
    stranger = pod("stranger", volumes=mounts("data"))
    stranger["metadata"]["namespace"] = "other"
    other = here.cluster.classes.info(msgspec.convert(stranger, Pod))

    def refused() -> bool:
        return bool(here.plugin.filter(here.state, waiting, here.tiny.nodes).bits.any())

    here.plugin.remove_pod(here.state, waiting, other, 0)
    assert not refused()
    here.plugin.add_pod(here.state, waiting, other, 0)
    assert refused()
    plain = here.info("plain")
    here.plugin.remove_pod(here.state, waiting, plain, 0)
    assert refused()


def test_only_pods_with_disks_or_claims_that_are_missing_or_for_one_pod_are_concerned() -> None:
    alone = claim("alone", "pv", accessModes=["ReadWriteOncePod"])
    here = World(VolumeRestrictions(), node("a"), claim("data", "pv"), alone)
    assert here.plugin.concerns(here.info(volumes=mounts("missing")))
    assert here.plugin.concerns(here.info(volumes=mounts("data", "alone")))
    assert not here.plugin.concerns(here.info(volumes=mounts("data")))
    assert here.plugin.concerns(here.info(volumes=rbd(["a"])))
    assert not here.plugin.concerns(here.info(volumes=[{"name": "v", "emptyDir": {}}]))
