"""Webhooks: admission that programs elsewhere do, asked over HTTPS (AdmissionReview v1 and v1beta1)."""

from cluster_shim.apiserver.admission.webhook.mutating import MutatingAdmissionWebhook
from cluster_shim.apiserver.admission.webhook.validating import ValidatingAdmissionWebhook

__all__ = ["MutatingAdmissionWebhook", "ValidatingAdmissionWebhook"]
