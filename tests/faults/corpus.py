"""Requests for a fuzzer: those of the recorded exchanges, with their variables filled in, and what spoils them."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

_REPEAT = re.compile(r"\$\{repeat:(.*?):(\d+)\}")
_VARIABLE = re.compile(r"\$\{[^}]*\}")


class Sample(NamedTuple):
    """One request as bytes, before HTTP's framing."""

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def scenarios(folder: Path) -> list[list[Sample]]:
    """Return the requests of all scenarios of all families."""
    found = []
    for file in sorted(folder.glob("*.json.gz")):
        with gzip.open(file) as stream:
            recorded = json.load(stream)["scenarios"]
        for scenario in recorded:
            found.append([_sample(step["request"]) for step in scenario["steps"] if "request" in step])
    return found


def _sample(request: dict[str, Any]) -> Sample:
    body = request.get("body")
    text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
    headers = {"Content-Type": "application/json", **(request.get("headers") or {})}
    pairs = [(name, one) for name, value in headers.items() for one in (value if isinstance(value, list) else [value])]
    filled = [(name.lower().encode(), _filled(value).encode()) for name, value in pairs if value is not None]
    return Sample(request["method"], _filled(request["path"]).encode(), tuple(filled), _filled(text).encode())


def _filled(text: str) -> str:
    text = _REPEAT.sub(lambda found: found[1] * min(int(found[2]), 300), text)
    return _VARIABLE.sub("1", text)


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW", "get")
MEDIA_TYPES = (
    b"application/json",
    b"application/yaml",
    b"application/vnd.kubernetes.protobuf",
    b"application/vnd.kubernetes.protobuf;stream=watch",
    b"application/cbor",
    b"application/json-patch+json",
    b"application/merge-patch+json",
    b"application/strategic-merge-patch+json",
    b"application/apply-patch+yaml",
    b"application/json;as=Table;g=meta.k8s.io;v=v1",
    b"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    b"text/plain",
    b"*/*;q=nan",
    b"",
)
QUERIES = (
    "watch=1&timeoutSeconds=1", "limit=-1", "limit=99999999999999999999", "continue=eyJ2Ijoi", "continue=%ff",
    "resourceVersion=-1", "resourceVersion=abc", "resourceVersion=0&resourceVersionMatch=Exact",
    "resourceVersion=18446744073709551616", "labelSelector=a in (", "labelSelector=%00", "labelSelector=a=b=c",
    "fieldSelector=metadata.name=", "fieldSelector=spec.nodeName!=x,", "fieldManager=%ef%bf%bd", "dryRun=All",
    "dryRun=None", "fieldValidation=Strict", "force=true&fieldManager=f", "propagationPolicy=Maybe",
    "gracePeriodSeconds=-5", "gracePeriodSeconds=x", "sendInitialEvents=true", "timeout=1y", "timeout=0s", "pretty=1",
    "includeObject=Everything", "allowWatchBookmarks=true&watch=true&timeoutSeconds=1", "&&==&%", "a;b=c",
    "watch=1&timeoutSeconds=-1", "follow=1&tailLines=-3", "ignoreStoreReadErrorWithClusterBreakingPotential=true",
)  # fmt: skip
HEADERS = (
    (b"accept", b"application/json;q=1e999"), (b"accept", b",;,;="), (b"accept-encoding", b"gzip, br;q=0"),
    (b"content-encoding", b"gzip"), (b"impersonate-user", b"\xff\xfe"), (b"impersonate-user", b"bob"),
    (b"impersonate-group", b"system:masters"), (b"impersonate-extra-%zz", b"1"), (b"impersonate-uid", b"7"),
    (b"authorization", b"Bearer "), (b"authorization", b"Bearer a.b.c"), (b"authorization", b"Bearer \x80.\xff."),
    (b"authorization", b"Basic Zm9v"), (b"if-none-match", b'"*'), (b"if-match", b"*"), (b"user-agent", b"\xc3\x28"),
    (b"user-agent", b"x" * 5000), (b"connection", b"Upgrade"), (b"upgrade", b"SPDY/3.1"), (b"range", b"bytes=5-1"),
    (b"sec-websocket-protocol", b"v5.channel.k8s.io"), (b"x-forwarded-for", b"not an address"), (b"cookie", b"=" * 99),
)  # fmt: skip
SEGMENTS = (
    "", "..", ".", "%2f", "%00", "%ff", "%", "namespaces", "pods", "status", "scale", "finalize", "proxy", "watch",
    "*", "a" * 300, "\u00e9", "token", "eviction", "binding", "log", "exec", "api", "apis", "v1", "apps", "default",
)  # fmt: skip
NAMES = (
    "metadata", "spec", "status", "name", "namespace", "kind", "apiVersion", "labels", "annotations", "finalizers",
    "ownerReferences", "managedFields", "uid", "resourceVersion", "$patch", "$retainKeys", "$deleteFromPrimitiveList/x",
    "$setElementOrder/containers", "op", "path", "value", "from", "\u0000", "", "items", "containers", "template",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e308, -0.0, 2**31, 2**63, -(2**63) - 1, 10**400, "", "x", "\u0000", "\ud83d\ude00",
    "\u202e", "a" * 70, "1Gi", "1e99Ei", "-1m", "2020-01-01T00:00:00Z", "99999-01-01T00:00:00Z", "10.0.0.1", "::ffff",
    "/a/~2", "/-", "/metadata/labels/x", [], {}, [None], [[]], [{}], {"": {}}, {"name": None}, [1, "a", None, {}, []],
    {"$patch": "replace"}, {"$patch": 7}, [{"$patch": "delete"}], {"matchLabels": {"/": "/"}}, "v1", "Pod", "ALL",
    {"matchExpressions": [{"key": "a", "operator": "Has"}]}, {"cpu": "x"}, {"f:metadata": {"f:name": {"k:{": {}}}},
)  # fmt: skip


