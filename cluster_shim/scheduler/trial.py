"""Trial: a configuration with its plugins tried out in a process of its own, before a running scheduler takes it over.

There they are loaded, compiled (what is compiled is kept on disk, so that the scheduler finds it) and asked about a few
pods on a few nodes. What loops for ever, prints, or takes the process down does so there.
"""

from __future__ import annotations

import faulthandler
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from time import monotonic
from typing import IO

import msgspec

from cluster_shim.scheduler.reference import parse_reference

LIMIT_S = 120.0
"""Loading, compiling and the first decisions together; compiling a whole profile takes some 20 s."""


class Wanted(msgspec.Struct, frozen=True):
    """What is tried: a file, plugins and names as of `configure`, and the resources of the cluster by row."""

    profile: str | None
    plugins: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()


class Trial:
    """A trial that is under way; it is begun by making it."""

    def __init__(self, wanted: Wanted, limit_s: float = LIMIT_S) -> None:
        self._deadline = monotonic() + limit_s + 60  # the process ends itself; this is for one that cannot
        self._limit_s = limit_s
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it outlives this call
        arguments = [msgspec.json.encode(wanted).decode(), str(limit_s)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cluster_shim.scheduler.trial", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._output,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )  # fmt: skip

    def outcome(self, wait_s: float = 0.0) -> str | None:
        """Return what is wrong, "" if nothing is, and None while that is not known."""
        try:
            status = self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            if monotonic() < self._deadline:
                return None
            self.stop()
            return f"it was not ready after {self._limit_s:.0f} s"
        self._output.seek(0)
        text = self._output.read().decode(errors="replace").strip()
        if status == 0:
            return ""
        if "Timeout (" in text:
            return f"it was not ready after {self._limit_s:.0f} s{hung_at(text)}"
        found = text.rpartition(_REFUSED)[2] if _REFUSED in text else text[-500:]
        return found.strip() or f"the process that tried it out ended with status {status}"

    def stop(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._output.close()


def hung_at(dump: str) -> str:
    """Return ``: FILE:LINE in FUNCTION`` of the innermost frame that faulthandler has written; "" if there is none."""
    found = re.search(r'File "(.+)", line (\d+) in (\S+)', dump)
    return f": {found[1]}:{found[2]} in {found[3]}" if found else ""


_REFUSED = "refused: "


def main(arguments: Sequence[str]) -> int:
    """Try a configuration out: what is wrong is written to stderr, and the status is 1."""
    wanted, limit_s = msgspec.json.decode(arguments[0], type=Wanted), float(arguments[1])
    import cluster_shim.scheduler.configuration  # noqa: F401 - what is ours takes its time, too, and does not count
    from sched_core import StowageError

    faulthandler.dump_traceback_later(limit_s, exit=True)
    try:
        _try(wanted)
    except StowageError as reason:
        print(f"{_REFUSED}{reason}", file=sys.stderr)
        return 1
    return 0


def _try(wanted: Wanted) -> None:
    import numpy as np

    from cluster_shim.scheduler.configuration import configure
    from sched_core import Cluster, Engine, Node, NodeArray, PluginError, Pod

    plugins = [parse_reference(text) for text in wanted.plugins]
    configured = configure(wanted.profile, plugins, wanted.disable)
    node = Node()
    node.status.allocatable = {"cpu": "8", "memory": "32Gi", "pods": "110"}
    cluster = Cluster()
    for name in wanted.resources:
        cluster.nodes.resource_row(name)
    cluster.nodes.add_array(NodeArray([f"n{number}" for number in range(8)], [node], np.zeros(8, np.int32)))
    engine = Engine(cluster, configured.config, plugins=configured.plugins)
    engine.warm_up()
    for name in engine.profiles:
        pods = []
        for number in range(4):
            pods.append(Pod())
            pods[-1].metadata.name, pods[-1].spec.scheduler_name = f"{name}-{number}", name
        for failure in engine.schedule_many(pods).failures.values():
            if failure.error:
                raise PluginError(", ".join(configured.plugins) or name, "trial", failure.message)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
