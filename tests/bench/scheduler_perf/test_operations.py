"""Every operation on a tiny workload, through the whole scheduler."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import pytest

from bench.scheduler_perf.harness import Stopped
from tests.bench.scheduler_perf.files import NODE, POD, ran, run

NODES = "- {opcode: createNodes, count: 2, nodeTemplatePath: node.yaml}\n"
MEASURED = "- {opcode: createPods, count: 4, collectMetrics: true}\n"
LARGE = POD.replace("cpu: 1", "cpu: 9")
GATED = POD.replace("spec:", "spec:\n  schedulingGates: [{name: hold}]")
PV = """\
apiVersion: v1
kind: PersistentVolume
spec: {accessModes: [ReadOnlyMany], capacity: {storage: 1Gi}, csi: {driver: ebs.csi.aws.com}}
"""
PVC = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {annotations: {pv.kubernetes.io/bind-completed: "true"}}
spec: {accessModes: [ReadOnlyMany], resources: {requests: {storage: 1Gi}}}
"""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {generateName: service-}\nspec: {selector: {app: a}}\n"


def test_create_nodes_names_and_labels_them(tmp_path: Path) -> None:
    operations = """\
- {opcode: createNodes, count: 2}
- opcode: createNodes
  count: 3
  nodeTemplatePath: node.yaml
  labelNodePrepareStrategy: {labelKey: zone, labelValues: [a, b]}
- {opcode: createNodes, count: 2, nodeTemplatePath: node.yaml, uniqueNodeLabelStrategy: {labelKey: own}}
"""
    harness = ran(tmp_path, operations)
    nodes = harness.api.objects["Node"]
    assert list(nodes) == [
        "node-0-00000", "node-0-00001", "node-00000", "node-00001", "node-00002", "node-00003", "node-00004",
    ]  # fmt: skip
    assert all(node.metadata.labels["kubernetes.io/hostname"] == name for name, node in nodes.items())
    assert [node.metadata.labels.get("zone") for node in nodes.values()] == [None, None, "a", "b", "a", None, None]
    assert len({node.metadata.labels["own"] for node in list(nodes.values())[5:]}) == 2
    assert nodes["node-0-00000"].status.allocatable == {"cpu": "4", "memory": "32Gi", "pods": "110"}
    assert harness.nodes == len(harness.scheduler.cluster.nodes.row_of) == 7


def test_create_nodes_adds_to_allocatable_and_makes_csi_nodes(tmp_path: Path) -> None:
    operations = """\
- opcode: createNodes
  count: 1
  nodeTemplatePath: node.yaml
  nodeAllocatableStrategy:
    nodeAllocatable: {attachable-volumes-csi-x: "39"}
    csiNodeAllocatable: {x: {count: 39}, y: null}
    migratedPlugins: [kubernetes.io/aws-ebs, other]
"""
    api = ran(tmp_path, operations).api
    (node,) = api.objects["Node"].values()
    assert node.status.allocatable == {"cpu": "4", "memory": "32Gi", "pods": "110", "attachable-volumes-csi-x": "39"}
    csi_node = api.objects["CSINode"]["node-00000"]
    limits = [(each.name, each.node_id, each.allocatable and each.allocatable.count) for each in csi_node.spec.drivers]
    assert limits == [("x", "node-00000", 39), ("y", "node-00000", None)]
    assert list(csi_node.metadata.annotations.values()) == ["kubernetes.io/aws-ebs,other"]


def test_templates_are_filled_in_for_each_index(tmp_path: Path) -> None:
    node = NODE.replace("generateName: node-", "name: node-{{ .Index }}")
    pod = POD.replace("generateName: pod-", "name: pod-{{ .Index }}, labels: {n: 'x{{ Mod .Index 2 }}'}")
    operations = """\
- {opcode: createNodes, count: 2, nodeTemplatePath: node.yaml}
- {opcode: createPods, count: 3, namespace: ns}
"""
    api = ran(tmp_path, operations, node=node, pod=pod).api
    assert list(api.objects["Node"]) == ["node-0", "node-1"]
    labels = {key: pod.metadata.labels for key, pod in api.pods.items()}
    assert labels == {"ns/pod-0": {"n": "x0"}, "ns/pod-1": {"n": "x1"}, "ns/pod-2": {"n": "x0"}}


