"""VolumeBinding: what PreFilter refuses, which volume a claim gets, where one can be made, and what Reserve takes."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.helper.claims import MIGRATED_PLUGINS
from plugins.volume_binding import VolumeBinding
from sched_core import Code, CycleState, Engine, PersistentVolume, PersistentVolumeClaim, load_config
from tests.plugins.tiny import Json, node, refusals
from tests.plugins.volumes import (
    BOUND,
    ZONE,
    World,
    claim,
    mounts,
    storage,
    storage_class,
    volume,
    within,
    zones,
)

UNREACHED = "node(s) didn't match PersistentVolume's node affinity"
NO_MATCH = "node(s) didn't find available persistent volumes to bind"
NO_SPACE = "node(s) did not have enough free storage"
GONE = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
SCRATCH = [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}}]
SELECTED = "volume.kubernetes.io/selected-node"


def world(*objects: Json) -> World:
    return World(VolumeBinding(), *objects)


def owned(uid: str, **meta: Any) -> Json:
    """Return metadata of a claim that a pod controls."""
    return {"ownerReferences": [{"kind": "Pod", "name": "web", "uid": uid, "controller": True}], **meta}


@pytest.mark.parametrize(
    ("objects", "volumes", "text"),
    [
        ([], mounts("data"), 'persistentvolumeclaim "data" not found'),
        (
            [],
            SCRATCH,
            'waiting for ephemeral volume controller to create the persistentvolumeclaim "web-scratch"',
        ),
        (
            [claim("data", "pv", phase="Lost")],
            mounts("data"),
            'persistentvolumeclaim "data" bound to non-existent persistentvolume "pv"',
        ),
        (
            [claim("data", meta={"deletionTimestamp": "2026-01-01T00:00:00Z"})],
            mounts("data"),
            'persistentvolumeclaim "data" is being deleted',
        ),
        (
            [claim("web-scratch", meta=owned("other"))],
            SCRATCH,
            "PVC default/web-scratch was not created for pod default/web (pod is not owner)",
        ),
        ([claim("data")], mounts("data"), "pod has unbound immediate PersistentVolumeClaims"),  # no such class
        (
            [claim("data"), storage_class(mode="Immediate")],
            mounts("data"),
            "pod has unbound immediate PersistentVolumeClaims",
        ),
        (
            [claim("data", volumeName="pv"), storage_class()],  # set aside for it, not bound
            mounts("data"),
            "pod has unbound immediate PersistentVolumeClaims",
        ),
    ],
)
def test_pre_filter_refuses(objects: list[Json], volumes: list[Json], text: str) -> None:
    status = (here := world(*zones("a1"), *objects)).pre_filter(here.info(volumes=volumes)).status
    assert (status.code, status.message) == (Code.UnschedulableAndUnresolvable, text)


def test_a_class_without_a_mode_is_an_error() -> None:
    here = world(*zones("a1"), claim("data"), storage("StorageClass", "late", provisioner="x"))
    status = here.pre_filter(here.info(volumes=mounts("data"))).status
    assert (status.code, status.message) == (Code.Error, 'VolumeBindingMode not set for StorageClass "late"')


def test_pods_without_claims_are_skipped() -> None:
    here = world(*zones("a1"))
    plain = here.info(volumes=[{"name": "v", "emptyDir": {}}])
    assert here.pre_filter(plain).status.is_skip
    assert not here.plugin.concerns(plain)
    assert here.plugin.reserve(here.state, plain, "a1").is_success
    assert here.plugin.reserve(CycleState(), plain, "a1").message == "not found"
    assert here.plugin.concerns(here.info(volumes=SCRATCH)) and here.plugin.concerns(here.info(volumes=mounts("data")))


def test_an_ephemeral_volume_has_the_claim_of_the_pods_name() -> None:
    mine = claim("web-scratch", "pv", meta=owned("", annotations=BOUND))
    here = world(*zones("a1", "b1"), mine, volume("pv", zone="a"))
    assert here.refused(here.info(volumes=SCRATCH)) == {"b1": (UNREACHED,)}
    assert not here.pre_filter(here.info("other", volumes=SCRATCH)).status.is_success  # a class of its own


def test_bound_volumes_the_first_that_says_no_counts() -> None:
    here = world(
        *zones("a1", "b1", "c1"), claim("x", "in-a"), claim("y", "ghost"), volume("in-a", zone="a"),
        claim("z", "in-b"), volume("in-b", zone="b"),
    )  # fmt: skip
    assert here.refused(here.info(volumes=mounts("x", "y"))) == {"a1": (GONE,), "b1": (UNREACHED,), "c1": (UNREACHED,)}
    assert here.refused(here.info(volumes=mounts("y", "x"))) == dict.fromkeys(("a1", "b1", "c1"), (GONE,))
    both = refusals(here.tiny.nodes, here.verdicts(here.info(volumes=mounts("x", "z"))))
    assert both == dict.fromkeys(("a1", "b1", "c1"), ((UNREACHED,), Code.UnschedulableAndUnresolvable))


def test_the_affinity_of_volumes_knows_no_names() -> None:
    def reach(operator: str) -> Json:
        fields = [{"key": "metadata.name", "operator": operator, "values": ["a1"]}]
        return {"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchFields": fields}]}}}

    here = world(
        *zones("a1", "b1"), claim("x", "in"), volume("in", **reach("In")), claim("y", "out"),
        volume("out", **reach("NotIn")),
    )  # fmt: skip
    assert set(here.refused(here.info(volumes=mounts("x")))) == {"a1", "b1"}
    assert here.refused(here.info(volumes=mounts("y"))) == {}


def test_reasons_of_bound_and_unbound_claims_stand_together() -> None:
    here = world(*zones("a1"), claim("x", "in-b"), volume("in-b", zone="b"), claim("y"), storage_class())
    assert here.refused(here.info(volumes=mounts("x", "y"))) == {"a1": (UNREACHED, NO_MATCH)}


def picked(here: World, *claims: str) -> dict[str, dict[str, str]]:
    """Return the volume that each node gives to each claim."""
    here.verdicts(here.info(volumes=mounts(*claims)))
    nodes = here.tiny.nodes
    return {
        name: {
            match.claim.metadata.name: match.volumes[match.choice[row]].metadata.name
            for match in here.state["VolumeBinding"].picked.matches
            if match.choice[row] >= 0
        }
        for name, row in nodes.row_of.items()
    }


def test_the_smallest_volume_that_fits_is_taken() -> None:
    here = world(
        *zones("a1", "b1", "c1"), storage_class(), claim("data", size="2Gi"), volume("large", size="5Gi"),
        volume("small", size="3Gi", zone="a"), volume("smaller", size="1Gi"), volume("equal", size="2048Mi", zone="b"),
    )  # fmt: skip
    assert picked(here, "data") == {"a1": {"data": "small"}, "b1": {"data": "equal"}, "c1": {"data": "large"}}


@pytest.mark.parametrize(
    ("wanted", "its"),
    [
        ({}, {"size": "1Mi"}),
        ({}, {"phase": "Released"}),
        ({}, {"storageClassName": "other"}),
        ({}, {"volumeMode": "Block"}),
        ({}, {"accessModes": ["ReadOnlyMany"]}),
        ({}, {"volumeAttributesClassName": "gold"}),
        ({"volumeAttributesClassName": "gold"}, {}),
        ({"selector": {"matchLabels": {"tier": "one"}}}, {}),
        ({"selector": {"matchExpressions": [within("tier", "one")]}}, {"meta": {"labels": {"tier": "two"}}}),
        ({}, {"claimRef": {"namespace": "default", "name": "other"}}),
        ({}, {"claimRef": {"namespace": "other", "name": "data"}}),
        ({}, {"claimRef": {"namespace": "default", "name": "data", "uid": "another"}}),
        ({}, {"meta": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
        ({}, {"meta": {"annotations": {"volume.beta.kubernetes.io/storage-class": "other"}}}),
    ],
)
def test_volumes_that_do_not_suit(wanted: Json, its: Json) -> None:
    here = world(*zones("a1"), storage_class(), claim("data", **wanted), volume("pv", **its))
    assert here.refused(here.info(volumes=mounts("data"))) == {"a1": (NO_MATCH,)}


@pytest.mark.parametrize(
    ("wanted", "its"),
    [
        ({"volumeMode": "Filesystem"}, {}),
        ({"accessModes": ["ReadWriteOnce"]}, {"accessModes": ["ReadOnlyMany", "ReadWriteOnce"]}),
        ({"volumeAttributesClassName": ""}, {}),
        ({"selector": {}}, {}),
        ({"selector": {"matchLabels": {"tier": "one"}}}, {"meta": {"labels": {"tier": "one"}}}),
        ({}, {"storageClassName": "", "meta": {"annotations": {"volume.beta.kubernetes.io/storage-class": "late"}}}),
    ],
)
def test_volumes_that_suit(wanted: Json, its: Json) -> None:
    here = world(*zones("a1"), storage_class(), claim("data", **wanted), volume("pv", **its))
    assert here.refused(here.info(volumes=mounts("data"))) == {}


def test_a_volume_set_aside_for_the_claim_is_the_only_one() -> None:
    aside = volume("aside", size="9Gi", zone="a", phase="Pending", claimRef={"namespace": "default", "name": "data"})
    here = world(*zones("a1", "b1"), storage_class(), claim("data"), volume("small"), aside)
    assert picked(here, "data") == {"a1": {"data": "aside"}, "b1": {}}


def test_claims_of_one_pod_share_no_volume_and_the_smallest_comes_first() -> None:
    here = world(
        *zones("a1", "b1"), storage_class(), claim("large", size="3Gi"), claim("small"), volume("one", size="4Gi"),
        volume("two", size="5Gi", zone="a"),
    )  # fmt: skip
    assert picked(here, "large", "small") == {"a1": {"small": "one", "large": "two"}, "b1": {"small": "one"}}
    assert here.refused(here.info(volumes=mounts("large", "small"))) == {"b1": (NO_MATCH,)}


def test_what_does_not_match_is_provisioned_in_the_topologies_of_the_class() -> None:
    def term(*expressions: Json) -> Json:
        return {"matchLabelExpressions": [{"key": each["key"], "values": each["values"]} for each in expressions]}

    for terms, refused in [
        ([], set[str]()),
        ([term(within(ZONE, "a", "b"))], {"c1"}),
        ([term(within(ZONE, "a")), term(within(ZONE, "c"))], {"b1"}),
        ([term(within(ZONE, "a"), within("disk", "ssd"))], {"a1", "b1", "c1"}),
        ([term()], {"a1", "b1", "c1"}),
    ]:
        made = storage_class(provisioner="csi.example.com", allowedTopologies=terms)
        here = world(*zones("a1", "b1", "c1"), made, claim("data"))
        assert here.refused(here.info(volumes=mounts("data"))) == dict.fromkeys(refused, (NO_MATCH,)), terms


@pytest.mark.parametrize(
    ("capacity", "fits"),
    [
        ({"capacity": "2Gi"}, True),
        ({"capacity": "1Gi"}, False),
        ({"capacity": "9Gi", "maximumVolumeSize": "1Gi"}, False),
        ({"capacity": "1Gi", "maximumVolumeSize": "2Gi"}, True),
        ({}, False),
        ({"capacity": "2Gi", "storageClassName": "other"}, False),
        ({"capacity": "2Gi", "nodeTopology": None}, False),
        ({"capacity": "2Gi", "nodeTopology": {}}, True),
        ({"capacity": "2Gi", "nodeTopology": {"matchExpressions": [within(ZONE, "a", "b")]}}, True),
        ({"capacity": "2Gi", "nodeTopology": {"matchLabels": {ZONE: "b"}}}, False),
    ],
)
def test_storage_capacity(capacity: Json, fits: bool) -> None:
    record = {"storageClassName": "late", "nodeTopology": {"matchLabels": {ZONE: "a"}}, **capacity}
    here = world(
        *zones("a1"), storage_class(provisioner="csi.example.com"), claim("data", size="2Gi"),
        storage("CSIDriver", "csi.example.com", spec={"storageCapacity": True}),
        storage("CSIStorageCapacity", "here", **{key: value for key, value in record.items() if value is not None}),
    )  # fmt: skip
    assert here.refused(here.info(volumes=mounts("data"))) == ({} if fits else {"a1": (NO_SPACE,)})


@pytest.mark.parametrize("spec", [{}, {"storageCapacity": False}])
def test_storage_capacity_counts_only_for_drivers_that_ask_for_it(spec: Json) -> None:
    made = storage_class(provisioner="csi.example.com")
    here = world(*zones("a1"), made, claim("data"), storage("CSIDriver", "csi.example.com", spec=spec))
    assert here.refused(here.info(volumes=mounts("data"))) == {}


def test_a_claim_without_a_size_needs_no_space() -> None:
    driver = storage("CSIDriver", "csi.example.com", spec={"storageCapacity": True})
    here = world(*zones("a1"), storage_class(provisioner="csi.example.com"), driver, claim("data", resources={}))
    assert here.refused(here.info(volumes=mounts("data"))) == {}


def test_a_selected_node_binds_the_pod_to_it() -> None:
    made = storage_class(provisioner="csi.example.com")
    there = claim("data", meta={"annotations": {SELECTED: "b1"}})
    here = world(*zones("a1", "b1"), made, there)
    assert here.refused(here.info(volumes=mounts("data"))) == {"a1": (NO_MATCH,)}
    gone = claim("data", meta={"annotations": {SELECTED: "elsewhere"}})
    here = world(*zones("a1", "b1"), made, gone)
    assert set(here.refused(here.info(volumes=mounts("data")))) == {"a1", "b1"}


def test_migrated_volumes_are_reached_by_the_topology_of_their_driver() -> None:
    key = "topology.ebs.csi.aws.com/zone"
    labels = {"failure-domain.beta.kubernetes.io/zone": "a"}
    migrated = storage("CSINode", "csi")
    migrated["metadata"]["annotations"] = {MIGRATED_PLUGINS: "kubernetes.io/gce-pd,kubernetes.io/aws-ebs"}
    source: dict[str, Any] = {"awsElasticBlockStore": {"volumeID": "aws://a/vol-1"}}
    nodes = [node("csi", labels={key: "b"}), node("plain", labels={ZONE: "b"})]
    here = world(*nodes, migrated, claim("data", "pv"), volume("pv", meta={"labels": labels}, **source))
    assert here.refused(here.info(volumes=mounts("data"))) == {"csi": (UNREACHED,)}
    here = world(node("csi", labels={key: "a"}), migrated, claim("data", "pv"), volume("pv", zone="a", **source))
    assert here.refused(here.info(volumes=mounts("data"))) == {}


def test_a_volume_that_cannot_be_translated_ends_the_attempt_where_it_would_have_to_be() -> None:
    migrated = storage("CSINode", "csi")
    migrated["metadata"]["annotations"] = {MIGRATED_PLUGINS: "kubernetes.io/azure-disk"}
    source: dict[str, Any] = {"azureDisk": {"diskName": "d", "diskURI": "u", "kind": "Dedicated"}}
    here = world(node("csi"), node("plain"), migrated, claim("data", "pv"), volume("pv", **source))
    waiting = here.info(volumes=mounts("data"))
    text = "could not translate pv: kind(Dedicated) is not supported in csi migration"
    assert here.verdicts(waiting).errors == {0: text}
    decision = Engine(here.cluster, load_config(None)).evaluate(waiting.pod)
    assert (decision.status.code, decision.message) == (Code.Error, f'running "VolumeBinding" filter plugin: {text}')
    waiting.pod.spec.node_name = "plain"  # NodeName refuses the other one before
    assert Engine(here.cluster, load_config(None)).evaluate(waiting.pod).node == "plain"


def volume_of(here: World, name: str) -> PersistentVolume:
    found = here.handle.objects("PersistentVolume")[name]
    assert isinstance(found, PersistentVolume)
    return found


def claim_of(here: World, name: str) -> PersistentVolumeClaim:
    found = here.handle.objects("PersistentVolumeClaim")[f"default/{name}"]
    assert isinstance(found, PersistentVolumeClaim)
    return found


def test_reserve_takes_what_was_picked_and_unreserve_gives_it_back() -> None:
    here = world(
        *zones("a1", "b1"), storage_class(provisioner="csi.example.com"), claim("data"), claim("more", size="2Gi"),
        volume("pv", zone="a"),
    )  # fmt: skip
    waiting = here.info(volumes=mounts("data", "more"))
    here.verdicts(waiting)
    before = volume_of(here, "pv"), claim_of(here, "more")
    assert here.plugin.reserve(here.state, waiting, "a1").is_success
    ref = volume_of(here, "pv").spec.claim_ref
    assert ref is not None
    assert (ref.kind, ref.namespace, ref.name, ref.uid) == ("PersistentVolumeClaim", "default", "data", "uid-data")
    assert volume_of(here, "pv").metadata.annotations == {"pv.kubernetes.io/bound-by-controller": "yes"}
    assert claim_of(here, "more").metadata.annotations == {SELECTED: "a1"}
    assert claim_of(here, "data").metadata.annotations == {} and claim_of(here, "data").spec.volume_name == ""
    here.plugin.unreserve(here.state, waiting, "a1")
    assert (volume_of(here, "pv"), claim_of(here, "more")) == before


def test_a_volume_set_aside_by_name_is_not_said_to_be_bound_by_a_controller() -> None:
    aside = volume("pv", claimRef={"namespace": "default", "name": "data"})
    here = world(*zones("a1"), storage_class(), claim("data"), aside)
    waiting = here.info(volumes=mounts("data"))
    here.verdicts(waiting)
    here.plugin.reserve(here.state, waiting, "a1")
    ref = volume_of(here, "pv").spec.claim_ref
    assert ref is not None and ref.uid == "uid-data"
    assert volume_of(here, "pv").metadata.annotations == {}


def test_the_engine_gives_a_volume_to_one_pod_only() -> None:
    here = world(*zones("a1", "b1"), storage_class(), claim("one"), claim("two"), volume("pv"))
    engine = Engine(here.cluster, load_config(None))
    before = engine.snapshot()
    for assume in (False, True):
        first = here.info("first", volumes=mounts("one")).pod
        if assume:
            engine.assume(engine.evaluate(first), "b1")
        else:
            assert engine.schedule(first).node is not None
        second = engine.evaluate(here.info("second", volumes=mounts("two")).pod)
        assert second.node is None
        assert second.message.startswith(f"0/2 nodes are available: 2 {NO_MATCH}.")
        engine.restore(before)
    assert engine.schedule(here.info("second", volumes=mounts("two")).pod).node is not None


def test_nothing_is_scored_even_without_pre_score() -> None:
    here = world(*zones("a1", "b1"), storage_class(), claim("data"), volume("pv"))
    waiting = here.info(volumes=mounts("data"))
    here.verdicts(waiting)
    assert here.plugin.pre_score(here.state, waiting, here.tiny.nodes, None).is_skip
    assert here.plugin.score(here.state, waiting, here.tiny.nodes).tolist() == [0, 0]
