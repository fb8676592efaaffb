"""Configurations that can be read and make no sense: every message once, with the path of its field."""

from __future__ import annotations

import pytest

from sched_core.config import load_config
from sched_core.errors import InvalidConfig

HEAD = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
NAME_WRONG = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
VALUE_WRONG = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
SUBDOMAIN_WRONG = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
REMOVED = 'was invalid in version "v1" (KubeSchedulerConfiguration is version "kubescheduler.config.k8s.io/v1")'
Expected = list[tuple[str, str]]


def problems_of(yaml: str) -> Expected:
    with pytest.raises(InvalidConfig) as raised:
        load_config((HEAD + yaml).encode())
    return [(problem.field, problem.reason) for problem in raised.value.problems]


CONFIGURATION: dict[str, tuple[str, Expected]] = {
    "parallelism": (
        "parallelism: 0",
        [("parallelism", "Invalid value: 0: should be an integer value greater than zero")],
    ),
    "percentage": (
        "percentageOfNodesToScore: 101",
        [("percentageOfNodesToScore", "Invalid value: 101: not in valid range [0-100]")],
    ),
    "percentage of a profile": (
        "profiles: [{percentageOfNodesToScore: -1}]",
        [("profiles[0].percentageOfNodesToScore", "Invalid value: -1: not in valid range [0-100]")],
    ),
    "initial backoff": (
        "podInitialBackoffSeconds: 0",
        [("podInitialBackoffSeconds", "Invalid value: 0: must be greater than 0")],
    ),
    "longest backoff": (
        "podInitialBackoffSeconds: 11",
        [("podMaxBackoffSeconds", "Invalid value: 10: must be greater than or equal to PodInitialBackoffSeconds")],
    ),
    "burst": ("clientConnection: {burst: -1}", [("clientConnection.burst", "Invalid value: -1: must be non-negative")]),
    "durations of the election": (
        "leaderElection: {leaseDuration: -1s, renewDeadline: -2s, retryPeriod: -3s}",
        [
            ("leaderElection.leaseDuration", 'Invalid value: "-1s": must be greater than zero'),
            ("leaderElection.renewDeadline", 'Invalid value: "-2s": must be greater than zero'),
            ("leaderElection.retryPeriod", 'Invalid value: "-3s": must be greater than zero'),
        ],
    ),
    "renewal takes longer than the lease": (
        "leaderElection: {renewDeadline: 15s}",
        [("leaderElection.leaseDuration", 'Invalid value: "15s": must be greater than `RenewDeadline`')],
    ),
    "lock": (
        "leaderElection: {resourceLock: endpoints}",
        [("leaderElection.resourceLock", 'Invalid value: "endpoints": resourceLock value must be "leases"')],
    ),
    "names of several profiles": (
        "profiles: [{schedulerName: a}, {}, {schedulerName: a}]",
        [
            ("profiles[1].schedulerName", "Required value"),
            ("profiles[2].schedulerName", 'Duplicate value: "profiles[0].schedulerName"'),
        ],
    ),
    "an empty name": ("profiles: [{schedulerName: ''}]", [("profiles[0].schedulerName", "Required value")]),
    "removed plugin": (
        "profiles: [{plugins: {filter: {enabled: [{name: NodeName}, {name: EBSLimits}]}}}]",
        [("profiles[0].plugins.filter.enabled[1]", f'Invalid value: "EBSLimits": {REMOVED}')],
    ),
    "args of a removed plugin": (
        "profiles: [{pluginConfig: [{name: CinderLimits}]}]",
        [("profiles[0].pluginConfig[0]", f'Invalid value: "CinderLimits": {REMOVED}')],
    ),
    "args twice": (
        "profiles: [{pluginConfig: [{name: NodeName}, {name: NodeName}]}]",
        [("profiles[0].pluginConfig[1]", 'Duplicate value: "NodeName"')],
    ),
    "two queueSort plugins": (
        "profiles: [{plugins: {queueSort: {enabled: [{name: A}, {name: B}]}}}]",
        [("profiles[0].plugins.queueSort.Enabled", "Invalid value: 2: only one queue sort plugin can be enabled")],
    ),
    "different queueSort plugins": (
        "profiles: [{schedulerName: a, plugins: {queueSort: {enabled: [{name: A}]}}}, {schedulerName: b, "
        "plugins: {queueSort: {enabled: [{name: B, weight: 2}], disabled: [{name: '*'}]}}}]",
        [
            (
                "profiles[1].plugins.queueSort",
                'Invalid value: {"Enabled":[{"Name":"B","Weight":2}],"Disabled":[{"Name":"*","Weight":0}]}: '
                "must be the same for all profiles",
            )
        ],
    ),
    "different args of queueSort": (
        "profiles: [{schedulerName: a, plugins: &p {queueSort: {enabled: [{name: A}]}}}, {schedulerName: b, "
        "plugins: *p, pluginConfig: [{name: A, args: {x: 1}}]}]",
        [("profiles[1].pluginConfig.args", 'Invalid value: {"x":1}: queueSort must be the same for all profiles')],
    ),
    "weight of an extender": (
        "extenders: [{prioritizeVerb: p}]",
        [("extenders[0].weight", "Invalid value: 0: must have a positive weight applied to it")],
    ),
    "two binders": (
        "extenders: [{bindVerb: b}, {bindVerb: c}]",
        [
            (
                "extenders",
                'Invalid value: "found 2 extenders implementing bind": only one extender can implement bind',
            )
        ],
    ),
    "managed resources": (
        "extenders: [{managedResources: [{name: x.io/a}]}, {managedResources: [{name: x.io/a}, {name: cpu}, "
        "{name: requests.x.io/b}, {name: a.kubernetes.io/c}, {name: 'a b'}]}]",
        [
            (
                "extenders[1].managedResources[0].name",
                'Invalid value: "x.io/a": duplicate extender managed resource name',
            ),
            ("extenders[1].managedResources[1].name", 'Invalid value: "cpu": is an invalid extended resource name'),
            (
                "extenders[1].managedResources[2].name",
                'Invalid value: "requests.x.io/b": is an invalid extended resource name',
            ),
            (
                "extenders[1].managedResources[3].name",
                'Invalid value: "a.kubernetes.io/c": is an invalid extended resource name',
            ),
            ("extenders[1].managedResources[4].name", f'Invalid value: "a b": name part {NAME_WRONG}'),
        ],
    ),
    "resources that only an extender sees, without NodeResourcesFit": (
        "profiles: [{plugins: {multiPoint: {disabled: [{name: NodeResourcesFit}]}}}]\n"
        "extenders: [{managedResources: [{name: x.io/a, ignoredByScheduler: true}]}]",
        [("profiles[0].pluginConfig", "can't find NodeResourcesFitArgs in plugin config")],
    ),
}


