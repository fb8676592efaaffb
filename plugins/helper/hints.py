"""What hints of several plugins share: claims of a pod, whether two records are one pod, whether a pod holds a node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sched_core import ActionType, ClusterEvent, ClusterEventWithHint, QueueingHint, pod_uid, queue_if

if TYPE_CHECKING:
    from collections.abc import Callable

    from sched_core import PersistentVolumeClaim, Pod


def on(
    resource: str, action: ActionType, hint: Callable[[Pod, Any, Any], QueueingHint] | None = None
) -> ClusterEventWithHint:
    """Return a registration."""
    return ClusterEventWithHint(ClusterEvent(resource, action), hint)


def is_same_pod(pod: Pod, other: Pod) -> bool:
    """Tell whether two records are of one pod: one that was created again is another."""
    return pod_uid(pod) == pod_uid(other)


def holds_node(pod: Pod) -> bool:
    """Tell whether a pod has a node or is nominated to one."""
    return bool(pod.spec.node_name or pod.status.nominated_node_name)


def own_claims(pod: Pod) -> Iterator[str]:
    """Yield the names of the claims that a pod names; those of ephemeral volumes are not among them."""
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is not None:
            yield volume.persistent_volume_claim.claim_name


def all_claims(pod: Pod) -> Iterator[str]:
    """Yield the names of the claims that a pod uses, those of ephemeral volumes too."""
    yield from own_claims(pod)
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is None and volume.ephemeral is not None:
            yield f"{pod.metadata.name}-{volume.name}"


def names_claim(pod: Pod, old: PersistentVolumeClaim | None, new: PersistentVolumeClaim) -> QueueingHint:
    """Queue if the pod names the claim."""
    return queue_if(pod.metadata.namespace == new.metadata.namespace and new.metadata.name in own_claims(pod))


def uses_claim(pod: Pod, old: PersistentVolumeClaim | None, new: PersistentVolumeClaim) -> QueueingHint:
    """Queue if the pod uses the claim, be it an ephemeral volume's."""
    return queue_if(pod.metadata.namespace == new.metadata.namespace and new.metadata.name in all_claims(pod))
