"""Field names in any case, as encoding/json takes them."""

from __future__ import annotations

import msgspec
import pytest

from bench.scheduler_perf.types import AnyOperation, CreateNodes
from bench.scheduler_perf.wire import with_wire_names
from sched_core import Pod


def test_fields_are_spelled_as_on_the_wire_and_keys_of_maps_are_left() -> None:
    value = {
        "Kind": "Pod",
        "METADATA": {"labels": {"Name": "x"}, "generatename": "p-"},
        "spec": {
            "nodeSelector": {"Zone": "a"},
            "topologySpreadConstraints": [
                {"NodeAffinityPolicy": "Honor", "labelSelector": {"MatchLabels": {"Foo": "bar"}}}
            ],
        },
    }
    assert with_wire_names(value, Pod) == {
        "kind": "Pod",
        "metadata": {"labels": {"Name": "x"}, "generateName": "p-"},
        "spec": {
            "nodeSelector": {"Zone": "a"},
            "topologySpreadConstraints": [
                {"nodeAffinityPolicy": "Honor", "labelSelector": {"matchLabels": {"Foo": "bar"}}}
            ],
        },
    }


def test_unknown_fields_and_values_of_other_types_are_left_to_the_decoder() -> None:
    assert with_wire_names({"kind": "Pod", "colour": {"Red": 1}}, Pod) == {"kind": "Pod", "colour": {"Red": 1}}
    assert with_wire_names({"spec": [1, 2]}, Pod) == {"spec": [1, 2]}
    assert with_wire_names(3, Pod) == 3


def test_a_tagged_union_is_told_apart_by_its_tag() -> None:
    value = with_wire_names({"Opcode": "createNodes", "CountParam": "$n"}, AnyOperation)
    assert msgspec.convert(value, AnyOperation) == CreateNodes(count_param="$n")
    assert with_wire_names({"opcode": "nothing", "CountParam": 1}, AnyOperation)["CountParam"] == 1


def test_a_field_that_is_set_twice_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="`nodeName` is set twice"):
        with_wire_names({"kind": "Pod", "spec": {"nodeName": "a", "NodeName": "b"}}, Pod)
