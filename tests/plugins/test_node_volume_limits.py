"""NodeVolumeLimits: which volumes count, each of them once, and what cannot be counted."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.node_volume_limits import NodeVolumeLimits
from sched_core import Code
from tests.plugins.tiny import Json, node, pod, refusals
from tests.plugins.volumes import World, claim, mounts, storage, storage_class, volume

REASON = "node(s) exceed max volume count"
DRIVER = "csi.example.com"
SCRATCH = [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}}]


def csi_node(name: str, **limits: int | None) -> Json:
    """Return a CSINode with drivers, their dots written as ``_``; None is a driver without a limit."""
    drivers: list[Json] = []
    for driver, count in limits.items():
        drivers.append({"name": driver.replace("_", "."), "nodeID": name})
        if count is not None:
            drivers[-1]["allocatable"] = {"count": count}
    return storage("CSINode", name, spec={"drivers": drivers})


def csi(name: str, handle: str = "", driver: str = DRIVER) -> list[Json]:
    """Return a claim that is bound to a volume of a driver."""
    return [claim(name, f"pv-{name}"), volume(f"pv-{name}", csi={"driver": driver, "volumeHandle": handle or name})]


def runs(name: str, where: str, *claims: str, **spec: Any) -> Json:
    return pod(name, nodeName=where, volumes=mounts(*claims), **spec)


def attached(name: str, where: str, volume_name: str | None, attacher: str = DRIVER) -> Json:
    source = {"persistentVolumeName": volume_name} if volume_name else {}
    return storage("VolumeAttachment", name, spec={"attacher": attacher, "nodeName": where, "source": source})


def world(*objects: Any) -> World:
    flat = [each for group in objects for each in (group if isinstance(group, list) else [group])]
    return World(NodeVolumeLimits(), *flat)


def test_nodes_refuse_more_volumes_of_a_driver_than_they_can_attach() -> None:
    here = world(
        [node(name) for name in ("full", "room", "none", "open")], csi("a"), csi("b"), csi("c"),
        csi_node("full", csi_example_com=1), csi_node("room", csi_example_com=2),
        csi_node("open", csi_example_com=None),
        [runs(f"on-{name}", name, "a") for name in ("full", "room", "none", "open")],
    )  # fmt: skip
    verdicts = here.verdicts(here.info(volumes=mounts("b")))
    assert refusals(here.tiny.nodes, verdicts) == {"full": ((REASON,), Code.Unschedulable)}
    assert set(here.refused(here.info(volumes=mounts("b", "c")))) == {"full", "room"}


def test_a_volume_counts_once_on_a_node() -> None:
    here = world(
        node("n"), csi_node("n", csi_example_com=2), csi("a"), csi("b"), csi("also-a", "a"),
        runs("one", "n", "a"), runs("two", "n", "a", "also-a"),
    )  # fmt: skip
    assert here.refused(here.info(volumes=mounts("b"))) == {}
    assert here.refused(here.info(volumes=mounts("a", "also-a", "b"))) == {}


def test_drivers_are_counted_apart() -> None:
    here = world(
        node("n"), csi_node("n", one=1, two=0), csi("a", driver="one"), csi("b", driver="one"), csi("c", driver="two"),
        csi("d", driver="three"), runs("r", "n", "a", "d"),
    )  # fmt: skip
    assert set(here.refused(here.info(volumes=mounts("b")))) == {"n"}
    assert set(here.refused(here.info(volumes=mounts("c")))) == {"n"}
    assert here.refused(here.info(volumes=mounts("a", "d"))) == {}


def test_attachments_count_if_no_pod_uses_the_volume() -> None:
    base = [node("n"), csi_node("n", csi_example_com=2), *csi("a"), *csi("b"), *csi("c"), runs("r", "n", "a")]
    here = world(base, attached("x", "n", "pv-a"))
    assert here.refused(here.info(volumes=mounts("b"))) == {}
    here = world(base, attached("x", "n", "pv-c"))
    assert set(here.refused(here.info(volumes=mounts("b")))) == {"n"}
    three = [csi_node("n", csi_example_com=3) if each["kind"] == "CSINode" else each for each in base]
    here = world(three, attached("x", "n", "pv-c"), attached("y", "n", "pv-c"))
    assert here.refused(here.info(volumes=mounts("b"))) == {}, "a volume that is attached twice counts once"
    here = world(base, attached("x", "n", "pv-b"))  # the new pod's own volume counts twice, as upstream
    assert set(here.refused(here.info(volumes=mounts("b")))) == {"n"}


@pytest.mark.parametrize(
    "record",
    [
        attached("x", "n", None),
        attached("x", "n", "ghost"),
        attached("x", "n", "nfs"),
        attached("x", "elsewhere", "pv-b"),
        attached("x", "n", "pv-b", attacher=""),
        attached("x", "n", "pv-b", attacher="another"),
    ],
)
def test_attachments_that_do_not_count(record: Json) -> None:
    here = world(
        node("n"), csi_node("n", csi_example_com=1), csi("a"), csi("b"), volume("nfs", nfs={"server": "s"}), record
    )
    assert here.refused(here.info(volumes=mounts("a"))) == {}


def test_claims_without_a_volume_count_for_the_driver_of_their_class() -> None:
    late = [storage_class(provisioner=DRIVER), claim("one"), claim("two"), claim("gone", "ghost")]
    here = world(node("n"), csi_node("n", csi_example_com=1), late, runs("r", "n", "one"))
    assert here.refused(here.info(volumes=mounts("one"))) == {}
    assert set(here.refused(here.info(volumes=mounts("two")))) == {"n"}
    assert set(here.refused(here.info(volumes=mounts("gone")))) == {"n"}
    without = claim("two", storageClassName=None)
    here = world(node("n"), csi_node("n", csi_example_com=0), without)
    assert here.refused(here.info(volumes=mounts("two"))) == {}
    here = world(node("n"), csi_node("n", csi_example_com=0), claim("two"))  # no such class
    assert here.refused(here.info(volumes=mounts("two"))) == {}


IN_TREE: list[tuple[str, Json, str, str]] = [
    ("ebs.csi.aws.com", {"awsElasticBlockStore": {"volumeID": "aws://zone/vol-1"}}, "", "vol-1"),
    ("ebs.csi.aws.com", {"awsElasticBlockStore": {"volumeID": "vol-1"}}, "", "vol-1"),
    (
        "pd.csi.storage.gke.io",
        {"gcePersistentDisk": {"pdName": "d"}},
        "",
        "projects/UNSPECIFIED/zones/UNSPECIFIED/disks/d",
    ),
    (
        "pd.csi.storage.gke.io",
        {"gcePersistentDisk": {"pdName": "d"}},
        "e-w-a",
        "projects/UNSPECIFIED/zones/e-w-a/disks/d",
    ),
    (
        "pd.csi.storage.gke.io",
        {"gcePersistentDisk": {"pdName": "d"}},
        "e-w-a__e-w-b",
        "projects/UNSPECIFIED/regions/e-w/disks/d",
    ),
    ("disk.csi.azure.com", {"azureDisk": {"diskName": "d", "diskURI": "/d", "kind": "Managed"}}, "", "/d"),
    ("cinder.csi.openstack.org", {"cinder": {"volumeID": "c"}}, "", "c"),
    ("pxd.portworx.com", {"portworxVolume": {"volumeID": "p"}}, "", "p"),
]


@pytest.mark.parametrize(("driver", "source", "zone", "handle"), IN_TREE)
def test_in_tree_volumes_count_for_their_driver(driver: str, source: Json, zone: str, handle: str) -> None:
    labels = {"topology.kubernetes.io/zone": zone} if zone else {}
    here = world(
        node("n"), csi_node("n", **{driver.replace(".", "_"): 1}), csi("same", handle, driver),
        csi("other", "other", driver), claim("tree", "pv"), volume("pv", meta={"labels": labels}, **source),
        runs("r", "n", "tree"),
    )  # fmt: skip
    assert here.refused(here.info(volumes=mounts("same"))) == {}
    assert set(here.refused(here.info(volumes=mounts("other")))) == {"n"}


def test_disks_in_the_pod_count_for_their_driver() -> None:
    inline = [{"name": "disk", "awsElasticBlockStore": {"volumeID": "vol-1"}}]
    here = world(node("n"), csi_node("n", ebs_csi_aws_com=0))
    assert set(here.refused(here.info(volumes=inline))) == {"n"}
    assert not here.plugin.concerns(here.info(volumes=[{"name": "disk", "iscsi": {"iqn": "q"}}]))


@pytest.mark.parametrize(
    ("source", "zone"),
    [
        ({"awsElasticBlockStore": {"volumeID": "aws://zone/x"}}, ""),
        ({"gcePersistentDisk": {"pdName": "d"}}, "e-w-a__e-x-a"),
        ({"gcePersistentDisk": {"pdName": "d"}}, "a__b"),
        ({"nfs": {"server": "s", "path": "/"}}, ""),
        ({"azureFile": {"secretName": "s", "shareName": "n"}}, ""),
    ],
)
def test_volumes_without_a_translation_do_not_count(source: Json, zone: str) -> None:
    labels = {"topology.kubernetes.io/zone": zone} if zone else {}
    limits = csi_node("n", ebs_csi_aws_com=0, pd_csi_storage_gke_io=0, file_csi_azure_com=0)
    here = world(node("n"), limits, claim("tree", "pv"), volume("pv", meta={"labels": labels}, **source))
    assert here.refused(here.info(volumes=mounts("tree"))) == {}


def test_classes_of_in_tree_provisioners() -> None:
    limits = csi_node("n", ebs_csi_aws_com=0, file_csi_azure_com=0)
    here = world(node("n"), limits, claim("data"), storage_class(provisioner="kubernetes.io/aws-ebs"))
    assert set(here.refused(here.info(volumes=mounts("data")))) == {"n"}
    here = world(node("n"), limits, claim("data"), storage_class(provisioner="kubernetes.io/azure-file"))
    assert here.refused(here.info(volumes=mounts("data"))) == {}


def test_a_missing_claim_is_named() -> None:
    here = world(node("n"))
    verdicts = here.verdicts(here.info(volumes=mounts("data")))
    text = 'looking up PVC default/data: persistentvolumeclaim "data" not found'
    assert refusals(here.tiny.nodes, verdicts) == {"n": ((text,), Code.UnschedulableAndUnresolvable)}


@pytest.mark.parametrize(
    ("volumes", "text"),
    [
        (mounts(""), "PersistentVolumeClaim had no name"),
        (SCRATCH, "PVC default/web-scratch was not created for pod default/web (pod is not owner)"),
        (
            [{"name": "disk", "azureDisk": {"diskName": "d", "diskURI": "u", "kind": "Shared"}}],
            "converting volume(disk) from inline to csi: kind(Shared) is not supported in csi migration",
        ),
        (
            [{"name": "disk", "awsElasticBlockStore": {"volumeID": "aws://z/x"}}],
            "converting volume(disk) from inline to csi: failed to translate Kubernetes ID to EBS Volume ID"
            " Invalid format for AWS volume (aws://z/x)",
        ),
    ],
)
def test_errors(volumes: list[Json], text: str) -> None:
    here = world(node("n"), claim("web-scratch"), csi_node("n", csi_example_com=1))
    assert here.verdicts(here.info(volumes=volumes)).errors == {0: text}


def test_a_placed_pod_that_cannot_be_counted_is_an_error_where_there_are_limits() -> None:
    stranger = pod("runs", nodeName="n", volumes=SCRATCH)
    here = world(node("n"), node("open"), csi_node("n", csi_example_com=1), claim("runs-scratch"), stranger, csi("a"))
    errors = here.verdicts(here.info(volumes=mounts("a"))).errors
    assert errors == {0: "PVC default/runs-scratch was not created for pod default/runs (pod is not owner)"}


def test_placed_pods_have_claims_by_their_own_names_and_missing_ones_do_not_count() -> None:
    def owned(name: str) -> list[Json]:
        record = csi(f"{name}-scratch")
        record[0]["metadata"]["ownerReferences"] = [{"kind": "Pod", "name": name, "uid": name, "controller": True}]
        there = pod(name, nodeName="n", volumes=SCRATCH)
        there["metadata"]["uid"] = name
        return [*record, there]

    here = world(node("n"), csi_node("n", csi_example_com=2), owned("one"), owned("two"), csi("a"))
    assert set(here.refused(here.info(volumes=mounts("a")))) == {"n"}
    here.cluster.remove_object("PersistentVolumeClaim", "default/two-scratch")
    assert here.refused(here.info(volumes=mounts("a"))) == {}


def test_pods_without_claims_are_skipped() -> None:
    here = world(node("n"))
    plain = here.info(volumes=[{"name": "v", "emptyDir": {}}])
    assert here.pre_filter(plain).status.is_skip and not here.plugin.concerns(plain)


def test_pods_are_concerned_whose_volumes_count_or_cannot_be_counted() -> None:
    inline: list[Json] = [{"name": "c", "cinder": {"volumeID": "c"}}]
    here = world(node("n"), csi("a"), claim("nfs", "share"), volume("share"))
    assert here.plugin.concerns(here.info(volumes=mounts("missing")))
    assert not any(here.plugin.concerns(here.info(volumes=volumes)) for volumes in (mounts("a"), inline))
    here = world(node("n"), csi("a"), claim("nfs", "share"), volume("share"), csi_node("n", other=1))
    assert all(here.plugin.concerns(here.info(volumes=volumes)) for volumes in (mounts("a"), inline, SCRATCH))
    assert not here.plugin.concerns(here.info(volumes=mounts("nfs")))
