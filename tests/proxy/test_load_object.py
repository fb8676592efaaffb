"""From JSON to a record: what stands for nothing, and what is refused with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy_core import EndpointSlice, InvalidObjects, Service, load_object


def loaded(kind: str, **content: Any) -> Any:
    group = "discovery.k8s.io/v1" if kind == "EndpointSlice" else "v1"
    metadata = {"name": "web", **content.pop("metadata", {})}
    return load_object(json.dumps({"apiVersion": group, "kind": kind, "metadata": metadata, **content}).encode())


def test_nulls_are_fields_that_are_not_there() -> None:
    empty = loaded("EndpointSlice", addressType="IPv4", endpoints=None, ports=None, metadata={"labels": None})
    assert isinstance(empty, EndpointSlice) and empty == loaded("EndpointSlice", addressType="IPv4")
    ends = [{"addresses": ["10.180.0.1"], "conditions": {"ready": None}, "hints": {"forZones": None}, "nodeName": None}]
    same = [{"addresses": ["10.180.0.1"], "hints": {}}]
    assert loaded("EndpointSlice", endpoints=ends) == loaded("EndpointSlice", endpoints=same)
    spec = {"clusterIP": "172.30.0.1", "externalIPs": None, "ports": [{"port": 80, "protocol": None}]}
    made = loaded("Service", spec=spec, status=None)
    assert isinstance(made, Service) and made == loaded("Service", spec={**spec, "externalIPs": []}, status={})
    assert made.spec.ports[0].protocol == "TCP"
    assert loaded("Service", metadata={"labels": {"a": None, "b": "c"}}).metadata.labels == {"a": "", "b": "c"}


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"ports": [{"port": "x"}]}, r"Service web: spec.ports\[0\].port: expected `int`, got `str`"),
        ({"ports": [{"port": "x"}], "externalIPs": None}, r"spec.ports\[0\].port: expected `int`, got `str`"),
        ({"ports": [None]}, r"spec.ports\[0\]: expected `object`, got `null`"),
    ],
)
def test_what_cannot_be_read_is_named(spec: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidObjects, match=text):
        loaded("Service", spec=spec)
