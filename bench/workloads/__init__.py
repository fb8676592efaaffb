"""Workloads: what the benchmark schedules, and onto what.

Synthetic clusters and pods (from a seed), production lists in the openb format, and Kubernetes objects from files all
become one ``Workload``. No module here schedules anything.
"""
