"""Configurations that cannot be read: broken, cyclic, too large, of another kind; unknown fields, wrong types."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from sched_core.config import load_config
from sched_core.config.read import MAX_BYTES, MAX_DEPTH, MAX_VALUES
from sched_core.errors import InvalidConfig, Problem

HEAD = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
JSON_HEAD = '"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"'
TREE_HEAD = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}


def problems_of(source: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidConfig) as raised:
        load_config(source)
    assert all(problem.object == "KubeSchedulerConfiguration" for problem in raised.value.problems)
    return [(problem.field, problem.reason) for problem in raised.value.problems]


UNREADABLE = {
    "empty": ("", "", "the configuration is empty"),
    "only a comment": ("# nothing\n", "", "the configuration is empty"),
    "only separators": ("---\n---\n", "", "the configuration is empty"),
    "a list": ("- 1\n", "", "a configuration is a mapping of fields"),
    "a word": ("word", "", "a configuration is a mapping of fields"),
    "two documents": (f"{HEAD}---\n{HEAD}", "", "2 YAML documents; a configuration is exactly one"),
    "broken YAML": ("a: [1\nb: 2\n", "", "broken YAML: line 2: did not find expected ',' or ']'"),
    "control characters": (
        "a: \0",
        "",
        "broken YAML: unacceptable character #x0000: control characters are not allowed",
    ),
    "truncated JSON": (
        '{"kind": "Kub',
        "",
        "broken JSON: Unterminated string starting at: line 1 column 10 (char 9)",
    ),
    "NaN in JSON": ('{"a": NaN}', "", "json: unsupported value: NaN"),
    "deep JSON": ('{"a":' + "[" * 70 + "]" * 70 + "}", "a" + "[0]" * MAX_DEPTH, "nested more than 64 levels deep"),
    "very deep JSON": ('{"a":' + "[" * 200_000, "", "nested more than 64 levels deep"),
    "deep YAML": ("a: " + "[" * 200_000, "a" + "[0]" * MAX_DEPTH, "nested more than 64 levels deep"),
    "a cycle": ("a: &x {b: [*x]}", "a.b[0]", 'cyclic configuration: anchor "x" value contains itself'),
    "a cycle through the whole": ("&all\na: *all", "a", 'cyclic configuration: anchor "all" value contains itself'),
    "unknown alias": ("a: *x", "a", 'unknown anchor "x" referenced'),
    "key that is a list": ("? [1]\n: 2\n", "", "line 1: the name of a field is a text"),
    "merge of a number": ("<<: 1\n", "", "map merge requires map or sequence of maps as the value"),
    "no kind": ("apiVersion: kubescheduler.config.k8s.io/v1", "kind", "Object 'Kind' is missing"),
    "no version": ("kind: KubeSchedulerConfiguration", "apiVersion", "Object 'apiVersion' is missing"),
    "kind that is a number": (
        "kind: 1",
        "kind",
        "json: cannot unmarshal number into Go struct field .kind of type string",
    ),
    "other kind": (
        "kind: Pod\napiVersion: v1",
        "kind",
        'no kind "Pod" is registered for version "v1"',
    ),
    "other version": (
        "kind: KubeSchedulerConfiguration\napiVersion: kubescheduler.config.k8s.io/v1beta3",
        "kind",
        'no kind "KubeSchedulerConfiguration" is registered for version "kubescheduler.config.k8s.io/v1beta3"',
    ),
    "kind of args": (
        "kind: VolumeBindingArgs\napiVersion: kubescheduler.config.k8s.io/v1",
        "kind",
        "couldn't decode as KubeSchedulerConfiguration, got kubescheduler.config.k8s.io/v1, Kind=VolumeBindingArgs",
    ),
}


@pytest.mark.parametrize(("text", "field", "reason"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_at_all(text: str, field: str, reason: str) -> None:
    assert problems_of(text.encode()) == [(field, reason)]


def test_alias_bombs() -> None:
    levels = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9))
    [(_, reason)] = problems_of(f"a0: &a0 [x]\n{levels}".encode())
    assert reason == f"more than {MAX_VALUES} values: document contains excessive aliasing"


def test_aliases_that_nest_deeper_than_anything_written() -> None:
    levels = "".join(f"a{i}: &a{i} {'[' * 30}*a{i - 1}{']' * 30}\n" for i in range(1, 4))
    [(field, reason)] = problems_of(f"a0: &a0 [x]\n{levels}".encode())
    assert (field, reason) == ("a3" + "[0]" * 30, "nested more than 64 levels deep")


def test_a_file_that_is_too_long(tmp_path: Path) -> None:
    (tmp_path / "long.yaml").write_bytes(b"# " + b"x" * 10_000_000)
    assert problems_of(tmp_path / "long.yaml") == [("", f"longer than {MAX_BYTES} bytes")]


def test_numbers_of_very_many_digits() -> None:
    digits = "1" * 5000
    assert "exceeds the limit" in problems_of(f'{{{JSON_HEAD}, "parallelism": {digits}}}'.encode())[0][1].lower()
    assert problems_of(f"{HEAD}parallelism: {digits}".encode()) == [
        (
            "parallelism",
            "json: cannot unmarshal string into Go struct field KubeSchedulerConfiguration.parallelism of type int32",
        )
    ]


def test_the_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidConfig) as raised:
        load_config(path)
    [problem] = raised.value.problems
    assert problem == Problem(str(path), "KubeSchedulerConfiguration", "", "not UTF-8: invalid start byte at byte 0")
    missing = str(tmp_path / "missing")
    with pytest.raises(InvalidConfig) as raised:
        load_config(missing)
    assert raised.value.problems[0].file == missing
    assert raised.value.problems[0].reason == "cannot be read: No such file or directory"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(InvalidConfig) as raised:
        load_config("-")
    assert raised.value.problems[0].file == "<stdin>"


def test_mappings_in_memory() -> None:
    cycle: dict[str, Any] = dict(TREE_HEAD)
    cycle["profiles"] = [cycle]
    assert problems_of(cycle) == [("profiles[0]", "cyclic configuration: the value contains itself")]
    assert problems_of({**TREE_HEAD, "parallelism": object()}) == [
        ("parallelism", "a value of type object cannot stand in a configuration")
    ]
    assert problems_of({**TREE_HEAD, 5: 1}) == [
        ("5", "the name of a field is a text, not int"),
        ("5", 'unknown field "5"'),
    ]


FIELD = "json: cannot unmarshal"
UNDECODABLE = {
    "unknown field": ("foo: 1", "foo", 'unknown field "foo"'),
    "unknown field, wrong case": ("Parallelism: 1", "Parallelism", 'unknown field "Parallelism"'),
    "unknown field deep down": (
        "profiles: [{plugins: {score: {enabled: [{name: ImageLocality, wight: 1}]}}}]",
        "profiles[0].plugins.score.enabled[0].wight",
        'unknown field "profiles[0].plugins.score.enabled[0].wight"',
    ),
    "duplicate key": ("parallelism: 1\nparallelism: 1", "parallelism", 'line 4: key "parallelism" already set in map'),
    "duplicate key by merging": (
        "profiles: [{schedulerName: a, <<: {schedulerName: a}}]",
        "profiles[0].schedulerName",
        'line 3: key "schedulerName" already set in map',
    ),
    "infinite": ("clientConnection: {qps: .inf}", "clientConnection.qps", "json: unsupported value: .inf"),
    "tag that does not fit": ("parallelism: !!int x", "parallelism", "cannot decode !!str `x` as a !!int"),
    "text for a number": (
        "parallelism: '3'",
        "parallelism",
        f"{FIELD} string into Go struct field KubeSchedulerConfiguration.parallelism of type int32",
    ),
    "fraction": (
        "parallelism: 1.5",
        "parallelism",
        f"{FIELD} number 1.5 into Go struct field KubeSchedulerConfiguration.parallelism of type int32",
    ),
    "too large": (
        "parallelism: 2147483648",
        "parallelism",
        f"{FIELD} number 2147483648 into Go struct field KubeSchedulerConfiguration.parallelism of type int32",
    ),
    "far too large": (
        "podMaxBackoffSeconds: 9223372036854775808",
        "podMaxBackoffSeconds",
        f"{FIELD} number 9223372036854775808 into Go struct field "
        "KubeSchedulerConfiguration.podMaxBackoffSeconds of type int64",
    ),
    "float too large": (
        "clientConnection: {qps: 1e39}",
        "clientConnection.qps",
        f"{FIELD} number 1e+39 into Go struct field ClientConnectionConfiguration.clientConnection.qps of type float32",
    ),
    "boolean for a number": (
        "parallelism: true",
        "parallelism",
        f"{FIELD} bool into Go struct field KubeSchedulerConfiguration.parallelism of type int32",
    ),
    "number for a boolean": (
        "enableProfiling: 1",
        "enableProfiling",
        f"{FIELD} number into Go struct field KubeSchedulerConfiguration.enableProfiling of type bool",
    ),
    "mapping for a list": (
        "profiles: {}",
        "profiles",
        f"{FIELD} object into Go struct field KubeSchedulerConfiguration.profiles of type []v1.KubeSchedulerProfile",
    ),
    "list for a mapping": (
        "leaderElection: []",
        "leaderElection",
        f"{FIELD} array into Go struct field KubeSchedulerConfiguration.leaderElection of type "
        "v1alpha1.LeaderElectionConfiguration",
    ),
    "text for a mapping, in a list": (
        "profiles: [default-scheduler]",
        "profiles[0]",
        f"{FIELD} string into Go struct field KubeSchedulerConfiguration.profiles of type v1.KubeSchedulerProfile",
    ),
    "number for a duration": (
        "leaderElection: {retryPeriod: 5}",
        "leaderElection.retryPeriod",
        f"{FIELD} number into Go value of type string",
    ),
    "no unit": (
        "leaderElection: {retryPeriod: '5'}",
        "leaderElection.retryPeriod",
        'time: missing unit in duration "5"',
    ),
    "not base64": (
        "extenders: [{tlsConfig: {keyData: '?'}}]",
        "extenders[0].tlsConfig.keyData",
        "illegal base64 data",
    ),
    "unknown field of args": (
        "profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: "
        "{type: MostAllocated, resources: [{name: cpu, Weight: 1}]}}}]}]",
        "profiles[0].pluginConfig[0].args.scoringStrategy.resources[0].Weight",
        'decoding args for plugin NodeResourcesFit: unknown field "scoringStrategy.resources[0].Weight"',
    ),
    "wrong type in args": (
        "profiles: [{pluginConfig: [{name: InterPodAffinity, args: {hardPodAffinityWeight: x}}]}]",
        "profiles[0].pluginConfig[0].args.hardPodAffinityWeight",
        f"decoding args for plugin InterPodAffinity: {FIELD} string into Go struct field "
        "InterPodAffinityArgs.hardPodAffinityWeight of type int32",
    ),
    "wrong type in objects inside args": (
        "profiles: [{pluginConfig: [{name: PodTopologySpread, args: {defaultingType: List, defaultConstraints: "
        "[{maxSkew: 1, topologyKey: [x], whenUnsatisfiable: ScheduleAnyway}]}}]}]",
        "profiles[0].pluginConfig[0].args.defaultConstraints[0].topologyKey",
        f"decoding args for plugin PodTopologySpread: {FIELD} array into Go struct field "
        "TopologySpreadConstraint.defaultConstraints.topologyKey of type string",
    ),
    "args that are a list": (
        "profiles: [{pluginConfig: [{name: VolumeBinding, args: []}]}]",
        "profiles[0].pluginConfig[0].args",
        f"decoding args for plugin VolumeBinding: {FIELD} array into Go value of type v1.VolumeBindingArgs",
    ),
    "own args that are a text": (
        "profiles: [{pluginConfig: [{name: Own, args: x}]}]",
        "profiles[0].pluginConfig[0].args",
        f"decoding args for plugin Own: {FIELD} string into Go value of type map[string]interface {{}}",
    ),
    "args of another kind": (
        "profiles: [{pluginConfig: [{name: DefaultPreemption, args: {kind: InterPodAffinityArgs}}]}]",
        "profiles[0].pluginConfig[0].args",
        "args for plugin DefaultPreemption were not of type DefaultPreemptionArgs.kubescheduler.config.k8s.io, "
        "got InterPodAffinityArgs.kubescheduler.config.k8s.io",
    ),
    "args of an unknown kind": (
        "profiles: [{pluginConfig: [{name: DefaultPreemption, args: {kind: Foo}}]}]",
        "profiles[0].pluginConfig[0].args",
        'decoding args for plugin DefaultPreemption: no kind "Foo" is registered for version '
        '"kubescheduler.config.k8s.io/v1"',
    ),
    "args of another version": (
        "profiles: [{pluginConfig: [{name: DefaultPreemption, args: {apiVersion: v1}}]}]",
        "profiles[0].pluginConfig[0].args",
        'decoding args for plugin DefaultPreemption: no kind "DefaultPreemptionArgs" is registered for version "v1"',
    ),
}


@pytest.mark.parametrize(("yaml", "field", "reason"), UNDECODABLE.values(), ids=UNDECODABLE.keys())
def test_what_cannot_be_decoded(yaml: str, field: str, reason: str) -> None:
    assert problems_of(f"{HEAD}{yaml}\n".encode()) == [(field, reason)]


def test_duplicate_fields_of_json() -> None:
    text = f'{{{JSON_HEAD}, "profiles": [{{"schedulerName": "a", "schedulerName": "b"}}]}}'
    assert problems_of(text.encode()) == [("profiles[0].schedulerName", 'duplicate field "profiles[0].schedulerName"')]


def test_all_problems_at_once_and_nothing_about_fields_that_were_not_understood() -> None:
    found = problems_of(
        f"""{HEAD}
foo: 1
parallelism: x
percentageOfNodesToScore: -1
profiles:
- schedulerName: [a]
- schedulerName: b
""".encode()
    )
    assert [field for field, _ in found] == [
        "foo",
        "parallelism",
        "profiles[0].schedulerName",
        "percentageOfNodesToScore",
    ]


def test_the_message_has_one_line_a_problem() -> None:
    with pytest.raises(InvalidConfig) as raised:
        load_config(f"{HEAD}foo: 1\nparallelism: 0".encode())
    assert str(raised.value) == (
        "2 problems in the configuration\n"
        '  <memory>: KubeSchedulerConfiguration: foo: unknown field "foo"\n'
        "  <memory>: KubeSchedulerConfiguration: parallelism: Invalid value: 0: "
        "should be an integer value greater than zero"
    )
