"""The API server of a soak: it keeps all objects, forgets what it was asked, and answers as a seed wants it.

Its controllers bind volumes when told to.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import msgspec

from sched_core import (
    SUCCESS,
    Binding,
    Event,
    PersistentVolumeClaim,
    Pod,
    PodCondition,
    Scheduler,
    Status,
    error,
    load_documents,
    pod_key,
    pod_uid,
    replaced,
)
from sched_core.cluster import ENDED
from tests.plugins.volumes import BOUND, volume
from tests.scheduler.api import Api

SELECTED = "volume.kubernetes.io/selected-node"
ANSWERS = (*[SUCCESS] * 12, None, None, error("conflict"))


class Server(Api):
    """An API server with objects of every kind; bindings and deletions go well, go wrong, or are answered later."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self.rng = rng
        self.objects: dict[tuple[str, str], Any] = {}
        self.news: list[tuple[str, str]] = []
        self.open: list[tuple[str, Pod, str]] = []
        """Bindings and deletions that have yet to be answered: which, of which pod, and its node."""

    def bind(self, bindings: Sequence[Binding]) -> Sequence[Status | None]:
        return [self._answer("bind", each.pod, each.node_name) for each in bindings]

    def delete(self, pod: Pod, condition: PodCondition | None) -> Status | None:
        return self._answer("delete", pod, "")

    def record_event(self, event: Event) -> None:
        return

    def patch_status(self, pod: Pod, condition: PodCondition | None, nominated_node_name: str | None) -> None:
        super().patch_status(pod, condition, nominated_node_name)
        self.calls.clear()

    def remove(self, pod: Pod) -> None:
        """Delete a pod; one that has ended is out of the informers' sight already."""
        known = self.pods.get(pod_key(pod))
        if known is not None and known.status.phase in ENDED:
            del self.pods[pod_key(pod)]
        else:
            super().remove(pod)

    def write(self, record: Any) -> Status:
        known = self.objects.get((type(record).__name__, _key(record)))
        if known is None or known.metadata.resource_version != record.metadata.resource_version:
            return error("the object has been modified")
        self.put(record)
        return SUCCESS

    def put(self, record: Any) -> None:
        """Take a new or changed object that is no pod."""
        self.version += 1
        stored = replaced(record, metadata=replaced(record.metadata, resource_version=str(self.version)))
        key = type(record).__name__, _key(record)
        self.objects[key] = stored
        self.news.append(key)

    def drop(self, kind: str, key: str) -> None:
        """Delete an object that is no pod."""
        del self.objects[kind, key]
        self.news.append((kind, key))

    def tell(self, scheduler: Scheduler, now: int) -> None:
        """Report all that has changed; of an object that changed several times, what it is like now."""
        while self.news or self.told:  # what is reported may lead to requests at once
            news, self.news = dict.fromkeys(self.news), []
            for kind, key in news:
                found = self.objects.get((kind, key))
                if found is not None:
                    scheduler.apply(found, now)
                elif key in scheduler.handlers.objects.get(kind, {}):
                    scheduler.delete(kind, key, now)
            self.echo(scheduler, now)

    def answer(self, scheduler: Scheduler, now: int) -> None:
        """Answer something that was left open."""
        if not self.open:
            return
        verb, pod, node_name = self.open.pop(self.rng.randrange(len(self.open)))
        status = self.rng.choice([SUCCESS, SUCCESS, error("too bad")])
        if status.is_success:
            self._do(verb, pod, node_name)
        finished = scheduler.binding_finished if verb == "bind" else scheduler.deletion_finished
        finished(pod_uid(pod), status, now)

    def control_volumes(self) -> None:
        """Bind volumes that are set aside to their claims, and make those that are to be provisioned."""
        for (kind, key), found in list(self.objects.items()):
            if kind == "PersistentVolume" and (ref := found.spec.claim_ref) is not None:
                claim = self.objects.get(("PersistentVolumeClaim", f"{ref.namespace}/{ref.name}"))
                if claim is not None and not claim.spec.volume_name:
                    self._bind_claim(claim, key)
            elif kind == "PersistentVolumeClaim" and SELECTED in found.metadata.annotations:
                if found.spec.volume_name:
                    continue
                name = f"made-{found.metadata.namespace}-{found.metadata.name}"
                [made] = load_documents([volume(name)]).others["PersistentVolume"]
                self.put(made)
                self._bind_claim(found, name)

    def _bind_claim(self, claim: PersistentVolumeClaim, volume_name: str) -> None:
        meta = replaced(claim.metadata, annotations=claim.metadata.annotations | BOUND)
        self.put(replaced(claim, metadata=meta, spec=replaced(claim.spec, volume_name=volume_name)))

    def _answer(self, verb: str, pod: Pod, node_name: str) -> Status | None:
        status = self.rng.choice(ANSWERS)
        if status is None:
            self.open.append((verb, pod, node_name))
        elif status.is_success:
            self._do(verb, pod, node_name)
        return status

    def _do(self, verb: str, pod: Pod, node_name: str) -> None:
        known = self.pods.get(pod_key(pod))
        if known is not None and pod_uid(known) == pod_uid(pod):
            self.bound(pod, node_name) if verb == "bind" else self.remove(known)


def _key(record: msgspec.Struct) -> str:
    meta: Any = record.metadata  # type: ignore[attr-defined]
    return f"{meta.namespace}/{meta.name}" if meta.namespace else str(meta.name)
