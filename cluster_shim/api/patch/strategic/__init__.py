"""Strategic merge patch: lists are merged by a key that the type names, directives say what else is to be done."""

from cluster_shim.api.patch.strategic.merge import apply, decoded

__all__ = ["apply", "decoded"]
