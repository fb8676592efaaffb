"""Regular pods: those at the head of a queue that compiled code can place, one after the other, in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.classes import PodInfo
from sched_core.engine.compiled import Compiled, Way
from sched_core.engine.many import Many
from sched_core.kernels.jit import CompileError

if TYPE_CHECKING:
    from sched_core.engine.engine import Engine


class Regular(Many):
    """One call of `Engine.place_regular`; whatever needs the cycle ends it."""

    def __init__(self, engine: Engine, pods: Sequence[PodInfo], deal: Callable[[int, int], None]) -> None:
        self._infos, self._deal = pods, deal
        super().__init__(engine, [])

    def place(self) -> int:
        """Return how many pods were dealt with."""
        if not len(self.classes):
            return 0
        name = self._infos[0].pod.spec.scheduler_name
        sides = self.engine.sides(name)
        compiled = sides.compiled if sides is not None else None
        if compiled is None or not compiled.is_usable():
            return 0
        stop = len(self._infos)
        if len(self.engine.profiles) > 1:
            others = (at for at, info in enumerate(self._infos) if info.pod.spec.scheduler_name != name)
            stop = next(others, stop)
        rare = self.cluster.classes.rare  # looked at here, since planning would cost as much as the cycle
        if rare:
            stop = next((at for at, number in enumerate(self.classes[:stop].tolist()) if number in rare), stop)
        if not stop:
            return 0
        try:
            stop, alone, way = self._plan_block(compiled, 0, stop)
            end = int(np.argmax(alone)) if alone.any() else stop
            run = self._place_asking if compiled.static.live else self._place_at_once
            return run(compiled, end, way) if end else 0
        except CompileError:  # numba refuses a row function: the cycle, which compiles them one by one, names it
            self.engine.give_up_compiled(name)
            return 0

    def _place_at_once(self, compiled: Compiled, stop: int, way: Way) -> int:
        """Place pods up to ``stop`` in one call; return how far it got."""
        end, self.engine.start = compiled.run(self.classes, 0, stop, self.places, way, self.engine.start)
        self._flush(end)
        for position, row in enumerate(self.rows[:end].tolist()):
            self._deal(position, row)
        return end

    def _place_asking(self, compiled: Compiled, stop: int, way: Way) -> int:
        """Place pods up to ``stop``, asking live plugins about each; return how far it got."""
        for position, info in enumerate(self._infos[:stop]):
            found = compiled.run_live(info, position, self.classes, self.places, way, self.engine.start)
            if found is None:
                return position
            end, self.engine.start = found
            if end == position:
                return position
            self._flush(end)
            self._deal(position, int(self.rows[position]))
        return stop

    def _classes(self) -> NDArray[np.int32]:
        return np.array([info.row for info in self._infos], np.int32)

    def _nominate(self) -> None:
        return  # the queue knows whom it has nominated

    def _is_admitted(self, pod: PodInfo) -> bool:
        return True

    def _keys(self, positions: NDArray[np.int64]) -> Sequence[str]:
        return [self._infos[position].key for position in positions.tolist()]

    def _uids(self, positions: NDArray[np.int64]) -> Sequence[str]:
        return [self._infos[position].uid for position in positions.tolist()]
