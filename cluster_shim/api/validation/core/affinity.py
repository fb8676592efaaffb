"""Where a pod may run: node selectors, affinity to nodes and pods, tolerations, spread over topologies."""

from __future__ import annotations

from collections.abc import Sequence

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.integers import IntegerError, parse_int
from cluster_shim.api.validation import formats
from cluster_shim.api.validation.checks import (
    IS_NOT_POSITIVE,
    Errors,
    Object,
    need,
    optional_one_of,
    refuse,
)
from cluster_shim.api.validation.core.pod_options import PodOptions
from cluster_shim.api.validation.labels import label_name, selector

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"

TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_NO_OPERATOR = "not a valid selector operator"


def affinity(errors: Errors, wanted: Object, path: Path, options: PodOptions) -> None:
    """Check the affinity of a pod."""
    if "nodeAffinity" in wanted:
        _node_affinity(errors, wanted["nodeAffinity"], path.child("nodeAffinity"), options)
    for key in ("podAffinity", "podAntiAffinity"):
        if key in wanted:
            _pod_affinity(errors, wanted[key], path.child(key), options.any_selector_value)


def _node_affinity(errors: Errors, wanted: Object, path: Path, options: PodOptions) -> None:
    if REQUIRED in wanted:
        node_selector(errors, wanted[REQUIRED], path.child(REQUIRED), options.any_node_affinity_value)
    for index, term in enumerate(wanted.get(PREFERRED) or ()):
        at = path.child(PREFERRED).index(index)
        _weight(errors, term, at)
        node_selector_term(errors, term.get("preference") or {}, at.child("preference"), any_value=True)


def _weight(errors: Errors, term: Object, path: Path) -> None:
    weight = term.get("weight", 0)
    if not 1 <= weight <= 100:
        errors.append(fields.invalid(path.child("weight"), weight, "must be in the range 1-100"))


def node_selector(errors: Errors, chosen: Object, path: Path, any_value: bool = False) -> None:
    """Check a NodeSelector."""
    at = path.child("nodeSelectorTerms")
    if not chosen.get("nodeSelectorTerms"):
        errors.append(fields.required(at, "must have at least one node selector term"))
    for index, term in enumerate(chosen.get("nodeSelectorTerms") or ()):
        node_selector_term(errors, term, at.index(index), any_value)


def node_selector_term(errors: Errors, term: Object, path: Path, any_value: bool = False) -> None:
    """Check one term of a NodeSelector."""
    for index, each in enumerate(term.get("matchExpressions") or ()):
        _node_requirement(errors, each, path.child("matchExpressions").index(index), any_value)
    for index, each in enumerate(term.get("matchFields") or ()):
        _node_field(errors, each, path.child("matchFields").index(index))


def _node_requirement(errors: Errors, requirement: Object, path: Path, any_value: bool) -> None:
    operator, values = requirement.get("operator", ""), requirement.get("values") or ()
    if operator in ("In", "NotIn"):
        if not values:
            detail = "must be specified when `operator` is 'In' or 'NotIn'"
            errors.append(fields.required(path.child("values"), detail))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(fields.forbidden(path.child("values"), detail))
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            detail = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            errors.append(fields.required(path.child("values"), detail))
    else:
        errors.append(fields.invalid(path.child("operator"), operator, _NO_OPERATOR))
    label_name(errors, requirement.get("key", ""), path.child("key"))
    if not any_value:
        for index, value in enumerate(values):
            if messages := formats.label_value(value):
                refuse(errors, path.child("values").index(index), value, messages)


def _node_field(errors: Errors, requirement: Object, path: Path) -> None:
    operator, key, values = requirement.get("operator", ""), requirement.get("key", ""), requirement.get("values") or ()
    if operator not in ("In", "NotIn"):
        errors.append(fields.invalid(path.child("operator"), operator, _NO_OPERATOR))
    elif len(values) != 1:
        detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        errors.append(fields.required(path.child("values"), detail))
    if key != "metadata.name":
        errors.append(fields.invalid(path.child("key"), key, "not a valid field selector key"))
        return
    for index, value in enumerate(values):
        refuse(errors, path.child("values").index(index), value, formats.dns_subdomain(value))


def _pod_affinity(errors: Errors, wanted: Object, path: Path, any_value: bool) -> None:
    for index, term in enumerate(wanted.get(REQUIRED) or ()):
        _pod_term(errors, term, path.child(REQUIRED).index(index), any_value)
    for index, weighted in enumerate(wanted.get(PREFERRED) or ()):
        at = path.child(PREFERRED).index(index)
        _weight(errors, weighted, at)
        _pod_term(errors, weighted.get("podAffinityTerm") or {}, at.child("podAffinityTerm"), any_value)


def _pod_term(errors: Errors, term: Object, path: Path, any_value: bool) -> None:
    selector(errors, term.get("labelSelector"), path.child("labelSelector"), any_value)
    selector(errors, term.get("namespaceSelector"), path.child("namespaceSelector"), any_value)
    for name in term.get("namespaces") or ():
        refuse(errors, path.child("namespace"), name, formats.dns_label(name))
    _label_keys(errors, term, path)
    need(errors, term, "topologyKey", path, "can not be empty")
    label_name(errors, term.get("topologyKey", ""), path.child("topologyKey"))


def _label_keys(errors: Errors, term: Object, path: Path) -> None:
    wanted, unwanted = term.get("matchLabelKeys") or (), term.get("mismatchLabelKeys") or ()
    if not wanted and not unwanted:
        return
    chosen = term.get("labelSelector")
    for member, keys in (("matchLabelKeys", wanted), ("mismatchLabelKeys", unwanted)):
        if keys and chosen is None:
            detail = "must not be specified when labelSelector is not set"
            errors.append(fields.forbidden(path.child(member), detail))
        elif keys:
            for index, key in enumerate(keys):
                label_name(errors, key, path.child(member).index(index))
    if chosen is not None:
        _repeated_keys(errors, wanted, chosen, path)
    for index, key in enumerate(wanted):
        if key in unwanted:
            detail = "exists in both matchLabelKeys and mismatchLabelKeys"
            errors.append(fields.invalid(path.child("matchLabelKeys").index(index), key, detail))


