"""Webhooks and admission policies (admissionregistration.k8s.io)."""
