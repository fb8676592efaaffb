"""matchConditions: expressions that decide whether a policy or a webhook is asked at all.

Upstream: admission/plugin/webhook/matchconditions/matcher.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from cluster_shim.apiserver.admission.plugin import joined
from cluster_shim.apiserver.admission.policy.activation import Activation, Failed, OutOfBudget
from cluster_shim.apiserver.admission.policy.compiled import Expression


def hold(activation: Activation, conditions: Sequence[tuple[str, Expression]], ignores_failures: bool) -> bool:
    """Tell whether all conditions hold: one that does not decides, whatever the others are. Raises Failed."""
    errors: list[str] = []
    for _, expression in conditions:
        try:
            if activation.evaluate(expression) is False:
                return False
        except OutOfBudget as error:
            errors.append(str(error))
            break
        except Failed as error:
            errors.append(str(error))
    if not errors:
        return True
    if ignores_failures:
        return False
    raise Failed(joined(errors))
