"""Hooks by the name that rows of the table have for them."""

from __future__ import annotations

from collections.abc import Mapping

from cluster_shim.apiserver.registry.strategies import cluster, pods, requests, volumes, workloads
from cluster_shim.apiserver.registry.strategies.strategy import Hooks

HOOKS: Mapping[str, Hooks] = {**cluster.HOOKS, **pods.HOOKS, **requests.HOOKS, **volumes.HOOKS, **workloads.HOOKS}
