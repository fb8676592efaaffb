"""The messages of etcd's API that a store needs, made from a table of their fields.

Only what is used is named; protobuf skips the rest. Enumerations are integers, and what upstream has in a `oneof` is
optional here: on the wire that is the same.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "stowage.etcd"
PUT_EVENT, DELETE_EVENT = 0, 1
EQUAL = 0
VERSION, MOD = 0, 2
"""What a comparison looks at."""

_FIELDS: dict[str, tuple[tuple[int, str, str], ...]] = {
    "KeyValue": (
        (1, "key", "bytes"),
        (2, "create_revision", "int64"),
        (3, "mod_revision", "int64"),
        (4, "version", "int64"),
        (5, "value", "bytes"),
        (6, "lease", "int64"),
    ),
    "Event": ((1, "type", "int32"), (2, "kv", "KeyValue")),
    "ResponseHeader": ((3, "revision", "int64"),),
    "RangeRequest": (
        (1, "key", "bytes"),
        (2, "range_end", "bytes"),
        (3, "limit", "int64"),
        (4, "revision", "int64"),
        (7, "serializable", "bool"),
        (8, "keys_only", "bool"),
        (9, "count_only", "bool"),
    ),
    "RangeResponse": ((1, "header", "ResponseHeader"), (2, "kvs", "*KeyValue"), (3, "more", "bool")),
    "PutRequest": ((1, "key", "bytes"), (2, "value", "bytes"), (3, "lease", "int64")),
    "DeleteRangeRequest": ((1, "key", "bytes"), (2, "range_end", "bytes")),
    "RequestOp": (
        (1, "request_range", "RangeRequest"),
        (2, "request_put", "PutRequest"),
        (3, "request_delete_range", "DeleteRangeRequest"),
    ),
    "ResponseOp": ((1, "response_range", "RangeResponse"),),
    "Compare": (
        (1, "result", "int32"),
        (2, "target", "int32"),
        (3, "key", "bytes"),
        (4, "version", "int64"),
        (6, "mod_revision", "int64"),
    ),
    "TxnRequest": ((1, "compare", "*Compare"), (2, "success", "*RequestOp"), (3, "failure", "*RequestOp")),
    "TxnResponse": ((1, "header", "ResponseHeader"), (2, "succeeded", "bool"), (3, "responses", "*ResponseOp")),
    "CompactionRequest": ((1, "revision", "int64"),),
    "CompactionResponse": ((1, "header", "ResponseHeader"),),
    "LeaseGrantRequest": ((1, "TTL", "int64"), (2, "ID", "int64")),
    "LeaseGrantResponse": ((1, "header", "ResponseHeader"), (2, "ID", "int64"), (3, "TTL", "int64")),
    "LeaseTimeToLiveRequest": ((1, "ID", "int64"),),
    "LeaseTimeToLiveResponse": (
        (1, "header", "ResponseHeader"),
        (2, "ID", "int64"),
        (3, "TTL", "int64"),
        (4, "grantedTTL", "int64"),
    ),
    "WatchCreateRequest": (
        (1, "key", "bytes"),
        (2, "range_end", "bytes"),
        (3, "start_revision", "int64"),
        (8, "fragment", "bool"),
    ),
    "WatchRequest": ((1, "create_request", "WatchCreateRequest"),),
    "WatchResponse": (
        (1, "header", "ResponseHeader"),
        (2, "watch_id", "int64"),
        (3, "created", "bool"),
        (4, "canceled", "bool"),
        (5, "compact_revision", "int64"),
        (6, "cancel_reason", "string"),
        (7, "fragment", "bool"),
        (11, "events", "*Event"),
    ),
}

METHODS: dict[str, tuple[str, str, str]] = {
    "range": ("/etcdserverpb.KV/Range", "RangeRequest", "RangeResponse"),
    "txn": ("/etcdserverpb.KV/Txn", "TxnRequest", "TxnResponse"),
    "compact": ("/etcdserverpb.KV/Compact", "CompactionRequest", "CompactionResponse"),
    "grant": ("/etcdserverpb.Lease/LeaseGrant", "LeaseGrantRequest", "LeaseGrantResponse"),
    "time_to_live": ("/etcdserverpb.Lease/LeaseTimeToLive", "LeaseTimeToLiveRequest", "LeaseTimeToLiveResponse"),
    "watch": ("/etcdserverpb.Watch/Watch", "WatchRequest", "WatchResponse"),
}
"""Path, request and response of each call."""


def _classes() -> dict[str, Any]:
    """Make the classes of the table."""
    file = descriptor_pb2.FileDescriptorProto(name="stowage/etcd.proto", package=PACKAGE, syntax="proto2")
    field_type = descriptor_pb2.FieldDescriptorProto
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for number, field, kind in fields:
            label = field_type.LABEL_REPEATED if kind.startswith("*") else field_type.LABEL_OPTIONAL
            described = message.field.add(name=field, number=number, label=label)
            if (of := kind.removeprefix("*")) in _FIELDS:
                described.type, described.type_name = field_type.TYPE_MESSAGE, f".{PACKAGE}.{of}"
            else:
                described.type = field_type.Type.Value(f"TYPE_{of.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in _FIELDS}


CLASSES = _classes()
"""The class of each message by its name."""


def range_end(prefix: bytes) -> bytes:
    """Return the end of the range of keys that begin with a prefix; of the empty prefix, that of all keys."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes([stem[-1] + 1]) if stem else b"\0"
