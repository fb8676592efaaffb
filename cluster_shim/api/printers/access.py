"""Rows of who may do what: role bindings, certificate requests, admission webhooks and policies."""

from __future__ import annotations

from cluster_shim.api.printers.cells import NONE, UNSET, Cell, Row, at, count, find, name, row
from cluster_shim.api.printers.durations import Json, age, human


def role(binding: Json, _now: float) -> str:
    """Return the role that a binding grants: ``ClusterRole/view``."""
    reference = binding.get("roleRef") or {}
    return f"{reference.get('kind', '')}/{reference.get('name', '')}"


def subjects(kind: str) -> Cell:
    """Return the cell of a binding's subjects of one kind."""

    def cell(binding: Json, _now: float) -> str:
        found = (each for each in binding.get("subjects") or () if each.get("kind") == kind)
        return ", ".join(_subject(each) for each in found)

    return cell


def _subject(subject: Json) -> str:
    plain = str(subject.get("name", ""))
    return f"{subject.get('namespace', '')}/{plain}" if subject["kind"] == "ServiceAccount" else plain


def request_condition(request: Json, _now: float) -> str:
    """Return how far a CertificateSigningRequest is: ``Approved,Issued``."""
    kinds = {each.get("type") for each in find(request, "status", "conditions") or ()}
    parts = ["Denied" if "Denied" in kinds else "Approved" if "Approved" in kinds else "Pending"]
    if "Failed" in kinds:
        parts.append("Failed")
    if find(request, "status", "certificate"):
        parts.append("Issued")
    return ",".join(parts)


def requested_duration(request: Json, _now: float) -> str:
    """Return for how long a certificate is asked."""
    seconds = find(request, "spec", "expirationSeconds")
    return NONE if seconds is None else human(seconds)


def parameter_kind(policy: Json, _now: float) -> str:
    """Return the kind of an admission policy's parameters: ``v1/ConfigMap``."""
    kind: Json | None = find(policy, "spec", "paramKind")
    return UNSET if kind is None else f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}"


def parameter(binding: Json, _now: float) -> str:
    """Return the parameters of a policy's binding: ``namespace/name``, or the selector as Go prints it."""
    reference: Json = find(binding, "spec", "paramRef") or {}
    if reference.get("name"):
        return f"{reference.get('namespace') or '*'}/{reference['name']}"
    chosen: Json | None = reference.get("selector")
    return UNSET if chosen is None else _go_selector(chosen)


def _go_selector(selector: Json) -> str:
    labels = "".join(f"{key}: {value}," for key, value in sorted((selector.get("matchLabels") or {}).items()))
    requirements = "".join(
        f"LabelSelectorRequirement{{Key:{each.get('key', '')},Operator:{each.get('operator', '')},"
        f"Values:[{' '.join(each.get('values') or ())}],}},"
        for each in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{requirements}}},}}"
    )


BINDING = row(name, role, age, subjects("User"), subjects("Group"), subjects("ServiceAccount"))
WEBHOOKS = row(name, count("webhooks"), age)
POLICY_BINDING = row(name, at("spec", "policyName"), parameter, age)
ADMISSION = "admissionregistration.k8s.io"

ROWS: dict[tuple[str, str], Row] = {
    ("rbac.authorization.k8s.io", "RoleBinding"): BINDING,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): BINDING,
    ("certificates.k8s.io", "CertificateSigningRequest"): row(
        name,
        age,
        lambda obj, _now: find(obj, "spec", "signerName") or NONE,
        at("spec", "username"),
        requested_duration,
        request_condition,
    ),
    (ADMISSION, "MutatingWebhookConfiguration"): WEBHOOKS,
    (ADMISSION, "ValidatingWebhookConfiguration"): WEBHOOKS,
    (ADMISSION, "ValidatingAdmissionPolicy"): row(name, count("spec", "validations"), parameter_kind, age),
    (ADMISSION, "ValidatingAdmissionPolicyBinding"): POLICY_BINDING,
    (ADMISSION, "MutatingAdmissionPolicy"): row(name, count("spec", "mutations"), parameter_kind, age),
    (ADMISSION, "MutatingAdmissionPolicyBinding"): POLICY_BINDING,
}
