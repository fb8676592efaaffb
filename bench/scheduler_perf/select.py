"""Which workloads run: by label as upstream filters, by name, in the order of the files.

Source: test/integration/scheduler_perf/label_selector.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bench.scheduler_perf.read import Job


def labels_match(filters: Iterable[str], labels: Iterable[str]) -> bool:
    """Tell whether labels satisfy filters: ``a,+b,-c`` is with a and b and without c; ``!c`` is ``-c``."""
    have = frozenset(labels)
    for each in (part.strip() for text in filters for part in text.split(",")):
        if each and (each.lstrip("+-!") in have) == each.startswith(("-", "!")):
            return False
    return True


def select(jobs: Sequence[Job], name: re.Pattern[str] | None, labels: Iterable[str]) -> list[Job]:
    """Return the jobs in whose name (``TestCase/Workload``) ``name`` is found and whose labels satisfy ``labels``."""
    filters = tuple(labels)
    return [job for job in jobs if (name is None or name.search(job.name)) and labels_match(filters, job.labels)]
