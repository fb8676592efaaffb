"""The plugin contract: one class, upstream's extension points in Python spelling.

A plugin implements an extension point by defining the method of that name. The base class defines none of them, so
``hasattr`` tells what a plugin can do; the signatures stand in the docstring of `Plugin`. In-tree plugins get no
private door: what they import from sched_core, a user's plugin can import.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.own import Column
from sched_core.framework.status import SUCCESS, Code, Status

if TYPE_CHECKING:
    from sched_core.columns.nodes import NodeColumns
    from sched_core.framework.handle import Handle
    from sched_core.framework.preemption import Preemption
    from sched_core.objects.records import Node, Pod

UNRESOLVABLE = 1 << 62
"""The bit that a row filter adds when removing pods would not help on this node."""

MAX_NODE_SCORE = 100
MIN_NODE_SCORE = 0
MAX_RAW_SCORE = 1 << 24
"""Of a plugin whose normalisation keeps the best nodes."""


class PreFilterResult(NamedTuple):
    """The answer of PreFilter: a status, and the only nodes worth a look (None: all)."""

    status: Status = SUCCESS
    node_names: frozenset[str] | None = None


class Verdicts(NamedTuple):
    """The answer of a filter in array form, for all rows at once.

    ``bits`` int64[N]: 0 where the node passes, else bit k is set for ``reasons[k]`` (at most 62 reasons).
    ``code`` applies to all refused nodes, ``unresolvable`` bool[N] (if given) marks those that are
    UnschedulableAndUnresolvable. ``errors`` holds the rows for which the filter ends the attempt, with what it says,
    unless another plugin refused them before.
    """

    bits: NDArray[np.int64]
    reasons: tuple[str, ...]
    code: Code = Code.UnschedulableAndUnresolvable
    unresolvable: NDArray[np.bool_] | None = None
    errors: Mapping[int, str] = MappingProxyType({})

    @classmethod
    def refuse(cls, mask: NDArray[np.bool_], reason: str, code: Code = Code.UnschedulableAndUnresolvable) -> Verdicts:
        """Refuse the nodes of ``mask`` bool[N] with one reason."""
        return cls(mask.astype(np.int64), (reason,), code)


class PostFilterResult(NamedTuple):
    """The answer of PostFilter: a status and the node that the pod is nominated to (None: leave it as it is)."""

    status: Status
    nominated_node: str | None = None
    preemption: Preemption | None = None
    """Whom the plugin would evict where; None if it does not preempt."""


class Plugin:
    """Base of all plugins. Define the extension points that the plugin has:

    ====================  =====================================================================================
    pre_enqueue           ``(pod) -> Status``: may the pod enter the queue?
    queue_sort_key        ``(pod, timestamp, first) -> tuple``: pods with smaller keys are scheduled first; when the pod
                          was queued, or failed last, and when it was queued to be tried for the first time
    pre_filter            ``(state, pod, nodes) -> PreFilterResult``; Skip leaves this plugin's filter out
    filter                ``(state, pod, nodes) -> Verdicts``: array form, all nodes at once
    domain_terms          ``(pod, nodes) -> DomainTerms | None``: the same as filter and score, for compiled batches
    add_pod, remove_pod   ``(state, pod, other, row) -> None``: see below
    filter_row            ``(pod, node, args) -> int``: row form, compiled; reason bits of one node, 0 passes
    post_filter           ``(state, pod, nodes, diagnosis) -> PostFilterResult``: no node passed the filters
    pre_score             ``(state, pod, nodes, feasible) -> Status``; Skip leaves this plugin's score out
    score                 ``(state, pod, nodes) -> int64[N]``: array form
    score_row             ``(pod, node, args) -> number``: row form, compiled
    reserve_row,          ``(pod, node, args) -> None``: compiled; a pod comes or leaves: change own columns
    unreserve_row
    reserve_pod,          ``(pod, node, placed) -> None``: the same in Python
    unreserve_pod
    rank_nodes            ``(nodes) -> int64[N]``: ties go to the node of the lowest rank
    normalize_row         ``(score, lowest, highest) -> number``: compiled; extremes over the feasible nodes
    normalize_score       ``(state, pod, scores: int64[F]) -> int64[F]``: array form over the feasible nodes
    reserve, unreserve    ``(state, pod, node_name) -> Status`` / ``-> None``
    permit                ``(state, pod, node_name) -> tuple[Status, float]`` (Wait: for so many seconds, at most 900)
    pre_bind_pre_flight   ``(state, pod, node_name) -> Status``; Skip leaves this plugin's PreBind out
    pre_bind              ``(state, pod, node_name) -> Status``; Wait is asked again whenever something has happened
    bind                  ``(state, pod, node_name) -> Status``; Skip leaves it to the next plugin
    post_bind             ``(state, pod, node_name) -> None``
    events_to_register    ``() -> Sequence[ClusterEventWithHint]``: the events that may help pods that this plugin
                          rejected; without it every event is taken for one
    ====================  =====================================================================================

    ``pod`` is a `PodInfo`, ``nodes`` are the `NodeColumns`; arrays over nodes have one entry a row (``nodes.count``
    rows; rows with ``nodes.alive`` false are ignored whatever the plugin says of them).

    **Row form.** A static function of one pod row and one node row in the subset of Python that numba compiles; it
    may call functions decorated with `kernel` and read module constants. It sees ``pod.<column>[...]`` and
    ``node.<column>[...]`` (the tables in `sched_core.rows.table`) and ``args.<name>`` (what `row_args` returns, burnt
    in as constants). Numbers arrive as int64 in the cycle and as float64 (holding exact integers) in the compiled
    batch: use `percent` and `quotient` for division, and no branches where a conditional expression does. PreFilter
    and PreScore of a row-form plugin run once for a pod class, so they may depend on the pod, not on placements. Rows
    hold the first resources that are met; a pod that requests others (``pod.rare_requests``) is decided on in the
    cycle, and a plugin that has ``filter`` beside ``filter_row`` is asked about it in that form only.

    **Tables.** ``args.<name>`` may also be an array of `row_tables`, of any number of dimensions, which is passed at
    run time: other values need no compiling.

    **Own columns.** A plugin declares what it keeps as a `Column`: per node (``node_columns``, filled by `fill_node`),
    per pod (``pod_columns``, filled by `fill_pod` once a class), per placement (``placed_columns``, zero where it is
    new). Row functions see them as ``node.<name>`` and ``pod.<name>``, with an index for each dimension (or as a whole,
    to hand to a helper); they keep their type in the cycle and in batches. Elsewhere they are ``nodes.own(name)``,
    [N] or [.., N], ``nodes.pods.own(name)``, [P, ..] by number of the placed pod, and ``pod.own(name)`` of a `PodInfo`.
    Any plugin of the engine may read them, one owns them.

    ``reserve_row`` and ``unreserve_row`` change those of a node. They are called for every pod that comes or leaves,
    whoever placed it: in the cycle, in batches, for pods that are reported as bound, that are deleted, in dry runs,
    when a node is replaced or profiles are swapped; never by hand. ``reserve_row`` also writes ``pod.<placed
    column>``, and chooses only where that is zero: else the pod was there before, and gets the same again. In both
    ``node.requested`` and the like are without the pod (for pods that were there before the plugin: with all of
    them), and numbers are int64. A plugin without a compiled form has ``reserve_pod`` and ``unreserve_pod`` in their
    place, which get own columns as attributes of ``node`` and ``placed``; its profiles are decided in the cycle.

    **Ranks.** With ``rank_nodes``, which one plugin of a profile may have, nodes are looked at in the order of their
    ranks, and of those with the highest total the first is taken, not upstream's. It is asked when a node object
    changes.

    **Chance.** A score that is drawn must be a function of the state, so that it is drawn again after a restore:
    ``numpy.random.default_rng([seed, nodes.pods.count])`` in PreScore, which knows the feasible nodes.

    **Signature.** A plugin whose filter and score depend on the pod and on node objects but not on placed pods says
    so by defining ``sign_pod(pod) -> Hashable``: all that it reads of the pod. Its results are then computed once per
    signature (upstream has the same idea in KEP-5598), so they leave nothing in ``state``; its PreFilter and PreScore
    may. Without it, an array-form plugin runs for every pod: in the cycle with all others if it has more than filter,
    score and normalize_row, else beside compiled code. Then it is asked before anything is filtered, ``state`` has
    nothing of other plugins, and about a pod that compiled code does not place it is asked once more in the cycle. So
    its answers must depend on what it sees, not on how often it was asked.

    **Concern.** A plugin whose answers depend on placed pods or on other objects may define ``concerns(pod) -> bool``:
    False promises that, as things stand, it skips or passes this pod at every extension point, also with pods that are
    nominated to a node on it. Pods that concern none of these plugins keep going through compiled code. It may depend
    on the pod's class and on ``handle.objects``, of which ``object_kinds`` names the kinds. Pods with claims are asked
    about in each call, so claims and what is behind them need no name there.

    **Domain form.** A plugin whose answers depend on how many placed pods of some kind are in each topology domain
    defines ``domain_terms`` beside its filter and score: rules over tallies (`sched_core.framework.domains`) that say
    the same. Compiled batches count and judge by themselves; the cycle calls filter and score. The terms may depend on
    the pod's class, node objects, ``handle.objects``, ``handle.namespaces`` and the affinity of all known classes;
    nodes are judged by them alone, so filter and score must say the same where PreFilter or PreScore skip. An answer
    that has not changed should be the same object. None leaves the pod to the cycle. Scores are normalised by
    `normalize_row`; where `normalize_score` is there too, the cycle prefers that.

    **Explanations.** ``explain(state, pod, nodes, row) -> Sequence[Obstacle]`` says in detail why the plugin's filter
    refuses the node of ``row``, and which changes would help. It is called after PreFilter, for refused rows only, and
    never while deciding. Without it, an explanation has the reasons of the filter and proposes nothing.

    **What if.** Preemption and nominated pods ask what the filters would say of a node with other pods on it. Columns
    and pod table then show those pods. A plugin whose PreFilter keeps in ``state`` what depends on placed pods defines
    ``add_pod`` and ``remove_pod``, which bring that state up to date for the pod ``other`` on the node of ``row`` and
    undo each other exactly; they are not called where its PreFilter answered Skip.
    """

    name: str = ""
    reasons: tuple[str, ...] = ()
    """Reasons of `filter_row`, by bit; `row_args` may set them per instance."""

    handle: Handle
    """The rest of the cluster; set before the first call of an extension point, not yet in ``__init__``."""

    may_skip: bool = True
    """Whether PreFilter or PreScore of a row-form plugin ever answer Skip; False lets its loop be fused with others."""

    reads_amounts: bool = True
    """Whether PreEnqueue, PreFilter, PreScore, `sign_pod` or what is signed depend on *how much* of a resource a pod
    requests (row functions always may), or on *which* claims it mounts (those who say whom they concern always may).
    False lets pods that differ only in these share all of it."""

    keeps_best: bool = False
    """Whether the nodes with the highest score of `score_row` are also those with the highest after `normalize_row`.
    Where nothing else scores, compiled batches then go by the scores as they are, from 0 to `MAX_RAW_SCORE`."""

    object_kinds: frozenset[str] | None = None
    """Kinds of the objects on which `concerns`, for pods without claims, and `domain_terms` depend; None: any."""

    without_pre_filter: str = ""
    """The error that the filter ends an attempt with in a profile that leaves out the plugin's PreFilter; empty if the
    filter needs none."""

    costly: bool = False
    """Whether row functions have loops or branches that are worth a test: then they are called only for nodes that have
    passed all filters before, and once where a node has changed several times."""

    node_columns: Sequence[Column] = ()
    """Columns of the plugin's own; ``fill_node`` gives their values."""

    pod_columns: Sequence[Column] = ()
    """What row functions read of a pod that is the plugin's own; ``fill_pod`` gives the values."""

    placed_columns: Sequence[Column] = ()
    """What a placement remembers; zero where it is new."""

    in_memory: bool = False
    """Whether Bind only agrees, so that compiled batches need not call it pod by pod."""

    def __init__(self, args: Any = None) -> None:
        self.args = args

    def row_args(self, nodes: NodeColumns) -> Mapping[str, Any]:
        """Return the constants that the row functions see as ``args``: numbers or 1-D arrays.

        Called again when the set of resources has grown. May also set ``self.reasons``.
        """
        return {}

    def row_tables(self, nodes: NodeColumns) -> Mapping[str, NDArray[Any]]:
        """Return arrays that the row functions see as ``args`` too, passed at run time.

        Other values of the same types and numbers of dimensions need no compiling. Called together with `row_args`.
        """
        return {}

    def fill_node(self, node: Node) -> Mapping[str, Any]:
        """Return what a node has in ``node_columns`` while no pod runs on it; a column that is left out is zero."""
        return {}

    def fill_pod(self, pod: Pod) -> Mapping[str, Any]:
        """Return what a pod has in ``pod_columns``, from its spec, labels, annotations, owners and namespace.

        Pods that differ in it are of different classes. A column that is left out is zero.
        """
        return {}


EXTENSION_POINTS: Mapping[str, tuple[str, ...]] = {
    "preEnqueue": ("pre_enqueue",),
    "queueSort": ("queue_sort_key",),
    "preFilter": ("pre_filter",),
    "filter": ("filter", "filter_row"),
    "postFilter": ("post_filter",),
    "preScore": ("pre_score",),
    "score": ("score", "score_row"),
    "reserve": ("reserve",),
    "permit": ("permit",),
    "preBind": ("pre_bind",),
    "bind": ("bind",),
    "postBind": ("post_bind",),
}
"""Upstream's extension points and the methods that implement them."""


def extension_points(plugin: type[Plugin]) -> frozenset[str]:
    """Return the extension points that a plugin class implements, in upstream's spelling."""
    return frozenset(
        point for point, methods in EXTENSION_POINTS.items() if any(hasattr(plugin, method) for method in methods)
    )


PluginFactory = Callable[[Any], Plugin]
