"""NodeAffinity.

=====  ======  ====  ======
node   zone    gen   disk
=====  ======  ====  ======
a1     a       7     ssd
a2     a       12    (none)
b1     b       -3    hdd
none   (none)  old   (none)
=====  ======  ====  ======
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from plugins.node_affinity import NodeAffinity
from sched_core import Code, CycleState, Node, NodeAffinityArgs, PodInfo, PreFilterResult, Status
from tests.plugins.tiny import Tiny, by_name, node, refusals

Json = dict[str, Any]

LABELS: dict[str, dict[str, str]] = {
    "a1": {"zone": "a", "gen": "7", "disk": "ssd"},
    "a2": {"zone": "a", "gen": "12"},
    "b1": {"zone": "b", "gen": "-3", "disk": "hdd"},
    "none": {"gen": "old"},
}
POD_REASON = (("node(s) didn't match Pod's node affinity/selector",), Code.UnschedulableAndUnresolvable)
ADDED_REASON = (("node(s) didn't match scheduler-enforced node affinity",), Code.UnschedulableAndUnresolvable)


@pytest.fixture
def tiny() -> Tiny:
    return Tiny(*(node(name, labels=labels) for name, labels in LABELS.items()))


def plugin(**added: Any) -> NodeAffinity:
    return NodeAffinity(msgspec.convert({"addedAffinity": added} if added else {}, NodeAffinityArgs))


def expression(key: str, operator: str, *values: str) -> Json:
    return {"key": key, "operator": operator, "values": list(values)}


def labels(*expressions: Json) -> Json:
    return {"matchExpressions": list(expressions)}


def fields(*expressions: Json) -> Json:
    return {"matchFields": list(expressions)}


def required(*terms: Json) -> Json:
    return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}


def preferred(*terms: tuple[int, Json]) -> Json:
    listed = [{"weight": weight, "preference": term} for weight, term in terms]
    return {"preferredDuringSchedulingIgnoredDuringExecution": listed}


def wanting(tiny: Tiny, affinity: Json, **spec: Any) -> PodInfo:
    return tiny.info(affinity={"nodeAffinity": affinity}, **spec)


def passing(tiny: Tiny, waiting: PodInfo, using: NodeAffinity | None = None) -> set[str]:
    refused = refusals(tiny.nodes, (using or plugin()).filter(CycleState(), waiting, tiny.nodes))
    assert set(refused.values()) <= {POD_REASON}
    return set(tiny.nodes.names) - set(refused)


def prefer(tiny: Tiny, waiting: PodInfo, using: NodeAffinity | None = None) -> Status:
    return (using or plugin()).pre_score(CycleState(), waiting, tiny.nodes, np.arange(tiny.nodes.count))


def pre_filter(tiny: Tiny, waiting: PodInfo, using: NodeAffinity | None = None) -> PreFilterResult:
    return (using or plugin()).pre_filter(CycleState(), waiting, tiny.nodes)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (expression("zone", "In", "a", "c"), {"a1", "a2"}),
        (expression("zone", "In", "c"), set()),
        (expression("zone", "NotIn", "a"), {"b1", "none"}),
        (expression("disk", "Exists"), {"a1", "b1"}),
        (expression("disk", "DoesNotExist"), {"a2", "none"}),
        (expression("nobody", "Exists"), set()),
        (expression("nobody", "NotIn", "x"), {"a1", "a2", "b1", "none"}),
        (expression("gen", "Gt", "7"), {"a2"}),
        (expression("gen", "Lt", "12"), {"a1", "b1"}),
        (expression("zone", "Gt", "1"), set()),
        (expression("kubernetes.io/hostname", "Exists"), set()),
    ],
)
def test_operators(tiny: Tiny, wanted: Json, expected: set[str]) -> None:
    assert passing(tiny, wanting(tiny, required(labels(wanted)))) == expected


def test_expressions_of_a_term_are_anded_and_terms_ored(tiny: Tiny) -> None:
    ssd_in_a = labels(expression("zone", "In", "a"), expression("disk", "In", "ssd"))
    assert passing(tiny, wanting(tiny, required(ssd_in_a))) == {"a1"}
    assert passing(tiny, wanting(tiny, required(ssd_in_a, labels(expression("zone", "In", "b"))))) == {"a1", "b1"}


@pytest.mark.parametrize(
    "terms", [[], [{}], [labels(expression("gen", "Gt", "x"))], [labels(expression("zone", "Near"))]]
)
def test_terms_that_are_empty_or_do_not_parse_match_nothing(tiny: Tiny, terms: list[Json]) -> None:
    assert passing(tiny, wanting(tiny, required(*terms))) == set()
    assert passing(tiny, wanting(tiny, required(*terms, labels(expression("zone", "In", "b"))))) == {"b1"}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (expression("metadata.name", "In", "a2"), {"a2"}),
        (expression("metadata.name", "In", "nobody"), set()),
        (expression("metadata.name", "NotIn", "a2"), {"a1", "b1", "none"}),
        (expression("metadata.name", "In", "a1", "a2"), set()),
        (expression("metadata.name", "Exists"), set()),
        (expression("spec.nodeName", "In", ""), {"a1", "a2", "b1", "none"}),
    ],
)
def test_fields(tiny: Tiny, wanted: Json, expected: set[str]) -> None:
    assert passing(tiny, wanting(tiny, required(fields(wanted)))) == expected


def test_the_node_selector_and_the_affinity_must_both_match(tiny: Tiny) -> None:
    assert passing(tiny, tiny.info(nodeSelector={"zone": "a"})) == {"a1", "a2"}
    assert passing(tiny, tiny.info(nodeSelector={"zone": "a", "disk": "ssd"})) == {"a1"}
    assert passing(tiny, tiny.info(nodeSelector={"zone": "a", "disk": ""})) == set()
    gen = required(labels(expression("gen", "Gt", "7")))
    assert passing(tiny, wanting(tiny, gen, nodeSelector={"zone": "a"})) == {"a2"}
    assert passing(tiny, tiny.info(nodeSelector={})) == {"a1", "a2", "b1", "none"}


def test_nothing_required_is_skipped_and_an_empty_node_selector_is_not(tiny: Tiny) -> None:
    assert pre_filter(tiny, tiny.info()).status.is_skip
    assert pre_filter(tiny, wanting(tiny, preferred((1, labels(expression("zone", "Exists")))))).status.is_skip
    assert pre_filter(tiny, tiny.info(nodeSelector={})).status.is_success
    assert pre_filter(tiny, wanting(tiny, required())).status.is_success
    added = plugin(**required(labels(expression("zone", "Exists"))))
    assert pre_filter(tiny, tiny.info(), added).status.is_success


def name_in(*names: str) -> Json:
    return expression("metadata.name", "In", *names)


@pytest.mark.parametrize(
    ("terms", "names"),
    [
        ([], None),
        ([labels(expression("zone", "In", "a"))], None),
        ([fields(name_in("a1"))], {"a1"}),
        ([fields(name_in("a1")), fields(name_in("nobody"))], {"a1", "nobody"}),
        ([fields(name_in("a1")), labels(expression("zone", "In", "b"))], None),
        ([fields(name_in("a1")) | labels(expression("zone", "In", "b"))], {"a1"}),
        ([fields(name_in("a1", "a2"), name_in("a2", "b1"))], {"a2"}),
        ([fields(name_in("a1"), name_in("a2")), fields(name_in("b1"))], {"b1"}),
        ([fields(expression("metadata.name", "NotIn", "a1"))], None),
        ([fields(name_in("a1"), expression("metadata.name", "Near", "a1"))], {"a1"}),
    ],
)
def test_pre_filter_names_the_nodes_that_fields_leave(tiny: Tiny, terms: list[Json], names: set[str] | None) -> None:
    result = pre_filter(tiny, wanting(tiny, required(*terms)))
    assert result.status.is_success
    assert result.node_names == names


def test_terms_that_contradict_each_other_end_the_attempt(tiny: Tiny) -> None:
    result = pre_filter(tiny, wanting(tiny, required(fields(name_in("a1"), name_in("a2")))))
    assert result.status.code == Code.UnschedulableAndUnresolvable
    assert result.status.message == "pod affinity terms conflict"


def test_the_affinity_of_the_profile_comes_first(tiny: Tiny) -> None:
    added = plugin(**required(labels(expression("zone", "In", "a"))))
    waiting = tiny.info(nodeSelector={"disk": "ssd"})
    refused = refusals(tiny.nodes, added.filter(CycleState(), waiting, tiny.nodes))
    assert refused == {"a2": POD_REASON, "b1": ADDED_REASON, "none": ADDED_REASON}


def test_the_score_adds_up_weights(tiny: Tiny) -> None:
    wanted = preferred(
        (10, labels(expression("zone", "In", "a"))),
        (5, labels(expression("disk", "Exists"))),
        (7, fields(name_in("none"))),
        (3, {}),
        (2, labels(expression("zone", "In", "a"))),
    )
    waiting = wanting(tiny, wanted)
    assert prefer(tiny, waiting).is_success
    expected = {"a1": 17, "a2": 12, "b1": 5, "none": 7}
    assert by_name(tiny.nodes, plugin().score(CycleState(), waiting, tiny.nodes)) == expected


def test_preferences_of_the_profile_count_for_every_pod(tiny: Tiny) -> None:
    added = plugin(**preferred((40, labels(expression("disk", "In", "ssd")))))
    assert prefer(tiny, tiny.info()).is_skip
    assert prefer(tiny, tiny.info(), added).is_success
    waiting = wanting(tiny, preferred((2, labels(expression("zone", "Exists")))))
    assert by_name(tiny.nodes, added.score(CycleState(), tiny.info(), tiny.nodes))["a1"] == 40
    assert by_name(tiny.nodes, added.score(CycleState(), waiting, tiny.nodes)) == {
        "a1": 42,
        "a2": 2,
        "b1": 2,
        "none": 0,
    }


@pytest.mark.parametrize(("raw", "highest", "normalized"), [(0, 0, 0), (0, 3, 0), (1, 3, 33), (2, 3, 66), (3, 3, 100)])
def test_the_highest_sum_scores_100(raw: int, highest: int, normalized: int) -> None:
    assert NodeAffinity.normalize_row(raw, 0, highest) == normalized


NO_LABEL = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and"
    " end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is"
    " '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
NO_INTEGER = "for 'Gt', 'Lt' operators, the value must be an integer"


def test_a_preferred_term_that_does_not_parse_is_an_error(tiny: Tiny) -> None:
    wanted = preferred((1, labels(expression("zone", "In", "a"))), (1, labels(expression("gen", "Gt", "-5"))))
    status = prefer(tiny, wanting(tiny, wanted))
    assert status.code == Code.Error
    assert status.message == f'[1].matchExpressions[0].values[0][gen]: Invalid value: "-5": {NO_LABEL}'


def test_several_errors_stand_in_brackets_each_once(tiny: Tiny) -> None:
    wanted = preferred(
        (0, labels(expression("gen", "Gt", "-1"))),  # weight 0 is not looked at
        (1, labels(expression("gen", "Gt", "abc"), expression("gen", "In", "a b"))),
        (1, fields(expression("metadata.name", "Exists"))),
    )
    first = f'[1].matchExpressions[0].values[0]: Invalid value: "abc": {NO_INTEGER}'
    second = f'[1].matchExpressions[1].values[0][gen]: Invalid value: "a b": {NO_LABEL}'
    third = '[2].matchFields[0].operator: Unsupported value: "Exists": supported values: "In", "NotIn"'
    assert prefer(tiny, wanting(tiny, wanted)).message == f"[{first}, {second}, {third}]"


def test_masks_follow_the_nodes(tiny: Tiny) -> None:
    kept, waiting = plugin(), tiny.info(nodeSelector={"zone": "a"})
    assert passing(tiny, waiting, kept) == {"a1", "a2"}
    tiny.cluster.add_node(msgspec.convert(node("a1", labels={"zone": "b"}), Node))
    assert passing(tiny, waiting, kept) == {"a2"}
    other = Tiny(node("a1", labels={"zone": "a"}))
    assert passing(other, other.info(nodeSelector={"zone": "a"}), kept) == {"a1"}


def test_masks_are_not_changed_by_those_who_use_them(tiny: Tiny) -> None:
    kept = plugin()
    both = wanting(tiny, required(labels(expression("disk", "Exists"))), nodeSelector={"zone": "a"})
    assert passing(tiny, both, kept) == {"a1"}
    assert passing(tiny, tiny.info(nodeSelector={"zone": "a"}), kept) == {"a1", "a2"}


def test_signatures(tiny: Tiny) -> None:
    sign = plugin().sign_pod
    term = labels(expression("zone", "In", "a"))
    distinct = [
        tiny.info(),
        tiny.info(nodeSelector={}),
        tiny.info(nodeSelector={"zone": "a"}),
        wanting(tiny, required(term)),
        wanting(tiny, preferred((1, term))),
        wanting(tiny, preferred((2, term))),
    ]
    assert len({sign(waiting) for waiting in distinct}) == len(distinct)
    one, other = {"zone": "a", "disk": "ssd"}, {"disk": "ssd", "zone": "a"}
    assert sign(tiny.info(nodeSelector=one)) == sign(tiny.info(nodeSelector=other))
    assert sign(wanting(tiny, required(term))) == sign(wanting(tiny, required(term), priority=3))
