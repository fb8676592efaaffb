"""Edge: the machine on which a proxy works, as far as it is not the rules themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from cluster_shim.proxy.kernels import ListedKernels
from cluster_shim.proxy.setup import Setup
from proxy_core import KubeProxyConfiguration, Machine, ProxyState, Settings
from proxy_core.addresses import Family


class Edge(Protocol):
    """The real machine (machine.py), or one that a test makes up; everything raises KernelError where it cannot."""

    @property
    def kernels(self) -> ListedKernels:
        """What rules are written to."""

    def families(self, mode: str) -> Sequence[Family]:
        """Return the families that the machine has in a mode. Raises KernelError, with the remedy, if there is none."""

    def prepare(self, config: KubeProxyConfiguration) -> None:
        """Set what holds for all modes: the sysctls of conntrack."""

    def machine(self, mode: str) -> Machine:
        """Return what the settings of a mode depend on; after `prepare`."""

    def prepare_mode(self, of: Setup) -> None:
        """Set the sysctls of a mode, and make sure that it works."""

    def drop_rights(self, config: KubeProxyConfiguration) -> None:
        """Do what needs rights once, and give up those that are not needed any more."""

    def conntrack_cleaner(self, settings: Settings) -> Callable[[ProxyState], int] | None:
        """Return what deletes entries that are out of date and says how many; None if there is nothing like it."""

    def lost_rules(self, mode: str) -> Callable[[Family], bool] | None:
        """Return what tells whether somebody has flushed a family's rules; None for modes that cannot tell."""

    def packet_counters(self, of: Setup) -> Callable[[], Mapping[str, int]] | None:
        """Return what reads the kernel's counters of packets by name; None where rules have none."""

    def remove_leftovers(self, mode: str) -> Sequence[str]:
        """Remove the rules of all other modes; return what could not be removed, in words."""

    def remove_all(self) -> Sequence[str]:
        """Remove the rules of all modes; return what could not be removed, in words."""
