"""Devices and claims for them (resource.k8s.io)."""
