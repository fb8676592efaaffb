"""Measure one mode at one size, in a process and a network namespace of its own."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime
from time import perf_counter, process_time, time_ns
from typing import Any, NamedTuple

import numpy as np

from bench.machine import peak_rss_bytes, rss_bytes, stowage_version, this_machine
from bench.proxy import first_packet, namespace, workload
from bench.proxy.backends import NoKernels, TimedKernels
from bench.proxy.result import Result
from cluster_shim.proxy.backends import proxier_of
from proxy_core import Machine, Proxier, ProxyState, load_config, node_info, settings_of
from proxy_core.kernel.iptables import Variant
from proxy_core.kernel.ipvs_mode import prepare_ipvs

LEAST_CHANGES, LONGEST_S = 5, 30.0
CONNECTIONS = 2000


class Job(NamedTuple):
    """What is measured."""

    mode: str
    services: int
    endpoints: int
    changes: int
    kernel: bool
    """Whether rules are written into a kernel."""
    seed: int
    iptables_variant: Variant


def measure(job: Job) -> Result:
    """Load everything, then change endpoints and services, one at a time. Raises KernelError."""
    if job.kernel:
        namespace.enter_new()
    state = ProxyState("IPv4", node_info(workload.NODE, workload.node()))
    config = load_config({"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"})
    settings = settings_of(config, job.mode, "IPv4", state.node, Machine())
    if job.kernel and job.mode == "ipvs":
        prepare_ipvs(settings.ipvs)
    kernels = TimedKernels(job.iptables_variant) if job.kernel else NoKernels()
    proxier = proxier_of(job.mode, state, settings, kernels)
    for each in workload.objects(job.services, job.endpoints):
        state.update(each)
    run = _Run(job, proxier, kernels)
    first, cpu = run.timed_sync(), run.cpu
    kernel_s = run.kernel_seconds()
    changes, change_kernel = run.changes()
    added, removed = run.services()
    through: list[float] = []
    direct: list[float] = []
    if job.kernel:
        run.settle()
        through, direct = _connections(job)
    return Result(
        mode=job.mode,
        services=job.services,
        endpoints=job.endpoints,
        family="IPv4",
        kernel=job.kernel,
        first_load_seconds=first,
        first_load_kernel_seconds=kernel_s,
        first_load_cpu_seconds=cpu,
        changes=len(changes),
        change_ms_p50=_percentile(changes, 50) * 1000,
        change_ms_p99=_percentile(changes, 99) * 1000,
        change_kernel_ms_p50=_percentile(change_kernel, 50) * 1000,
        service_add_ms_p50=_percentile(added, 50) * 1000,
        service_remove_ms_p50=_percentile(removed, 50) * 1000,
        first_packet_us_p50=_percentile(through, 50) if through else None,
        first_packet_us_p99=_percentile(through, 99) if through else None,
        direct_us_p50=_percentile(direct, 50) if direct else None,
        rss_bytes=rss_bytes(),
        peak_rss_bytes=peak_rss_bytes(),
        cut_short=len(changes) < job.changes,
        version=stowage_version(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=this_machine(),
    )


class _Run:
    """The syncs of a measurement, and the time that they take."""

    def __init__(self, job: Job, proxier: Proxier, kernels: TimedKernels | NoKernels) -> None:
        self._job, self._proxier, self._kernels = job, proxier, kernels
        self._random = random.Random(job.seed)
        self._seen = 0.0
        self._generations: dict[int, int] = {}
        self.cpu = 0.0

    def timed_sync(self, *objects: Any, gone: bool = False) -> float:
        """Tell the proxier of objects and sync; return the seconds it took."""
        state = self._proxier.state
        begin, cpu = perf_counter(), _cpu()
        for each in objects:
            (state.delete if gone else state.update)(each)
        self._proxier.sync(time_ns())
        seconds, self.cpu = perf_counter() - begin, _cpu() - cpu
        return seconds

    def kernel_seconds(self) -> float:
        """Return what kernels have taken since the last call."""
        total = self._kernels.seconds
        seen, self._seen = total - self._seen, total
        return seen

    def changes(self) -> tuple[list[float], list[float]]:
        """Change one endpoint at a time; return the seconds of each, and what kernels took of them."""
        self.kernel_seconds()
        taken: list[float] = []
        kernel: list[float] = []
        while len(taken) < self._job.changes and (len(taken) < LEAST_CHANGES or sum(taken) < LONGEST_S):
            number = self._random.randrange(self._job.services)
            generation = self._generations[number] = self._generations.get(number, 0) + 1
            changed = workload.endpoint_slice(number, self._job.endpoints, generation)
            taken.append(self.timed_sync(changed))
            kernel.append(self.kernel_seconds())
        return taken, kernel

    def services(self) -> tuple[list[float], list[float]]:
        """Add services beyond the others and take them away again; return the seconds of each."""
        first = self._job.services
        added: list[float] = []
        removed: list[float] = []
        count = max(3, min(20, self._job.changes // 5))
        for number in range(first, first + count):
            pair = (workload.service(number), workload.endpoint_slice(number, self._job.endpoints))
            added.append(self.timed_sync(*pair))
            removed.append(self.timed_sync(*pair, gone=True))
            if sum(added) + sum(removed) > LONGEST_S:
                break
        return added, removed

    def settle(self) -> None:
        """Let everything be written that waits for a later sync."""
        self._proxier.sync(time_ns())


def _connections(job: Job) -> tuple[list[float], list[float]]:
    chosen = random.Random(job.seed)
    targets = [(workload.cluster_ip(chosen.randrange(job.services)), workload.PORT) for _ in range(CONNECTIONS)]
    straight = [("10.128.0.1", workload.TARGET_PORT)] * CONNECTIONS
    first_packet.connect_us(straight[:100])
    return first_packet.connect_us(targets), first_packet.connect_us(straight)


def _cpu() -> float:
    """Return the processor seconds of this process and of programs that it ran."""
    times = os.times()
    return process_time() + times.children_user + times.children_system


def _percentile(values: list[float], percent: float) -> float:
    return float(np.percentile(values, percent, method="higher"))
