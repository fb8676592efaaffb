"""AttachedVolumes: what is kept through a history of pods, claims, volumes and nodes is what would be counted anew."""

from __future__ import annotations

import random

import numpy as np
import pytest

from plugins.helper.attached_volumes import AttachedVolumes
from sched_core import Cluster, Handle, load_documents
from tests.plugins.tiny import Json, node, pod
from tests.plugins.volumes import claim, mounts, storage, storage_class, volume

DRIVERS = ("one.csi", "two.csi")
NODES, CLAIMS, VOLUMES = [f"n{n}" for n in range(4)], [f"c{n}" for n in range(6)], [f"v{n}" for n in range(6)]
EPHEMERAL: Json = {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}}


class History:
    """A cluster to which random things happen."""

    def __init__(self, seed: int) -> None:
        self.rng, self.cluster = random.Random(seed), Cluster()
        self.handle = Handle(self.cluster)
        self.add(*map(node, NODES), storage_class("made", provisioner=DRIVERS[0]))

    def add(self, *objects: Json) -> None:
        loaded = load_documents([{"apiVersion": "v1", **each} for each in objects])
        for each in loaded.nodes:
            self.cluster.add_node(each)
        for record in (record for records in loaded.others.values() for record in records):
            self.cluster.add_object(record)
        self.cluster.add_pods(loaded.pods)

    def drop(self, kind: str, key: str) -> None:
        if key in self.cluster.others.get(kind, {}):
            self.cluster.remove_object(kind, key)

    def happen(self) -> None:
        rng = self.rng
        pick = rng.choice
        name, where = f"p{rng.randrange(12)}", pick([*NODES, *NODES, "elsewhere"])
        match rng.randrange(11):
            case 0 | 1 | 2:
                used = [*mounts(*rng.sample(CLAIMS, rng.randint(0, 3))), *([EPHEMERAL] if rng.random() < 0.2 else [])]
                self.add(pod(name, nodeName=where, volumes=used))
            case 3 | 4:
                self.cluster.remove_pod(f"default/{name}")
            case 5:
                bound = pick([*VOLUMES, ""])
                self.add(claim(pick([*CLAIMS, f"{name}-scratch"]), bound, storageClassName=pick(["made", "", "none"])))
            case 6:
                source = {"driver": pick(DRIVERS), "volumeHandle": pick(["h", "i", "j", "k"])}
                self.add(volume(pick(VOLUMES), csi=source))
            case 7:
                self.add(
                    storage(
                        "VolumeAttachment", f"a{rng.randrange(4)}",
                        spec={"attacher": pick(DRIVERS), "nodeName": pick(NODES),
                              "source": {"persistentVolumeName": pick(VOLUMES)}},
                    )
                )  # fmt: skip
            case 8:
                self.drop("VolumeAttachment", f"a{rng.randrange(4)}")
                self.drop(
                    *pick([("PersistentVolumeClaim", f"default/{pick(CLAIMS)}"), ("PersistentVolume", pick(VOLUMES))])
                )
            case 9:
                where = pick(NODES)
                if where in self.cluster.nodes.row_of:
                    self.cluster.remove_node(where)
                else:
                    self.add(node(where))
            case 10:
                self.add(storage_class("made", provisioner=pick(DRIVERS)))

    def counted(self, kept: AttachedVolumes) -> object:
        """Return what is counted, by names."""
        nodes = self.cluster.nodes
        kept.catch_up(nodes)
        rows = {name: kept.count(nodes, name)[list(nodes.row_of.values())].tolist() for name in DRIVERS}
        names = {handle: sorted(kept.rows_of(number)) for handle, number in kept.numbers.numbers.items()}
        faults = {number: (text, sorted(kept.rows_of_class(number))) for number, text in kept.classes.faults.items()}
        return rows, {handle: used for handle, used in names.items() if used}, faults


@pytest.mark.parametrize("seed", range(20))
def test_random_histories(seed: int) -> None:
    history = History(seed)
    kept = AttachedVolumes(history.handle)
    states = [history.cluster.state()]
    for step in range(120):
        history.happen()
        if history.rng.random() < 0.03:
            history.cluster.restore(history.rng.choice(states))
        if history.rng.random() < 0.1:
            states.append(history.cluster.state())
        if history.rng.random() < 0.5:
            assert history.counted(kept) == history.counted(AttachedVolumes(history.handle)), step


def test_pods_that_are_moved_and_moved_back_are_counted_where_they_are() -> None:
    """A dry run moves pods in the table, and adds some that it withdraws again under the same number."""
    history = History(0)
    for each in "ab":
        history.add(claim(each, f"pv-{each}"), volume(f"pv-{each}", csi={"driver": DRIVERS[0], "volumeHandle": each}))
    history.add(pod("p", nodeName="n0", volumes=mounts("a")), pod("q", nodeName="n1", volumes=mounts("b")))
    nodes, pods = history.cluster.nodes, history.cluster.nodes.pods
    kept = AttachedVolumes(history.handle)

    def counts() -> list[int]:
        kept.catch_up(nodes)
        return list(kept.count(nodes, DRIVERS[0]))

    assert counts() == [1, 1, 0, 0]
    pods.hide(0)
    assert counts() == [0, 1, 0, 0]
    pods.show(0, 0)
    zero = np.zeros(1, np.int64)
    for pod_class, expected in ((0, [1, 1, 1, 0]), (1, [1, 1, 1, 0]), (1, [1, 1, 1, 0])):
        number = pods.add(["default/x"], np.array([pod_class], np.int32), np.array([2], np.int32), zero)
        assert counts() == expected
        assert len(kept.rows_of(pod_class)) == 2
        pods.withdraw(number)
    assert counts() == [1, 1, 0, 0]
