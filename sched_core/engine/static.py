"""Static results: what filters and scores say that depend on a pod's signatures and on node objects alone.

Computed once per combination of signatures by the very plugins that the cycle calls, kept until a node object changes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.classes import PodClasses, PodInfo
from sched_core.columns.nodes import NodeColumns
from sched_core.engine.answers import checked, whole
from sched_core.engine.live import LiveAnswers, is_live
from sched_core.engine.program import Program, is_dependent, is_row, is_signed
from sched_core.framework.cycle_state import CycleState
from sched_core.framework.plugin import MAX_NODE_SCORE, MAX_RAW_SCORE, Plugin
from sched_core.framework.profile import Profile
from sched_core.framework.status import Code
from sched_core.rows.generate import goes_raw
from sched_core.rows.tuples import LONE, Static, Switches

IRREGULAR = -1
"""A class that only the cycle can decide on."""
UNPLANNED = -2
MEMORY = 512 << 20
_DECIDING = ("preFilter", "filter", "preScore", "score")
_MUST_RUN = ("reserve", "permit", "preBind", "postBind")


def compilable(profile: Profile) -> bool:
    """Tell whether compiled batches can decide for a profile.

    All that decides must be in row form or in domain form, have a signature, say which pods it does not concern, or be
    live.
    """
    points = profile.points
    most = MAX_RAW_SCORE if _is_alone(points["score"]) else MAX_NODE_SCORE
    if not points["score"] or most * sum(profile.weights.values()) > np.iinfo(np.int32).max:
        return False
    if not all(plugin.in_memory for plugin in points["bind"]):
        return False
    if not all(is_dependent(plugin) for point in _MUST_RUN for plugin in points[point]):
        return False
    deciding = [plugin for point in _DECIDING for plugin in points[point] if not is_dependent(plugin)]
    if not all(_is_row_form(each) or hasattr(each, "sign_pod") or is_live(each, points) for each in deciding):
        return False
    scoring = [plugin for plugin in points["score"] if not is_dependent(plugin)]
    if any(hasattr(plugin, "normalize_score") for plugin in scoring):
        return False
    if not all(_scores_by_domain(plugin, points) for plugin in points["score"] if hasattr(plugin, "domain_terms")):
        return False
    rows = [plugin for plugin in scoring if is_row(plugin, "score")]
    if any(hasattr(plugin, "normalize_row") for plugin in rows) and not _is_alone(points["score"]):
        return False
    return not any(
        plugin.without_pre_filter and plugin.name not in profile.named["preFilter"] for plugin in points["filter"]
    )


def _is_alone(scoring: tuple[Plugin, ...]) -> bool:
    """Tell whether there is one score only, in row form, and the nodes that it finds best stay it when normalised."""
    return len(scoring) == 1 and is_row(scoring[0], "score") and goes_raw(scoring[0])


def _scores_by_domain(plugin: Plugin, points: Mapping[str, tuple[Plugin, ...]]) -> bool:
    """Tell whether a score in domain form is what the cycle makes of it: PreScore is there, and normalisation alike."""
    if hasattr(plugin, "pre_score") and plugin not in points["preScore"]:
        return False
    return hasattr(plugin, "normalize_row") or not hasattr(plugin, "normalize_score")


def _is_row_form(plugin: Plugin) -> bool:
    return is_row(plugin, "filter") or is_row(plugin, "score")


class Combination(NamedTuple):
    """What tells one static result from another."""

    signatures: tuple[Hashable, ...]
    skip_filter: frozenset[str]
    skip_score: frozenset[str]
    names: frozenset[str] | None


class StaticResults:
    """The static results of one profile, and which of them each pod class has."""

    def __init__(self, profile: Profile, nodes: NodeColumns, classes: PodClasses, program: Program) -> None:
        self.profile, self.nodes, self.classes, self.program = profile, nodes, classes, program
        deciding = dict.fromkeys(plugin for point in _DECIDING for plugin in profile.points[point])
        alone = [each for each in deciding if not (_is_row_form(each) or is_signed(each) or is_dependent(each))]
        self.signed = [plugin for plugin in deciding if is_signed(plugin)]
        self.live = LiveAnswers(alone, self)
        points = {
            point: tuple(each for each in plugins if not is_dependent(each) and each not in alone)
            for point, plugins in profile.points.items()
        }
        self._points = points
        everyone = dict.fromkeys(sum(profile.points.values(), ()))
        self._concerned = [plugin for plugin in everyone if hasattr(plugin, "concerns")]
        kinds = [each.object_kinds for each in everyone if is_dependent(each)]
        self.kinds = None if None in kinds else frozenset().union(*(each for each in kinds if each is not None))
        """Kinds of the objects that plans depend on; None: all but nodes and pods."""
        planning = [plugin for point in _DECIDING for plugin in points[point]]
        planning += [plugin for plugin in profile.points["preEnqueue"] if not is_dependent(plugin)]
        self._by_shape = not any(plugin.reads_amounts for plugin in planning)
        self._pre_filters = [(plugin.name, plugin.pre_filter) for plugin in points["preFilter"]]  # type: ignore[attr-defined]
        self._pre_scores = [(plugin.name, plugin.pre_score) for plugin in points["preScore"]]  # type: ignore[attr-defined]
        self._signs = [plugin.sign_pod for plugin in self.signed]  # type: ignore[attr-defined]
        self._switch_rows: dict[tuple[frozenset[str], frozenset[str]], tuple[NDArray[np.uint8], NDArray[np.int64]]] = {}
        rows = program.plugins
        self._row_weights = np.array([profile.weights[plugin.name] for plugin in rows.scores], np.int64)
        self._weight = np.array([profile.weights[plugin.name] for plugin in rows.normalized], np.int64)
        self._no_score = frozenset(plugin.name for plugin in rows.scores)
        self.index = np.zeros(0, np.int32)
        self.lone = np.zeros(0, np.int32)
        self.filter_on = np.zeros((0, len(rows.filters)), np.uint8)
        self.weight = np.zeros((0, len(rows.scores)), np.int64)
        self.clear()

    def clear(self) -> None:
        """Forget everything: a node object has changed, or memory is short."""
        self._rows = np.flatnonzero(self.nodes.alive)
        self.index[:] = UNPLANNED
        self._planned: dict[int, int] = {}
        self._number: dict[Combination, int] = {}
        self._used, self._copy = 0, -1
        self._raw_of_copy: dict[str, int] = {}
        self._masks: dict[tuple[str, Hashable], NDArray[np.bool_]] = {}
        self._raws: dict[tuple[str, Hashable], NDArray[np.int64]] = {}
        size = len(self.nodes.full("alive"))
        self.score = np.zeros((0, size), np.int32)
        self.raw = np.zeros((0, size), np.int32)
        self.raw_count = 0
        self.step = np.zeros(0, np.int32)
        self.part = np.zeros((0, size), np.int32)
        self.part_bounds = np.zeros((0, len(self._weight), 2))
        self.raw_index = np.zeros((0, len(self._weight)), np.int32)

    @property
    def limit(self) -> int:
        """Number of combinations that may be kept."""
        return max(8, MEMORY // max(1, 8 * len(self.nodes.full("alive"))))

    @property
    def count(self) -> int:
        return self._used

    def plans(self, classes: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the static results of classes, int32[D]: k, LONE, IRREGULAR or UNPLANNED."""
        if len(self.classes) > len(self.index):
            self._grow(len(self.classes))
        return self.index[classes]

    def concerned_classes(self, classes: NDArray[np.int32]) -> list[int]:
        """Return those with claims that concern a plugin as things stand.

        They are asked each time, since claims and what is behind them come and go with pods, and plans outlive that.
        """
        asked = self.classes.with_claims and self.classes.with_claims.intersection(classes.tolist())
        return [number for number in asked if self._is_concerned(self.classes.info_of(number))]

    def representatives(self, classes: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return those of some unplanned classes that must be planned for all of them to have a plan after `spread`."""
        if not self._by_shape:
            return classes
        shapes, first = np.unique(self.classes.shape_of[classes], return_index=True)
        new = [
            position
            for shape, position in zip(shapes.tolist(), first.tolist(), strict=True)
            if shape not in self._planned
        ]
        return classes[new]

    def spread(self, classes: NDArray[np.int32], planned: NDArray[np.int32]) -> None:
        """Give ``classes`` the plans of those of their shape, after ``planned`` have got theirs."""
        if not self._by_shape or not len(classes):
            return
        self._planned.update(zip(self.classes.shape_of[planned].tolist(), planned.tolist(), strict=True))
        sources = np.array([self._planned[shape] for shape in self.classes.shape_of[classes].tolist()], np.int32)
        for array in (self.index, self.lone, self.filter_on, self.weight):
            array[classes] = array[sources]

    def plan(self, pod_class: int) -> None:
        """Work out the static result of a class."""
        self.index[pod_class] = self._plan(pod_class)

    def set_aside(self, pod_class: int) -> None:
        """Leave a class to the cycle."""
        self.index[pod_class] = IRREGULAR

    def static(self) -> Static:
        return Static(
            self.index,
            self.lone,
            self.score,
            self.step,
            self.raw_index,
            self.raw,
            self._weight,
            self.part,
            self.part_bounds,
        )

    def switches(self) -> Switches:
        """Return what is skipped, as compiled batches receive it."""
        return Switches(self.filter_on, self.weight)

    def _plan(self, pod_class: int) -> int:
        pod = self.classes.info_of(pod_class)
        if pod.pod.status.nominated_node_name or pod_class in self.classes.rare:
            return IRREGULAR
        if pod_class not in self.classes.with_claims and self._is_concerned(pod):
            return IRREGULAR
        state = CycleState()
        names: frozenset[str] | None = None
        naming: list[str] = []
        for name, pre_filter in self._pre_filters:
            status, named = pre_filter(state, pod, self.nodes)
            if status.code == Code.Skip:
                state.skip_filter.add(name)
            elif status.code != Code.Success:
                return IRREGULAR
            if named is not None:
                naming.append(name)
                names = named if names is None else names & named
        signatures = tuple([sign_pod(pod) for sign_pod in self._signs])
        if names is not None:
            there = [self.nodes.row_of[name] for name in names if name in self.nodes.row_of]
            if len(there) == 1:
                return self._plan_lone(there[0], naming, signatures, state, pod)
        for name, pre_score in self._pre_scores:
            status = pre_score(state, pod, self.nodes, self._rows)
            if status.code == Code.Skip:
                state.skip_score.add(name)
            elif status.code != Code.Success:
                return IRREGULAR
        skip_filter, skip_score = frozenset(state.skip_filter), frozenset(state.skip_score)
        self.filter_on[pod_class], self.weight[pod_class] = self._switches_for(skip_filter, skip_score)
        return self._combine(Combination(signatures, skip_filter, skip_score, names), state, pod)

    def _plan_lone(
        self, row: int, naming: Sequence[str], signatures: tuple[Hashable, ...], state: CycleState, pod: PodInfo
    ) -> int:
        """Plan a class of which PreFilter names one node: a DaemonSet has as many of them as there are nodes.

        So nothing that is as long as there are nodes is kept, and what plugins that name nodes say is not either.
        """
        if self.live.filters:
            return IRREGULAR
        switches = self._switches_for(frozenset(state.skip_filter), self._no_score)
        self.filter_on[pod.row], self.weight[pod.row] = switches
        signature = self._by_plugin(signatures)
        passes = True
        for plugin in self._points["filter"]:
            if passes and not is_row(plugin, "filter") and plugin.name not in state.skip_filter:
                keep = plugin.name not in naming
                passes = bool(self._mask(plugin, signature[plugin.name], state, pod, keep=keep)[row])
        self.lone[pod.row] = row if passes else -1
        return LONE

    def _by_plugin(self, signatures: tuple[Hashable, ...]) -> dict[str, Hashable]:
        return dict(zip((plugin.name for plugin in self.signed), signatures, strict=True))

    def _is_concerned(self, pod: PodInfo) -> bool:
        """Tell whether a plugin that answers by placed pods or other objects is concerned, or raises."""
        try:
            return any(plugin.concerns(pod) for plugin in self._concerned)
        except Exception:  # the cycle meets it again and words it
            return True

    def _switches_for(
        self, skip_filter: frozenset[str], skip_score: frozenset[str]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return the rows of ``filter_on`` and ``weight`` for what is skipped."""
        found = self._switch_rows.get((skip_filter, skip_score))
        if found is None:
            rows = self.program.plugins
            on = np.array([plugin.name not in skip_filter for plugin in rows.filters], np.uint8)
            counted = np.array([plugin.name not in skip_score for plugin in rows.scores], np.bool_)
            found = self._switch_rows[skip_filter, skip_score] = (on, np.where(counted, self._row_weights, 0))
        return found

    def _combine(self, combination: Combination, state: CycleState, pod: PodInfo) -> int:
        names = combination.names
        k = self._number.get(combination)
        if k is not None:
            return k
        signature = self._by_plugin(combination.signatures)
        ok = self.nodes.alive.copy()
        if names is not None:
            ok[:] = False
            ok[[self.nodes.row_of[name] for name in names if name in self.nodes.row_of]] = True
        for plugin in self._points["filter"]:
            if not is_row(plugin, "filter") and plugin.name not in state.skip_filter:
                ok &= self._mask(plugin, signature[plugin.name], state, pod)
        score = np.zeros(self.nodes.count, np.int64)
        raws: dict[str, NDArray[np.int64]] = {}
        for plugin in self._points["score"]:
            if is_row(plugin, "score") or plugin.name in state.skip_score:
                continue
            raw = self._raw(plugin, signature[plugin.name], state, pod)
            weight = self.profile.weights[plugin.name]
            if not hasattr(plugin, "normalize_row"):
                if np.any(ok & ((raw < 0) | (raw > MAX_NODE_SCORE))):
                    return IRREGULAR
                score += weight * raw
            elif ok.any() and raw[ok].min() == raw[ok].max():
                normalized = int(self.program.normalize(plugin, raw[ok][:1])[0])
                if not 0 <= normalized <= MAX_NODE_SCORE:
                    return IRREGULAR
                score += weight * normalized
            elif ok.any():
                if np.abs(raw).max() > np.iinfo(np.int32).max:
                    return IRREGULAR
                raws[plugin.name] = raw
        named = 0 if names is None else sum(name in self.nodes.row_of for name in names)
        return self._store(combination, ok, score, raws, named)

    def _store(
        self, combination: Combination, ok: NDArray[np.bool_], score: NDArray[np.int64],
        raws: dict[str, NDArray[np.int64]], step: int,
    ) -> int:  # fmt: skip
        k, count = self._next(), self.nodes.count
        self.step[k], self.part_bounds[k] = step, np.nan
        self.score[k, :count] = np.where(ok, score, -1)
        for number, plugin in enumerate(self.program.plugins.normalized):
            self.raw_index[k, number] = self._keep_raw(raws[plugin.name]) if plugin.name in raws else -1
        self._number[combination] = k
        return k

    def _next(self) -> int:
        """Return the number of a result that is not in use."""
        if self._used == len(self.score):
            for name in ("score", "step", "raw_index", "part", "part_bounds"):
                setattr(self, name, _longer(getattr(self, name)))
        self._used += 1
        return self._used - 1

    def _keep_raw(self, raw: NDArray[np.int64]) -> int:
        """Keep raw scores by position; return their number."""
        if self.raw_count == len(self.raw):
            self.raw = _longer(self.raw)
        order = self.program.order()
        self.raw[self.raw_count, : len(order)] = raw[order]
        self.raw_count += 1
        return self.raw_count - 1

    def copy(self, k: int) -> int:
        """Return the number of a copy of a result, the same one each time: the last copy is gone."""
        if self._copy < 0:
            self._copy = self._next()
        for name in ("score", "step", "raw_index"):
            array = getattr(self, name)
            array[self._copy] = array[k]
        self.part_bounds[self._copy] = np.nan
        return self._copy

    def set_raw(self, k: int, plugin: Plugin, raw: NDArray[np.int64]) -> None:
        """Let a copy have other raw scores of a normalised plugin."""
        at = self._raw_of_copy.get(plugin.name)
        if at is None:
            at = self._raw_of_copy[plugin.name] = self._keep_raw(raw)
        else:
            order = self.program.order()
            self.raw[at, : len(order)] = raw[order]
        self.raw_index[k, self.program.plugins.normalized.index(plugin)] = at

    @contextmanager
    def planned_as(self, pod_class: int, k: int) -> Iterator[None]:
        """Let a class have another result for a while."""
        before = self.index[pod_class]
        self.index[pod_class] = k
        try:
            yield
        finally:
            self.index[pod_class] = before

    def _mask(
        self, plugin: Plugin, signature: Hashable, state: CycleState, pod: PodInfo, *, keep: bool = True
    ) -> NDArray[np.bool_]:
        key = (plugin.name, signature)
        mask = self._masks.get(key)
        if mask is None:
            mask = checked(plugin.filter(state, pod, self.nodes), self.nodes.count).bits == 0  # type: ignore[attr-defined]
            if keep:
                self._masks[key] = mask
        return mask

    def _raw(self, plugin: Plugin, signature: Hashable, state: CycleState, pod: PodInfo) -> NDArray[np.int64]:
        key = (plugin.name, signature)
        if key not in self._raws:
            answer = plugin.score(state, pod, self.nodes)  # type: ignore[attr-defined]
            self._raws[key] = whole(answer, None, self.nodes, plugin, "score")
        return self._raws[key]

    def _grow(self, count: int) -> None:
        more = max(count, 2 * len(self.index), 64) - len(self.index)
        self.index = np.concatenate([self.index, np.full(more, UNPLANNED, np.int32)])
        self.lone = np.pad(self.lone, (0, more))
        self.filter_on = np.pad(self.filter_on, ((0, more), (0, 0)))
        self.weight = np.pad(self.weight, ((0, more), (0, 0)))


def _longer(array: NDArray[Any]) -> NDArray[Any]:
    grown = np.zeros((max(4, 2 * len(array)), *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown
