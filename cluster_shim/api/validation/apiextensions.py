"""Rules of CustomResourceDefinitions; they stand with everything else about custom resources (api/custom)."""

from __future__ import annotations

from cluster_shim.api.custom import definition
from cluster_shim.api.validation.rules import Rules

DEFINITION = Rules(definition.create, definition.update, {"status": definition.update_status})
