"""Protobuf: against bytes of a real server, and against google.protobuf with messages made from the table of facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from cluster_shim.api import codec, defaults
from cluster_shim.api.codec import protobuf
from cluster_shim.api.errors import APIError
from cluster_shim.api.resources import GroupVersionKind
from cluster_shim.api.types import settle, type_of
from tests.api.exchanges import written

POD = GroupVersionKind("", "v1", "Pod")
STATUS = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": 'pods "nope" not found',
    "reason": "NotFound",
    "details": {"name": "nope", "kind": "pods"},
    "code": 404,
}
STATUS_BYTES = (
    b"k8s\x00\n\x0c\n\x02v1\x12\x06Status\x12I\n\x06\n\x00\x12\x00\x1a\x00\x12\x07Failure"
    b'\x1a\x15pods "nope" not found"\x08NotFound*\x12\n\x04nope\x12\x00\x1a\x04pods(\x002\x000\x94\x03\x1a\x00"\x00'
)

SCALARS = {
    name: getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{name.upper()}")
    for name in ("string", "bytes", "bool", "int32", "int64", "double")
}
LABELS = {"optional": 1, "required": 2, "repeated": 3, "map": 3}


@pytest.fixture(scope="module")
def pool(shared: Path) -> descriptor_pool.DescriptorPool:
    """Return all messages of the table, each package as a file of its own in one file."""
    table = json.loads((shared / "tables" / "protobuf_fields.json").read_text())
    made = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name="all.proto", syntax="proto2")
    for name, rows in table.items():
        message = file.message_type.add(name=name.replace(".", "_"))
        for number, row in enumerate(rows):
            add_field(message, name, f"f{number}", row)
    made.Add(file)
    return made


def add_field(message: Any, owner: str, name: str, row: list[Any]) -> None:
    _, number, kind, label = row
    field = message.field.add(name=name, number=number, label=LABELS[label])
    if label == "map":
        _, _, value = kind[4:-1].partition(",")
        entry = message.nested_type.add(name=f"{name.upper()}Entry")
        entry.options.map_entry = True
        set_type(entry.field.add(name="key", number=1, label=1), owner, "string")
        set_type(entry.field.add(name="value", number=2, label=1), owner, value.strip())
        field.type = field.TYPE_MESSAGE
        field.type_name = f".{message.name}.{entry.name}"
    else:
        set_type(field, owner, kind)


def set_type(field: Any, owner: str, kind: str) -> None:
    if kind in SCALARS:
        field.type = SCALARS[kind]
        return
    full = kind[1:] if kind.startswith(".") else f"{owner.rpartition('.')[0]}.{kind}"
    field.type = field.TYPE_MESSAGE
    field.type_name = f".{full.replace('.', '_')}"


def message_name(gvk: GroupVersionKind) -> str:
    found = type_of(gvk)
    assert found is not None
    return "k8s." + found.model.removeprefix("io.k8s.").replace("k8s.io", "").replace("-", "_")


def has_unknown_fields(message: Message) -> bool:
    if len(UnknownFieldSet(message)):
        return True
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        if any(has_unknown_fields(each) for each in ([value] if isinstance(value, Message) else value)):
            return True
    return False


@pytest.mark.parametrize("family", ["crud", "defaulting", "table"])
def test_objects_survive_googles_implementation(
    shared: Path, pool: descriptor_pool.DescriptorPool, family: str
) -> None:
    folder = shared / "golden" / "api"
    if not folder.is_dir():
        pytest.skip("there are no exchanges in ../shared/golden/api")
    kinds = set()
    for exchange in written(folder, (family,)):
        if exchange.status != 201 or exchange.content_type != codec.JSON or b"${" in exchange.body:
            continue
        decoded = codec.decode(exchange.body, codec.JSON, exchange.gvk)
        defaults.apply(decoded.gvk, decoded.object)
        settle(decoded.gvk, decoded.object)
        data = protobuf.encode_message(decoded.gvk, decoded.object)
        name = f"k8s.io.{message_name(decoded.gvk).removeprefix('k8s.')}".replace(".", "_")
        message = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))()
        message.ParseFromString(data)
        assert not has_unknown_fields(message), exchange.where
        again = message.SerializeToString(deterministic=True)
        assert again == data, exchange.where
        body = protobuf.envelope(decoded.gvk, again)
        read = protobuf.decode(body, decoded.gvk).object
        settle(decoded.gvk, read)
        assert without_claim_kinds(read) == without_claim_kinds(decoded.object)
        kinds.add(decoded.gvk)
    assert len(kinds) > 10


def without_claim_kinds(obj: dict[str, Any]) -> dict[str, Any]:
    """Leave out what claim templates say of themselves: it does not travel, and is put in by the defaults."""
    spec = obj.get("spec", {})
    for each in spec.get("volumeClaimTemplates", ()) if isinstance(spec, dict) else ():
        each.pop("kind", None)
        each.pop("apiVersion", None)
    return obj


def test_a_status_as_a_real_server_writes_it() -> None:
    assert codec.encode_protobuf(STATUS) == STATUS_BYTES
    assert protobuf.decode(STATUS_BYTES, GroupVersionKind("", "v1", "Status")).object == STATUS


def test_frames() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": []}, "status": {}}
    frame = protobuf.watch_frame("ADDED", codec.encode_protobuf(pod))
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    assert frame[4:13] == b"\n\x05ADDED\x12" + frame[12:13]


def test_negative_numbers_floats_and_unions() -> None:
    crd = GroupVersionKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
    schema = {
        "maximum": 1.5,
        "minimum": -3,
        "items": {"type": "string"},
        "additionalProperties": {"type": "object"},
        "dependencies": {"a": ["b"], "c": {"type": "x"}},
        "default": {"x": [1, None]},
        "enum": [1, "a"],
    }
    spec = {"group": "g", "versions": [{"name": "v1", "schema": {"openAPIV3Schema": schema}}], "names": {"plural": "p"}}
    body = json.dumps({"kind": crd.kind, "apiVersion": crd.api_version, "spec": spec}).encode()
    obj = codec.decode(body, codec.JSON, crd).object
    assert codec.decode(codec.encode_protobuf(obj), codec.PROTOBUF, crd).object == obj


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty data (<empty>)"),
        (b"{}", "expected prefix [107 56 115 0] ({})"),
        (b"k8s\x00", "empty body (6b387300)"),
        (b"k8s\x00\x0a\xff", "unexpected EOF (6b3873000aff)"),
    ],
)
def test_what_is_no_envelope(data: bytes, message: str) -> None:
    with pytest.raises(APIError) as caught:
        codec.decode(data, codec.PROTOBUF, POD)
    assert caught.value.message.endswith(message)


def test_broken_messages_are_refused() -> None:
    body = codec.encode_protobuf(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "abc"}, "spec": {}, "status": {}}
    )
    raw = protobuf.open_envelope(body, POD)[1]
    for cut in range(1, len(raw)):
        try:
            protobuf.decode(protobuf.envelope(POD, raw[:cut]), POD)
        except APIError as error:
            assert error.code == 400
    for wrong in (b"\x08\x01", b"\x0a\x03\x42\x01\x08", b"\x0a\x04\x42\x02\x0a\x00"):  # metadata, its time, its seconds
        with pytest.raises(APIError, match=r"wrong wireType|unexpected EOF"):
            protobuf.decode(protobuf.envelope(POD, wrong), POD)
