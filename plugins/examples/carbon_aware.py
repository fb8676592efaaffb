"""CarbonAware: a score in array form that follows a time series: how dirty the electricity of each zone is.

The arguments have 24 numbers for each zone (grams of CO2 per kWh, for each hour of UTC), or name a JSON file with them:

``pluginConfig: [{name: CarbonAware, args: {file: carbon.json}}]``, and in the file ``{"zone-a": [310, 290, ...]}``.

A scheduler has the time; an engine alone is always at the hour 0 of 1970. No pod is read, and yet there is no
signature: what is signed is asked again when a node object changes, and not when an hour is over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sched_core import Plugin, percent

if TYPE_CHECKING:
    from sched_core import CycleState, NodeColumns, PodInfo

ZONE = "topology.kubernetes.io/zone"
HOURS, HOUR_NS = 24, 3_600_000_000_000
EXAMPLE = {"a": [400] * HOURS, "b": [250] * 8 + [90] * 10 + [250] * 6, "c": [180] * HOURS}
"""What is taken without arguments: a zone on coal, one with sun by day, one on gas."""


class CarbonAware(Plugin):
    """Prefer zones whose electricity is clean at this hour: 100 for the cleanest that would do, 0 for the dirtiest."""

    name = "CarbonAware"

    def __init__(self, args: Mapping[str, Any] | None = None) -> None:
        super().__init__(args)
        given = args or {}
        self.grams = dict(given.get("zones", {} if "file" in given else EXAMPLE))
        if "file" in given:
            self.grams |= json.loads(Path(given["file"]).read_text(encoding="utf-8"))
        for zone, series in self.grams.items():
            if len(series) != HOURS or not all(isinstance(each, int) and each >= 0 for each in series):
                raise ValueError(f"zone {zone}: {HOURS} whole numbers are needed, one for each hour")
        self._known: tuple[int, int] = (-1, -1)
        self._grams = np.zeros(0, np.int64)

    @property
    def hour(self) -> int:
        return self.handle.now // HOUR_NS % HOURS

    def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> NDArray[np.int64]:
        if self._known != (self.hour, nodes.object_version):  # for each hour once, not for each pod
            column = nodes.label(ZONE)
            now = {zone: series[self.hour] for zone, series in self.grams.items()}
            unknown = max(now.values(), default=0)  # as bad as the worst: nothing is gained by not saying
            self._grams = np.array([*(now.get(zone, unknown) for zone in column.values), unknown], np.int64)[column.ids]
            self._known = self.hour, nodes.object_version
        return self._grams

    @staticmethod
    def normalize_row(score: Any, lowest: Any, highest: Any) -> Any:
        return percent(highest - score, max(highest - lowest, 1))
