"""kubectl where it goes on while something else happens: watches, waits, rollouts, a proxy, an apply in a hurry."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest

from tests.clients.transcript import run

TIMEOUT_SECONDS = 30


@pytest.fixture
def sh(shell: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return the environment of commands in a namespace of one's own."""
    name = tmp_path.name.replace("_", "-").strip("-").lower()[:60].strip("-")
    done = run(f"kubectl create ns {name} && kubectl config set-context --current --namespace={name}", shell, tmp_path)
    assert done[1] == 0, done
    assert run("kubectl create serviceaccount default", shell, tmp_path)[1] == 0
    yield shell


def do(command: str, environment: dict[str, str]) -> str:
    """Return what a command prints that must not fail."""
    printed, status = run(command, environment, Path(environment["HOME"]))
    assert status == 0, f"$ {command}\n{printed}"
    return printed


class Live:
    """A command that goes on; its lines come as they are printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: Queue[str] = Queue()
        self._reader = Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for each in self.process.stdout:
            self._lines.put(each)

    def line(self) -> list[str]:
        """Return the next line as words; raises Empty if none comes."""
        return self._lines.get(timeout=TIMEOUT_SECONDS).split()

    @property
    def has_printed(self) -> bool:
        return not self._lines.empty()

    def end(self) -> None:
        self.process.kill()
        self._reader.join()


@contextmanager
def started(command: Sequence[str], environment: dict[str, str]) -> Iterator[Live]:
    """Start a command and end it afterwards."""
    program = [str(Path(environment["HOME"]) / "bin" / "kubectl"), *command]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=environment) as process:
        live = Live(process)
        try:
            yield live
        finally:
            live.end()


def test_watch(sh: dict[str, str]) -> None:
    do("kubectl run one --image=nginx", sh)
    with started(["get", "pods", "-w", "--output-watch-events"], sh) as watch:
        assert watch.line()[:3] == ["EVENT", "NAME", "READY"]
        assert watch.line()[:4] == ["ADDED", "one", "0/1", "Pending"]
        do("kubectl run two --image=nginx", sh)
        assert watch.line()[:4] == ["ADDED", "two", "0/1", "Pending"]
        do('kubectl patch pod one --subresource=status --type=merge -p \'{"status": {"phase": "Running"}}\'', sh)
        assert watch.line()[:4] == ["MODIFIED", "one", "0/1", "Running"]
        do("kubectl delete pod two --wait=false", sh)
        assert watch.line()[:4] == ["MODIFIED", "two", "0/1", "Terminating"]
        assert watch.line()[:4] == ["DELETED", "two", "0/1", "Terminating"]


def test_watch_of_names_from_now_on(sh: dict[str, str]) -> None:
    do("kubectl create configmap old", sh)
    with started(["get", "configmaps", "--watch-only", "-o", "name", "-l", "seen=yes"], sh) as watch:
        do("kubectl create configmap unseen", sh)
        for turn in range(TIMEOUT_SECONDS):  # nothing says when it has begun to look
            do(f"kubectl label --overwrite configmap old seen=yes turn={turn}", sh)
            if watch.has_printed:
                break
        assert watch.line() == ["configmap/old"]


def test_wait_for_a_condition_that_comes(sh: dict[str, str]) -> None:
    do("kubectl run one --image=nginx", sh)
    with started(["wait", "pod/one", "--for=condition=Ready", "--timeout=20s"], sh) as wait:
        status = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
        do(f"kubectl patch pod one --subresource=status --type=merge -p '{json.dumps(status)}'", sh)
        assert wait.line() == ["pod/one", "condition", "met"]
        assert wait.process.wait(TIMEOUT_SECONDS) == 0


def test_wait_for_an_object_that_comes(sh: dict[str, str]) -> None:
    with started(["wait", "configmap/late", "--for=create", "--timeout=20s"], sh) as wait:
        do("kubectl create configmap late", sh)
        assert wait.line() == ["configmap/late", "condition", "met"]


def test_delete_waits_for_finalizers(sh: dict[str, str]) -> None:
    do("kubectl create configmap held", sh)
    do('kubectl patch configmap held -p \'{"metadata": {"finalizers": ["example.com/hold"]}}\'', sh)
    with started(["delete", "configmap", "held"], sh) as delete:
        assert delete.line()[:3] == ["configmap", '"held"', "deleted"]
        assert delete.process.poll() is None
        do('kubectl patch configmap held --type=merge -p \'{"metadata": {"finalizers": null}}\'', sh)
        assert delete.process.wait(TIMEOUT_SECONDS) == 0


def test_rollout_status_follows(sh: dict[str, str]) -> None:
    do("kubectl create deployment web --image=nginx --replicas=2", sh)

    def progress(updated: int, available: int) -> None:
        status = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": updated, "availableReplicas": available}
        status["readyReplicas"] = available
        patch = json.dumps({"status": status})
        do(f"kubectl patch deployment web --subresource=status --type=merge -p '{patch}'", sh)

    with started(["rollout", "status", "deployment/web"], sh) as rollout:
        assert " ".join(rollout.line()) == "Waiting for deployment spec update to be observed..."
        progress(1, 0)
        assert "1 out of 2 new replicas have been updated" in " ".join(rollout.line())
        progress(2, 1)
        assert "1 of 2 updated replicas are available" in " ".join(rollout.line())
        progress(2, 2)
        assert " ".join(rollout.line()) == 'deployment "web" successfully rolled out'
        assert rollout.process.wait(TIMEOUT_SECONDS) == 0


def test_proxy(sh: dict[str, str]) -> None:
    do("kubectl create configmap one --from-literal=a=b", sh)
    namespace = do("kubectl config view --minify -o jsonpath='{.contexts[0].context.namespace}'", sh)
    with started(["proxy", "--port=0"], sh) as proxy:
        address = proxy.line()[-1]
        with urllib.request.urlopen(f"http://{address}/api/v1/namespaces/{namespace}/configmaps/one") as answer:
            assert json.load(answer)["data"] == {"a": "b"}


def test_edits_of_several_at_once_lose_nothing(sh: dict[str, str]) -> None:
    do("kubectl create configmap shared", sh)
    commands = [["annotate", "configmap", "shared", f"note-{number}=x"] for number in range(4)]
    running = [
        subprocess.Popen([str(Path(sh["HOME"]) / "bin" / "kubectl"), *each], env=sh, stdout=subprocess.DEVNULL)
        for each in commands
    ]
    assert [each.wait(TIMEOUT_SECONDS) for each in running] == [0, 0, 0, 0]
    annotations = json.loads(do("kubectl get configmap shared -o jsonpath='{.metadata.annotations}'", sh))
    assert sorted(annotations) == ["note-0", "note-1", "note-2", "note-3"]