def _repeated_keys(errors: Errors, keys: Sequence[str], chosen: Object, path: Path) -> None:
    """Refuse keys that the selector had before the values of matchLabelKeys were merged into it."""
    positions = {key: index for index, key in enumerate(keys)}
    seen = set(chosen.get("matchLabels") or ())
    for each in chosen.get("matchExpressions") or ():
        key = each.get("key", "")
        if key in positions and key in seen:
            detail = "exists in both matchLabelKeys and labelSelector"
            errors.append(fields.invalid(path.index(positions[key]), key, detail))
        seen.add(key)


def taint_effect(errors: Errors, effect: str, path: Path) -> None:
    """Check the effect of a taint or a toleration that has one."""
    if effect not in TAINT_EFFECTS:
        errors.append(fields.not_supported(path, effect, TAINT_EFFECTS))


_EXISTS_WITHOUT_KEY = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'


def tolerations(errors: Errors, items: Sequence[Object], path: Path, options: PodOptions) -> None:
    """Check the tolerations of a pod."""
    for index, each in enumerate(items):
        key, operator = each.get("key"), each.get("operator", "")
        effect, value, at = each.get("effect", ""), each.get("value", ""), path.index(index)
        if key:
            label_name(errors, key, at.child("key"))
        elif operator != "Exists":
            errors.append(fields.invalid(at.child("operator"), operator, _EXISTS_WITHOUT_KEY))
        if "tolerationSeconds" in each and effect != "NoExecute":
            detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            errors.append(fields.invalid(at.child("effect"), effect, detail))
        _toleration_value(errors, operator, value, at, options)
        if effect:
            taint_effect(errors, effect, at.child("effect"))


def _toleration_value(errors: Errors, operator: str, value: str, path: Path, options: PodOptions) -> None:
    if operator in ("Equal", ""):
        if messages := formats.label_value(value):
            errors.append(fields.invalid(path.child("operator"), value, ";".join(messages)))
    elif operator == "Exists":
        if value:
            detail = "value must be empty when `operator` is 'Exists'"
            errors.append(fields.invalid(path.child("operator"), value, detail))
    elif operator not in ("Lt", "Gt"):
        errors.append(fields.not_supported(path.child("operator"), operator, ("Equal", "Exists")))
    elif not options.comparison_tolerations:
        errors.append(fields.not_supported(path.child("operator"), operator, ("Equal", "Exists", "Lt", "Gt")))
    else:
        refuse(errors, path.child("value"), value, formats.decimal_integer(value))
        if problem := _not_int64(value):
            errors.append(fields.invalid(path.child("value"), value, problem))


def _not_int64(text: str) -> str:
    try:
        parse_int(text)
    except IntegerError as error:
        return str(error)
    return ""


def topology_spread(errors: Errors, constraints: Sequence[Object], path: Path, options: PodOptions) -> None:
    """Check how a pod is spread over topologies."""
    for index, each in enumerate(constraints):
        at, skew, when = path.index(index), each.get("maxSkew", 0), each.get("whenUnsatisfiable", "")
        if skew <= 0:
            errors.append(fields.invalid(at.child("maxSkew"), skew, IS_NOT_POSITIVE))
        need(errors, each, "topologyKey", at, "can not be empty")
        if when not in ("DoNotSchedule", "ScheduleAnyway"):
            supported = ("DoNotSchedule", "ScheduleAnyway")
            errors.append(fields.not_supported(at.child("whenUnsatisfiable"), when, supported))
        pair = (each.get("topologyKey", ""), when)
        if any(
            (other.get("topologyKey", ""), other.get("whenUnsatisfiable", "")) == pair
            for other in constraints[index + 1 :]
        ):
            of = at.child("{topologyKey, whenUnsatisfiable}")
            errors.append(fields.duplicate(of, f"{{{pair[0]}, {pair[1]}}}"))
        _min_domains(errors, each.get("minDomains"), when, at.child("minDomains"))
        for key in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            optional_one_of(errors, each, key, at, ("Honor", "Ignore"))
        if options.legacy_match_label_keys:
            _legacy_keys(errors, each, at.child("matchLabelKeys"))
        else:
            _label_keys(errors, {**each, "mismatchLabelKeys": None}, at)
        if not options.any_spread_selector:
            selector(errors, each.get("labelSelector"), at.child("labelSelector"))


def _min_domains(errors: Errors, number: int | None, when: str, path: Path) -> None:
    if number is None:
        return
    if number <= 0:
        errors.append(fields.invalid(path, number, IS_NOT_POSITIVE))
    if when != "DoNotSchedule":
        detail = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {when}"
        errors.append(fields.invalid(path, number, detail))


def _legacy_keys(errors: Errors, constraint: Object, path: Path) -> None:
    keys, chosen = constraint.get("matchLabelKeys") or (), constraint.get("labelSelector")
    if keys and chosen is None:
        errors.append(fields.forbidden(path, "must not be specified when labelSelector is not set"))
    seen = set((chosen or {}).get("matchLabels") or ())
    seen |= {each.get("key", "") for each in (chosen or {}).get("matchExpressions") or ()}
    for index, key in enumerate(keys):
        label_name(errors, key, path.index(index))
        if key in seen:
            detail = "exists in both matchLabelKeys and labelSelector"
            errors.append(fields.invalid(path.index(index), key, detail))
