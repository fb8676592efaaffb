"""What a patch has made may say that it is something else."""

from __future__ import annotations

from typing import Any

import pytest

from cluster_shim.api.conversion.patched import from_patched
from cluster_shim.api.resources import GroupVersionKind

DEPLOYMENT = GroupVersionKind("apps", "v1", "Deployment")


def document(**said: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"template": template},
    } | said


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            {"apiVersion": "foo/v1"},
            'no kind "Deployment" is registered for version "foo/v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
        ),
        (
            {"kind": "Pod"},
            'no kind "Pod" is registered for version "apps/v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
        ),
        ({"apiVersion": "v1", "kind": "Pod"}, "converting (v1.Pod) to (apps.Deployment): unknown conversion"),
        ({"apiVersion": "a/b/c"}, "unexpected GroupVersion string: a/b/c"),
        (
            {"kind": 5},
            "couldn't get version/kind; json parse error: "
            "json: cannot unmarshal number into Go struct field .kind of type string",
        ),
        ({"spec": 5}, "json: cannot unmarshal number into Go struct field Deployment.spec of type v1.DeploymentSpec"),
    ],
)
def test_what_it_must_not_say(said: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        from_patched(document(**said), DEPLOYMENT)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("api_version", "labels"),
    [("apps/v1", None), ("apps/v1beta2", None), ("apps/v1beta1", {"a": "b"}), ("extensions/v1beta1", {"a": "b"})],
)
def test_old_versions_have_defaults_of_their_own(api_version: str, labels: Any) -> None:
    made = from_patched(document(apiVersion=api_version), DEPLOYMENT).object
    assert made["apiVersion"] == "apps/v1"
    assert made["metadata"].get("labels") == labels


def test_without_a_version_nothing_is_understood() -> None:
    assert from_patched(document(apiVersion=None), DEPLOYMENT).object["metadata"] == {}
    assert from_patched(document(kind=None), DEPLOYMENT).object["metadata"] == {"name": "d"}


def test_other_versions_are_converted() -> None:
    old, new = GroupVersionKind("", "v1", "Event"), GroupVersionKind("events.k8s.io", "v1", "Event")
    made = from_patched({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {}, "note": "x", "y": 1}, old)
    assert (made.object["message"], made.gvk, made.strict_errors) == ("x", old, ['unknown field "y"'])
    assert (
        from_patched({"apiVersion": "v1", "kind": "Event", "metadata": {}, "message": "x"}, new).object["note"] == "x"
    )
