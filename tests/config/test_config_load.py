"""Loading good configurations: sources, defaults, args; and writing them again."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sched_core.config import (
    DEFAULT_MULTI_POINT,
    UPSTREAM_PLUGINS,
    DefaultPreemptionArgs,
    DynamicResourcesArgs,
    Extender,
    InterPodAffinityArgs,
    NodeAffinityArgs,
    NodeResourcesBalancedAllocationArgs,
    NodeResourcesFitArgs,
    PodTopologySpreadArgs,
    ResourceSpec,
    SchedulerConfiguration,
    ScoringStrategy,
    VolumeBindingArgs,
    dump_config,
    expand,
    load_config,
    validate_profiles,
)
from sched_core.objects.records import NodeSelectorRequirement, TopologySpreadConstraint

HEAD = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
CPU_AND_MEMORY = (ResourceSpec("cpu", 1), ResourceSpec("memory", 1))


def loaded(yaml: str) -> SchedulerConfiguration:
    return load_config((HEAD + yaml).encode())


def args_of(plugin: str, args: str) -> Any:
    """Return the args of a plugin of the only profile, written as YAML in flow style."""
    return loaded(f"profiles: [{{pluginConfig: [{{name: {plugin}, args: {args}}}]}}]").profiles[0].plugin_config[plugin]


def test_default_configuration() -> None:
    config = load_config(None)
    assert (config.parallelism, config.percentage_of_nodes_to_score) == (16, 0)
    assert (config.pod_initial_backoff_seconds, config.pod_max_backoff_seconds) == (1, 10)
    assert (config.enable_profiling, config.enable_contention_profiling) == (True, True)
    assert (config.delay_cache_until_active, config.extenders) == (False, ())
    election = config.leader_election
    assert election.leader_elect
    seconds = (election.lease_duration_ns, election.renew_deadline_ns, election.retry_period_ns)
    assert seconds == (15_000_000_000, 10_000_000_000, 2_000_000_000)
    lock = (election.resource_lock, election.resource_name, election.resource_namespace)
    assert lock == ("leases", "kube-scheduler", "kube-system")
    connection = config.client_connection
    assert (connection.content_type, connection.qps, connection.burst) == (
        "application/vnd.kubernetes.protobuf",
        50.0,
        100,
    )
    [profile] = config.profiles
    assert (profile.scheduler_name, profile.percentage_of_nodes_to_score) == ("default-scheduler", None)
    sets = profile.plugins.sets()
    assert tuple((plugin.name, plugin.weight) for plugin in sets.pop("multiPoint").enabled) == DEFAULT_MULTI_POINT
    assert not any(plugins.enabled or plugins.disabled for plugins in sets.values())
    assert profile.plugin_config == {
        "DefaultPreemption": DefaultPreemptionArgs(min_candidate_nodes_percentage=10, min_candidate_nodes_absolute=100),
        "DynamicResources": DynamicResourcesArgs(filter_timeout_ns=10 * 10**9, binding_timeout_ns=600 * 10**9),
        "InterPodAffinity": InterPodAffinityArgs(
            hard_pod_affinity_weight=1, ignore_preferred_terms_of_existing_pods=False
        ),
        "NodeAffinity": NodeAffinityArgs(added_affinity=None),
        "NodeResourcesBalancedAllocation": NodeResourcesBalancedAllocationArgs(resources=CPU_AND_MEMORY),
        "NodeResourcesFit": NodeResourcesFitArgs(
            scoring_strategy=ScoringStrategy(type="LeastAllocated", resources=CPU_AND_MEMORY)
        ),
        "PodTopologySpread": PodTopologySpreadArgs(default_constraints=(), defaulting_type="System"),
        "VolumeBinding": VolumeBindingArgs(bind_timeout_seconds=600, shape=None),
    }


@pytest.mark.parametrize("profiles", ["", "profiles: []", "profiles:", "profiles: [{}]", "profiles: [null]"])
def test_no_profile_at_all_is_the_default_one(profiles: str) -> None:
    assert loaded(profiles) == load_config(None)


def test_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration", "parallelism": 1}
    yaml, json_text = HEAD + "parallelism: 1\n", json.dumps(tree)
    (tmp_path / "a.yaml").write_text(yaml)
    (tmp_path / "a.json").write_text(json_text)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(yaml.encode())))
    sources: list[Any] = [tree, yaml.encode(), json_text.encode(), tmp_path / "a.yaml", str(tmp_path / "a.json"), "-"]
    sources.append(("\ufeff" + yaml).encode())
    sources.append(f"---\n{yaml}---\n# nothing more\n".encode())
    configs = [load_config(source) for source in sources]
    assert configs[0].parallelism == 1
    assert configs == [configs[0]] * len(sources)


def test_fields_of_the_configuration() -> None:
    config = loaded("""
