"""Rules for pods, their containers and volumes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from cluster_shim.api import quantity
from cluster_shim.api.defaults.images import pull_policy

_HUGE_PAGES = "hugepages-"
_OLD_ANNOTATIONS = tuple(
    f"pod.{stage}.kubernetes.io/init-container{what}" for stage in ("beta", "alpha") for what in ("s", "-statuses")
)


def container(each: dict[str, Any]) -> None:
    """Choose the pull policy by the tag of the image."""
    if not each.get("imagePullPolicy"):
        each["imagePullPolicy"] = pull_policy(each.get("image", ""))


def volume(each: dict[str, Any]) -> None:
    """Make a volume without a source an emptyDir; choose the pull policy of an image."""
    if len(each) <= ("name" in each):
        each["emptyDir"] = {}
    image = each.get("image")
    if image is not None and not image.get("pullPolicy"):
        image["pullPolicy"] = pull_policy(image.get("reference", ""))


def pod(obj: dict[str, Any]) -> None:
    """Add what only pods get, not templates: requests from limits, host ports, service links."""
    spec = obj["spec"]
    containers = [*(spec.get("containers") or ()), *spec.get("initContainers", ())]
    for each in containers:
        resources = each["resources"]
        if resources.get("limits"):
            resources["requests"] = resources["limits"] | resources.get("requests", {})
    if spec.get("resources"):
        _pod_resources(spec, spec["resources"])
    spec.setdefault("enableServiceLinks", True)
    if spec.get("hostNetwork"):
        for each in containers:
            for port in each.get("ports", ()):
                if not port.get("hostPort") and port["containerPort"]:
                    port["hostPort"] = port["containerPort"]


def pod_spec(spec: dict[str, Any]) -> None:
    """Keep the two names of the service account equal."""
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account


def pod_status(status: dict[str, Any]) -> None:
    """Keep the address of a pod and the first of its addresses equal."""
    address, addresses = status.get("podIP"), status.get("podIPs")
    if address and (not addresses or addresses[0].get("ip") != address):
        status["podIPs"] = [{"ip": address}]
    elif addresses and addresses[0].get("ip"):
        status["podIP"] = addresses[0]["ip"]


def stored_pod(obj: dict[str, Any]) -> None:
    """Mend a grace period that is negative."""
    without_old_annotations(obj)
    if obj["spec"].get("terminationGracePeriodSeconds", 0) < 0:
        obj["spec"]["terminationGracePeriodSeconds"] = 1


def without_old_annotations(obj: dict[str, Any]) -> None:
    """Drop annotations in which old clients put init containers."""
    metadata = obj.get("metadata", {})
    annotations = metadata.get("annotations")
    if annotations and any(each in annotations for each in _OLD_ANNOTATIONS):
        kept = {key: value for key, value in annotations.items() if key not in _OLD_ANNOTATIONS}
        if kept:
            metadata["annotations"] = kept
        else:
            del metadata["annotations"]


def _pod_resources(spec: dict[str, Any], resources: dict[str, Any]) -> None:
    """Fill in requests and huge page limits of the pod as a whole from those of its containers."""
    limits, requests = resources.get("limits", {}), resources.get("requests", {})
    if limits or requests:
        of_containers = _aggregate(spec, "limits")
        huge = {
            key: value for key, value in of_containers.items() if key.startswith(_HUGE_PAGES) and key not in requests
        }
        limits = huge | limits
        if limits:
            resources["limits"] = limits
    if limits:
        of_containers = _aggregate(spec, "requests")
        overcommitted = {key: value for key, value in of_containers.items() if key in ("cpu", "memory")}
        supported = {key: value for key, value in limits.items() if _is_supported(key)}
        requests = supported | overcommitted | requests
        if requests:
            resources["requests"] = requests


def _is_supported(name: str) -> bool:
    return name in ("cpu", "memory") or name.startswith(_HUGE_PAGES)


Amounts = dict[str, tuple[Fraction, str]]


def _aggregate(spec: dict[str, Any], which: str) -> dict[str, str]:
    """Return what the containers need together: all that run for long, or the hungriest moment of initialisation."""
    total: Amounts = {}
    for each in spec.get("containers") or ():
        _add(total, _amounts(each, which))
    beside: Amounts = {}
    most: Amounts = {}
    for each in spec.get("initContainers", ()):
        if each.get("restartPolicy") == "Always":
            _add(total, _amounts(each, which))
            _add(beside, _amounts(each, which))
            _raise(most, beside)
        else:
            needed = _amounts(each, which)
            _add(needed, beside)
            _raise(most, needed)
    _raise(total, most)
    return {name: quantity.written(amount, form) for name, (amount, form) in total.items()}


def _amounts(each: dict[str, Any], which: str) -> Amounts:
    parsed = ((name, quantity.parse(text)) for name, text in each["resources"].get(which, {}).items())
    return {name: (value.amount, value.format) for name, value in parsed}


def _add(to: Amounts, more: Amounts) -> None:
    for name, (amount, form) in more.items():
        there, its_form = to.get(name, (Fraction(0), form))
        to[name] = (there + amount, its_form)


def _raise(to: Amounts, least: Amounts) -> None:
    for name, value in least.items():
        if name not in to or to[name][0] < value[0]:
            to[name] = value
