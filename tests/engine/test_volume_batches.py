"""Pods with volumes in batches against the cycle pod by pod: claims of all kinds that come, change and go in between.

The cluster: nodes ``n0``.. in zones ``a`` and ``b``, most with a CSINode that limits ``ebs.csi.aws.com`` to a few
volumes and ``csi.small`` to one or two; claims ``c0``.., each with a volume ``v0``.. unless it waits for its first
consumer.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from sched_core import Engine, Speed
from sched_core.engine.static import StaticResults
from tests.engine.worlds import (
    ALL_NODES,
    ZONE,
    Event,
    Json,
    World,
    cluster_of,
    looking_at,
    node,
    play,
    pod,
    records,
    take,
)
from tests.plugins.volumes import claim, mounts, storage, storage_class, volume

EBS, SMALL, OPEN = "ebs.csi.aws.com", "csi.small", "csi.open"
MIGRATED = "storage.alpha.kubernetes.io/migrated-plugins"


def csi_node(rng: random.Random, name: str) -> Json:
    limits = {EBS: rng.choice([2, 3, 39]), SMALL: rng.choice([1, 2]), OPEN: None}
    drivers = [
        {"name": driver, "nodeID": name} | ({} if count is None else {"allocatable": {"count": count}})
        for driver, count in limits.items()
    ]
    made = storage("CSINode", name, spec={"drivers": drivers})
    made["metadata"]["annotations"] = {MIGRATED: rng.choice(["", "kubernetes.io/aws-ebs"])}
    return made


def bound(rng: random.Random, number: int, limited: bool) -> list[Json]:
    """Return a claim and its volume, of a random kind; some share a disk, some are only for one pod or zone."""
    name, pv = f"c{number}", f"v{number}"
    handle = rng.choice([pv, pv, pv, "shared-1", "shared-2"])
    sources: list[Json] = [{"nfs": {}}, {"csi": {"driver": OPEN, "volumeHandle": handle}}]
    sources += [{"awsElasticBlockStore": {"volumeID": rng.choice([handle, handle, "aws://a/none"])}}]
    if limited:
        sources += [{"csi": {"driver": driver, "volumeHandle": handle}} for driver in (EBS, SMALL)]
    modes = ["ReadWriteOncePod"] if rng.random() < 0.15 else ["ReadWriteOnce"]
    labels = {ZONE: rng.choice("ab")} if rng.random() < 0.15 else {}
    zone = rng.choice("ab") if rng.random() < 0.15 else ""
    made = [
        claim(name, pv, accessModes=modes),
        volume(pv, zone=zone, meta={"labels": labels}, phase="Bound", **rng.choice(sources)),
    ]
    return made if rng.random() < 0.95 else made[: rng.choice([1, 1, 0])]


def unbound(rng: random.Random, number: int) -> list[Json]:
    """Return a claim that waits for its first consumer, perhaps with a volume that would do."""
    free = [volume(f"free-{number}", zone=rng.choice(["", "a", "b"]))] if rng.random() < 0.7 else []
    return [claim(f"c{number}", storageClassName=rng.choice(["late", "late", "made", "now"])), *free]


def claims(rng: random.Random, number: int, limited: bool) -> list[Json]:
    return bound(rng, number, limited) if rng.random() < 0.8 else unbound(rng, number)


def volumes_of(rng: random.Random, total: int) -> list[Json]:
    """Return the volumes of a pod: claims, mostly, of which others may use some too; a disk or a secret at times."""
    found = mounts(*(f"c{rng.randrange(total)}" for _ in range(rng.choice([0, 1, 1, 1, 2]))))
    inline: list[Json] = [
        {"awsElasticBlockStore": {"volumeID": rng.choice(["vol-1", "vol-2"])}},
        {"gcePersistentDisk": {"pdName": "disk", "readOnly": rng.random() < 0.5}},
        {"ephemeral": {"volumeClaimTemplate": {}}}, {"secret": {"secretName": "s"}}, {"emptyDir": {}},
    ]  # fmt: skip
    if rng.random() < 0.2:
        found.append({"name": "more", **rng.choice(inline)})
    return found


def random_world(rng: random.Random, nodes: int, pods: int, limited: bool) -> World:
    total = pods
    names = [f"n{number}" for number in range(nodes)]
    objects = [node(name, labels={ZONE: rng.choice("ab")} if rng.random() < 0.8 else {}) for name in names]
    objects += [csi_node(rng, name) for name in names if limited and rng.random() < 0.8]
    objects += [storage_class(), storage_class("made", provisioner=OPEN), storage_class("now", "Immediate")]
    late: list[Json] = []
    for number in range(total):
        (objects if rng.random() < 0.6 else late).extend(claims(rng, number, limited))
    waiting = records(
        [
            pod(f"p{number}", {"cpu": rng.choice(["50m", "100m"])}, volumes=volumes_of(rng, total))
            for number in range(pods)
        ]
    )
    events = [Event(rng.randint(0, pods), "object", each) for each in late]
    for number in range(pods // 6):
        before = rng.randint(1, pods)
        kind, key = rng.choice([("PersistentVolumeClaim", f"default/c{number}"), ("PersistentVolume", f"v{number}")])
        attachment = storage(
            "VolumeAttachment", f"a{number}",
            spec={"attacher": SMALL, "nodeName": rng.choice(names), "source": {"persistentVolumeName": f"v{number}"}},
        )  # fmt: skip
        happenings = [Event(before, "forget", f"default/p{rng.randrange(before)}") for _ in range(4)]
        happenings += [Event(before, "object", each) for each in claims(rng, number, limited)]
        happenings += [Event(before, "no object", (kind, key)), Event(before, "object", attachment)]
        happenings += [Event(before, "no object", ("VolumeAttachment", f"a{rng.randint(0, number)}"))]
        happenings += [Event(before, "node", node(rng.choice([*names, "late"])))]
        happenings += [Event(before, "gone", rng.choice(names))] if rng.random() < 0.2 else []
        events.append(rng.choice(happenings))
    if limited:
        events += [Event(rng.randint(0, pods), "object", csi_node(rng, rng.choice(names))) for _ in range(3)]
    return World(objects, waiting, sorted(events, key=lambda event: event.before))


def hold(world: World, seed: int, percentage: int) -> Counter[str]:
    config = looking_at(percentage) if percentage < 100 else ALL_NODES
    expected, _ = play(world, "cycle", None, config)
    total: Counter[str] = Counter()
    speeds: tuple[Speed, ...] = ("auto", "fused")
    for speed in speeds:
        got, used = play(world, speed, random.Random(seed), config)
        for position, (want, name) in enumerate(zip(expected.nodes, got.nodes, strict=True)):
            assert name == want, (speed, position, used)
        assert got == expected, speed
        total.update(used)
    return total


@pytest.mark.parametrize("seed", range(12))
def test_random_histories_with_volumes(seed: int) -> None:
    rng = random.Random(seed)
    limited = seed % 2 == 0
    used = hold(random_world(rng, rng.choice([5, 20, 60]), 120, limited), seed, 100)
    assert used["cycle"] and len(used) > 1, "some pods concern a volume plugin, others do not"


@pytest.mark.parametrize("seed", range(4))
def test_random_histories_with_volumes_and_a_part_of_the_nodes(seed: int) -> None:
    rng = random.Random(seed)
    hold(random_world(rng, 130, 150, seed % 2 == 0), seed, 30)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_counted_is_what_would_be_counted_anew(seed: int) -> None:
    """Plugins that saw the whole history say the same of each pod as those that are new to the cluster."""
    rng = random.Random(seed)
    world = random_world(rng, 20, 80, limited=True)
    engine = Engine(cluster_of(world.objects), ALL_NODES)
    placed, events = 0, list(world.events)
    state = engine.snapshot()
    while placed < len(world.pods):
        while events and events[0].before <= placed:
            take(engine, events.pop(0))
        if rng.random() < 0.1:
            engine.restore(state)
        stop = min(len(world.pods), placed + rng.choice([1, 2, 10]))
        engine.schedule_many(world.pods[placed:stop])
        placed = stop
        for each in rng.sample(world.pods, 3):
            seen, fresh = (made.evaluate(each) for made in (engine, Engine(engine.cluster, ALL_NODES)))
            assert (seen.node, seen.message, seen.feasible) == (fresh.node, fresh.message, fresh.feasible)


def test_claims_do_not_keep_pods_out_of_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bound claims that no node can refuse, which come just before their pods: one shape, planned once."""
    engine = Engine(cluster_of([node(f"n{number}") for number in range(5)]), ALL_NODES)
    planned: list[int] = []
    plan = StaticResults.plan

    def noted(static: StaticResults, pod_class: int) -> None:
        planned.append(pod_class)
        plan(static, pod_class)

    monkeypatch.setattr(StaticResults, "plan", noted)
    for number in range(6):
        for each in (claim(f"c{number}", f"v{number}"), volume(f"v{number}", csi={"driver": OPEN})):
            take(engine, Event(0, "object", each))
        batch = engine.schedule_many(records([pod(f"p{number}", volumes=mounts(f"c{number}"))]))
        assert batch.scheduled == 1 and "cycle" not in batch.speed_used
    assert planned == [0]


def test_a_limit_that_comes_later_counts() -> None:
    """A claim of an unlimited driver is planned; then its driver gets a limit, and one volume is all a node takes."""
    made = [claim(f"c{number}", f"v{number}") for number in range(4)]
    made += [volume(f"v{number}", csi={"driver": OPEN, "volumeHandle": f"v{number}"}) for number in range(4)]
    engine = Engine(cluster_of([node("a"), *made]), ALL_NODES)
    pods = records([pod(f"p{number}", volumes=mounts(f"c{number}")) for number in range(4)])
    assert engine.schedule_many(pods[:2]).scheduled == 2
    limit = storage("CSINode", "a", spec={"drivers": [{"name": OPEN, "nodeID": "a", "allocatable": {"count": 3}}]})
    take(engine, Event(0, "object", limit))
    batch = engine.schedule_many(pods[2:])
    assert batch.speed_used == {"cycle": 2} and batch.node_of.tolist()[1] == -1
    assert batch.failures[1].reasons == {"node(s) exceed max volume count": 1}
    engine.forget("default/p0")
    assert engine.schedule_many(pods[3:]).scheduled == 1