parallelism: 0x10
percentageOfNodesToScore: 37
podInitialBackoffSeconds: 2.0
podMaxBackoffSeconds: 1_0
enableProfiling: no
delayCacheUntilActive: yes
leaderElection: {leaderElect: false, leaseDuration: 1m30s, resourceLock: "", resourceName: other}
clientConnection: {qps: 0.5, burst: 0}
profiles:
- {schedulerName: a}
- {schedulerName: b, percentageOfNodesToScore: 0}
""")
    assert (config.parallelism, config.percentage_of_nodes_to_score) == (16, 37)
    assert (config.pod_initial_backoff_seconds, config.pod_max_backoff_seconds) == (2, 10)
    assert (config.enable_profiling, config.enable_contention_profiling) == (False, False)
    assert config.delay_cache_until_active
    assert not config.leader_election.leader_elect
    assert (config.leader_election.lease_duration_ns, config.leader_election.resource_lock) == (90 * 10**9, "leases")
    assert (config.client_connection.qps, config.client_connection.burst) == (0.5, 100)
    names = [(profile.scheduler_name, profile.percentage_of_nodes_to_score) for profile in config.profiles]
    assert names == [("a", None), ("b", 0)]


def test_extenders() -> None:
    config = loaded("""
extenders:
- urlPrefix: http://127.0.0.1:8888/
  filterVerb: filter
  prioritizeVerb: prioritize
  weight: 5
  enableHTTPS: true
  tlsConfig: {insecure: true, caData: aGVsbG8=}
  nodeCacheCapable: true
  managedResources: [{name: example.com/foo, ignoredByScheduler: true}, {name: example.com/bar}]
- {urlPrefix: http://b, bindVerb: bind, httpTimeout: 100ms, ignorable: true}
""")
    first, second = config.extenders
    assert isinstance(first, Extender)
    assert (first.url_prefix, first.weight, first.enable_https) == ("http://127.0.0.1:8888/", 5, True)
    assert first.tls_config is not None
    assert (first.tls_config.insecure, first.tls_config.ca_data) == (True, b"hello")
    assert (first.http_timeout_ns, second.http_timeout_ns) == (5_000_000_000, 100_000_000)
    assert [resource.name for resource in first.managed_resources] == ["example.com/foo", "example.com/bar"]
    assert (second.bind_verb, second.ignorable) == ("bind", True)
    # What only extenders look at takes the place of what NodeResourcesFit was told to ignore.
    fit = config.profiles[0].plugin_config["NodeResourcesFit"]
    assert isinstance(fit, NodeResourcesFitArgs)
    assert fit.ignored_resources == ("example.com/foo",)
    assert load_config(dump_config(config)) == config


def test_weights_of_resources_that_are_not_given() -> None:
    fit = args_of("NodeResourcesFit", "{scoringStrategy: {type: MostAllocated, resources: [{name: cpu}]}}")
    assert fit.scoring_strategy == ScoringStrategy(type="MostAllocated", resources=(ResourceSpec("cpu", 1),))
    assert args_of("NodeResourcesFit", "{scoringStrategy: {type: MostAllocated}}").scoring_strategy == ScoringStrategy(
        type="MostAllocated", resources=CPU_AND_MEMORY
    )
    balanced = args_of(
        "NodeResourcesBalancedAllocation", "{resources: [{name: memory, weight: 0}, {name: x, weight: 1}]}"
    )
    assert balanced.resources == (ResourceSpec("memory", 1), ResourceSpec("x", 1))


@pytest.mark.parametrize("args", ["", "{}", "null", "{kind: DefaultPreemptionArgs}"])
def test_args_without_content_are_the_default_ones(args: str) -> None:
    assert args_of("DefaultPreemption", args) == DefaultPreemptionArgs()


def test_zero_is_not_a_missing_value() -> None:
    assert args_of("InterPodAffinity", "{hardPodAffinityWeight: 0}").hard_pod_affinity_weight == 0
    assert args_of("DynamicResources", "{filterTimeout: 0s}").filter_timeout_ns == 0
    assert args_of("VolumeBinding", "{bindTimeoutSeconds: 0}").bind_timeout_seconds == 0
    assert args_of("DefaultPreemption", "{minCandidateNodesPercentage: 0}").min_candidate_nodes_percentage == 0


def test_args_with_objects_inside() -> None:
    affinity = args_of(
        "NodeAffinity",
        "{addedAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
        "{nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: In, values: [ssd]}]}]}}}",
    ).added_affinity
    [term] = affinity.required_during_scheduling_ignored_during_execution.node_selector_terms
    assert term.match_expressions == (NodeSelectorRequirement(key="disk", operator="In", values=("ssd",)),)
    spread = args_of(
        "PodTopologySpread",
        "{defaultingType: List, defaultConstraints: "
        "[{maxSkew: 2, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]}",
    )
    assert spread.default_constraints == (
        TopologySpreadConstraint(max_skew=2, topology_key="zone", when_unsatisfiable="ScheduleAnyway"),
    )


def test_args_of_a_plugin_of_ones_own_are_left_as_they_are() -> None:
    assert args_of("Own", "{a: {b: [1, x, null, 1.5]}, kind: Anything}") == {
        "a": {"b": [1, "x", None, 1.5]},
        "kind": "Anything",
    }
    assert args_of("Own", "") == {}
    assert args_of("NodeName", "{a: 1}") == {"a": 1}


def test_args_of_fit_are_not_checked_where_nobody_fits() -> None:
    config = loaded("""
profiles:
- plugins: {multiPoint: {disabled: [{name: NodeResourcesFit}]}}
  pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: Nonsense}}}]
