"""NodeRestriction: a kubelet changes its own node and its own pods, and nothing that decides where pods run."""

from cluster_shim.apiserver.admission.node_restriction.plugin import NodeRestriction

__all__ = ["NodeRestriction"]
