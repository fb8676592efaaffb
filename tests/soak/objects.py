"""Random objects of every kind for the soak; what they are about comes from small sets, so that they meet."""

from __future__ import annotations

import random
from typing import Any

from tests.engine.worlds import ZONE, Json, random_node, random_pod
from tests.naive.topology import PREFERRED, REQUIRED
from tests.plugins.volumes import claim, mounts, storage, storage_class, volume, within

HOSTNAME = "kubernetes.io/hostname"
NAMESPACES = ("default", "team")
CLAIMS, VOLUMES, BUDGETS = 12, 16, 3
DRIVER = "disk.example.com"
PRIORITIES = (*[0] * 30, 5, 100)


def soak_node(rng: random.Random, name: str, number: int) -> Json:
    """Return a node that may differ from all before it in a label, a taint or its zone."""
    node = random_node(rng, name, rng.random() < 0.3)
    labels = node["metadata"]["labels"]
    if rng.random() < 0.3:
        labels["serial"] = str(number)
    if rng.random() < 0.05:
        labels[ZONE] = f"zone-{number}"
    if rng.random() < 0.1:
        node["spec"]["taints"].append({"key": "since", "value": str(number), "effect": "PreferNoSchedule"})
    if rng.random() < 0.3:
        versions = rng.sample([1, 2, 3], 2)
        node["status"]["images"] = [{"names": [f"app:{each}"], "sizeBytes": 200_000_000 * each} for each in versions]
    return node


def soak_template(rng: random.Random, names: list[str], number: int, plain: bool) -> Json:
    """Return a pod without a name, of a class of its own now and then; most ``plain`` ones mind no other pods."""
    pod = random_pod(rng, names, rng.random() < 0.6, rng.random() < 0.1)
    spec: Json = pod["spec"]
    labels = {} if plain and rng.random() < 0.8 else {"app": rng.choice("xyz"), "tier": rng.choice("ab")}
    if rng.random() < 0.3:
        labels["serial"] = str(number)
    pod["metadata"] |= {"namespace": rng.choice(NAMESPACES), "labels": labels}
    spec["priority"] = rng.choice(PRIORITIES)
    spec.setdefault("schedulerName", rng.choice(["default-scheduler", "second-scheduler"]))
    spec["containers"][0]["image"] = f"app:{rng.randint(1, 4)}"
    feature = rng.uniform(0.1, 2) if plain else rng.random()
    if feature < 0.1:
        spec["affinity"] = spec.get("affinity", {}) | _affinity(rng)
    elif feature < 0.2:
        spec["topologySpreadConstraints"] = [
            _constraint(rng, key) for key in rng.sample([ZONE, HOSTNAME], rng.randint(1, 2))
        ]
    elif feature < 0.25:
        spec["volumes"] = mounts(*{f"claim-{rng.randrange(CLAIMS)}" for _ in range(rng.randint(1, 2))})
    elif feature < 0.28:
        disk = {"pdName": f"disk-{rng.randrange(5)}", "readOnly": rng.random() < 0.3}
        spec["volumes"] = [{"name": "disk", "gcePersistentDisk": disk}]
    elif feature < 0.33:
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "set", "uid": "1", "controller": True}
        pod["metadata"]["ownerReferences"] = [owner]
    return pod


def soak_object(rng: random.Random) -> Json:
    """Return an object that is neither node nor pod."""
    make = rng.choice([_claim, _claim, _volume, _volume, _class, _csi_node, _budget, _service, _replica_set])
    return make(rng)


def _selector(rng: random.Random) -> Json:
    labels = {"matchLabels": {"app": rng.choice("xyz")}}
    listed = {"matchExpressions": [within("tier", "a") | {"operator": rng.choice(["In", "NotIn"])}]}
    return rng.choice([labels, labels, listed, {}])


def _affinity(rng: random.Random) -> Json:
    def term() -> Json:
        made: Json = {"topologyKey": rng.choice([ZONE, HOSTNAME]), "labelSelector": _selector(rng)}
        if rng.random() < 0.3:
            made["namespaceSelector"] = rng.choice([{}, {"matchLabels": {"purpose": "work"}}])
        return made

    sides: Json = {}
    for side in rng.sample(["podAffinity", "podAntiAffinity"], rng.randint(1, 2)):
        weighed = {"weight": rng.randint(1, 100), "podAffinityTerm": term()}
        either = [{REQUIRED: [term()]}, {PREFERRED: [weighed]}, {REQUIRED: [term()], PREFERRED: [weighed]}]
        sides[side] = rng.choice(either)
    return sides


def _constraint(rng: random.Random, key: str) -> Json:
    action = rng.choice(["DoNotSchedule", "ScheduleAnyway"])
    made = {"maxSkew": rng.randint(1, 3), "topologyKey": key, "whenUnsatisfiable": action}
    return made | {"labelSelector": _selector(rng)}


def _claim(rng: random.Random) -> Json:
    name = f"claim-{rng.randrange(CLAIMS)}"
    bound = f"volume-{rng.randrange(VOLUMES)}" if rng.random() < 0.5 else ""
    mode = rng.choice(["ReadWriteOnce", "ReadWriteOnce", "ReadWriteOncePod"])
    return claim(name, bound, meta={"namespace": rng.choice(NAMESPACES)}, accessModes=[mode])


def _volume(rng: random.Random) -> Json:
    name = f"volume-{rng.randrange(VOLUMES)}"
    spec: Json = {"csi": {"driver": DRIVER, "volumeHandle": name}} if rng.random() < 0.6 else {}
    labels = {"labels": {ZONE: rng.choice("abc")}} if rng.random() < 0.2 else {}
    return volume(name, zone=rng.choice(["", "a", "b"]), meta=labels, size=rng.choice(["1Gi", "2Gi"]), **spec)


def _class(rng: random.Random) -> Json:
    return storage_class(provisioner=rng.choice(["", DRIVER]), mode=rng.choice(["Immediate", "WaitForFirstConsumer"]))


def _csi_node(rng: random.Random) -> Json:
    name = f"n{rng.randrange(30)}"
    driver: Json = {"name": DRIVER, "nodeID": name, "allocatable": {"count": rng.randint(0, 4)}}
    return storage("CSINode", name, spec={"drivers": [driver] if rng.random() < 0.8 else []})


def _budget(rng: random.Random) -> Json:
    meta = {"name": f"budget-{rng.randrange(BUDGETS)}", "namespace": rng.choice(NAMESPACES)}
    status = {"disruptionsAllowed": rng.randint(0, 2)}
    spec = {"selector": _selector(rng)}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": spec, "status": status}


def _service(rng: random.Random) -> Json:
    meta = {"name": f"service-{rng.randrange(3)}", "namespace": rng.choice(NAMESPACES)}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": {"app": rng.choice("xyz")}}}


def _replica_set(rng: random.Random) -> Json:
    meta = {"name": "set", "namespace": rng.choice(NAMESPACES)}
    labels: Any = {"matchLabels": {"app": rng.choice("xyz")}}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta, "spec": {"selector": labels}}