""")
    assert "NodeResourcesFit" in config.profiles[0].plugin_config
    names = [entry["name"] for entry in dump_config(config)["profiles"][0]["pluginConfig"]]
    assert "NodeResourcesFit" not in names
    assert names == sorted(names)


def test_yaml_anchors_and_merge_keys() -> None:
    config = loaded("""
profiles:
- &first
  schedulerName: a
  plugins: &plugins {score: {disabled: [{name: ImageLocality}]}}
- {schedulerName: b, plugins: *plugins}
- {schedulerName: c, <<: {plugins: *plugins}}
- {schedulerName: d, <<: [{plugins: *plugins}, {percentageOfNodesToScore: 5}]}
""")
    assert all(profile.plugins == config.profiles[0].plugins for profile in config.profiles)
    assert config.profiles[0].plugins.score.disabled[0].name == "ImageLocality"
    assert config.profiles[3].percentage_of_nodes_to_score == 5


# YAML scalar to what a plugin of one's own gets, as go.yaml.in/yaml/v2 reads it
SCALARS: dict[str, Any] = {
    "010": 8,
    "08": 8,
    "0b101": 5,
    "0o17": 15,
    "+5": 5,
    "-0x1F": -31,
    "1_000": 1000,
    "1e3": 1000,
    "1.5e-1": 0.15,
    ".5": 0.5,
    "1:30": "1:30",
    "2001-01-01": "2001-01-01",
    "yes": True,
    "Off": False,
    "y": True,
    "~": None,
    "Null": None,
    "nULL": "nULL",
    "'5'": "5",
    "!!str 5": "5",
    "! 5": "5",
    "!!float 5": 5,
    "+x": "+x",
    "_1": "_1",
}


@pytest.mark.parametrize(("text", "value"), SCALARS.items(), ids=SCALARS.keys())
def test_yaml_scalars(text: str, value: Any) -> None:
    own = load_config(f"{HEAD}profiles:\n- pluginConfig:\n  - name: Own\n    args: {{value: {text}}}\n".encode())
    result = own.profiles[0].plugin_config["Own"]["value"]  # type: ignore[index]
    assert (result, type(result)) == (value, type(value))


def test_dump_is_in_wire_form() -> None:
    wire = dump_config(load_config(None))
    assert json.loads(json.dumps(wire)) == wire
    assert wire["leaderElection"]["leaseDuration"] == "15s"
    assert wire["clientConnection"]["kubeconfig"] == ""
    assert "extenders" not in wire
    profile = wire["profiles"][0]
    assert profile["plugins"]["multiPoint"]["enabled"][4] == {"name": "TaintToleration", "weight": 3}
    assert profile["plugins"]["filter"] == {}
    assert profile["pluginConfig"][1] == {
        "name": "DynamicResources",
        "args": {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "DynamicResourcesArgs",
            "filterTimeout": "10s",
            "bindingTimeout": "10m0s",
        },
    }


def test_golden_configurations_load_and_expand(golden: Path) -> None:
    trees = []
    for path in sorted(golden.glob("*.json.gz")):
        with gzip.open(path) as file:
            trees += [scenario.get("config") for scenario in json.load(file)]
    assert sum(tree is not None for tree in trees) > 100
    for tree in trees:
        config = load_config(tree)
        validate_profiles([expand(profile, UPSTREAM_PLUGINS.__getitem__) for profile in config.profiles])
        assert load_config(dump_config(config)) == config
        if tree is not None:
            assert load_config(json.dumps(tree).encode()) == config
            written = tree.get("profiles") or [{}]
            assert [profile.get("schedulerName", "default-scheduler") for profile in written] == [
                profile.scheduler_name for profile in config.profiles
            ]
