"""Definitions: validation of CustomResourceDefinitions. Upstream: apis/apiextensions/validation."""

from __future__ import annotations

from cluster_shim.api.custom.definition.validate import create, update, update_status, warnings

__all__ = ["create", "update", "update_status", "warnings"]
