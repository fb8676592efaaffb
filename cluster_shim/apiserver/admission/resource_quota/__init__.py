"""ResourceQuota: what a namespace may use in all, charged before it is written."""

from cluster_shim.apiserver.admission.resource_quota.plugin import ResourceQuota

__all__ = ["ResourceQuota"]
