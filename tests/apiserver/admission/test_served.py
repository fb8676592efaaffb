"""What webhooks get of the server: versions, types with defaults, match conditions."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.api.resources import Catalogue, GroupVersionKind, built_in
from cluster_shim.apiserver.admission.webhook.served import Served
from cluster_shim.apiserver.request import RequestInfo, UserInfo
from tests.apiserver.admission.writes import named, pod, write


class Decision(NamedTuple):
    allowed: bool
    reason: str = ""


class Nobody:
    def authorize(self, user: UserInfo, info: RequestInfo) -> Decision:
        return Decision(False)


SERVED = Served(Catalogue(built_in()), Nobody())


def test_versions() -> None:
    spec, status = {"maxReplicas": 1}, {"desiredReplicas": 0, "currentMetrics": None}
    scaler = {
        "kind": "HorizontalPodAutoscaler",
        "apiVersion": "autoscaling/v2",
        **named("h", spec=spec, status=status),
    }
    old = SERVED.convert(scaler, GroupVersionKind("autoscaling", "v1", "HorizontalPodAutoscaler"))
    assert old is not None
    assert old["apiVersion"] == "autoscaling/v1"
    assert SERVED.convert(scaler, GroupVersionKind("autoscaling", "v2", "HorizontalPodAutoscaler")) is scaler
    assert SERVED.convert(None, GroupVersionKind("", "v1", "Pod")) is None


def test_a_changed_object_gets_defaults() -> None:
    read = SERVED.reread({"kind": "Pod", "apiVersion": "v1", **pod()}, GroupVersionKind("", "v1", "Pod"))
    assert read["spec"]["restartPolicy"] == "Always"
    with pytest.raises(APIError) as refused:
        SERVED.reread({"kind": "Pod", "apiVersion": "v1", "spec": 7}, GroupVersionKind("", "v1", "Pod"))
    assert refused.value.code == 500


def conditions(*expressions: str, policy: str = "Fail") -> dict[str, Any]:
    listed = [{"name": f"c{index}", "expression": each} for index, each in enumerate(expressions)]
    return {"name": "w", "failurePolicy": policy, "matchConditions": listed}


def test_conditions() -> None:
    attributes = write("pods", {"kind": "Pod", "apiVersion": "v1", **pod()})
    assert SERVED.matches_conditions(conditions(), attributes)
    assert SERVED.matches_conditions(conditions("object.metadata.name == 'p'", "request.namespace == 'n'"), attributes)
    assert not SERVED.matches_conditions(conditions("request.userInfo.username != 'alice'"), attributes)
    failing = "object.metadata.labels['a'] == 'b'"
    assert not SERVED.matches_conditions(conditions(failing, policy="Ignore"), attributes)
    with pytest.raises(APIError) as refused:
        SERVED.matches_conditions(conditions(failing), attributes)
    assert refused.value.code == 403
