"""Records against the published schema of Kubernetes 1.36: all fields, by their names, with fitting types."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sched_core.objects import affinity, meta, node, others, pod, storage, volume
from sched_core.objects.records import KINDS, AnyObject

SCHEMA = Path(__file__).parents[3] / "shared" / "tables" / "schema.json"
pytestmark = pytest.mark.skipif(not SCHEMA.exists(), reason="the schema table ../shared/tables/schema.json is not here")

PREFIXES = (
    "io.k8s.api.core.v1.",
    "io.k8s.apimachinery.pkg.apis.meta.v1.",
    "io.k8s.api.apps.v1.",
    "io.k8s.api.storage.v1.",
    "io.k8s.api.policy.v1.",
    "io.k8s.api.scheduling.v1.",
)
RECORDS = [
    record
    for module in (affinity, meta, node, others, pod, storage, volume)
    for record in vars(module).values()
    if isinstance(record, type) and issubclass(record, msgspec.Struct) and record.__module__ == module.__name__
    if record.__name__ not in ("Record", "FrozenRecord", "Skipped", "Other")
]
LEAVES: dict[str, Any] = {"Quantity": "1", "Time": "2026-01-01T00:00:00Z", "IntOrString": 1, "FieldsV1": {}}


@cache
def schema() -> dict[str, Any]:
    definitions: dict[str, Any] = json.loads(SCHEMA.read_bytes())
    return definitions


def definition(name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(schema()[prefix + name] for prefix in PREFIXES if prefix + name in schema())
    return found


def sample(node: dict[str, Any]) -> Any:
    """Make a value in which every field is set."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        last = name.rpartition(".")[2]
        return LEAVES[last] if last in LEAVES else sample(schema()[name])
    match node.get("type"):
        case "object" if "properties" in node:
            return {name: sample(each) for name, each in node["properties"].items()}
        case "object":
            return {"key": sample(node.get("additionalProperties", {"type": "string"}))}
        case "array":
            return [sample(node["items"])]
        case kind:
            return {"string": "text", "integer": 1, "boolean": True, "number": 1.5}[str(kind)]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_record_has_exactly_the_fields_of_the_schema(record: type[msgspec.Struct]) -> None:
    names = {field.encode_name for field in msgspec.structs.fields(record)}
    if record.__struct_config__.tag:
        names.add("kind")
    assert names == set(definition(record.__name__)["properties"])


@pytest.mark.parametrize("kind", [name for name in KINDS if name != "PodGroup"])  # which is not Kubernetes' own
def test_an_object_with_every_field_set_decodes(kind: str) -> None:
    value = sample(definition(kind)) | {"kind": kind}
    record = msgspec.json.decode(msgspec.json.encode(value), type=AnyObject)
    assert type(record).__name__ == kind
    assert record.metadata.labels == {"key": "text"}


def test_fields_hold_what_the_wire_had() -> None:
    value = sample(definition("Pod")) | {"kind": "Pod"}
    record = msgspec.json.decode(msgspec.json.encode(value), type=pod.Pod)
    kept = json.loads(msgspec.json.encode(record))
    container = kept["spec"]["containers"][0]
    assert container["resources"] == value["spec"]["containers"][0]["resources"]
    assert container["ports"] == value["spec"]["containers"][0]["ports"]
    for field in ("affinity", "tolerations", "topologySpreadConstraints", "schedulingGates", "overhead", "resources"):
        assert kept["spec"][field] == value["spec"][field]
    assert kept["status"]["containerStatuses"][0]["allocatedResources"] == {"key": "1"}
