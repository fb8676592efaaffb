"""Updates of pods: what of a running pod may change, through the pod itself and through ephemeralcontainers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.fields import Path, quoted
from cluster_shim.api.validation import formats, metadata
from cluster_shim.api.validation.checks import METADATA, NOTHING, SPEC, WHOLE, Errors, Object
from cluster_shim.api.validation.core import affinity, pod
from cluster_shim.api.validation.core.pod_options import PodOptions, for_update
from cluster_shim.api.validation.structs import difference, dump, dump_list

_UPDATABLE = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def options_of(old: Object) -> PodOptions:
    """Return what the older pod excuses."""
    return for_update(old["spec"], old.get("metadata"), is_pod=True)


def update(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of a pod."""
    options = options_of(old)
    metadata.update(errors, new, old)
    pod.metadata_and_spec(errors, new, options)
    changed_annotations(errors, new, old, options)
    spec, before = new["spec"], old["spec"]
    for key in ("containers", "initContainers"):
        if not _images(errors, spec.get(key) or (), before.get(key) or (), SPEC.child(key)):
            return
    if not _deadline(errors, spec, before):
        return
    _added_tolerations(errors, spec, before, options)
    _deleted_gates(errors, spec.get("schedulingGates") or (), before.get("schedulingGates") or ())
    if spec == before:
        return
    expected = _with_what_may_change(errors, spec, before)
    if expected != before:
        changes = difference("PodSpec", before, expected)
        detail = f"pod updates may not change fields other than {_UPDATABLE}\n{changes}"
        errors.append(fields.forbidden(SPEC, detail))


def changed_annotations(errors: Errors, new: Object, old: Object, options: PodOptions) -> None:
    """Check that annotations with a meaning stay."""
    after: Mapping[str, str] = (new.get("metadata") or NOTHING).get("annotations") or {}
    before: Mapping[str, str] = (old.get("metadata") or NOTHING).get("annotations") or {}
    path = METADATA.child("annotations")
    for key in before:
        if after.get(key) != before[key]:
            _kept(errors, key, path, "remove or update")
    for key in after:
        if key not in before:
            _kept(errors, key, path, "add")
    pod.specific_annotations(errors, after, new["spec"], path, options)


def _kept(errors: Errors, key: str, path: Path, action: str) -> None:
    if key.startswith(pod.APP_ARMOR):
        errors.append(fields.forbidden(path.key(key), f"may not {action} AppArmor annotations"))
    if key == pod.MIRROR:
        errors.append(fields.forbidden(path.key(key), f"may not {action} mirror pod annotation"))


def _images(errors: Errors, new: Sequence[Object], old: Sequence[Object], path: Path) -> bool:
    if len(new) != len(old):
        errors.append(fields.forbidden(path, "pod updates may not add or remove containers"))
        return False
    for index, each in enumerate(new):
        image, at = each.get("image", ""), path.index(index).child("image")
        if not image:
            errors.append(fields.required(at))
        if image.strip() != image:
            errors.append(fields.invalid(at, image, "must not have leading or trailing whitespace"))
    return True


def _deadline(errors: Errors, spec: Object, before: Object) -> bool:
    new, old = spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    path = SPEC.child("activeDeadlineSeconds")
    if new is None:
        if old is not None:
            errors.append(fields.invalid(path, None, "must not update from a positive integer to nil value"))
    elif not 0 <= new < 2**31:
        errors.append(fields.invalid(path, new, formats.in_range(0, 2**31 - 1)))
        return False
    elif old is not None and old < new:
        errors.append(fields.invalid(path, new, "must be less than or equal to previous value"))
        return False
    return True


def _added_tolerations(errors: Errors, spec: Object, before: Object, options: PodOptions) -> None:
    path, new = SPEC.child("tolerations"), spec.get("tolerations") or ()
    have = [_without_seconds(each) for each in new]
    for each in before.get("tolerations") or ():
        if _without_seconds(each) not in have:
            detail = "existing toleration can not be modified except its tolerationSeconds"
            errors.append(fields.forbidden(path, detail))
            return
    affinity.tolerations(errors, new, path, options)


def _without_seconds(toleration: Object) -> dict[str, Any]:
    return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}


def _deleted_gates(errors: Errors, new: Sequence[Object], old: Sequence[Object]) -> None:
    known = {each.get("name", "") for each in old}
    for index, gate in enumerate(new):
        name = gate.get("name", "")
        if name not in known:
            detail = f"only deletion is allowed, but found new scheduling gate '{name}'"
            errors.append(fields.forbidden(SPEC.child("schedulingGates").index(index).child("name"), detail))


