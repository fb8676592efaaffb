"""Tables: their shape, kinds with columns of their own, custom resources; and the tables that were recorded."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cluster_shim.api import printers
from cluster_shim.api.errors import APIError
from cluster_shim.api.printers.table import ROWS
from cluster_shim.api.resources import Catalogue, Resource, built_in

Json = dict[str, Any]
CATALOGUE = Catalogue(built_in())
AGE = re.compile(r"(\d+[smhdy])+")


def resource(group: str, version: str, name: str) -> Resource:
    found = CATALOGUE.find(group, version, name)
    assert found is not None
    return found


NOW = 9
LATER = 1_800_000_000
"""After all times in recorded documents."""

NAMESPACES = resource("", "v1", "namespaces")
NAMESPACE: Json = {
    "metadata": {"name": "a", "resourceVersion": "7", "creationTimestamp": "1970-01-01T00:00:00Z"},
    "status": {"phase": "Active"},
}


def test_the_table_of_one_object() -> None:
    table = printers.table(NAMESPACES, [NAMESPACE], now=9)
    assert list(table) == ["kind", "apiVersion", "metadata", "columnDefinitions", "rows"]
    assert table["metadata"] == {"resourceVersion": "7"}
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Status", "Age"]
    partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": NAMESPACE["metadata"]}
    assert table["rows"] == [{"cells": ["a", "Active", "9s"], "object": partial}]


def test_what_stands_beside_a_row() -> None:
    objects = [
        printers.table(NAMESPACES, [NAMESPACE], NOW, include_object=include)["rows"][0]["object"]
        for include in ("Object", "None")
    ]
    assert objects == [{"kind": "Namespace", "apiVersion": "v1", **NAMESPACE}, None]


def test_the_bookmark_after_the_initial_events_keeps_its_annotation() -> None:
    metadata = {"resourceVersion": "7", "annotations": {"k8s.io/initial-events-end": "true"}}
    row = printers.table(NAMESPACES, [{"metadata": metadata}], NOW, include_object="None")["rows"][0]
    assert row["object"]["metadata"] == metadata


def test_another_form_beside_a_row_is_refused() -> None:
    with pytest.raises(APIError, match="includeObject: Invalid value: \"All\": must be 'Metadata', 'Object', 'None'"):
        printers.table(NAMESPACES, [], NOW, include_object="All")


def test_later_events_of_a_watch_have_no_columns() -> None:
    assert printers.table(NAMESPACES, [NAMESPACE], NOW, headers=False)["columnDefinitions"] is None


def test_a_kind_without_columns_shows_when_it_was_created() -> None:
    limits = resource("", "v1", "limitranges")
    table = printers.table(limits, [NAMESPACE], NOW, metadata={})
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Created At"]
    assert table["rows"][0]["cells"] == ["a", "1970-01-01T00:00:00Z"]


def test_an_empty_table_has_a_list_of_rows_only_if_the_kind_has_columns_of_its_own() -> None:
    rows = [
        printers.table(kind, [], NOW, metadata={})["rows"]
        for kind in (NAMESPACES, resource("", "v1", "limitranges"), custom())
    ]
    assert rows == [[], None, []]


def test_a_finished_pod_says_so() -> None:
    pods = resource("", "v1", "pods")
    table = printers.table(pods, [{"status": {"phase": "Failed"}}, {"status": {"phase": "Running"}}], NOW, metadata={})
    assert [row.get("conditions", [{}])[0].get("reason") for row in table["rows"]] == ["Failed", None]


@pytest.mark.parametrize("each", built_in(), ids=lambda each: f"{each.qualified}/{each.version}")
def test_an_empty_object_has_a_row(each: Resource) -> None:
    table = printers.table(each, [{}], NOW, metadata={})
    surplus = each.kind == "IPAddress"
    assert len(table["rows"][0]["cells"]) == len(table["columnDefinitions"]) + surplus


def test_every_row_has_columns() -> None:
    kinds = {(each.group, each.kind) for each in built_in()} | {("autoscaling", "Scale")}
    assert ROWS.keys() <= kinds


def test_a_scale_prints_as_one_whatever_it_is_the_scale_of() -> None:
    deployments = resource("apps", "v1", "deployments")
    scale = {"kind": "Scale", "metadata": {"name": "a"}, "spec": {"replicas": 3}, "status": {"replicas": 2}}
    tables = [printers.table(deployments, [scale], NOW, subresource=each) for each in ("", "scale")]
    assert [table["rows"][0]["cells"][:3] for table in tables] == [["a", 3, 2]] * 2
    assert [column["name"] for column in tables[0]["columnDefinitions"]] == ["Name", "Desired", "Available", "Age"]


def test_the_metadata_of_a_daemon_set_lacks_what_is_a_field_inside() -> None:
    internal = "deprecated.daemonset.template.generation"
    obj = {"kind": "DaemonSet", "metadata": {"name": "a", "annotations": {internal: "1"}}}
    assert printers.partial(obj)["metadata"] == {"name": "a"}
    obj = {"kind": "DaemonSet", "metadata": {"annotations": {internal: "1", "b": "c"}}}
    assert printers.partial(obj)["metadata"] == {"annotations": {"b": "c"}}
    other = {"kind": "ConfigMap", "metadata": {"annotations": {internal: "1"}}}
    assert printers.partial(other)["metadata"] == other["metadata"]


def test_flow_schemas_stand_in_the_order_in_which_they_are_tried() -> None:
    schemas = [
        {"metadata": {"name": name}, "spec": {"matchingPrecedence": precedence}}
        for name, precedence in (("c", 9), ("b", 2), ("a", 9))
    ]
    kind = resource("flowcontrol.apiserver.k8s.io", "v1", "flowschemas")
    rows = printers.table(kind, schemas, NOW, metadata={})["rows"]
    assert [row["cells"][0] for row in rows] == ["b", "a", "c"]


def custom(*columns: Json) -> Resource:
    definition = SimpleNamespace(printer_columns=list(columns))
    return Resource("g.example", "v1", "foos", "Foo", "foo", True, (), "g.example/foos", custom=definition)


def column(name: str, kind: str, path: str, **more: Any) -> Json:
    return {"name": name, "type": kind, "jsonPath": path, **more}


def test_a_custom_resource_shows_its_age() -> None:
    table = printers.table(custom(), [NAMESPACE], now=5)
    assert [(each["name"], each["type"]) for each in table["columnDefinitions"]] == [
        ("Name", "string"),
        ("Age", "date"),
    ]
    assert table["rows"][0]["cells"] == ["a", "5s"]


def test_a_custom_resource_shows_the_columns_that_it_asks_for() -> None:
    wanted = [
        column("Text", "string", ".spec.text", priority=1, description="about"),
        column("Map", "string", ".spec.map"),
        column("Whole", "integer", ".spec.float"),
        column("Number", "number", ".spec.float"),
        column("Flag", "boolean", ".spec.flag"),
        column("When", "date", ".spec.when"),
        column("Never", "date", ".spec.never"),
        column("Wrong", "integer", ".spec.text"),
        column("Absent", "string", ".spec.absent"),
        column("As text", "string", ".spec.float"),
        column("Flag as text", "string", ".spec.flag"),
    ]
    spec = {
        "text": "t",
        "map": {"b": 1, "a": "<"},
        "float": 2.5,
        "flag": True,
        "when": "soon",
        "never": "2020-02-30T00:00:00Z",
    }
    table = printers.table(custom(*wanted), [{"metadata": {"name": "n"}, "spec": spec}], NOW, metadata={})
    cells = ["n", "t", '{"a":"\\u003c","b":1}', 2, 2.5, True, "<invalid>", "<invalid>", None, None, "2.5", "true"]
    assert table["rows"][0]["cells"] == cells
    text, mapping = table["columnDefinitions"][1:3]
    assert text == {"name": "Text", "type": "string", "format": "", "description": "about", "priority": 1}
    assert mapping["description"] == "Custom resource definition column (in JSONPath format): .spec.map"


def test_columns_end_where_a_path_cannot_be_read() -> None:
    wanted = [column("A", "string", ".a"), column("B", "string", ".b["), column("C", "string", ".c")]
    assert [each["name"] for each in printers.columns(custom(*wanted))] == ["Name", "A"]


def place(path: str) -> tuple[str, str, str, str, str]:
    """Return group, version, resource, name and subresource of a path of the recordings."""
    parts = path.strip("/").split("/")
    group, version, rest = ("", parts[1], parts[2:]) if parts[0] == "api" else (parts[1], parts[2], parts[3:])
    if rest[0] == "namespaces" and len(rest) > 2:
        rest = rest[2:]
    name, subresource, *_ = [*rest[1:], "", ""]
    return group, version, rest[0], name, subresource


def recorded(shared: Path) -> Iterator[tuple[Resource, str, list[Json], Json]]:
    """Yield the recorded tables whose objects were answered whole before: resource, query, objects, table."""
    path = shared / "golden" / "api" / "table.json.gz"
    if not path.exists():
        pytest.skip("there are no recorded tables in ../shared/golden/api")
    for scenario in json.loads(gzip.decompress(path.read_bytes()))["scenarios"]:
        seen: dict[tuple[str, str], Json] = {}
        for step in scenario["steps"]:
            url, body = urlsplit(step["request"]["path"]), step["expect"].get("body")
            _, _, kind, name, _ = place(url.path)
            if step["request"]["method"] == "DELETE":
                seen.clear()
            elif not isinstance(body, dict) or "metadata" not in body or body["kind"].endswith("List"):
                seen.pop((kind, name), None)
            elif body["kind"] != "Table":
                seen[kind, body["metadata"].get("name")] = body
            else:
                names = [
                    (row["object"] or {"metadata": {"name": row["cells"][0]}})["metadata"]["name"]
                    for row in body["rows"]
                ]
                if all((kind, each) in seen for each in names):
                    yield resource(*place(url.path)[:3]), url.query, [seen[kind, each] for each in names], body


def timed(value: Any) -> Any:
    """Return a recorded document with a time in place of each symbol for one."""
    text = json.dumps(value)
    return json.loads(re.sub('"<(?:micro)?time>"', '"2020-01-01T00:00:00Z"', text))


def symbols(cells: list[Any]) -> list[Any]:
    texts = [
        re.sub(r"\((?:\d+[smhdy])+ ago\)", "(<age> ago)", cell) if isinstance(cell, str) else cell for cell in cells
    ]
    return ["<age>" if isinstance(cell, str) and AGE.fullmatch(cell) else cell for cell in texts]


def test_recorded_tables(shared: Path) -> None:
    count = 0
    for kind, query, objects, expected in recorded(shared):
        include = parse_qs(query).get("includeObject", [""])[0]
        table = printers.table(kind, timed(objects), LATER, include, api_version=expected["apiVersion"])
        assert table["columnDefinitions"] == expected["columnDefinitions"], kind.qualified
        wanted = timed(expected)["rows"]
        for row in table["rows"]:
            row["cells"] = symbols(row["cells"])
        assert [row["cells"] for row in table["rows"]] == [row["cells"] for row in wanted], kind.qualified
        assert [row.get("conditions") for row in table["rows"]] == [row.get("conditions") for row in wanted]
        count += 1
    assert count > 150


def test_a_watch_of_another_version_prints_alike() -> None:
    old = resource("autoscaling", "v1", "horizontalpodautoscalers")
    obj = {
        "apiVersion": "autoscaling/v1",
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "d"}, "targetCPUUtilizationPercentage": 80},
        "status": {"currentCPUUtilizationPercentage": 12, "currentReplicas": 2},
    }
    cells = printers.table(old, [obj], NOW, metadata={})["rows"][0]["cells"]
    assert cells[1:3] == ["Deployment/d", "cpu: 12%/80%"]
    assert printers.columns(old) == printers.columns(replace(old, version="v2"))
