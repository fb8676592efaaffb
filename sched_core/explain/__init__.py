"""Why a pod goes where it goes, how many more would fit, and what a changed cluster would make of it all.

Pure functions of an engine or of objects: nothing is read, printed or written, and what is given ends as it was.
"""

from sched_core.explain.explanation import Explanation, Margin, NodeExplanation, Score, explain
from sched_core.explain.fix import Fix

__all__ = [
    "Explanation",
    "Fix",
    "Margin",
    "NodeExplanation",
    "Score",
    "explain",
]
