"""What was measured of one mode at one size, with the machine it was measured on."""

from __future__ import annotations

from msgspec import Struct

from bench.machine import Machine


class Result(Struct, frozen=True, kw_only=True):
    """One run; times are of the wall clock. ``None``: not measured."""

    mode: str
    services: int
    endpoints: int
    """Of each service."""
    family: str
    kernel: bool
    """False: rendered only, nothing was written to a kernel."""
    first_load_seconds: float
    """The first sync, which writes everything; the objects were known before it."""
    first_load_kernel_seconds: float
    """What the kernel, or the program that talks to it, took of that; encoding is counted here."""
    first_load_cpu_seconds: float
    changes: int
    change_ms_p50: float
    """From the new EndpointSlice, one endpoint of it with another address, to the rules in force."""
    change_ms_p99: float
    change_kernel_ms_p50: float
    service_add_ms_p50: float
    service_remove_ms_p50: float
    first_packet_us_p50: float | None
    """A new TCP connection through a service, chosen at random, to an endpoint on the same machine."""
    first_packet_us_p99: float | None
    direct_us_p50: float | None
    """The same without a service."""
    rss_bytes: int
    """Held by the process after the last change."""
    peak_rss_bytes: int
    cut_short: bool = False
    """Fewer changes than asked for were made, because they took too long."""
    version: str
    created: str
    machine: Machine
