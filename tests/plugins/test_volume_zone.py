"""VolumeZone: what PreFilter refuses, and how labels of volumes and nodes are compared."""

from __future__ import annotations

import pytest

from plugins.volume_zone import VolumeZone
from sched_core import Code, CycleState
from tests.plugins.tiny import Json, node, refusals
from tests.plugins.volumes import ZONE, World, claim, mounts, storage, storage_class, volume

REGION = "topology.kubernetes.io/region"
BETA_ZONE, BETA_REGION = "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region"
REASON = "node(s) had no available volume zone"


def world(labels: dict[str, str], *nodes: dict[str, str]) -> World:
    """Return a cluster with a bound volume that has labels, and nodes named by their position."""
    bound = [claim("data", "pv"), volume("pv", meta={"labels": labels}, phase="Bound")]
    return World(VolumeZone(), *bound, *(node(str(number), labels=each) for number, each in enumerate(nodes)))


@pytest.mark.parametrize(
    ("objects", "text"),
    [
        ([claim("")], "PersistentVolumeClaim had no name"),
        ([], 'persistentvolumeclaim "data" not found'),
        ([claim("data", storageClassName=None)], "PersistentVolumeClaim had no pv name and storageClass name"),
        ([claim("data")], 'storageclass.storage.k8s.io "late" not found'),
        (
            [claim("data"), storage("StorageClass", "late", provisioner="x")],
            'VolumeBindingMode not set for StorageClass "late"',
        ),
        ([claim("data"), storage_class(mode="Immediate")], "PersistentVolume had no name"),
        ([claim("data", "ghost")], 'persistentvolume "ghost" not found'),
    ],
)
def test_pre_filter_refuses(objects: list[Json], text: str) -> None:
    named = "data"
    if objects and not objects[0]["metadata"]["name"]:
        objects, named = [], ""
    here = World(VolumeZone(), *objects, node("n"))
    pod = here.info(volumes=mounts(named))
    status = here.pre_filter(pod).status
    assert (status.code, status.message) == (Code.UnschedulableAndUnresolvable, text)
    alone = here.plugin.filter(CycleState(), pod, here.tiny.nodes)  # a profile without the PreFilter
    assert refusals(here.tiny.nodes, alone) == {"n": ((text,), Code.UnschedulableAndUnresolvable)}


def test_claims_that_wait_and_volumes_without_zones_are_skipped() -> None:
    here = World(
        VolumeZone(), claim("waits"), storage_class(), claim("bound", "pv"), volume("pv", meta={"labels": {"a": "b"}}),
    )  # fmt: skip
    assert here.pre_filter(here.info(volumes=mounts("waits", "bound"))).status.is_skip
    assert here.pre_filter(here.info()).status.is_skip


def test_nodes_need_one_of_the_zones_unless_they_have_no_zones_at_all() -> None:
    here = world({ZONE: "a__b"}, {ZONE: "a"}, {ZONE: "b"}, {ZONE: "c"}, {}, {REGION: "r"}, {BETA_ZONE: "a"})
    verdicts = here.verdicts(here.info(volumes=mounts("data")))
    refusal = ((REASON,), Code.UnschedulableAndUnresolvable)
    assert refusals(here.tiny.nodes, verdicts) == {"2": refusal, "4": refusal, "5": refusal}


def test_a_beta_label_of_a_volume_is_met_by_the_general_one_of_a_node() -> None:
    here = world({BETA_ZONE: "a", BETA_REGION: "r"}, {BETA_ZONE: "a", BETA_REGION: "r"}, {ZONE: "a", REGION: "r"},
                 {BETA_ZONE: "b", ZONE: "a", REGION: "r"}, {ZONE: "a", REGION: "s"}, {ZONE: "a"})  # fmt: skip
    assert set(here.refused(here.info(volumes=mounts("data")))) == {"2", "3", "4"}


@pytest.mark.parametrize("value", ["", "a__", "a__ __b"])
def test_a_label_with_an_empty_zone_is_ignored(value: str) -> None:
    here = world({ZONE: value}, {ZONE: "c"})
    assert here.pre_filter(here.info(volumes=mounts("data"))).status.is_skip


def test_zones_are_trimmed() -> None:
    here = world({ZONE: "a __ b"}, {ZONE: "b"}, {ZONE: "c"})
    assert set(here.refused(here.info(volumes=mounts("data")))) == {"1"}


def test_only_pods_with_zones_or_without_an_answer_are_concerned() -> None:
    here = world({})
    assert here.plugin.concerns(here.info(volumes=mounts("missing")))
    assert not here.plugin.concerns(here.info(volumes=mounts("data")))
    assert world({ZONE: "a"}).plugin.concerns(here.info(volumes=mounts("data")))
    assert not here.plugin.concerns(here.info(volumes=[{"name": "v", "ephemeral": {"volumeClaimTemplate": {}}}]))
    assert not here.plugin.concerns(here.info())
