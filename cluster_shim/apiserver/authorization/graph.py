"""Which objects belong to which node: what the pods on it refer to, directly or through claims and volumes.

Upstream: authorizer/node/graph.go. Instead of a general graph: how often the pods of a node refer to something, and
which volume a claim or a secret belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator
from sys import intern
from typing import NamedTuple

import msgspec

from cluster_shim.apiserver.authorization.follow import Put, follow
from cluster_shim.storage.store import Source

Vertex = tuple[str, str, str]
"""Resource, namespace, name."""

_MIRROR = "kubernetes.io/config.mirror"


class _Named(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    namespace: str = ""
    secret_name: str = ""
    secret_namespace: str = ""


class _KeyFrom(msgspec.Struct, frozen=True, rename="camel"):
    secret_key_ref: _Named | None = None
    config_map_key_ref: _Named | None = None


class _Env(msgspec.Struct, frozen=True, rename="camel"):
    value_from: _KeyFrom | None = None


class _EnvFrom(msgspec.Struct, frozen=True, rename="camel"):
    secret_ref: _Named | None = None
    config_map_ref: _Named | None = None


class _Container(msgspec.Struct, frozen=True, rename="camel"):
    env: list[_Env] = []
    env_from: list[_EnvFrom] = []


class _Projection(msgspec.Struct, frozen=True, rename="camel"):
    secret: _Named | None = None
    config_map: _Named | None = None


class _Sources(msgspec.Struct, frozen=True):
    sources: list[_Projection] = []


class _Claim(msgspec.Struct, frozen=True, rename="camel"):
    claim_name: str = ""


class _Ephemeral(msgspec.Struct, frozen=True):
    """That it is there is all there is to know."""


class _WithSecret(msgspec.Struct, frozen=True, rename="camel"):
    secret_ref: _Named | None = None
    node_publish_secret_ref: _Named | None = None
    node_stage_secret_ref: _Named | None = None
    node_expand_secret_ref: _Named | None = None


class _Volume(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    secret: _Named | None = None
    config_map: _Named | None = None
    persistent_volume_claim: _Claim | None = None
    ephemeral: _Ephemeral | None = None
    projected: _Sources | None = None
    azure_file: _Named | None = None
    cephfs: _WithSecret | None = None
    cinder: _WithSecret | None = None
    flex_volume: _WithSecret | None = None
    rbd: _WithSecret | None = None
    scale_io: _WithSecret | None = msgspec.field(default=None, name="scaleIO")
    storageos: _WithSecret | None = None
    iscsi: _WithSecret | None = None
    csi: _WithSecret | None = None
    claim_ref: _Named | None = None

    def secrets(self) -> Iterator[_Named]:
        """Yield what the drivers of the volume log in with on a node."""
        drivers = (
            self.cephfs,
            self.cinder,
            self.flex_volume,
            self.rbd,
            self.scale_io,
            self.storageos,
            self.iscsi,
            self.csi,
        )
        for driver in drivers:
            if driver is not None:
                refs = (driver.secret_ref, driver.node_publish_secret_ref, driver.node_stage_secret_ref)
                yield from (ref for ref in (*refs, driver.node_expand_secret_ref) if ref is not None)


class _PodClaim(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    resource_claim_name: str = ""


class _PodSpec(msgspec.Struct, frozen=True, rename="camel"):
    node_name: str = ""
    service_account_name: str = ""
    image_pull_secrets: list[_Named] = []
    containers: list[_Container] = []
    init_containers: list[_Container] = []
    ephemeral_containers: list[_Container] = []
    volumes: list[_Volume] = []
    resource_claims: list[_PodClaim] = []


class _ExtendedClaim(msgspec.Struct, frozen=True, rename="camel"):
    resource_claim_name: str = ""


class _PodStatus(msgspec.Struct, frozen=True, rename="camel"):
    resource_claim_statuses: list[_PodClaim] = []
    extended_resource_claim_status: _ExtendedClaim | None = None


class _Meta(msgspec.Struct, frozen=True):
    annotations: dict[str, str] = {}


class _Pod(msgspec.Struct, frozen=True):
    metadata: _Meta = _Meta()
    spec: _PodSpec = _PodSpec()
    status: _PodStatus = _PodStatus()


class _VolumeObject(msgspec.Struct, frozen=True):
    spec: _Volume = _Volume()


class _NodeNameSpec(msgspec.Struct, frozen=True, rename="camel"):
    node_name: str = ""


class _OnNode(msgspec.Struct, frozen=True):
    spec: _NodeNameSpec = _NodeNameSpec()


_pod = msgspec.json.Decoder(_Pod)
_volume = msgspec.json.Decoder(_VolumeObject)
_on_node = msgspec.json.Decoder(_OnNode)

_DIRECT = ("volumeattachments", "resourceslices")
"""Resources whose objects name a node themselves."""


_NODE_NAME = b'"nodeName":"'
_MIRROR_KEY = _MIRROR.encode()
_SPECS_MAX, _SPEC_MAX_BYTES = 2048, 16 << 10


class _Placed(NamedTuple):
    """A pod on a node, and what it refers to."""

    node: str
    vertices: tuple[Vertex, ...]
    fingerprint: int | None


class _Text(NamedTuple):
    """What stands in a stored pod of what counts here: of the writes of a pod nearly all change its status only."""

    node: bytes
    spec: bytes
    """Without the node: alike for all pods of a template."""


def _text_of(value: bytes) -> _Text | None:
    """Return the text of a pod that has a node; None if the pod has to be decoded to know."""
    start, end = value.find(b',"spec":{'), value.rfind(b',"status":{')
    at = value.find(_NODE_NAME, start) + len(_NODE_NAME)
    stop = value.find(b'"', at)
    if not 0 <= start < at < stop < end or value.find(_NODE_NAME, stop, end) >= 0 or b"esourceClaim" in value:
        return None
    return _Text(value[at:stop], value[start:at] + value[stop:end])


class Graph:
    """What belongs to which node. `has` answers for one object."""

    def __init__(self) -> None:
        self._counts: dict[Vertex, dict[str, int]] = {}
        self._vertices: dict[Vertex, Vertex] = {}  # so that each is there once, however many pods refer to it
        self._pods: dict[str, dict[str, _Placed]] = {}
        self._volumes: dict[str, tuple[Vertex, tuple[Vertex, ...]]] = {}
        self._volumes_of_secret: dict[Vertex, set[str]] = {}
        self._direct: dict[Vertex, str] = {}
        self._specs: dict[tuple[str, bytes], tuple[Vertex, ...]] = {}

    def follow(self, source: Source) -> None:
        """Keep up with the store from now on."""
        follow(source, "/registry/pods/", self.put_pod)
        follow(source, "/registry/persistentvolumes/", lambda _, name, value: self.put_volume(name, value))
        for resource in _DIRECT:
            follow(source, f"/registry/{resource}/", self._putter(resource))

    def has(self, node: str, resource: str, namespace: str, name: str) -> bool:
        """Tell whether an object belongs to a node."""
        vertex = (resource, namespace, name)
        if self._direct.get(vertex) == node or node in self._counts.get(vertex, ()):
            return True
        if resource == "pods":
            placed = self._pods.get(namespace, {}).get(name)
            return placed is not None and placed.node == node
        if resource == "persistentvolumes":
            volume = self._volumes.get(name)
            return volume is not None and node in self._counts.get(volume[0], ())
        volumes = self._volumes_of_secret.get(vertex, ())
        return any(self.has(node, "persistentvolumes", "", volume) for volume in volumes)

    def put_pod(self, namespace: str, name: str, value: bytes | None) -> None:
        """Take note of a pod that is new or changed, or gone (None)."""
        pods = self._pods.setdefault(namespace, {})
        known = pods.get(name)
        if value is None or b'"nodeName":"' not in value:  # most writes are of pods that have no node yet
            if known is not None:
                self._forget(pods, name)
            return
        text = _text_of(value)
        fingerprint = hash(text) if text is not None else None
        if known is not None:
            if known.fingerprint == fingerprint is not None:
                return
            self._forget(pods, name)
        node, vertices = self._read(namespace, name, value, text)
        if node:
            pods[name] = _Placed(node, vertices, fingerprint)
            for vertex in vertices:
                self._count(vertex, node, 1)

    def _read(self, namespace: str, name: str, value: bytes, text: _Text | None) -> tuple[str, tuple[Vertex, ...]]:
        """Return the node of a pod and what it refers to, which is known of a spec that was seen before."""
        is_own = text is None or len(text.spec) > _SPEC_MAX_BYTES or b'"ephemeral"' in text.spec or _MIRROR_KEY in value
        if is_own or text is None:
            pod = _pod.decode(value)
            return intern(pod.spec.node_name), self._shared(pod, namespace, name)
        spec = (namespace, text.spec)
        found = self._specs.get(spec)
        if found is None:
            if len(self._specs) >= _SPECS_MAX:
                self._specs.clear()
            found = self._specs[spec] = self._shared(_pod.decode(value), namespace, name)
        return intern(text.node.decode()), found

    def _shared(self, pod: _Pod, namespace: str, name: str) -> tuple[Vertex, ...]:
        found = dict.fromkeys(_references(pod, namespace, name))
        return tuple(self._vertices.setdefault(vertex, vertex) for vertex in found)

    def _forget(self, pods: dict[str, _Placed], name: str) -> None:
        placed = pods.pop(name)
        for vertex in placed.vertices:
            self._count(vertex, placed.node, -1)

    def put_volume(self, name: str, value: bytes | None) -> None:
        """Take note of a PersistentVolume that is new or changed, or gone (None)."""
        _, secrets = self._volumes.pop(name, (None, ()))
        for secret in secrets:
            self._volumes_of_secret[secret].discard(name)
        spec = _volume.decode(value).spec if value is not None else None
        if spec is None or spec.claim_ref is None:
            return
        claim = spec.claim_ref
        found = [("secrets", each.namespace or claim.namespace, each.name) for each in spec.secrets()]
        if spec.azure_file is not None:
            found.append(("secrets", spec.azure_file.secret_namespace or claim.namespace, spec.azure_file.secret_name))
        secrets = tuple(vertex for vertex in found if vertex[2])
        self._volumes[name] = (("persistentvolumeclaims", claim.namespace, claim.name), secrets)
        for secret in secrets:
            self._volumes_of_secret.setdefault(secret, set()).add(name)

    def _putter(self, resource: str) -> Put:
        def put(namespace: str, name: str, value: bytes | None) -> None:
            node = _on_node.decode(value).spec.node_name if value is not None else ""
            if node:
                self._direct[resource, namespace, name] = node
            else:
                self._direct.pop((resource, namespace, name), None)

        return put

    def _count(self, vertex: Vertex, node: str, by: int) -> None:
        counts = self._counts.setdefault(vertex, {})
        counts[node] = counts.get(node, 0) + by
        if not counts[node]:
            del counts[node]
            if not counts:
                del self._counts[vertex]
                self._vertices.pop(vertex, None)


def _references(pod: _Pod, namespace: str, name: str) -> Iterator[Vertex]:
    """Yield what a pod refers to. A mirror pod gives its node nothing: nodes make them."""
    if _MIRROR in pod.metadata.annotations:
        return
    spec = pod.spec
    found: list[tuple[str, str]] = [("serviceaccounts", spec.service_account_name)]
    found += [("secrets", each.name) for each in spec.image_pull_secrets]
    for container in (*spec.containers, *spec.init_containers, *spec.ephemeral_containers):
        found += _of_container(container)
    for volume in spec.volumes:
        found += _of_volume(volume, name)
    statuses = {each.name: each.resource_claim_name for each in pod.status.resource_claim_statuses}
    found += [
        ("resourceclaims", each.resource_claim_name or statuses.get(each.name, "")) for each in spec.resource_claims
    ]
    if pod.status.extended_resource_claim_status is not None:
        found.append(("resourceclaims", pod.status.extended_resource_claim_status.resource_claim_name))
    yield from ((resource, namespace, each) for resource, each in found if each)


def _of_container(container: _Container) -> Iterator[tuple[str, str]]:
    for source in container.env_from:
        if source.secret_ref is not None:
            yield "secrets", source.secret_ref.name
        if source.config_map_ref is not None:
            yield "configmaps", source.config_map_ref.name
    for env in container.env:
        if env.value_from is not None:
            if env.value_from.secret_key_ref is not None:
                yield "secrets", env.value_from.secret_key_ref.name
            if env.value_from.config_map_key_ref is not None:
                yield "configmaps", env.value_from.config_map_key_ref.name


def _of_volume(volume: _Volume, pod_name: str) -> Iterator[tuple[str, str]]:
    yield from (("secrets", each.name) for each in volume.secrets())
    if volume.secret is not None:
        yield "secrets", volume.secret.secret_name
    if volume.azure_file is not None:
        yield "secrets", volume.azure_file.secret_name
    if volume.config_map is not None:
        yield "configmaps", volume.config_map.name
    for source in volume.projected.sources if volume.projected is not None else ():
        if source.secret is not None:
            yield "secrets", source.secret.name
        if source.config_map is not None:
            yield "configmaps", source.config_map.name
    if volume.persistent_volume_claim is not None:
        yield "persistentvolumeclaims", volume.persistent_volume_claim.claim_name
    elif volume.ephemeral is not None:
        yield "persistentvolumeclaims", f"{pod_name}-{volume.name}"
