"""Commands as a user runs them, in this process: the group with its handling of errors, and files in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from cluster_shim.cli.capacity import capacity
from cluster_shim.cli.explain import explain
from cluster_shim.cli.main import EntryPointGroup
from cluster_shim.cli.plugin import plugin
from cluster_shim.cli.whatif import whatif

COMMANDS: dict[str, click.Command] = {"capacity": capacity, "explain": explain, "plugin": plugin, "whatif": whatif}
CLUSTER = """
apiVersion: v1
kind: Node
metadata: {name: small, labels: {disk: hdd}}
status: {allocatable: {cpu: "2", memory: 4Gi, pods: "110"}}
---
apiVersion: v1
kind: Node
metadata: {name: large, labels: {disk: ssd, topology.kubernetes.io/zone: a}}
status: {allocatable: {cpu: "8", memory: 32Gi, pods: "110"}}
---
apiVersion: v1
kind: Node
metadata: {name: gpu, labels: {disk: ssd}}
spec: {taints: [{key: gpu, value: "yes", effect: NoSchedule}]}
status: {allocatable: {cpu: "8", memory: 32Gi, pods: "110"}}
---
apiVersion: v1
kind: Pod
metadata: {name: db-0}
spec:
  nodeSelector: {disk: ssd}
  containers: [{name: db, image: "db:1", resources: {requests: {cpu: 1500m, memory: 8Gi}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: runs}
spec:
  nodeName: large
  containers: [{name: main, image: "app:1", resources: {requests: {cpu: 7500m, memory: 8Gi}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: main, image: "app:1", resources: {requests: {cpu: 250m, memory: 1Gi}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: twin, namespace: one}
spec: {schedulingGates: [{name: wait}], containers: [{name: main, image: "app:1"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: twin, namespace: two}
spec: {schedulerName: mine, containers: [{name: main, image: "app:1"}]}
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: tiny}
spec:
  containers: [{name: main, image: "app:1", resources: {requests: {cpu: 500m, memory: 1Gi}}}]
"""


class Here(EntryPointGroup):
    """The group with the commands of the source tree, installed or not."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return COMMANDS.get(cmd_name)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that commands run in, with cluster.yaml and pod.yaml."""
    (tmp_path / "cluster.yaml").write_text(CLUSTER, encoding="utf-8")
    (tmp_path / "pod.yaml").write_text(POD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def stowage(folder: Path) -> Callable[..., Result]:
    """Return a function that runs ``stowage ARGS`` in the folder."""

    def run(*args: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(Here(name="stowage"), args, input=stdin)

    return run
