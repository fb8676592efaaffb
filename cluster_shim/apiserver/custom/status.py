"""Status of definitions: which names are accepted, and the conditions. Nothing here reads or writes the store.

Upstream: apiextensions-apiserver/pkg/controller/status (names), establish and apiapproval.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cluster_shim.api.custom.definition import validate
from cluster_shim.api.fields import quoted

Definition = Mapping[str, Any]
Condition = dict[str, Any]

FINALIZER = "customresourcecleanup.apiextensions.k8s.io"

_CONFLICTS = {
    "plural": "PluralConflict",
    "singular": "SingularConflict",
    "kind": "KindConflict",
    "listKind": "ListKindConflict",
}


def condition_of(definition: Definition, name: str) -> Mapping[str, Any]:
    """Return a condition of a definition; empty if it has none of that type."""
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each["type"] == name), {})


def is_established(definition: Definition) -> bool:
    """Tell whether a definition's resources are served."""
    return validate.is_established(definition)


def is_terminating(definition: Definition) -> bool:
    """Tell whether a definition and its objects are being deleted."""
    return condition_of(definition, "Terminating").get("status") == "True"


def settled(definition: Definition, others: Iterable[Definition], now: str) -> dict[str, Any] | None:
    """Return the definition with the status that it is to have; None if it has it. `others` are of its group."""
    status = definition.get("status") or {}
    names, accepted = _accepted(definition, others)
    conditions = list(status.get("conditions") or ())
    wanted = [accepted]
    if not is_established(definition):
        wanted.append(_established(accepted["status"] == "True"))
    approval = _approval(definition)
    wanted += [approval] if approval is not None else []
    for each in wanted:
        conditions = with_condition(conditions, each, now)
    if names == (status.get("acceptedNames") or {}) and conditions == (status.get("conditions") or []):
        return None
    return {**definition, "status": {**status, "conditions": conditions, "acceptedNames": names}}


def with_condition(conditions: list[Condition], wanted: Condition, now: str) -> list[Condition]:
    """Return conditions with one among them; its time only changes with its status."""
    made = {"type": wanted["type"], "status": wanted["status"], "lastTransitionTime": now}
    made |= {"reason": wanted["reason"], "message": wanted["message"]}
    for index, each in enumerate(conditions):
        if each["type"] == wanted["type"]:
            if each["status"] == wanted["status"]:
                made["lastTransitionTime"] = each.get("lastTransitionTime") or now
            return [*conditions[:index], made, *conditions[index + 1 :]]
    return [*conditions, made]


def _accepted(definition: Definition, others: Iterable[Definition]) -> tuple[dict[str, Any], Condition]:
    """Return the names that a definition has got, and the condition that says whether these are all it wants."""
    wanted: Mapping[str, Any] = definition["spec"]["names"]
    current: Mapping[str, Any] = (definition.get("status") or {}).get("acceptedNames") or {}
    taken_resources, taken_kinds = _taken(others)
    got = dict(current)
    refused: Condition | None = None
    for member in ("plural", "singular", "shortNames", "kind", "listKind"):
        taken = taken_kinds if member in ("kind", "listKind") else taken_resources
        if member == "shortNames":
            clashes = [
                each for each in wanted.get(member) or () if each in taken and each not in (got.get(member) or ())
            ]
        else:
            name = wanted.get(member, "")
            clashes = [name] if name in taken and name != current.get(member, "") else []
        if clashes:
            texts = [f"{quoted(each)} is already in use" for each in clashes]
            message = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
            reason = _CONFLICTS.get(member, "ShortNamesConflict")
            refused = {"type": "NamesAccepted", "status": "False", "reason": reason, "message": message}
        elif wanted.get(member):
            got[member] = wanted[member]
        else:
            got.pop(member, None)
    if wanted.get("categories"):
        got["categories"] = wanted["categories"]
    else:
        got.pop("categories", None)
    order = ("plural", "singular", "shortNames", "kind", "listKind", "categories")
    names = {name: got.get(name, "") for name in order if got.get(name) or name in ("plural", "kind")}
    granted = {
        "type": "NamesAccepted",
        "status": "True",
        "reason": "NoConflicts",
        "message": "no conflicts found",
    }
    return names, refused or granted


def _taken(others: Iterable[Definition]) -> tuple[set[str], set[str]]:
    resources: set[str] = set()
    kinds: set[str] = set()
    for each in others:
        names = (each.get("status") or {}).get("acceptedNames") or {}
        resources |= {names.get("plural", ""), names.get("singular", ""), *(names.get("shortNames") or ())}
        kinds |= {names.get("kind", ""), names.get("listKind", "")}
    return resources - {""}, kinds - {""}


def _established(accepted: bool) -> Condition:
    if accepted:
        return {
            "type": "Established",
            "status": "True",
            "reason": "InitialNamesAccepted",
            "message": "the initial names have been accepted",
        }
    return {"type": "Established", "status": "False", "reason": "NotAccepted", "message": "not all names are accepted"}


def _approval(definition: Definition) -> Condition | None:
    if not validate.is_protected(definition["spec"]["group"]):
        return None
    state, reason = validate.approval_state(definition["metadata"].get("annotations"))
    status = {"approved": "True", "missing": "Unknown"}.get(state, "False")
    reasons = {
        "approved": "ApprovedAnnotation",
        "bypassed": "UnapprovedAnnotation",
        "missing": "MissingAnnotation",
        "invalid": "InvalidAnnotation",
    }
    kind = "KubernetesAPIApprovalPolicyConformant"
    return {"type": kind, "status": status, "reason": reasons[state], "message": reason}


def marked_for_deletion(definition: dict[str, Any], now: str) -> bool:
    """Mark a definition in place that is to be deleted once its objects are; tell whether it was not marked yet."""
    metadata = definition["metadata"]
    if metadata.get("deletionTimestamp"):
        return False
    metadata["deletionTimestamp"] = now
    if FINALIZER not in metadata.get("finalizers", ()):
        metadata["finalizers"] = [*metadata.get("finalizers", ()), FINALIZER]
    message = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
    set_terminating(definition, "True", "InstanceDeletionPending", message, now)
    return True


def set_terminating(definition: dict[str, Any], status: str, reason: str, message: str, now: str) -> None:
    """Set the condition Terminating in place."""
    wanted = {"type": "Terminating", "status": status, "reason": reason, "message": message}
    found = definition.setdefault("status", {})
    found["conditions"] = with_condition(list(found.get("conditions") or ()), wanted, now)
