"""CEL, the expressions of CRD rules, admission policies and match conditions, with the libraries of Kubernetes.

::

    environment = Environment({"self": types.INT, "oldSelf": types.INT})
    program = environment.compile("self >= oldSelf", types.BOOL)
    program.evaluate({"self": 3, "oldSelf": 2})
"""

from __future__ import annotations

from cluster_shim.api.cel.environment import PER_CALL_LIMIT, Environment, Program
from cluster_shim.api.cel.errors import CelError, CompileError, CostExceeded, EvaluationError

__all__ = ["PER_CALL_LIMIT", "CelError", "CompileError", "CostExceeded", "Environment", "EvaluationError", "Program"]
