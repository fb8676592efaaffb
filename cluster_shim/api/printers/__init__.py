"""What tables show of objects (``kubectl get``), and objects cut down to their metadata."""

from __future__ import annotations

from cluster_shim.api.printers.table import check_include_object, columns, partial, partial_list, table

__all__ = ["check_include_object", "columns", "partial", "partial_list", "table"]
