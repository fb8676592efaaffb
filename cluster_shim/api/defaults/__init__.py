"""What the server adds to objects: the defaults of a version, and what the way through its internal form leaves behind.

``apply(gvk, obj)`` changes a normalised object in place; doing it twice changes nothing more. ``settle(gvk, obj)``
makes of an object, in place, what it is when it has been stored. What only happens on creation or update (allocation,
strategies, admission) is not here.
"""

from cluster_shim.api.defaults.walk import apply, settle

__all__ = ["apply", "settle"]
