"""Labels of nodes that have newer names, wherever nodes are chosen by them."""

from __future__ import annotations

from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats
from cluster_shim.api.validation.checks import Object

_SINCE_1_14 = 'deprecated since v1.14; use "kubernetes.io/{}" instead'
_SINCE_1_17 = 'deprecated since v1.17; use "{}" instead'
DEPRECATED = {
    "beta.kubernetes.io/arch": _SINCE_1_14.format("arch"),
    "beta.kubernetes.io/os": _SINCE_1_14.format("os"),
    "failure-domain.beta.kubernetes.io/region": _SINCE_1_17.format("topology.kubernetes.io/region"),
    "failure-domain.beta.kubernetes.io/zone": _SINCE_1_17.format("topology.kubernetes.io/zone"),
    "beta.kubernetes.io/instance-type": _SINCE_1_17.format("node.kubernetes.io/instance-type"),
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}
"""What is said of a label."""


def selector_term(term: Object, path: Path, with_values: bool = False) -> list[str]:
    """Return what is said of a term of a NodeSelector."""
    found: list[str] = []
    for index, each in enumerate(term.get("matchExpressions") or ()):
        key, at = each.get("key", ""), path.child("matchExpressions").index(index)
        if key in DEPRECATED:
            found.append(f"{at.child('key')}: {key} is {DEPRECATED[key]}")
        for position, value in enumerate((each.get("values") or ()) if with_values else ()):
            for message in formats.label_value(value):
                found.append(f"{at.child('values').index(position)}: {value} is invalid, {message}")
    return found


def label_selector(chosen: Object | None, path: Path) -> list[str]:
    """Return what is said of a LabelSelector for nodes."""
    if not chosen:
        return []
    found = []
    for index, each in enumerate(chosen.get("matchExpressions") or ()):
        if (key := each.get("key", "")) in DEPRECATED:
            found.append(f"{path.child('matchExpressions').index(index).child('key')}: {key} is {DEPRECATED[key]}")
    for key in chosen.get("matchLabels") or ():
        if key in DEPRECATED:
            found.append(f"{path.child('matchLabels', key)}: {DEPRECATED[key]}")
    return found
