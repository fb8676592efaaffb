"""Small benchmark files for tests, and running what is in them."""

from __future__ import annotations

from pathlib import Path

from bench.scheduler_perf.command import run_job
from bench.scheduler_perf.harness import Harness
from bench.scheduler_perf.operations import run_operation
from bench.scheduler_perf.read import Job, read
from bench.scheduler_perf.result import JobResult
from bench.scheduling.run import Interrupt

NODE = """\
apiVersion: v1
kind: Node
metadata: {generateName: node-}
status: {capacity: {cpu: "4", memory: 32Gi, pods: "110"}}
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {generateName: pod-}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: pause, image: pause, resources: {requests: {cpu: 1}}}]
"""
BASIC = """\
- name: Basic
  defaultPodTemplatePath: pod.yaml
  workloadTemplate:
  - {opcode: createNodes, countParam: $nodes, nodeTemplatePath: node.yaml}
  - {opcode: createPods, countParam: $pods, collectMetrics: true}
  workloads:
  - name: tiny
    labels: [performance, short]
    params: {nodes: 2, pods: 8}
"""
TIMEOUT_S = 0.3


def write(folder: Path, config: str = BASIC, **templates: str) -> Path:
    """Write a file of test cases, with ``pod.yaml``, ``node.yaml`` and further templates beside it."""
    for name, text in {"pod": POD, "node": NODE, **templates}.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    path = folder / "performance-config.yaml"
    path.write_text(config, encoding="utf-8")
    return path


def job(folder: Path, operations: str, head: str = "", tail: str = "", **templates: str) -> Job:
    """Return the one workload of a test case with these operations (YAML, not indented)."""
    indented = "".join(f"  {line}\n" for line in operations.splitlines())
    config = f"- name: Case\n  defaultPodTemplatePath: pod.yaml\n{head}  workloadTemplate:\n{indented}"
    return read([write(folder, f"{config}  workloads:\n  - name: only\n{tail}", **templates)])[0]


def run(folder: Path, operations: str, head: str = "", tail: str = "", **templates: str) -> JobResult:
    """Run such a workload."""
    return run_job(job(folder, operations, head, tail, **templates), Interrupt(), TIMEOUT_S)


def ran(folder: Path, operations: str, **templates: str) -> Harness:
    """Run operations, and return the harness with what they have left; nothing needs to be measured."""
    measured = "- {opcode: createPods, count: 0, collectMetrics: true}"
    found = job(folder, f"{operations}\n{measured}", **templates)
    harness = Harness(found, Interrupt(), TIMEOUT_S, lambda done, total: None)
    for index, operation in enumerate(found.operations[:-1]):
        run_operation(harness, operation, index)
    return harness
