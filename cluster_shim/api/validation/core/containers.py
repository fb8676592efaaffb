"""Containers of a pod: regular, init, ephemeral."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats
from cluster_shim.api.validation.checks import Errors, Object, refuse
from cluster_shim.api.validation.core import env, mounts, probes, resources, security
from cluster_shim.api.validation.core.mounts import Volumes
from cluster_shim.api.validation.core.pod_options import PodOptions

PROTOCOLS = ("SCTP", "TCP", "UDP")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_TERMINATION = ("File", "FallbackToLogsOnError")
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_RULES_NEED_POLICY = "must specify restartPolicy when restart rules are used"
_RESTART_ACTIONS = ("Restart", "RestartAllContainers")
_EPHEMERAL_FORBIDDEN = (
    "ports",
    "resources",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
)
_MAY_BE_EMPTY = ("ports", "resources", "resizePolicy", "restartPolicyRules")


class Surroundings(NamedTuple):
    """What rules of containers need to know about their pod."""

    volumes: Volumes
    claim_names: Collection[str]
    grace_period: int | None
    os: str | None
    restart_policy: str
    host_users: bool
    options: PodOptions


def containers(errors: Errors, items: Sequence[Object], path: Path, around: Surroundings) -> None:
    """Check the regular containers."""
    if not items:
        errors.append(fields.required(path))
        return
    names: set[str] = set()
    for index, each in enumerate(items):
        at = path.index(index)
        _common(errors, each, at, around)
        name = each.get("name", "")
        if name in names:
            errors.append(fields.duplicate(at.child("name"), name))
        names.add(name)
        if "lifecycle" in each:
            hooks = each["lifecycle"]
            probes.lifecycle(errors, hooks, around.grace_period, around.os, at.child("lifecycle"))
        probes.probes(errors, each, around.grace_period, at)
        if "restartPolicy" in each or "restartPolicyRules" in each:
            _restart_policy(errors, each, at)
    _host_ports(errors, items, path)


def init_containers(
    errors: Errors, items: Sequence[Object], regular: Sequence[Object], path: Path, around: Surroundings
) -> None:
    """Check the init containers, sidecars among them."""
    names = {each.get("name", "") for each in regular}
    for index, each in enumerate(items):
        at = path.index(index)
        _common(errors, each, at, around)
        if "restartPolicy" in each:
            _restart_policy(errors, each, at)
        elif "restartPolicyRules" in each:
            errors.append(fields.required(at.child("restartPolicy"), _RULES_NEED_POLICY))
        name = each.get("name", "")
        if name in names:
            errors.append(fields.duplicate(at.child("name"), name))
        elif name:
            names.add(name)
        _host_ports(errors, [each], path)
        if each.get("restartPolicy") == "Always":
            if "lifecycle" in each:
                hooks = each["lifecycle"]
                probes.lifecycle(errors, hooks, around.grace_period, around.os, at.child("lifecycle"))
            probes.probes(errors, each, around.grace_period, at)
            continue
        for key in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
            if key in each:
                detail = "may not be set for init containers without restartPolicy=Always"
                errors.append(fields.forbidden(at.child(key), detail))
        if not around.options.restart_container_of_init:
            _no_restart_on_resize(errors, each, at)


def _no_restart_on_resize(errors: Errors, container: Object, path: Path) -> None:
    for index, each in enumerate(container.get("resizePolicy") or ()):
        if each.get("restartPolicy") == "RestartContainer":
            at = path.child("resizePolicy").index(index).child("restartPolicy")
            detail = "must not be set to 'RestartContainer' for non-sidecar initContainers"
            errors.append(fields.invalid(at, "RestartContainer", detail))


def ephemeral_containers(errors: Errors, spec: Object, path: Path, around: Surroundings) -> None:
    """Check the ephemeral containers."""
    others = {each.get("name", "") for key in ("containers", "initContainers") for each in spec.get(key) or ()}
    names = set(others)
    for index, each in enumerate(spec["ephemeralContainers"] or ()):
        at, name, target = path.index(index), each.get("name", ""), each.get("targetContainerName")
        _common(errors, each, at, around)
        trimmed_image(errors, each, at)
        if name in names:
            errors.append(fields.duplicate(at.child("name"), name))
        names.add(name)
        if target and target not in others:
            errors.append(fields.not_found(at.child("targetContainerName"), target))
        for key in _EPHEMERAL_FORBIDDEN:
            if each.get(key) or (key in each and key not in _MAY_BE_EMPTY):
                errors.append(fields.forbidden(at.child(key), "cannot be set for an Ephemeral Container"))
        for number, mount in enumerate(each.get("volumeMounts") or ()):
            for key in ("subPath", "subPathExpr"):
                if mount.get(key):
                    of = at.child("volumeMounts").index(number).child(key)
                    errors.append(fields.forbidden(of, "cannot be set for an Ephemeral Container"))


def trimmed_image(errors: Errors, container: Object, path: Path) -> None:
    """Refuse blanks around an image."""
    image = container.get("image", "")
    if image.strip() != image:
        errors.append(fields.invalid(path.child("image"), image, "must not have leading or trailing whitespace"))


def _common(errors: Errors, container: Object, path: Path, around: Surroundings) -> None:
    name, policy = container.get("name", ""), container.get("terminationMessagePolicy", "")
    if not name:
        errors.append(fields.required(path.child("name")))
    elif messages := formats.dns_label(name):
        refuse(errors, path.child("name"), name, messages)
    if not container.get("image"):
        errors.append(fields.required(path.child("image")))
    if policy not in _TERMINATION:
        _enum(errors, policy, path.child("terminationMessagePolicy"), _TERMINATION)
    if "ports" in container:
        _ports(errors, container["ports"] or (), path.child("ports"))
    if "env" in container:
        env.env(errors, container["env"] or (), path.child("env"))
    if "envFrom" in container:
        env.env_from(errors, container["envFrom"] or (), path.child("envFrom"))
    if "volumeMounts" in container:
        mounts.mounts(errors, container, around.volumes, path.child("volumeMounts"))
    if "volumeDevices" in container:
        mounts.devices(errors, container, around.volumes, path.child("volumeDevices"))
    if container.get("imagePullPolicy") not in _PULL_POLICIES:
        pull_policy(errors, container.get("imagePullPolicy", ""), path.child("imagePullPolicy"))
    if wanted := container.get("resources"):
        huge = around.options.any_huge_pages
        at = path.child("resources")
        resources.requirements(errors, wanted, around.claim_names, at, any_huge_pages=huge)
    if "resizePolicy" in container:
        _resize_policy(errors, container["resizePolicy"] or (), path.child("resizePolicy"), around.restart_policy)
    if "securityContext" in container:
        context = container["securityContext"]
        security.container(errors, context, path.child("securityContext"), around.host_users)


def _enum(errors: Errors, value: str, path: Path, supported: Sequence[str]) -> None:
    if not value:
        errors.append(fields.required(path))
    elif value not in supported:
        errors.append(fields.not_supported(path, value, supported))


def pull_policy(errors: Errors, policy: str, path: Path) -> None:
    """Check when an image is pulled."""
    _enum(errors, policy, path, _PULL_POLICIES)


def _ports(errors: Errors, ports: Sequence[Object], path: Path) -> None:
    names: set[str] = set()
    for index, port in enumerate(ports):
        name, number, host = port.get("name"), port.get("containerPort", 0), port.get("hostPort", 0)
        if name:
            _port_name(errors, name, names, index, path)
        if not number:
            errors.append(fields.required(path.index(index).child("containerPort")))
        elif messages := formats.port_number(number):
            refuse(errors, path.index(index).child("containerPort"), number, messages)
        if host and (messages := formats.port_number(host)):
            refuse(errors, path.index(index).child("hostPort"), host, messages)
        protocol = port.get("protocol", "")
        if protocol not in PROTOCOLS:
            _enum(errors, protocol, path.index(index).child("protocol"), PROTOCOLS)


def _port_name(errors: Errors, name: str, names: set[str], index: int, path: Path) -> None:
    if messages := formats.port_name(name):
        refuse(errors, path.index(index).child("name"), name, messages)
    elif name in names:
        errors.append(fields.duplicate(path.index(index).child("name"), name))
    else:
        names.add(name)


def _host_ports(errors: Errors, items: Sequence[Object], path: Path) -> None:
    seen: set[str] = set()
    for index, container in enumerate(items):
        for number, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            key = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{port['hostPort']}"
            if key in seen:
                at = path.index(index).child("ports").index(number).child("hostPort")
                errors.append(fields.duplicate(at, key))
            seen.add(key)


def _resize_policy(errors: Errors, policies: Sequence[Object], path: Path, pod_restart_policy: str) -> None:
    seen: set[str] = set()
    for index, each in enumerate(policies):
        name, policy = each.get("resourceName", ""), each.get("restartPolicy", "")
        if name in seen:
            errors.append(fields.duplicate(path.index(index), name))
        seen.add(name)
        _enum(errors, name, path, ("cpu", "memory"))
        _enum(errors, policy, path, ("NotRequired", "RestartContainer"))
        if pod_restart_policy == "Never" and policy != "NotRequired":
            detail = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            errors.append(fields.invalid(path, policy, detail))


def _restart_policy(errors: Errors, container: Object, path: Path) -> None:
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or ()
    if policy is None:
        if rules:
            errors.append(fields.required(path.child("restartPolicy"), _RULES_NEED_POLICY))
    elif policy not in _RESTART_POLICIES:
        errors.append(fields.not_supported(path.child("restartPolicy"), policy, _RESTART_POLICIES))
    if len(rules) > 20:
        errors.append(fields.too_many(path.child("restartPolicyRules"), len(rules), 20))
    for index, rule in enumerate(rules):
        _restart_rule(errors, rule, path.child("restartPolicyRules").index(index))


def _restart_rule(errors: Errors, rule: Object, path: Path) -> None:
    action, codes = rule.get("action", ""), rule.get("exitCodes")
    if action not in _RESTART_ACTIONS:
        errors.append(fields.not_supported(path.child("action"), action, _RESTART_ACTIONS))
    if codes is None:
        errors.append(fields.required(path.child("exitCodes"), "must be specified"))
        return
    operator, values = codes.get("operator", ""), codes.get("values") or ()
    if operator not in ("In", "NotIn"):
        errors.append(fields.not_supported(path.child("exitCodes", "operator"), operator, ("In", "NotIn")))
    if len(values) > 255:
        errors.append(fields.too_many(path.child("exitCodes", "values"), len(values), 255))
