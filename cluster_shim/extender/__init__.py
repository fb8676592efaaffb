"""HTTP transport to scheduler extenders: what `sched_core.Engine` takes as ``extenders``."""

from cluster_shim.extender.transport import connect

__all__ = ["connect"]
