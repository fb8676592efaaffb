"""A guest: user-mode Linux with ip_vs, dummy devices and ipset, whose root is the machine's own files, read-only.

`in_guest` marks tests that run inside; all of a session share one boot (about 2 s), each has a network namespace of its
own. Arguments travel as JSON. Where the program is missing, or does not know the registers of the processor, the tests
are skipped; a guest that does not come up for another reason is an error.
"""

from __future__ import annotations

import inspect
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path("/usr/bin/linux.uml")
MODULES = Path("/usr/lib/uml/modules")
_REPO = Path(__file__).resolve().parents[3]
_MEMORY_MIB = 1024
_BOOT_SECONDS = 90.0
_TOO_MANY_REGISTERS = b"ptrace set fp regs failed"
"""What it says, and goes down, where the registers of a process are more than it has room for: 2,696 bytes in Linux
6.1, while those of processors with AMX take 11,008."""
_LOADED = (
    "dummy veth bridge ip_vs ip_vs_rr ip_set ip_set_hash_ip ip_set_hash_ipport ip_set_hash_ipportip "
    "ip_set_hash_ipportnet ip_set_bitmap_port nf_conntrack_netlink iptable_nat iptable_filter ip6table_nat "
    "ip6table_filter xt_set xt_ipvs xt_comment xt_mark xt_conntrack xt_addrtype xt_physdev xt_tcpudp xt_MASQUERADE "
    "ipt_REJECT ip6t_REJECT"
)
"""Loaded by one program; each that the kernel must ask for later takes a program of its own."""

# Modules are looked for below a folder with another name than on the host: modprobe takes -d, and the kernel, which
# calls it for what is loaded on demand (schedulers, matches), takes a script. The guest ends with the process that
# booted it, however that ends: the closed console alone does not tell it.
_FIRST_PROCESS = """\
#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/run LANG=C.UTF-8
export PYTHONDONTWRITEBYTECODE=1 TMPDIR=/run/tmp
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mount -t devtmpfs devtmpfs /dev 2>/dev/null
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
mkdir -p /run/tmp /run/lock /run/host /run/modules/lib /run/netns
ln -s {modules} /run/modules/lib/modules
printf '#!/bin/sh\\nexec modprobe -d /run/modules "$@"\\n' > /run/modprobe
chmod +x /run/modprobe
echo /run/modprobe > /proc/sys/kernel/modprobe
/run/modprobe -a {loaded}
mount -t hostfs none /run/host -o {folder}
mkdir /run/parent
mount -t hostfs none /run/parent -o /proc/{parent}
(while [ -e /run/parent/comm ]; do sleep 1; done; echo o > /proc/sysrq-trigger) &
cd {repo} && {python} -m tests.proxy.kernel.agent /run/host
echo o > /proc/sysrq-trigger
sleep 5
"""


class Guest:
    """A guest that is up; `run` runs one test function in it."""

    def __init__(self, folder: Path) -> None:
        """Boot it, with everything temporary in `folder`."""
        self._folder = folder
        self._count = 0
        self._console = b""
        first = folder / "init"
        first.write_text(
            _FIRST_PROCESS.format(
                modules=MODULES,
                loaded=_LOADED,
                folder=folder,
                repo=_REPO,
                python=sys.executable,
                parent=os.getpid(),
            ),
            encoding="utf-8",
        )
        first.chmod(0o755)
        # The guest's memory is a file; on a disk it would be written back all the time.
        shared = Path("/dev/shm")
        roomy = shared.is_dir() and shutil.disk_usage(shared).free > 2 * _MEMORY_MIB << 20
        self._process = subprocess.Popen(
            [
                str(PROGRAM),
                f"mem={_MEMORY_MIB}M",
                "rootfstype=hostfs",
                "ro",
                "quiet",
                f"init={first}",
                f"uml_dir={folder}/",
                "umid=guest",
                "con=null",
                "con0=fd:0,fd:1",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # its children outlive it: all are ended by their group
            env={**os.environ, "TMPDIR": str(shared if roomy else folder)},
        )
        try:
            self._wait_for(b"agent ready", _BOOT_SECONDS)
        except BaseException:
            self.close()
            raise

    def run(self, module: str, function: str, arguments: dict[str, Any], seconds: float) -> str:
        """Run a test inside; return what it printed. Fails with its traceback."""
        self._count += 1
        name = f"{self._count:04}"
        request = {"module": module, "function": function, "arguments": arguments}
        (self._folder / f"{name}.request").write_text(json.dumps(request), encoding="utf-8")
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name}\n".encode())
        self._process.stdin.flush()
        log = self._folder / f"{name}.log"
        self._wait_for(f"agent done {name}".encode(), seconds, log)
        printed = log.read_text(encoding="utf-8", errors="replace")
        result = self._folder / f"{name}.result"
        failure = result.read_text(encoding="utf-8") if result.exists() else "the test's process ended without a result"
        if failure:
            pytest.fail(f"in the guest:\n{printed}\n{failure}", pytrace=False)
        return printed

    def close(self) -> None:
        """End it with all its processes."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _wait_for(self, words: bytes, seconds: float, log: Path | None = None) -> None:
        assert self._process.stdout is not None
        until = time.monotonic() + seconds
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            while words not in self._console:
                data = b""
                if ready.select(max(0.0, until - time.monotonic())):
                    data = os.read(self._process.stdout.fileno(), 1 << 16)
                if _TOO_MANY_REGISTERS in self._console + data:
                    pytest.skip("user-mode Linux of this version has no room for the registers of this processor (AMX)")
                if not data:
                    said = self._console + (log.read_bytes() if log is not None and log.exists() else b"")
                    pytest.fail(
                        f"the guest did not say {words.decode()!r} in {seconds:.0f} s, but:\n"
                        f"{said.decode(errors='replace')}",
                        pytrace=False,
                    )
                self._console += data


def missing() -> str:
    """Return why there is no guest; empty if there can be one."""
    if not PROGRAM.exists():
        return f"there is no {PROGRAM} (package user-mode-linux)"
    if shutil.which("modprobe") is None:
        return "there is no modprobe (package kmod)"
    return ""


def in_guest(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that runs inside the guest, within a minute; its arguments must be JSON, and it takes no fixtures."""
    return in_guest_within(60.0)(test)


def in_guest_within(seconds: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Mark a test that runs inside the guest and may take longer."""

    def mark(test: Callable[..., None]) -> Callable[..., None]:
        @wraps(test)
        def outside(guest: Guest, **arguments: Any) -> None:
            print(guest.run(test.__module__, test.__name__, arguments, seconds), end="")

        names = inspect.signature(test).parameters.values()
        fixture = inspect.Parameter("guest", inspect.Parameter.KEYWORD_ONLY)
        keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in names]
        outside.__signature__ = inspect.Signature([*keywords, fixture])  # type: ignore[attr-defined]
        return outside

    return mark
