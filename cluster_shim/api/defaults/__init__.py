"""What the server adds to objects: the defaults of a version, and what the way through its internal form leaves behind.

``apply(gvk, obj)`` changes a normalised object in place; doing it twice changes nothing more. What only happens on
creation or update (allocation, strategies, admission) is not here.
"""

from cluster_shim.api.defaults.walk import apply

__all__ = ["apply"]
