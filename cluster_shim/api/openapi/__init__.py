"""OpenAPI documents of the API, made of the table of types and the catalogue of resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api.resources import Catalogue


def v3_paths(catalogue: Catalogue) -> list[str]:
    """Return the names of all documents of version 3: ``api/v1``, ``apis/apps/v1``."""
    from cluster_shim.api.openapi import v3

    return v3.paths(catalogue)


def v3_document(catalogue: Catalogue, path: str) -> dict[str, Any]:
    """Return a document of version 3 by its name. Raises KeyError if there is none."""
    from cluster_shim.api.openapi import v3

    return v3.document(catalogue, path)


def v2_document(catalogue: Catalogue) -> dict[str, Any]:
    """Return the document of version 2."""
    from cluster_shim.api.openapi import v2

    return v2.document(catalogue)


def v2_protobuf(document: Mapping[str, Any]) -> bytes:
    """Return a document of version 2 as protobuf."""
    from cluster_shim.api.openapi import gnostic_v2

    return gnostic_v2.encode(document)


def v3_protobuf(document: Mapping[str, Any]) -> bytes:
    """Return a document of version 3 as protobuf."""
    from cluster_shim.api.openapi import gnostic_v3

    return gnostic_v3.encode(document)
