"""The packet tracer: what the rules of a backend in memory do with a packet, on every way that it may take.

The tracer reads rules; it neither makes them nor asks a kernel.
"""

from proxy_core.trace.build import walk_of
from proxy_core.trace.explain import Explanation, explain, packet_between
from proxy_core.trace.iptables import iptables_walk
from proxy_core.trace.ipvs import ipvs_walk
from proxy_core.trace.nft import nft_walk
from proxy_core.trace.outcome import Fate, Outcome, Step, Verdict, Way
from proxy_core.trace.packet import Memory, Packet, World, world_of
from proxy_core.trace.walk import Walk

__all__ = [
    "Explanation",
    "Fate",
    "Memory",
    "Outcome",
    "Packet",
    "Step",
    "Verdict",
    "Walk",
    "Way",
    "World",
    "explain",
    "iptables_walk",
    "ipvs_walk",
    "nft_walk",
    "packet_between",
    "walk_of",
    "world_of",
]
