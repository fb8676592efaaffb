"""Events of both groups."""

from __future__ import annotations

from cluster_shim.api import conversion
from cluster_shim.api.resources import GroupVersionKind
from cluster_shim.api.types import normalise

OLD = GroupVersionKind("", "v1", "Event")
NEW = GroupVersionKind("events.k8s.io", "v1", "Event")


def test_the_same_event_has_other_names() -> None:
    new = normalise(
        NEW,
        {
            "apiVersion": NEW.api_version,
            "kind": "Event",
            "metadata": {"name": "a"},
            "regarding": {"kind": "Pod", "name": "p"},
            "note": "text",
            "reason": "Pulled",
            "reportingController": "example.com/c",
            "eventTime": "2020-01-01T00:00:00.123456Z",
            "deprecatedCount": 2,
        },
    )
    old = conversion.convert(new, OLD)
    assert old == {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "a"},
        "involvedObject": {"kind": "Pod", "name": "p"},
        "message": "text",
        "reason": "Pulled",
        "reportingComponent": "example.com/c",
        "reportingInstance": "",
        "eventTime": "2020-01-01T00:00:00.123456Z",
        "source": {},
        "firstTimestamp": None,
        "lastTimestamp": None,
        "count": 2,
    }
    assert conversion.convert(old, NEW) == new