def spoiled(dice: random.Random, sample: Sample, others: list[Sample]) -> Sample:
    """Return a request in which one to three things are wrong."""
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        sample = dice.choices(SPOILERS, WEIGHTS)[0](dice, sample, others)
    return sample


def _method(dice: random.Random, sample: Sample, _: list[Sample]) -> Sample:
    return sample._replace(method=dice.choice(METHODS))


def _path(dice: random.Random, sample: Sample, _: list[Sample]) -> Sample:
    path, mark, query = sample.target.partition(b"?")
    parts = path.split(b"/")
    at, piece = dice.randrange(len(parts)), dice.choice(SEGMENTS).encode()
    match dice.randrange(4):
        case 0:
            parts[at] = piece
        case 1:
            parts.insert(at, piece)
        case 2:
            del parts[at]
        case 3:
            parts.append(piece)
    return sample._replace(target=b"/" + b"/".join(parts).lstrip(b"/") + mark + query)


def _query(dice: random.Random, sample: Sample, _: list[Sample]) -> Sample:
    path, query = sample.target.split(b"?", 1) if b"?" in sample.target else (sample.target, b"")
    pairs = [each for each in query.split(b"&") if each]
    pairs.insert(dice.randrange(len(pairs) + 1), dice.choice(QUERIES).encode())
    return sample._replace(target=path + b"?" + b"&".join(pairs).replace(b" ", b"%20"))


def _header(dice: random.Random, sample: Sample, _: list[Sample]) -> Sample:
    return sample._replace(headers=(*sample.headers, dice.choice(HEADERS)))


def _media_type(dice: random.Random, sample: Sample, _: list[Sample]) -> Sample:
    name = dice.choice((b"content-type", b"accept"))
    kept = [each for each in sample.headers if each[0] != name]
    return sample._replace(headers=(*kept, (name, dice.choice(MEDIA_TYPES))))


def _swap(dice: random.Random, sample: Sample, others: list[Sample]) -> Sample:
    return sample._replace(body=dice.choice(others).body)


def _bytes(dice: random.Random, sample: Sample, _: list[Sample]) -> Sample:
    body = bytearray(sample.body or b"{}")
    for _time in range(dice.randrange(1, 5)):
        at = dice.randrange(len(body) + 1)
        match dice.randrange(4):
            case 0:
                body[at : at + 1] = dice.randbytes(1)
            case 1:
                del body[at : at + dice.randrange(1, 20)]
            case 2:
                body[at:at] = dice.choice((b'"', b"{", b"}", b"]", b",", b"\x00", b"\xff", b"&a *a", b"!!x", b"\n- "))
            case 3:
                body[at:at] = body[max(0, at - dice.randrange(1, 60)) : at]
    return sample._replace(body=bytes(body))


def _value(dice: random.Random, sample: Sample, _: list[Sample]) -> Sample:
    """Put something else in a place of the document, or something more, or less."""
    try:
        document = json.loads(sample.body)
    except ValueError:
        return sample
    places = list(_places(document))
    if not places:
        return sample
    holder, key = dice.choice(places)
    match dice.randrange(5):
        case 0 | 1:
            holder[key] = dice.choice(VALUES)
        case 2:
            del holder[key]
        case 3 if isinstance(holder, dict):
            holder[dice.choice(NAMES)] = dice.choice(VALUES)
        case 3:
            holder.append(dice.choice(VALUES))
        case _:
            holder[key] = json.loads(json.dumps(dice.choice(places)[0]))
    return sample._replace(body=json.dumps(document).encode())


def _places(value: Any) -> Any:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


Spoil = Callable[[random.Random, Sample, list[Sample]], Sample]
SPOILERS: tuple[Spoil, ...] = (_value, _bytes, _path, _query, _header, _media_type, _method, _swap)
WEIGHTS = (8, 3, 3, 3, 2, 2, 1, 1)
