"""Warnings of each kind, and of its subresources: a table of functions of an object and, at an update, its older state.

What has no row has none. Upstream: the methods WarningsOnCreate and WarningsOnUpdate of the strategies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from cluster_shim.api.fields import ROOT, Path, quoted
from cluster_shim.api.validation import amounts
from cluster_shim.api.validation.addresses import cidr_warnings, ip_warnings
from cluster_shim.api.validation.checks import METADATA, NOTHING, SPEC, STATUS, Object
from cluster_shim.api.validation.pem import key_pair_problem
from cluster_shim.api.validation.warnings import nodes, pods, volumes

Warn = Callable[[Object, Object | None], list[str]]

_TEMPLATE = SPEC.child("template")
_HOST_NAMES = "Pod names and hostnames"
_MANY_COMPLETIONS, _MUCH_PARALLELISM = 100_000, 10_000
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
_PERSISTENT_ANNOTATIONS = {
    _BETA_CLASS: 'deprecated since v1.8; use "storageClassName" attribute instead',
    "volume.beta.kubernetes.io/mount-options": 'deprecated since v1.31; use "mountOptions" attribute instead',
}
_RECYCLE = "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning."
_HINTS, _MODE = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"
_INGRESS_CLASS = "kubernetes.io/ingress.class"
_ENFORCE = "kubernetes.io/enforce-mountable-secrets"
_SLICE_CONTROLLERS = ("endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io")
_STATIC = ".static.k8s.io"
_WARNED_MAX, _WARNED_MAX_BYTES = 4096, 16 << 10
_warned: dict[bytes, Sequence[str]] = {}
"""Warnings of specs of new pods: those of one template are all alike."""


def _meta(obj: Object) -> Object:
    found: Object = obj.get("metadata") or NOTHING
    return found


def _spec(obj: Object | None) -> Object:
    found: Object = (obj or NOTHING).get("spec") or NOTHING
    return found


def _name(obj: Object) -> str:
    found: str = _meta(obj).get("name", "")
    return found


def _annotations(obj: Object) -> Object:
    found: Object = _meta(obj).get("annotations") or NOTHING
    return found


def _same_generation(new: Object, old: Object | None) -> bool:
    return old is not None and _meta(new).get("generation", 0) == _meta(old).get("generation", 0)


def _pod(new: Object, old: Object | None) -> list[str]:
    if old is not None:
        return []
    return [*pods.of_name(_name(new), "the Pod's hostname"), *_of_pod(new)]


def _of_pod(pod: Object) -> Sequence[str]:
    """Return what a new pod is warned of; pods of one template are warned alike."""
    if (pod.get("metadata") or NOTHING).get("annotations"):
        return pods.template(pod, ROOT)
    key = msgspec.json.encode(pod.get("spec"))
    found = _warned.get(key)
    if found is None:
        found = tuple(pods.template(pod, ROOT))
        if len(key) <= _WARNED_MAX_BYTES:
            if len(_warned) >= _WARNED_MAX:
                _warned.clear()
            _warned[key] = found
    return found


def _pod_status(new: Object, old: Object | None) -> list[str]:
    status, found = new.get("status") or NOTHING, list[str]()
    for key in ("podIPs", "hostIPs"):
        for index, each in enumerate(status.get(key) or ()):
            found += ip_warnings(each.get("ip", ""), STATUS.child(key).index(index).child("ip"))
    return found


def _workload(new: Object, old: Object | None, of_name: bool = True) -> list[str]:
    if _same_generation(new, old):
        return []
    named = pods.of_name(_name(new), _HOST_NAMES) if of_name and old is None else ()
    return [*named, *pods.template(_spec(new).get("template"), _TEMPLATE)]


def _daemon_set(new: Object, old: Object | None) -> list[str]:
    if old is not None and _spec(new).get("template") == _spec(old).get("template"):
        return []
    return pods.template(_spec(new).get("template"), _TEMPLATE)


def _stateful_set(new: Object, old: Object | None) -> list[str]:
    spec, found = _spec(new), _workload(new, old, False)
    for index, each in enumerate(spec.get("volumeClaimTemplates") or ()):
        at = SPEC.child("volumeClaimTemplates").index(index)
        found += volumes.claim_spec(_spec(each), at if old is None else at.child("Spec"))
    if (spec.get("revisionHistoryLimit") or 0) < 0:
        detail = "a negative value retains all historical revisions; a value >= 0 is recommended"
        found.append(f"spec.revisionHistoryLimit: {detail}")
    return found


def _job_spec(spec: Object, path: Path) -> list[str]:
    found = []
    completions, parallelism = spec.get("completions") or 0, spec.get("parallelism") or 0
    is_large = completions > _MANY_COMPLETIONS and parallelism > _MUCH_PARALLELISM
    if spec.get("completionMode") == "Indexed" and is_large:
        found.append(
            f"{path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than "
            "10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
        )
    return found + pods.template(spec.get("template"), path.child("template"))


def _job(new: Object, old: Object | None) -> list[str]:
    if _same_generation(new, old):
        return []
    named = pods.of_name(_name(new), _HOST_NAMES) if old is None else ()
    return [*named, *_job_spec(_spec(new), SPEC)]


def _cron_job(new: Object, old: Object | None) -> list[str]:
    spec = _spec(new)
    found = [] if old is not None else pods.of_name(_name(new), _HOST_NAMES)
    if not _same_generation(new, old):
        found += _job_spec(_spec(spec.get("jobTemplate")), SPEC.child("jobTemplate", "spec"))
    if old is not None and "TZ" in spec.get("schedule", ""):
        page = "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/"
        found.append(
            f"cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see {page} for more details"
        )
    return found


def _pod_template(new: Object, old: Object | None) -> list[str]:
    return [] if _same_generation(new, old) else pods.template(new.get("template"), Path("template"))


def _service(new: Object, old: Object | None) -> list[str]:
    spec, kind = _spec(new), _spec(new).get("type", "")
    addresses, external, balancer = (
        spec.get("clusterIPs") or (),
        spec.get("externalIPs") or (),
        spec.get("loadBalancerIP", ""),
    )
    found: list[str] = []
    if _HINTS in _annotations(new):
        found.append(f"annotation {_HINTS} is deprecated, please use {_MODE} instead")
    is_headless = addresses == ["None"]
    for index, each in enumerate(() if is_headless else addresses):
        found += ip_warnings(each, SPEC.child("clusterIPs").index(index))
    if is_headless:
        ignored = (
            ("loadBalancerIP", balancer),
            ("externalIPs", external),
            ("SessionAffinity", spec.get("sessionAffinity", "") != "None"),
        )
        found += [f"spec.{name} is ignored for headless services" for name, is_set in ignored if is_set]
    for index, each in enumerate(external):
        found += ip_warnings(each, SPEC.child("externalIPs").index(index))
    if external and not is_headless and kind != "ExternalName":
        found.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if balancer:
        found += ip_warnings(balancer, SPEC.child("loadBalancerIP"))
    for index, each in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        found += cidr_warnings(each, SPEC.child("loadBalancerSourceRanges").index(index))
    if kind == "ExternalName" and external:
        found.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if kind != "ExternalName" and spec.get("externalName"):
        found.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        found.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return found


def _balancer_status(new: Object, old: Object | None) -> list[str]:
    found: list[str] = []
    path = STATUS.child("loadBalancer", "ingress")
    ingress = ((new.get("status") or NOTHING).get("loadBalancer") or NOTHING).get("ingress") or ()
    for index, each in enumerate(ingress):
        if each.get("ip"):
            found += ip_warnings(each["ip"], path.index(index))
    return found


def _endpoints(new: Object, old: Object | None) -> list[str]:
    found: list[str] = []
    if (_meta(new).get("labels") or NOTHING).get("endpoints.kubernetes.io/managed-by") == "endpoint-controller":
        return found
    for index, subset in enumerate(new.get("subsets") or ()):
        for key in ("addresses", "notReadyAddresses"):
            for position, each in enumerate(subset.get(key) or ()):
                at = Path("subsets").index(index).child(key).index(position).child("ip")
                found += ip_warnings(each.get("ip", ""), at)
    return found


def _endpoint_slice(new: Object, old: Object | None) -> list[str]:
    found: list[str] = []
    if old is None and new.get("addressType") == "FQDN":
        found.append("spec.addressType: FQDN endpoints are deprecated")
    if (_meta(new).get("labels") or NOTHING).get("endpointslice.kubernetes.io/managed-by") in _SLICE_CONTROLLERS:
        return found
    for index, endpoint in enumerate(new.get("endpoints") or ()):
        for position, each in enumerate(endpoint.get("addresses") or ()):
            found += ip_warnings(each, Path("endpoints").index(index).child("addresses").index(position))
    return found


def _network_policy(new: Object, old: Object | None) -> list[str]:
    found: list[str] = []
    for key, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(_spec(new).get(key) or ()):
            for position, peer in enumerate(rule.get(peers) or ()):
                if (block := peer.get("ipBlock")) is not None:
                    at = SPEC.child(key).index(index).child(peers).index(position).child("ipBlock")
                    found += cidr_warnings(block.get("cidr", ""), at.child("cidr"))
                    for number, each in enumerate(block.get("except") or ()):
                        found += cidr_warnings(each, at.child("except").index(number))
    return found


def _ingress(new: Object, old: Object | None) -> list[str]:
    if old is not None or _INGRESS_CLASS not in _annotations(new) or _spec(new).get("ingressClassName") is not None:
        return []
    return [f"annotation \"{_INGRESS_CLASS}\" is deprecated, please use 'spec.ingressClassName' instead"]


def _secret(new: Object, old: Object | None) -> list[str]:
    data = new.get("data") or NOTHING
    if new.get("type") != "kubernetes.io/tls":
        return []
    problem = key_pair_problem(data.get("tls.crt"), data.get("tls.key"))
    return [problem] if problem else []


def _service_account(new: Object, old: Object | None) -> list[str]:
    if _ENFORCE not in _annotations(new) or (old is not None and _ENFORCE in _annotations(old)):
        return []
    advice = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
    return [f"metadata.annotations[{_ENFORCE}]: {advice}"]


def _node(new: Object, old: Object | None) -> list[str]:
    spec, found = _spec(new), list[str]()
    if spec.get("configSource") is not None:
        found.append("spec.configSource: the feature is removed")
    if spec.get("externalID"):
        found.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    for index, each in enumerate(spec.get("podCIDRs") or ()):
        found += cidr_warnings(each, SPEC.child("podCIDRs").index(index))
    return found


def _persistent_volume(new: Object, old: Object | None) -> list[str]:
    spec, annotations, found = _spec(new), _annotations(new), list[str]()
    for key, detail in _PERSISTENT_ANNOTATIONS.items():
        if key in annotations:
            found.append(f"metadata.annotations[{key}]: {detail}")
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        found.append(f"spec.persistentVolumeReclaimPolicy: {_RECYCLE}")
    terms = ((spec.get("nodeAffinity") or NOTHING).get("required") or NOTHING).get("nodeSelectorTerms") or ()
    for index, each in enumerate(terms):
        at = SPEC.child("nodeAffinity", "required", "nodeSelectorTerms").index(index)
        found += nodes.selector_term(each, at)
    return found + volumes.persistent(spec, SPEC)


def _claim(new: Object, old: Object | None) -> list[str]:
    found = []
    if _BETA_CLASS in _annotations(new):
        at = METADATA.child("annotations").key(_BETA_CLASS)
        found.append(f"{at}: {_PERSISTENT_ANNOTATIONS[_BETA_CLASS]}")
    return found + volumes.claim_spec(_spec(new), SPEC)


def _quota(new: Object, old: Object | None) -> list[str]:
    hard = _spec(new).get("hard") or NOTHING
    return list(_quota_pairs(hard)) if old is None else []


def _quota_pairs(hard: Object) -> Iterator[str]:
    for name in ("cpu", "memory", "storage", "ephemeral-storage"):
        request, limit = f"requests.{name}", f"limits.{name}"
        if request not in hard and name in ("cpu", "memory"):
            request = name
        if request in hard and limit in hard and amounts.nano(hard[request]) > amounts.nano(hard[limit]):
            yield f"ResourceQuota {request} ({hard[request]}) should be less than {limit} ({hard[limit]})"


def _storage_class(new: Object, old: Object | None) -> list[str]:
    found: list[str] = []
    for index, topology in enumerate(new.get("allowedTopologies") or ()):
        for position, each in enumerate(topology.get("matchLabelExpressions") or ()):
            if (key := each.get("key", "")) in nodes.DEPRECATED:
                at = Path("allowedTopologies").index(index).child("matchLabelExpressions").index(position)
                found.append(f"{at.child('key')}: {nodes.DEPRECATED[key]}")
    return found


def _csi_driver(new: Object, old: Object | None) -> list[str]:
    spec = _spec(new)
    requests = spec.get("tokenRequests") or []
    is_new = old is None or requests != (_spec(old).get("tokenRequests") or [])
    if not requests or not is_new or spec.get("serviceAccountTokenInSecrets") is not None:
        return []
    advice = "if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes"
    return [f"spec.serviceAccountTokenInSecrets is unset; {advice}"]


def _runtime_class(new: Object, old: Object | None) -> list[str]:
    selector = (new.get("scheduling") or NOTHING).get("nodeSelector") or ()
    return [f"scheduling.nodeSelector: {nodes.DEPRECATED[key]}" for key in selector if key in nodes.DEPRECATED]


def _resource_slice(new: Object, old: Object | None) -> list[str]:
    driver = _spec(new).get("driver", "")
    if driver == driver.lower():
        return []
    return [f"spec.driver: driver names should be lowercase; {quoted(driver)} contains uppercase characters"]


def _registration(new: Object, old: Object | None) -> list[str]:
    if not _name(new).endswith(_STATIC):
        return []
    use = "are reserved for static manifest-based configurations and cannot be managed via the API"
    return [f'metadata.name: names ending with "{_STATIC}" {use}']


def _definition(new: Object, old: Object | None) -> list[str]:
    from cluster_shim.api.custom import definition  # the most of what is loaded there is for definitions only

    return definition.warnings(new, old)


_REGISTRATION = "admissionregistration.k8s.io"
WARNINGS: dict[tuple[str, str, str], Warn] = {
    ("", "Pod", ""): _pod,
    ("", "Pod", "status"): _pod_status,
    ("", "PodTemplate", ""): _pod_template,
    ("", "ReplicationController", ""): _workload,
    ("apps", "Deployment", ""): _workload,
    ("apps", "ReplicaSet", ""): _workload,
    ("apps", "StatefulSet", ""): _stateful_set,
    ("apps", "DaemonSet", ""): _daemon_set,
    ("batch", "Job", ""): _job,
    ("batch", "CronJob", ""): _cron_job,
    ("", "Service", ""): _service,
    ("", "Service", "status"): _balancer_status,
    ("", "Endpoints", ""): _endpoints,
    ("discovery.k8s.io", "EndpointSlice", ""): _endpoint_slice,
    ("networking.k8s.io", "NetworkPolicy", ""): _network_policy,
    ("networking.k8s.io", "Ingress", ""): _ingress,
    ("networking.k8s.io", "Ingress", "status"): _balancer_status,
    ("", "Secret", ""): _secret,
    ("", "ServiceAccount", ""): _service_account,
    ("", "Node", ""): _node,
    ("", "PersistentVolume", ""): _persistent_volume,
    ("", "PersistentVolumeClaim", ""): _claim,
    ("", "ResourceQuota", ""): _quota,
    ("storage.k8s.io", "StorageClass", ""): _storage_class,
    ("storage.k8s.io", "CSIDriver", ""): _csi_driver,
    ("storage.k8s.io", "CSIStorageCapacity", ""): lambda new, old: nodes.label_selector(
        new.get("nodeTopology"), Path("nodeTopology")
    ),
    ("node.k8s.io", "RuntimeClass", ""): _runtime_class,
    ("resource.k8s.io", "ResourceSlice", ""): _resource_slice,
    ("apiextensions.k8s.io", "CustomResourceDefinition", ""): _definition,
    (_REGISTRATION, "ValidatingWebhookConfiguration", ""): _registration,
    (_REGISTRATION, "MutatingWebhookConfiguration", ""): _registration,
    (_REGISTRATION, "ValidatingAdmissionPolicy", ""): _registration,
    (_REGISTRATION, "ValidatingAdmissionPolicyBinding", ""): _registration,
    (_REGISTRATION, "MutatingAdmissionPolicy", ""): _registration,
    (_REGISTRATION, "MutatingAdmissionPolicyBinding", ""): _registration,
}
