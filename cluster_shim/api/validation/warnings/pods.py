"""Warnings about pods and their templates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cluster_shim.api.fields import ROOT, Path, quoted
from cluster_shim.api.validation import formats
from cluster_shim.api.validation.addresses import ip_warnings
from cluster_shim.api.validation.checks import NOTHING, Object
from cluster_shim.api.validation.core.affinity import PREFERRED, REQUIRED
from cluster_shim.api.validation.core.pod_options import containers
from cluster_shim.api.validation.warnings import nodes, volumes

_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_NO_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'
_NO_APP_ARMOR = 'deprecated since v1.30; use the "appArmorProfile" field instead'
_NO_SYSCTLS = 'non-functional in v1.11+; use the "sysctls" field instead'
_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
    "security.alpha.kubernetes.io/sysctls": _NO_SYSCTLS,
    "security.alpha.kubernetes.io/unsafe-sysctls": _NO_SYSCTLS,
}
_BYTES = ("memory", "ephemeral-storage")
_NO_SELECTOR = "a null labelSelector results in matching no pod"


def of_name(name: str, use: str) -> list[str]:
    """Return what is said of a name that host names are made of and that is no DNS label."""
    messages = formats.dns_label(name)
    if not messages:
        return []
    advice = "which can result in surprising behavior; a DNS label is recommended"
    return [f"metadata.name: this is used in {use}, {advice}: [{' '.join(messages)}]"]


def template(wanted: Object | None, path: Path) -> list[str]:
    """Return what is said of a template of pods; a pod is one at the root."""
    if wanted is None:
        return []
    spec, annotations = wanted.get("spec") or NOTHING, (wanted.get("metadata") or NOTHING).get("annotations") or {}
    at = path.child("spec")
    found: list[str] = []
    if spec.get("nodeSelector") or "affinity" in spec or "topologySpreadConstraints" in spec:
        found += _placement(spec, at)
    if annotations:
        found += _annotated(annotations, path.child("metadata", "annotations"))
    if spec.get("volumes"):
        found += volumes.of_pod(spec["volumes"], at.child("volumes"))
    found += _repeated(spec, at)
    for name in _BYTES if spec.get("overhead") else ():
        found += volumes.fraction(spec["overhead"], name, at.child("overhead"))
    if annotations:
        found += _profiles(spec, annotations, path)
    for where, each in containers(spec, at):
        found += _container(each, where)
    found += _ports(spec, at)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        detail = "must be >= 0; negative values are invalid and will be treated as 1"
        found.append(f"{at.child('terminationGracePeriodSeconds')}: {detail}")
    if spec.get("affinity"):
        found += _pod_affinity(spec["affinity"], at.child("affinity"))
    servers = (spec.get("dnsConfig") or NOTHING).get("nameservers") or ()
    for index, each in enumerate(servers):
        found += ip_warnings(each, at.child("dnsConfig", "nameservers").index(index))
    for index, each in enumerate(spec.get("hostAliases") or ()):
        found += ip_warnings(each.get("ip", ""), at.child("hostAliases").index(index).child("ip"))
    return found


def _placement(spec: Object, path: Path) -> list[str]:
    selector = spec.get("nodeSelector") or ()
    found = [
        f"{path.child('nodeSelector').key(key)}: {nodes.DEPRECATED[key]}" for key in selector if key in nodes.DEPRECATED
    ]
    wanted, at = (
        (spec.get("affinity") or NOTHING).get("nodeAffinity") or NOTHING,
        path.child("affinity", "nodeAffinity"),
    )
    terms = (wanted.get(REQUIRED) or NOTHING).get("nodeSelectorTerms") or ()
    for index, each in enumerate(terms):
        found += nodes.selector_term(each, at.child(REQUIRED, "nodeSelectorTerms").index(index))
    for index, each in enumerate(wanted.get(PREFERRED) or ()):
        where = at.child(PREFERRED).index(index).child("preference")
        found += nodes.selector_term(each.get("preference") or NOTHING, where, True)
    for index, each in enumerate(spec.get("topologySpreadConstraints") or ()):
        where, key = path.child("topologySpreadConstraints").index(index), each.get("topologyKey", "")
        if key in nodes.DEPRECATED:
            found.append(f"{where.child('topologyKey')}: {key} is {nodes.DEPRECATED[key]}")
        if each.get("labelSelector") is None:
            found.append(f"{where.child('labelSelector')}: {_NO_SELECTOR}")
    return found


def _annotated(annotations: Mapping[str, str], path: Path) -> list[str]:
    return [f"{path.key(key)}: {detail}" for key, detail in _ANNOTATIONS.items() if key in annotations]


def _repeated(spec: Object, path: Path) -> Iterator[str]:
    for key, member, what in (("hostAliases", "ip", "ip"), ("imagePullSecrets", "name", "name")):
        seen = set()
        for index, each in enumerate(spec.get(key) or ()):
            value = each.get(member, "")
            if value in seen:
                yield f"{path.child(key).index(index).child(member)}: duplicate {what} {quoted(value)}"
            seen.add(value)
    for index, each in enumerate(spec.get("imagePullSecrets") or ()):
        if not each.get("name"):
            yield f'{path.child("imagePullSecrets").index(index).child("name")}: invalid empty name ""'


def _profiles(spec: Object, annotations: Mapping[str, str], path: Path) -> Iterator[str]:
    at, of_pod = path.child("metadata", "annotations"), spec.get("securityContext") or NOTHING
    if _SECCOMP_POD in annotations and of_pod.get("seccompProfile") is None:
        yield f"{at.key(_SECCOMP_POD)}: {_NO_SECCOMP}"
    for _, container in containers(spec):
        context, name = container.get("securityContext") or NOTHING, container.get("name", "")
        key = f"{_SECCOMP_CONTAINER}{name}"
        if key in annotations and context.get("seccompProfile") is None:
            yield f"{at.key(key)}: {_NO_SECCOMP}"
        key = f"{_APP_ARMOR}{name}"
        if path is not ROOT and key in annotations and context.get("appArmorProfile") is None:
            profile = of_pod.get("appArmorProfile")
            if profile is None or profile != _app_armor(annotations[key]):
                yield f"{at.key(key)}: {_NO_APP_ARMOR}"


def _app_armor(annotation: str) -> Object | None:
    kind, _, profile = annotation.partition("/")
    if annotation == "unconfined":
        return {"type": "Unconfined"}
    if annotation == "runtime/default":
        return {"type": "RuntimeDefault"}
    return {"type": "Localhost", "localhostProfile": profile} if kind == "localhost" and profile else None


def _container(container: Object, path: Path) -> list[str]:
    found: list[str] = []
    if resources := container.get("resources"):
        for name in _BYTES:
            for key in ("limits", "requests"):
                found += volumes.fraction(resources.get(key), name, path.child("resources", key))
    env = container.get("env") or ()
    if len(env) > 1:
        found += _hidden(env, path.child("env"))
    return found


def _hidden(env: Iterable[Object], path: Path) -> Iterator[str]:
    seen = set()
    for index, each in enumerate(env):
        name, value = each.get("name", ""), each.get("value", "")
        reference = f"$({name})"
        extends = each.get("valueFrom") is None and value != reference and reference in value
        if name in seen and not extends:
            detail = f"hides previous definition of {quoted(name)}, which may be dropped when using apply"
            yield f"{path.index(index)}: {detail}"
        seen.add(name)


_Place = tuple[Path, Any]


def _ports(spec: Object, path: Path) -> list[str]:
    if not any("ports" in container for _, container in containers(spec)):
        return []
    found: list[str] = []
    seen: dict[tuple[int, str], list[_Place]] = {}
    every = [
        (at.child("ports").index(index), port)
        for at, container in containers(spec, path)
        for index, port in enumerate(container.get("ports") or ())
    ]
    for at, port in every:
        address, on_host = port.get("hostIP", ""), port.get("hostPort", 0)
        if address and not on_host:
            found.append(f"{at}: hostIP set without hostPort: {_as_go(port)}")
        others = seen.setdefault((port.get("containerPort", 0), port.get("protocol", "")), [])
        for where, other in others:
            if conflict := _conflict(address, on_host, other.get("hostIP", ""), other.get("hostPort", 0)):
                found.append(f"{at}: {conflict} port definition with {where}")
        others.append((at, port))
    named: dict[str, Path] = {}
    for at, port in every:
        name = port.get("name")
        if name and (first := named.setdefault(name, at)) is not at:
            use = f"services and probes that select ports by name will use {first}"
            found.append(f"{at}: duplicate port name {quoted(name)} with {first}, {use}")
    return found


def _as_go(port: Object) -> str:
    texts = [f"{key}:{port.get(key[0].lower() + key[1:], zero)}" for key, zero in _PORT]
    return f"{{{' '.join(texts)} HostIP:{port.get('hostIP', '')}}}"


_PORT = (("Name", ""), ("HostPort", 0), ("ContainerPort", 0), ("Protocol", ""))


def _conflict(address: str, on_host: int, other: str, other_on_host: int) -> str:
    if (address, on_host) == (other, other_on_host):
        return "duplicate"
    if not on_host or not other_on_host:
        return "overlapping"
    return "dangerously ambiguous" if on_host == other_on_host and (not address) != (not other) else ""


def _pod_affinity(wanted: Object, path: Path) -> Iterator[str]:
    for key in ("podAffinity", "podAntiAffinity"):
        terms, at = wanted.get(key) or NOTHING, path.child(key)
        for index, each in enumerate(terms.get(REQUIRED) or ()):
            if each.get("labelSelector") is None:
                yield f"{at.child(REQUIRED).index(index).child('labelSelector')}: {_NO_SELECTOR}"
        for index, each in enumerate(terms.get(PREFERRED) or ()):
            if (each.get("podAffinityTerm") or NOTHING).get("labelSelector") is None:
                where = at.child(PREFERRED).index(index).child("podAffinityTerm", "labelSelector")
                yield f"{where}: {_NO_SELECTOR}"