def _put(target: dict[str, Any], source: Object, *keys: str) -> None:
    for key in keys:
        if key in source:
            target[key] = source[key]
        else:
            target.pop(key, None)


def _with_what_may_change(errors: Errors, spec: Object, before: Object) -> dict[str, Any]:
    """Return the new spec with the old values of all that may change: it must equal the old one."""
    expected = dict(spec)
    for key in ("containers", "initContainers"):
        if key in spec:
            pairs = zip(spec[key] or (), before.get(key) or (), strict=True)
            expected[key] = [{**each, "image": old.get("image", "")} for each, old in pairs]
    _put(expected, before, "activeDeadlineSeconds", "schedulingGates", "tolerations")
    if before.get("terminationGracePeriodSeconds", 0) < 0 and spec.get("terminationGracePeriodSeconds") == 1:
        _put(expected, before, "terminationGracePeriodSeconds")
    if before.get("schedulingGates"):
        if spec.get("nodeSelector") != before.get("nodeSelector"):
            _node_selector(errors, spec.get("nodeSelector"), before.get("nodeSelector") or {})
            _put(expected, before, "nodeSelector")
        _gated_affinity(errors, expected, before)
    return expected


def _node_selector(errors: Errors, new: Mapping[str, str] | None, old: Mapping[str, str]) -> None:
    if any((new or {}).get(key) != value for key, value in old.items()):
        detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        errors.append(fields.invalid(SPEC.child("nodeSelector"), new, detail))


def _gated_affinity(errors: Errors, expected: dict[str, Any], before: Object) -> None:
    new, old = expected.get("affinity"), before.get("affinity")
    node, old_node = (new or NOTHING).get("nodeAffinity"), (old or NOTHING).get("nodeAffinity")
    if node == old_node:
        return
    _node_affinity(errors, node, old_node)
    if new is None:
        expected["affinity"] = {"nodeAffinity": old_node}
    elif old is None and not (new.keys() & {"podAffinity", "podAntiAffinity"}):
        del expected["affinity"]
    else:
        expected["affinity"] = {**new}
        _put(expected["affinity"], old or NOTHING, "nodeAffinity")


def _node_affinity(errors: Errors, new: Object | None, old: Object | None) -> None:
    terms = [
        ((each or NOTHING).get(affinity.REQUIRED) or NOTHING).get("nodeSelectorTerms") or [] for each in (new, old)
    ]
    after, before = terms
    if affinity.REQUIRED not in (old or NOTHING):
        return
    path = SPEC.child("affinity", "nodeAffinity", affinity.REQUIRED, "nodeSelectorTerms")
    if before and len(before) != len(after):
        detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        errors.append(fields.invalid(path, dump_list("NodeSelectorTerm", after or None), detail))
        return
    for index, (term, old_term) in enumerate(zip(after, before, strict=False)):
        if not _has_only_additions(term, old_term):
            detail = "only additions are allowed (no mutations or deletions)"
            errors.append(fields.invalid(path.index(index), dump("NodeSelectorTerm", term), detail))


def _has_only_additions(new: Object, old: Object) -> bool:
    if not old.get("matchExpressions") and not old.get("matchFields"):
        return not new.get("matchExpressions") and not new.get("matchFields")
    for key in ("matchExpressions", "matchFields"):
        before = old.get(key) or []
        if (new.get(key) or [])[: len(before)] != before:
            return False
    return True


def ephemeral_containers(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of the ephemeral containers: they can only be added."""
    options = options_of(old)
    metadata.update(errors, new, old)
    pod.metadata_and_spec(errors, new, options)
    changed_annotations(errors, new, old, options)
    if pod.MIRROR in ((old.get("metadata") or NOTHING).get("annotations") or NOTHING):
        errors[:] = [fields.forbidden(WHOLE, "static pods do not support ephemeral containers")]
        return
    path = SPEC.child("ephemeralContainers")
    after = {each.get("name", ""): each for each in new["spec"].get("ephemeralContainers") or ()}
    for each in old["spec"].get("ephemeralContainers") or ():
        name = each.get("name", "")
        if name not in after:
            detail = f"existing ephemeral containers {quoted(name)} may not be removed\n"
            errors.append(fields.forbidden(path, detail))
        elif after[name] != each:
            changes = difference("EphemeralContainer", each, after[name])
            detail = f"existing ephemeral containers {quoted(name)} may not be changed\n{changes}"
            errors.append(fields.forbidden(path, detail))
