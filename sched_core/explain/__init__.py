"""Why a pod goes where it goes, how many more would fit, and what a changed cluster would make of it all.

Functions of an engine or of objects: nothing is read, printed or written, and what is given ends as it was.
"""

from sched_core.explain.capacity import Capacity, capacity, pending
from sched_core.explain.explanation import Explanation, Margin, NodeExplanation, Score, explain
from sched_core.explain.fix import Fix
from sched_core.explain.scenario import Scenario, changed, copies
from sched_core.explain.simulator import simulator_annotations
from sched_core.explain.utilisation import Utilisation, utilisation
from sched_core.explain.whatif import Comparison, Move, Outcome, compare, settle

__all__ = [
    "Capacity",
    "Comparison",
    "Explanation",
    "Fix",
    "Margin",
    "Move",
    "NodeExplanation",
    "Outcome",
    "Scenario",
    "Score",
    "Utilisation",
    "capacity",
    "changed",
    "compare",
    "copies",
    "explain",
    "pending",
    "settle",
    "simulator_annotations",
    "utilisation",
]