@pytest.mark.parametrize(("yaml", "expected"), CONFIGURATION.values(), ids=CONFIGURATION.keys())
def test_configuration(yaml: str, expected: Expected) -> None:
    assert problems_of(yaml) == expected


# Plugin and args; the fields expected are relative to the args.
ARGS: dict[str, tuple[str, str, Expected]] = {
    "preemption, ranges": (
        "DefaultPreemption",
        "{minCandidateNodesPercentage: 101, minCandidateNodesAbsolute: -1}",
        [
            ("minCandidateNodesPercentage", "Invalid value: 101: not in valid range [0, 100]"),
            ("minCandidateNodesAbsolute", "Invalid value: -1: not in valid range [0, inf)"),
        ],
    ),
    "preemption, both zero": (
        "DefaultPreemption",
        "{minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0}",
        [
            (
                "minCandidateNodesPercentage",
                "Invalid value: 0: cannot be zero at the same time as minCandidateNodesAbsolute",
            ),
            (
                "minCandidateNodesAbsolute",
                "Invalid value: 0: cannot be zero at the same time as minCandidateNodesPercentage",
            ),
        ],
    ),
    "pod affinity": (
        "InterPodAffinity",
        "{hardPodAffinityWeight: 101}",
        [("hardPodAffinityWeight", "Invalid value: 101: not in valid range [0, 100]")],
    ),
    "balanced allocation": (
        "NodeResourcesBalancedAllocation",
        "{resources: [{name: cpu}, {name: cpu, weight: 2}]}",
        [("resources[1].name", 'Duplicate value: "cpu"'), ("resources[1].weight", "Invalid value: 2: must be 1")],
    ),
    "volume binding": (
        "VolumeBinding",
        "{bindTimeoutSeconds: -1, shape: [{utilization: 1, score: 2}]}",
        [
            (
                "bindTimeoutSeconds",
                "Invalid value: -1: invalid BindTimeoutSeconds, should not be a negative value",
            ),
            (
                "shape",
                'Invalid value: [{"Utilization":1,"Score":2}]: unexpected field `shape`, remove it or turn on the '
                "feature gate StorageCapacityScoring",
            ),
        ],
    ),
    "volume binding, empty shape": (
        "VolumeBinding",
        "{shape: []}",
        [
            (
                "shape",
                "Invalid value: []: unexpected field `shape`, remove it or turn on the feature gate "
                "StorageCapacityScoring",
            )
        ],
    ),
    "dynamic resources": (
        "DynamicResources",
        "{filterTimeout: -1ms, bindingTimeout: 999ms}",
        [
            ("filterTimeout", 'Invalid value: "-1ms": must be zero or positive'),
            ("bindingTimeout", 'Invalid value: "999ms": must be at least 1 second'),
        ],
    ),
    "fit, ignored names": (
        "NodeResourcesFit",
        "{ignoredResources: [a/b/c, '', /x, A/x, "
        + "l" * 64
        + ", "
        + "d" * 254
        + "/x], ignoredResourceGroups: [a.io/b, -a]}",
        [
            (
                "ignoredResources[0]",
                f'Invalid value: "a/b/c": a valid label key {NAME_WRONG} with an optional DNS subdomain prefix and '
                "'/' (e.g. 'example.com/MyName')",
            ),
            ("ignoredResources[1]", 'Invalid value: "": name part must be non-empty'),
            ("ignoredResources[1]", f'Invalid value: "": name part {NAME_WRONG}'),
            ("ignoredResources[2]", 'Invalid value: "/x": prefix part must be non-empty'),
            ("ignoredResources[3]", f'Invalid value: "A/x": prefix part {SUBDOMAIN_WRONG}'),
            ("ignoredResources[4]", f'Invalid value: "{"l" * 64}": name part must be no more than 63 bytes'),
            ("ignoredResources[5]", f'Invalid value: "{"d" * 254}/x": prefix part must be no more than 253 bytes'),
            ("ignoredResourceGroups[0]", "Invalid value: \"a.io/b\": resource group name can't contain '/'"),
            ("ignoredResourceGroups[1]", f'Invalid value: "-a": name part {NAME_WRONG}'),
        ],
    ),
    "fit, strategy without a type": (
        "NodeResourcesFit",
        "{scoringStrategy: {}}",
        [
            (
                "scoringStrategy.type",
                'Unsupported value: "": supported values: "LeastAllocated", "MostAllocated", '
                '"RequestedToCapacityRatio"',
            )
        ],
    ),
    "fit, weights": (
        "NodeResourcesFit",
        "{scoringStrategy: {type: LeastAllocated, resources: [{name: cpu, weight: -1}, {name: x, weight: 101}]}}",
        [
            (
                "scoringStrategy.resources[0].weight",
                "Invalid value: -1: resource weight of cpu not in valid range (0, 100]",
            ),
            (
                "scoringStrategy.resources[1].weight",
                "Invalid value: 101: resource weight of x not in valid range (0, 100]",
            ),
        ],
    ),
    "fit, ratio that is not used": (
        "NodeResourcesFit",
        "{scoringStrategy: {type: MostAllocated, requestedToCapacityRatio: {}}}",
        [
            (
                "scoringStrategy.requestedToCapacityRatio",
                "Forbidden: must be nil when type is not RequestedToCapacityRatio",
            )
        ],
    ),
    "fit, ratio that is missing": (
        "NodeResourcesFit",
        "{scoringStrategy: {type: RequestedToCapacityRatio}}",
        [
            (
                "scoringStrategy.requestedToCapacityRatio",
                "Required value: must be specified when type is RequestedToCapacityRatio",
            )
        ],
    ),
    "fit, ratio without points": (
        "NodeResourcesFit",
        "{scoringStrategy: {type: RequestedToCapacityRatio, requestedToCapacityRatio: {shape: []}}}",
        [
            (
                "scoringStrategy.requestedToCapacityRatio.shape",
                "Required value: at least one point must be specified",
            )
        ],
    ),
    "fit, ratio with odd points": (
        "NodeResourcesFit",
        "{scoringStrategy: {type: RequestedToCapacityRatio, requestedToCapacityRatio: {shape: "
        "[{utilization: 101, score: 11}, {utilization: 101}, {utilization: -1, score: -1}]}}}",
        [
            (
                "scoringStrategy.requestedToCapacityRatio.shape[1].utilization",
                "Invalid value: 101: values must be sorted in increasing order",
            ),
            (
                "scoringStrategy.requestedToCapacityRatio.shape[0].utilization",
                "Invalid value: 101: not in valid range [0, 100]",
            ),
            (
                "scoringStrategy.requestedToCapacityRatio.shape[0].score",
                "Invalid value: 11: not in valid range [0, 10]",
            ),
            (
                "scoringStrategy.requestedToCapacityRatio.shape[1].utilization",
                "Invalid value: 101: not in valid range [0, 100]",
            ),
            (
                "scoringStrategy.requestedToCapacityRatio.shape[2].utilization",
                "Invalid value: -1: not in valid range [0, 100]",
            ),
            (
                "scoringStrategy.requestedToCapacityRatio.shape[2].score",
                "Invalid value: -1: not in valid range [0, 10]",
            ),
        ],
    ),
    "spread, type": (
        "PodTopologySpread",
        "{defaultingType: Foo}",
        [("defaultingType", 'Unsupported value: "Foo": supported values: "System", "List"')],
    ),
    "spread, constraints of the system's": (
        "PodTopologySpread",
        "{defaultConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]}",
        [("defaultingType", 'Invalid value: "System": when .defaultConstraints are not empty')],
    ),
    "spread, constraints": (
        "PodTopologySpread",
        "{defaultingType: List, defaultConstraints: [{}, {maxSkew: 1, topologyKey: 'a b', whenUnsatisfiable: x}, "
        "{maxSkew: 1, topologyKey: z, whenUnsatisfiable: DoNotSchedule, labelSelector: {}}, "
        "{maxSkew: 2, topologyKey: z, whenUnsatisfiable: DoNotSchedule}]}",
        [
            ("defaultConstraints[0].maxSkew", "Invalid value: 0: not in valid range (0, inf)"),
            ("defaultConstraints[0].topologyKey", "Required value: can not be empty"),
            ("defaultConstraints[0].whenUnsatisfiable", "Required value: can not be empty"),
            ("defaultConstraints[1].topologyKey", f'Invalid value: "a b": name part {NAME_WRONG}'),
            (
                "defaultConstraints[1].whenUnsatisfiable",
                'Unsupported value: "x": supported values: "DoNotSchedule", "ScheduleAnyway"',
            ),
            (
                "defaultConstraints[2].labelSelector",
                "Forbidden: constraint must not define a selector, as they deduced for each pod",
            ),
            ("defaultConstraints[3]", 'Duplicate value: "{z, DoNotSchedule}"'),
        ],
    ),
    "node affinity, required": (
        "NodeAffinity",
        "{addedAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: ["
        "{key: a, operator: Foo}, {key: '', operator: In}, {key: b, operator: Exists, values: [x]}, "
        "{key: c, operator: Gt, values: ['1', x]}, {key: d, operator: NotIn, values: [-x, "
        + "v"
        * 64
        + "]}], matchFields: [{key: metadata.name, operator: In, values: [a, b]}, "
        "{key: metadata.name, operator: Exists}]}]}}}",
        [
            (
                "matchExpressions[0].operator",
                'Unsupported value: "Foo": supported values: "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"',
            ),
            (
                "matchExpressions[1].key",
                f'Invalid value: "": name part must be non-empty; name part {NAME_WRONG}',
            ),
            (
                "matchExpressions[1].values",
                "Invalid value: null: for 'in', 'notin' operators, values set can't be empty",
            ),
            (
                "matchExpressions[2].values",
                'Invalid value: ["x"]: values set must be empty for exists and does not exist',
            ),
            (
                "matchExpressions[3].values",
                "Invalid value: [\"1\",\"x\"]: for 'Gt', 'Lt' operators, exactly one value is required",
            ),
            (
                "matchExpressions[3].values[1]",
                "Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
            ),
            ("matchExpressions[4].values[0][d]", f'Invalid value: "-x": {VALUE_WRONG}'),
            (
                "matchExpressions[4].values[1][d]",
                f'Invalid value: "{"v" * 64}": must be no more than 63 bytes',
            ),
            ("matchFields[0].values", 'Invalid value: ["a","b"]: must have one element'),
            ("matchFields[1].operator", 'Unsupported value: "Exists": supported values: "In", "NotIn"'),
        ],
    ),
    "node affinity, preferred": (
        "NodeAffinity",
        "{addedAffinity: {preferredDuringSchedulingIgnoredDuringExecution: ["
        "{weight: 0, preference: {matchExpressions: [{key: a, operator: Foo}]}}, "
        "{weight: 1, preference: {matchFields: [{key: metadata.name, operator: In}]}}]}}",
        [
            (
                "addedAffinity.preferredDuringSchedulingIgnoredDuringExecution[1].matchFields[0].values",
                "Invalid value: null: must have one element",
            )
        ],
    ),
}


@pytest.mark.parametrize(("plugin", "args", "expected"), ARGS.values(), ids=ARGS.keys())
def test_args(plugin: str, args: str, expected: Expected) -> None:
    path = "profiles[0].pluginConfig[1].args."
    if expected[0][0].startswith("match"):
        path += "addedAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]."
    found = problems_of(f"profiles: [{{pluginConfig: [{{name: Own}}, {{name: {plugin}, args: {args}}}]}}]")
    assert found == [(path + field, reason) for field, reason in expected]


def test_leader_election_is_not_checked_where_nobody_is_elected() -> None:
    config = load_config(f"{HEAD}leaderElection: {{leaderElect: false, resourceLock: x, retryPeriod: -1s}}".encode())
    assert config.leader_election.resource_lock == "x"
