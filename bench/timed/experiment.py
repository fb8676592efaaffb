"""One experiment: a trace, a policy, a seed → what became of each pod."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from bench.timed.pending import Devices, Pending, Room
from bench.timed.policy import timed_policy
from bench.timed.run import NEVER, Simulation, Timed
from bench.traces.arrays import node_array, pod_array
from bench.traces.trace import Nodes, Trace
from sched_core import Cluster, Engine, PluginError, Pod, PodArray


class Experiment(NamedTuple):
    """What is simulated."""

    nodes: Nodes
    trace: Trace
    policy: str
    """A name of `bench.timed.policy`, or what `bench.replay.policy` knows."""
    seed: int = 0
    """Decides the order of the nodes, and with it which of those with equal scores wins."""


def simulate(experiment: Experiment) -> Timed:
    """Let the pods come and go. Raises StowageError for a policy that cannot be used or fails."""
    trace = experiment.trace
    order = order_of(experiment.nodes, experiment.seed)
    nodes = _in(order, experiment.nodes)
    policy = timed_policy(experiment.policy, nodes, trace, experiment.seed)
    engine = Engine(Cluster.from_array(node_array(nodes)), policy.config, plugins=policy.plugins)
    engine.warm_up()
    pods = _of_profiles(pod_array(trace), engine)
    room = _room(engine, nodes, trace)
    steady = all(map(_is_steady, pods.templates))
    pending = Pending(trace.shape_of.tolist(), len(trace.shapes), room if _checks(engine) else None, skips=steady)
    try:
        found = Simulation(engine, pods, trace, pending, room).run()
    except PluginError as reason:
        raise PluginError(experiment.policy, reason.extension_point, reason.reason, reason.pod) from None
    places = np.append(order.astype(np.int32), np.int32(NEVER))  # the last one is that of pods without a node
    return replace(found, node=places[found.node])


def order_of(nodes: Nodes, seed: int) -> NDArray[np.int64]:
    """Return the order in which a cluster gets its nodes."""
    return np.random.default_rng(seed).permutation(nodes.count)


def _in(order: NDArray[np.int64], nodes: Nodes) -> Nodes:
    names = [nodes.names[number] for number in order.tolist()]
    return Nodes(nodes.title, names, nodes.shapes, nodes.shape_of[order], nodes.templates)


def _room(engine: Engine, nodes: Nodes, trace: Trace) -> Room:
    """Return what is left of the nodes; objects of a dump may ask for parts of devices, which is not told from here."""
    asked, free = trace.amounts(), nodes.amounts()[:, nodes.shape_of]
    if trace.templates is not None:
        return Room(asked[:2], free[:2])
    columns = engine.cluster.nodes
    shared = next((each for each in columns.owners.node if each == "gpu_free_milli"), None)
    if shared is None:
        return Room(asked, free)
    count, milli = np.array([(shape.gpus, shape.gpu_milli) for shape in trace.shapes], np.int64).T
    return Room(asked, free, Devices(columns.full(shared), count, milli))


def _of_profiles(pods: PodArray, engine: Engine) -> PodArray:
    """Return pods that all have a profile: those of schedulers that a policy does not know are the first one's."""
    first = next(iter(engine.profiles))
    templates = [each if each.spec.scheduler_name in engine.profiles else _of(first, each) for each in pods.templates]
    return pods._replace(templates=templates)


def _of(profile: str, pod: Pod) -> Pod:
    return Pod(api_version=pod.api_version, metadata=pod.metadata, spec=replace(pod.spec, scheduler_name=profile))


def _is_steady(pod: Pod) -> bool:
    """Tell whether a pod that fits nowhere still fits nowhere after another one has been placed."""
    affinity = pod.spec.affinity
    near = affinity is not None and affinity.pod_affinity is not None
    return not near and not pod.spec.topology_spread_constraints


def _checks(engine: Engine) -> bool:
    """Tell whether all profiles refuse nodes that have less left than a pod asks for."""
    filters = (profile.points["filter"] for profile in engine.profiles.values())
    return all(any(plugin.name == "NodeResourcesFit" for plugin in each) for each in filters)
