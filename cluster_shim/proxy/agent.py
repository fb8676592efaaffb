"""Agent: a client's objects go to every family's proxy until somebody says stop.

The rules stay when it stops, as upstream. Nothing is written before the first list is complete.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from cluster_shim.proxy.client import Client, Event
from cluster_shim.proxy.family import FamilyProxy
from proxy_core import InvalidObjects, Node, NodeInfo, ProxyError
from proxy_core.health import ProxyHealth

WATCH_SECONDS = 0.3
"""How long a stop may go unnoticed."""


class MustRestart(ProxyError):
    """Something has changed that only a new process takes over; upstream ends, too."""


class Agent:
    """Runs the proxies of all families."""

    def __init__(
        self,
        client: Client,
        families: Sequence[FamilyProxy],
        health: ProxyHealth,
        node_info: Callable[[Node | None], NodeInfo],
        tell: Callable[[str], None],
    ) -> None:
        """``node_info`` says what a proxy knows of its Node."""
        self._client, self._families, self._health = client, families, health
        self._node_info, self._tell = node_info, tell
        self._node = node_info(None)
        self._stopping = self._is_refusing = False
        self.fixed_pod_cidrs = False
        """Whether other pod networks of the node end the process: rules depend on those of the start."""
        self.config_file: str | None = None
        """A file whose change ends the process."""
        self.every_look: Callable[[], None] = lambda: None
        """Called a few times a second."""

    def stop(self) -> None:
        """End `run` soon; may be called by a signal handler."""
        self._stopping = True

    def once(self, objects: Sequence[Event]) -> bool:
        """Sync every family once; return whether all could."""
        self._note_node(objects)
        for each in self._families:
            each.deliver(objects, listed=True)
            each.step()
        return not any(each.failure for each in self._families)

    def run(self, objects: Sequence[Event]) -> None:
        """Sync the first list, then what changes, until `stop`. Raises MustRestart."""
        config = _content(self.config_file)
        self._note_node(objects)
        threads = [threading.Thread(target=each.run, name=each.family, daemon=True) for each in self._families]
        for each in self._families:
            each.deliver(objects, listed=True)
        for thread in threads:
            thread.start()
        try:
            while not self._stopping:
                self._watch()
                self.every_look()
                if _content(self.config_file) != config:
                    raise MustRestart(f"{self.config_file} has changed: start again to take it over")
                for thread in threads:
                    if not thread.is_alive():
                        raise MustRestart(f"the thread of {thread.name} has ended (see above): start again")
        finally:
            for each in self._families:
                each.stop()
            for thread in threads:
                thread.join()

    def _watch(self) -> None:
        try:
            events = self._client.watch(WATCH_SECONDS)
        except InvalidObjects as invalid:
            self._tell(f"{invalid}\nnothing is taken over until this is repaired; the state of before stays in force")
            self._is_refusing = True
            return
        if self._is_refusing and self._client.is_good:
            self._is_refusing = False
            self._tell("the objects are good again, and taken over")
        if events:
            self._note_node(events)
            for each in self._families:
                each.deliver(events)

    def _note_node(self, events: Sequence[Event]) -> None:
        """Look for the own Node among changes. Raises MustRestart."""
        for each in events:
            record, before = each.object, self._node
            if not isinstance(record, Node) or record.metadata.name != before.name:
                continue
            if each.type == "DELETED":
                self._tell(f"Node {before.name} is gone; its last state counts")
                continue
            self._node = now = self._node_info(record)
            self._health.eligible = now.eligible
            if each.type == "MODIFIED" and before.ips != now.ips:
                self._tell(f"Node {now.name} has other addresses; start again to use them")
            if self.fixed_pod_cidrs and each.type == "MODIFIED" and before.pod_cidrs != now.pod_cidrs:
                raise MustRestart(f"Node {now.name} has other pod networks: start again to take them over")


def _content(path: str | None) -> bytes | None:
    if path is None:
        return None
    with suppress(OSError):
        return Path(path).read_bytes()
    return None
