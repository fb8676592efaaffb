"""Decoding: errors in Go's words, complaints of strict decoding, and the form in which Go would write the object."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cluster_shim.api.codec.json import decode, decode_any, decode_into, encode, from_parsed, repeats_keys
from cluster_shim.api.errors import APIError
from cluster_shim.api.resources import GroupVersionKind

POD = GroupVersionKind("", "v1", "Pod")
SERVICE = GroupVersionKind("", "v1", "Service")
SECRET = GroupVersionKind("", "v1", "Secret")
LEASE = GroupVersionKind("coordination.k8s.io", "v1", "Lease")
DEPLOYMENT = GroupVersionKind("apps", "v1", "Deployment")
CRD = GroupVersionKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition")


def body(gvk: GroupVersionKind, **members: Any) -> bytes:
    return msgspec.json.encode({"apiVersion": gvk.api_version, "kind": gvk.kind, **members})


def refused(data: bytes, gvk: GroupVersionKind) -> str:
    with pytest.raises(APIError) as caught:
        decode(data, gvk)
    assert caught.value.code == 400
    prefix = f'{gvk.kind} in version "{gvk.version}" cannot be handled as a {gvk.kind}: '
    return caught.value.message.removeprefix(prefix)


WRONG = [
    (POD, {"spec": 5}, "json: cannot unmarshal number into Go struct field Pod.spec of type v1.PodSpec"),
    (
        POD,
        {"spec": {"volumes": [{"name": "v", "emptyDir": 1}]}},
        "json: cannot unmarshal number into Go struct field "
        "Volume.spec.volumes.VolumeSource.emptyDir of type v1.EmptyDirVolumeSource",
    ),
    (
        POD,
        {"spec": {"activeDeadlineSeconds": 1.5}},
        "json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.activeDeadlineSeconds of type int64",
    ),
    (
        SERVICE,
        {"spec": {"ports": [{"port": 2**31}]}},
        "json: cannot unmarshal number 2147483648 into Go struct field ServicePort.spec.ports.port of type int32",
    ),
    (
        SERVICE,
        {"spec": {"ports": [{"targetPort": True}]}},
        "json: cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort of type int32",
    ),
    (
        SERVICE,
        {"spec": {"ports": [{"targetPort": 2**31}]}},
        "json: cannot unmarshal number 2147483648 into Go struct field ServicePort.spec.ports.targetPort of type int32",
    ),
    (
        POD,
        {"metadata": {"creationTimestamp": 5}},
        "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string",
    ),
    (
        SECRET,
        {"data": {"a": [1, "x"]}},
        "json: cannot unmarshal string into Go struct field Secret.data of type uint8",
    ),
    (
        SECRET,
        {"data": {"a": [256]}},
        "json: cannot unmarshal number 256 into Go struct field Secret.data of type uint8",
    ),
    (SECRET, {"data": {"a": "YQ="}}, "illegal base64 data at input byte 3"),
    (SECRET, {"data": {"a": "YWJj*"}}, "illegal base64 data at input byte 4"),
    (
        LEASE,
        {"spec": {"renewTime": "2020-01-02T03:04:05Z"}},
        'parsing time "2020-01-02T03:04:05Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
    ),
    (
        CRD,
        {"spec": {"versions": [{"schema": {"openAPIV3Schema": {"additionalProperties": 1}}}]}},
        "boolean or JSON schema expected",
    ),
]


@pytest.mark.parametrize(("gvk", "members", "message"), WRONG)
def test_values_of_another_type(gvk: GroupVersionKind, members: dict[str, Any], message: str) -> None:
    assert refused(body(gvk, **members), gvk) == message


def test_a_custom_types_complaint_comes_before_a_wrong_type() -> None:
    schema = {"type": 5, "items": {"properties": 7}}
    versions = [{"schema": {"openAPIV3Schema": schema}}]
    assert refused(body(CRD, metadata={"name": 5}, spec={"versions": versions}), CRD) == (
        "json: cannot unmarshal number into Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema"
        ".items.properties of type map[string]v1.JSONSchemaProps"
    )
    spec = {"containers": [{"name": 5, "resources": {"limits": {"cpu": "x"}}}]}
    assert refused(body(POD, spec=spec), POD).startswith("quantities must match the regular expression")


def test_kinds_and_versions_that_do_not_fit() -> None:
    other = refused(b'{"apiVersion":"v1","kind":"Pod"}', DEPLOYMENT)
    assert other.endswith("converting (v1.Pod) to (apps.Deployment): unknown conversion")
    assert refused(b'{"apiVersion":"apps/v9","kind":"Deployment"}', DEPLOYMENT).endswith(
        'no kind "Deployment" is registered for version "apps/v9" in scheme "pkg/api/legacyscheme/scheme.go:30"'
    )
    assert refused(b'{"apiVersion":"extensions/v1beta1","kind":"Deployment"}', DEPLOYMENT) == (
        "the API version in the data (extensions/v1beta1) does not match the expected API version (apps/v1)"
    )
    assert refused(b'{"apiVersion":"extensions/v1beta1","kind":"Ingress"}', DEPLOYMENT).endswith(
        "converting (v1beta1.Ingress) to (apps.Deployment): unknown conversion"
    )
    assert refused(b'{"apiVersion":"v1","kind":"Pod"}', CRD).endswith(
        'in scheme "k8s.io/apiextensions-apiserver/pkg/apiserver/apiserver.go:55"'
    )
    hpa = GroupVersionKind("autoscaling", "v2", "HorizontalPodAutoscaler")
    assert refused(b'{"apiVersion":"autoscaling/v1","kind":"HorizontalPodAutoscaler"}', hpa) == (
        "the API version in the data (autoscaling/v1) does not match the expected API version (autoscaling/v2)"
    )
    assert "unexpected GroupVersion string: a/b/c" in refused(b'{"apiVersion":"a/b/c"}', DEPLOYMENT)


def test_kind_and_version_are_found_in_any_case_but_not_known_as_fields() -> None:
    decoded = decode(b'{"KIND":"Pod","apiversion":"v1"}', POD)
    assert decoded.gvk == POD
    assert decoded.strict_errors == ['unknown field "KIND"', 'unknown field "apiversion"']


def test_strict_errors_stand_in_the_order_of_the_document() -> None:
    data = (
        b'{"kind":"Pod","x":1,"metadata":{"name":"a","labels":{"l":"1","l":"2"},"name":"b"},'
        b'"spec":{"containers":[{"name":"c","Image":"i"}]},"apiVersion":"v1"}'
    )
    decoded = decode(data, POD)
    assert decoded.strict_errors == [
        'unknown field "x"',
        'duplicate field "metadata.labels.l"',
        'duplicate field "metadata.name"',
        'unknown field "spec.containers[0].Image"',
    ]
    assert decoded.object["metadata"] == {"name": "b", "labels": {"l": "2"}}


@pytest.mark.parametrize(
    ("data", "repeated"),
    [
        (b'{"a":1,"b":{"a":2}}', False),
        (b'{"a": "\\":", "b": 2}', False),
        (b'{"a":1,"a":2}', True),
        (b'{"a":1,"a" :2}', True),
        (b'{"a":1,"a"  :2}', True),
        (b'{"a":"b :c"}', False),
        (b'{"a":1,"a"\n:2}', True),
        (b'{"a\\\\":1,"a\\\\":2}', True),
    ],
)
def test_repeated_keys_are_never_missed(data: bytes, repeated: bool) -> None:
    assert repeats_keys(data, msgspec.json.decode(data)) is repeated


def test_objects_come_out_as_go_writes_them() -> None:
    spec = {
        "containers": [
            {"name": "c", "image": "", "env": [], "resources": {"limits": {"cpu": "0.5", "memory": 1024}}, "tty": False}
        ],
        "nodeSelector": {},
        "priority": 0,
        "hostNetwork": None,
    }
    decoded = decode(body(POD, metadata={"name": "p", "creationTimestamp": None}, spec=spec), POD)
    assert decoded.strict_errors == []
    assert decoded.object == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {
            "containers": [{"name": "c", "resources": {"limits": {"cpu": "500m", "memory": "1024"}}}],
            "priority": 0,
        },
        "status": {},
    }


def test_null_in_lists_and_maps_is_the_zero_value() -> None:
    decoded = decode(body(SECRET, metadata={"labels": {"a": None}, "finalizers": [None]}, data={"k": None}), SECRET)
    assert decoded.object["metadata"] == {"labels": {"a": ""}, "finalizers": [""]}
    assert decoded.object["data"] == {"k": ""}


def test_base64_is_written_anew() -> None:
    assert decode(body(SECRET, data={"k": "YW\nJj"}), SECRET).object["data"] == {"k": "YWJj"}
    assert decode(body(SECRET, data={"k": [97, None]}), SECRET).object["data"] == {"k": "YQA="}


def test_schemas_and_floats() -> None:
    schema = {"maximum": 10.0, "items": {"type": "string"}, "additionalProperties": False, "default": {"a": 1.5}}
    spec = {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": schema}}]}
    made = decode(body(CRD, spec=spec), CRD).object["spec"]["versions"][0]
    assert made["schema"]["openAPIV3Schema"] == {**schema, "maximum": 10}
    assert (made["served"], made["storage"]) == (False, False)


def test_what_a_type_keeps_raw_keeps_its_numbers() -> None:
    gvk = GroupVersionKind("apps", "v1", "ControllerRevision")
    decoded = decode(b'{"kind":"ControllerRevision","data":{"a":123456789012345678901234,"b":1.5},"x":1}', gvk)
    assert decoded.object["data"] == {"a": 123456789012345678901234, "b": 1.5}
    assert decode_any(b'{"a":9223372036854775808}', gvk).object == {"a": 9.223372036854775808e18}
    assert refused(b'{"kind":"ControllerRevision","data":{"a":1e400}}', gvk) == (
        "json: cannot unmarshal number 1e400 into Go value of type float64"
    )


def test_deep_documents_are_refused_and_do_no_harm() -> None:
    deep = b'{"type":"object","not":' * 4000 + b"{}" + b"}" * 4000
    spec = b'{"kind":"X","spec":{"versions":[{"schema":{"openAPIV3Schema":' + deep + b"}}]}}"
    assert refused(spec.replace(b'"X"', b'"CustomResourceDefinition"'), CRD) == "exceeded max depth"
    unknown = decode(b'{"kind":"Pod","x":' + b"[" * 9000 + b"]" * 9000 + b"}", POD)
    assert unknown.strict_errors == ['unknown field "x"']


def test_objects_without_a_type() -> None:
    gvk = GroupVersionKind("example.com", "v1", "Box")
    decoded = decode_any(b'{"spec":{"a":1,"a":{"b":[1.5,2.0]}}}', gvk)
    assert decoded.object == {"spec": {"a": {"b": [1.5, 2.0]}}}
    assert decoded.strict_errors == ['duplicate field "spec.a"']
    assert decoded.gvk == gvk
    with pytest.raises(APIError, match=r"number 1e999 into Go value of type float64"):
        decode_any(b'{"a":1e999}', gvk)


def test_documents_that_are_parsed_already() -> None:
    assert from_parsed({"data": {"a": "b"}, "x": 1}, GroupVersionKind("", "v1", "ConfigMap")).strict_errors == [
        'unknown field "x"'
    ]
    options = decode_into(b'{"gracePeriodSeconds":5}', GroupVersionKind("meta.k8s.io", "v1", "DeleteOptions"))
    assert options.object["gracePeriodSeconds"] == 5


def test_json_ends_with_a_line_break() -> None:
    assert encode({"a": [1]}) == b'{"a":[1]}\n'
    assert encode({"a": [1]}, pretty=True) == b'{\n  "a": [\n    1\n  ]\n}\n'
