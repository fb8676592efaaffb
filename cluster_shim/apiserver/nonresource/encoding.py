"""Documents that are no stored objects, as bytes of a media type."""

from __future__ import annotations

from typing import Any

import msgspec

from cluster_shim.apiserver.nonresource.accept import JSON, YAML
from cluster_shim.apiserver.request import Request

BROWSERS = ("curl", "Wget", "Mozilla/5.0")


def is_pretty(request: Request) -> bool:
    """Tell whether JSON gets line breaks: if asked for, or if a person seems to read."""
    if wish := request.param("pretty"):
        return wish.lower() not in ("false", "0")
    return request.header("user-agent").startswith(BROWSERS)


def encoded(document: dict[str, Any], media_type: str, pretty: bool) -> bytes:
    """Return a document in a media type."""
    if media_type == JSON:
        body = msgspec.json.encode(document)
        return (msgspec.json.format(body, indent=2) if pretty else body) + b"\n"
    from cluster_shim.api import codec

    if media_type == YAML:
        return codec.encode_yaml(document)
    return codec.encode_protobuf({"apiVersion": "v1", **document})
