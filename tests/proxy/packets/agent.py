"""Agent: a proxy in a process of its own, which can be killed; it obeys lines of JSON and answers each.

``python -m tests.proxy.packets.agent NETNS MODE`` is the child, `Agent` the parent's side.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from typing import Any, cast

import msgspec

from proxy_core import EndpointSlice, KernelError, Service
from tests.proxy.packets.driver import Proxy, Record


class Agent:
    """The proxy's process; all calls but `order` wait for the answer."""

    def __init__(self, netns: str, mode: str, records: Iterable[Record]) -> None:
        """Start it, and have it serve some objects."""
        self.netns, self.mode = netns, mode
        command = [sys.executable, "-m", "tests.proxy.packets.agent", netns, mode]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.take(records)
        self.sync()

    def take(self, records: Iterable[Record]) -> None:
        """Tell it of objects that are new or changed."""
        self.order("take", [[type(each).__name__, msgspec.to_builtins(each)] for each in records])
        self._answer()

    def sync(self, how: str = "sync") -> str:
        """Let it sync (``sync``, ``full``, ``fail``); return why that failed, empty if it did not."""
        self.order(how)
        return self._answer()

    def order(self, what: str, argument: Any = None) -> None:
        """Tell it to do something, and do not wait."""
        assert self._process.stdin is not None
        print(json.dumps([what, argument]), file=self._process.stdin, flush=True)

    def kill(self) -> None:
        """End it as it stands and goes."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the proxy's process has ended"
        return cast(str, json.loads(line))


def main(netns: str, mode: str) -> None:
    """Serve orders until there are no more."""
    proxy = Proxy(netns, mode)
    kinds: dict[str, type[Service] | type[EndpointSlice]] = {"Service": Service, "EndpointSlice": EndpointSlice}
    for line in sys.stdin:
        what, argument = json.loads(line)
        said = ""
        if what == "take":
            proxy.take(*(msgspec.convert(content, kinds[kind]) for kind, content in argument))
        else:
            proxy.saboteur.armed = what == "fail"
            try:
                proxy.sync(full=what == "full")
            except KernelError as refused:
                said = str(refused)
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
