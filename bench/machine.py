"""What the numbers were measured on: processor, memory, kernel and versions; and the peak memory of this process."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from msgspec import Struct

UNKNOWN = "unknown"


class Machine(Struct, frozen=True, kw_only=True):
    """A machine and the software on it that decides about speed."""

    cpu: str
    cores: int
    """How many this process may use."""
    memory_bytes: int
    kernel: str
    python: str
    numba: str
    numpy: str

    def __str__(self) -> str:
        memory = f"{self.memory_bytes / 2**30:.0f} GiB"
        software = f"Python {self.python}, numba {self.numba}, numpy {self.numpy}"
        return f"{self.cpu}, {self.cores} cores, {memory}, Linux {self.kernel}, {software}"

    def same_hardware(self, other: Machine) -> bool:
        """Tell whether timings of two machines may be held against each other."""
        return (self.cpu, self.cores) == (other.cpu, other.cores)


def this_machine() -> Machine:
    """Read what this process runs on."""
    return Machine(
        cpu=_cpu_model(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        kernel=platform.release(),
        python=platform.python_version(),
        numba=_version("numba"),
        numpy=_version("numpy"),
    )


def stowage_version() -> str:
    """Return the version of the distribution; ``unknown`` when run from a folder without being installed."""
    return _version("stowage")


def peak_rss_bytes() -> int:
    """Return the most memory that this process has held so far.

    Linux's VmHWM; ``getrusage`` would include what the parent held when it forked.
    """
    return _status("VmHWM:")


def rss_bytes() -> int:
    """Return the memory that this process holds now."""
    return _status("VmRSS:")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model", "cpu model") and value.strip():
            return value.strip()
    return platform.machine() or UNKNOWN


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return UNKNOWN
