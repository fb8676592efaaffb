"""Edge: the machine on which a proxy works, as far as it is not the rules themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from cluster_shim.proxy.kernels import Kernels
from cluster_shim.proxy.setup import Setup
from proxy_core import KubeProxyConfiguration, Machine, NodeInfo, ProxyState, Settings
from proxy_core.addresses import Family


class Edge(Protocol):
    """The real machine (machine.py), or one that a test makes up; everything raises KernelError where it cannot."""

    @property
    def kernels(self) -> Kernels:
        """What rules are written to."""

    def families(self, mode: str) -> Sequence[Family]:
        """Return the families that the machine has in a mode. Raises KernelError, with the remedy, if there is none."""

    def machine(self, node: NodeInfo) -> Machine:
        """Return what settings need to know."""

    def prepare(self, of: Setup) -> None:
        """Set the sysctls of a mode."""

    def drop_rights(self, config: KubeProxyConfiguration) -> None:
        """Do what needs rights once, and give up those that are not needed any more."""

    def conntrack_cleaner(self, settings: Settings) -> Callable[[ProxyState], int] | None:
        """Return what deletes entries that are out of date and says how many; None if there is nothing like it."""

    def lost_rules(self, mode: str) -> Callable[[Family], bool] | None:
        """Return what tells whether somebody has flushed a family's rules; None for modes that cannot tell."""

    def remove_leftovers(self, mode: str) -> Sequence[str]:
        """Remove the rules of all other modes; return what could not be removed, in words."""

    def remove_all(self) -> Sequence[str]:
        """Remove the rules of all modes; return what could not be removed, in words."""
