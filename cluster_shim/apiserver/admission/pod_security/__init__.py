"""PodSecurity: which rights on their node the pods of a namespace may ask for, by labels of the namespace."""

from cluster_shim.apiserver.admission.pod_security.plugin import PodSecurity

__all__ = ["PodSecurity"]