def test_create_namespaces_takes_the_labels_of_its_template(tmp_path: Path) -> None:
    operations = "- {opcode: createNamespaces, count: 2, prefix: ns, namespaceTemplatePath: ns.yaml}"
    ns = "apiVersion: v1\nkind: Namespace\nmetadata: {labels: {team: devops}}\n"
    namespaces = ran(tmp_path, operations, ns=ns).api.objects["Namespace"]
    assert {name: each.metadata.labels for name, each in namespaces.items()} == {
        "ns-0": {"team": "devops"},
        "ns-1": {"team": "devops"},
    }


def test_create_pods_waits_until_all_are_scheduled_and_measures(tmp_path: Path) -> None:
    result = run(tmp_path, NODES + MEASURED)
    (measured,) = result.measured
    assert result.passed, result.stopped
    assert (measured.name, measured.pods, measured.scheduled, result.nodes) == ("namespace-1", 4, 4, 2)
    assert measured.decisions_per_second > 0
    assert 0 < measured.latency_ms["Perc50"] < 1000 * measured.window_seconds + 1


def test_create_pods_without_a_template_takes_upstreams_pod(tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    harness = ran(tmp_path, NODES + "- {opcode: createPods, count: 1, podTemplatePath: null, namespace: ns}")
    assert len(harness.api.pods) == 1


def test_pods_that_fit_nowhere_stop_the_workload(tmp_path: Path) -> None:
    result = run(tmp_path, NODES + MEASURED.replace("count: 4", "count: 9"))
    assert not result.passed
    assert "operation 1 (CreatePods): nothing was scheduled for 0.3 s: 8 of 9 pods of namespace" in result.stopped
    (measured,) = result.measured
    assert (measured.pods, measured.scheduled) == (9, 8)


def test_create_pods_makes_volumes_and_claims_that_are_bound_to_each_other(tmp_path: Path) -> None:
    operations = """\
- opcode: createPods
  count: 2
  namespace: ns
  persistentVolumeTemplatePath: pv.yaml
  persistentVolumeClaimTemplatePath: pvc.yaml
"""
    api = ran(tmp_path, NODES + operations, pv=PV, pvc=PVC).api
    volume, claim = api.objects["PersistentVolume"]["ns-vol-1"], api.objects["PersistentVolumeClaim"]["ns/pvc-1"]
    assert (volume.spec.claim_ref.namespace, volume.spec.claim_ref.name) == ("ns", "pvc-1")
    assert (volume.spec.csi.volume_handle, volume.status.phase) == ("ns-vol-1", "Bound")
    assert (claim.spec.volume_name, claim.status.phase) == ("ns-vol-1", "Bound")
    pod = list(api.pods.values())[1]
    (use,) = pod.spec.volumes
    assert use.persistent_volume_claim is not None and use.persistent_volume_claim.claim_name == "pvc-1"
    assert all(pod.spec.node_name for pod in api.pods.values())


def test_create_pod_sets_makes_pods_in_each_namespace(tmp_path: Path) -> None:
    sets = "- {opcode: createPodSets, count: 2, namespacePrefix: n, createPodsOp: {opcode: createPods, count: 2}}"
    pods = ran(tmp_path, NODES + sets).api.pods.values()
    assert [pod.metadata.namespace for pod in pods] == ["n-0", "n-0", "n-1", "n-1"]


def test_create_any_makes_objects_of_any_kind(tmp_path: Path) -> None:
    operations = """\
- {opcode: createAny, namespace: ns, count: 2, templatePath: service.yaml}
- {opcode: createAny, templatePath: node.yaml}
"""
    api = ran(tmp_path, operations, service=SERVICE).api
    assert list(api.objects["Service"]) == ["ns/service-00000", "ns/service-00001"]
    assert list(api.objects["Node"]) == ["node-00000"]
    result = run(tmp_path, "- {opcode: createAny, namespace: ns, templatePath: node.yaml}\n" + MEASURED)
    assert "is in no namespace" in result.stopped


def test_a_barrier_waits_for_pods_that_nobody_has_waited_for(tmp_path: Path) -> None:
    created = "- {opcode: createPods, count: 3, namespace: ns, skipWaitToCompletion: true}\n"
    harness = ran(tmp_path, NODES + created + "- {opcode: barrier}")
    assert all(pod.spec.node_name for pod in harness.api.pods.values())
    assert harness.waited_for == {}
    harness = ran(tmp_path, NODES + created + "- {opcode: barrier, namespaces: [ns]}")
    assert harness.waited_for == {}
    with pytest.raises(Stopped, match="unknown namespace other"):
        ran(tmp_path, NODES + created + "- {opcode: barrier, namespaces: [other]}")


def test_a_barrier_can_be_content_with_attempts(tmp_path: Path) -> None:
    created = "- {opcode: createPods, count: 3, podTemplatePath: large.yaml, skipWaitToCompletion: true}\n"
    attempted = "- {opcode: barrier, stageRequirement: Attempted}"
    harness = ran(tmp_path, NODES + created + attempted, large=LARGE)
    assert not any(pod.spec.node_name for pod in harness.api.pods.values())
    assert harness.waited_for == {"namespace-1": 3}
    with pytest.raises(Stopped, match="of 3 pods of namespace namespace-1, 0 are scheduled"):
        ran(tmp_path, NODES + created + "- {opcode: barrier}", large=LARGE)
    with pytest.raises(Stopped, match="0 are attempted"):
        ran(tmp_path, NODES + created + f"{attempted[:-1]}, labelSelector: {{a: b}}}}", large=LARGE)


def test_gated_pods_count_as_attempted(tmp_path: Path) -> None:
    created = "- {opcode: createPods, count: 3, podTemplatePath: gated.yaml, skipWaitToCompletion: true}\n"
    ran(tmp_path, NODES + created + "- {opcode: barrier, stageRequirement: Attempted}", gated=GATED)


def test_sleep_lets_time_pass(tmp_path: Path) -> None:
    began = perf_counter()
    ran(tmp_path, "- {opcode: sleep, duration: 400ms}")
    assert perf_counter() - began >= 0.4


def test_delete_pods_takes_those_with_the_labels(tmp_path: Path) -> None:
    labelled = POD.replace("generateName: pod-", "generateName: pod-, labels: {n: 'x{{ Mod .Index 2 }}'}")
    created = "- {opcode: createPods, count: 4, namespace: ns}\n"
    delete = "- {opcode: deletePods, namespace: ns, labelSelector: {n: x1}}"
    for rate in ("", ", deletePodsPerSecond: 100"):
        api = ran(tmp_path, NODES + created + delete.replace("}}", f"}}{rate}}}"), pod=labelled).api
        assert [pod.metadata.labels["n"] for pod in api.pods.values()] == ["x0", "x0"]


def test_deleting_pods_makes_room_while_others_wait(tmp_path: Path) -> None:
    operations = """\
- {opcode: createPods, count: 8, namespace: first}
- {opcode: deletePods, namespace: first, deletePodsPerSecond: 50, skipWaitToCompletion: true}
- {opcode: createPods, count: 8, collectMetrics: true}
"""
    result = run(tmp_path, NODES + operations)
    assert result.passed, result.stopped


def test_update_any_replaces_nodes_at_its_rate(tmp_path: Path) -> None:
    node = NODE.replace("generateName: node-", "name: node-{{ .Index }}")
    small = node.replace('cpu: "4"', 'cpu: "0"')
    operations = """\
- {opcode: createNodes, count: 2, nodeTemplatePath: small.yaml}
- {opcode: startCollectingMetrics, name: waiting, namespaces: [ns]}
- {opcode: createPods, count: 3, namespace: ns, skipWaitToCompletion: true}
- {opcode: barrier, stageRequirement: Attempted}
- {opcode: updateAny, count: 2, templatePath: node.yaml, updatePerSecond: 20}
- {opcode: barrier}
- {opcode: stopCollectingMetrics}
"""
    result = run(tmp_path, operations, node=node, small=small)
    assert result.passed, result.stopped
    (measured,) = result.measured
    assert (measured.name, measured.pods, measured.scheduled) == ("waiting", 3, 3)


def test_update_any_takes_gates_away(tmp_path: Path) -> None:
    pod = POD.replace("generateName: pod-", "name: pod-{{ .Index }}")
    operations = """\
- {opcode: createPods, count: 3, namespace: ns, podTemplatePath: gated.yaml, skipWaitToCompletion: true}
- {opcode: updateAny, namespace: ns, count: 3, templatePath: pod.yaml}
- {opcode: barrier}
"""
    gated = pod.replace("spec:", "spec:\n  schedulingGates: [{name: hold}]")
    api = ran(tmp_path, NODES + operations, pod=pod, gated=gated).api
    assert all(pod.spec.node_name for pod in api.pods.values())


def test_update_any_resizes_pods(tmp_path: Path) -> None:
    name = POD.replace("generateName: pod-", "name: pod-{{ .Index }}")
    operations = """\
- {opcode: createNodes, count: 1, nodeTemplatePath: node.yaml}
- {opcode: createPods, count: 4, namespace: ns}
- {opcode: updateAny, namespace: ns, count: 4, templatePath: less.yaml, subresources: [resize]}
- {opcode: createPods, count: 3, namespace: more, podTemplatePath: plain.yaml}
"""
    api = ran(tmp_path, operations, pod=name, less=name.replace("cpu: 1", "cpu: 250m"), plain=POD).api
    assert sum(bool(pod.spec.node_name) for pod in api.pods.values()) == 7


def test_churn_creates_in_the_background(tmp_path: Path) -> None:
    operations = """\
- {opcode: churn, mode: create, number: 2, intervalMilliseconds: 10, templatePaths: [large.yaml, service.yaml]}
- {opcode: sleep, duration: 100ms}
"""
    api = ran(tmp_path, NODES + operations, large=LARGE, service=SERVICE).api
    assert list(api.pods) == ["namespace-1/pod-00000", "namespace-1/pod-00001"]
    assert len(api.objects["Service"]) == 2


def test_churn_creates_and_deletes_in_turn(tmp_path: Path) -> None:
    node = NODE.replace("node-", "churn-")
    operations = """\
- opcode: churn
  mode: recreate
  number: 2
  intervalMilliseconds: 5
  namespace: ns
  templatePaths: [churn.yaml, pod.yaml]
- {opcode: sleep, duration: 150ms}
"""
    api = ran(tmp_path, NODES + operations, churn=node).api
    churned = [name for name in api.objects["Node"] if name.startswith("churn-")]
    assert len(churned) == len(api.pods) <= 2
    assert int(api.generate_name("churn-").removeprefix("churn-")) > 4


def test_measuring_twice_at_once_or_not_at_all_stops_the_workload(tmp_path: Path) -> None:
    start = "- {opcode: startCollectingMetrics, name: a, namespaces: [ns]}\n"
    assert "metrics are being collected already" in run(tmp_path, NODES + start + MEASURED).stopped
    assert "no metrics are being collected" in run(tmp_path, "- {opcode: stopCollectingMetrics}").stopped


def test_a_workload_can_measure_several_times(tmp_path: Path) -> None:
    result = run(tmp_path, NODES + MEASURED + MEASURED)
    assert [(each.name, each.scheduled) for each in result.measured] == [("namespace-1", 4), ("namespace-2", 4)]
    assert result.passed


def test_a_configuration_of_the_scheduler_counts(tmp_path: Path) -> None:
    config = """\
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles: [{schedulerName: mine}]
"""
    (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    result = run(tmp_path, NODES + MEASURED, head="  schedulerConfigPath: config.yaml\n")
    assert "0 of 4 pods" in result.stopped  # the pods are of the default profile, which is not there
    mine = POD.replace("spec:", "spec:\n  schedulerName: mine")
    assert run(tmp_path, NODES + MEASURED, head="  schedulerConfigPath: config.yaml\n", pod=mine).passed
