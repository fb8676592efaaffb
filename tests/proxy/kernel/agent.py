"""What runs inside the guest: waits for the name of a test, runs it in its own network namespace, writes the result.

It is started by the guest's first process and talks with `guest.py` over the console (numbers of requests) and a folder
of the host (requests and results). Not imported on the host.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import subprocess
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

_NEW_NETWORK = 0x40000000
_LINE = 600
"""Characters of a line of a traceback that are shown: it tells the values of variables."""


def main(folder: Path) -> None:
    """Serve requests until the console closes."""
    print("agent ready", flush=True)
    for line in sys.stdin:
        number = line.strip()
        if not number:
            return
        request = json.loads((folder / f"{number}.request").read_text(encoding="utf-8"))
        with suppress(Exception):  # it fails again where that is reported
            importlib.import_module(request["module"])  # once for all tests of a module: imports are slow here
        child = os.fork()
        if child == 0:
            try:
                _serve(folder, number, request)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        print(f"agent done {number}", flush=True)


def _serve(folder: Path, number: str, request: dict[str, Any]) -> None:
    log = os.open(folder / f"{number}.log", os.O_WRONLY | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        if ctypes.CDLL(None).unshare(_NEW_NETWORK) != 0:
            raise OSError("no network namespace")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        test = getattr(importlib.import_module(request["module"]), request["function"])
        test.__wrapped__(**request["arguments"])
        result = ""
    except BaseException as failed:
        found = traceback.TracebackException.from_exception(failed, capture_locals=True).format()
        result = "\n".join(line[:_LINE] for line in "".join(found).splitlines())
    sys.stdout.flush()
    (folder / f"{number}.result").write_text(result, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
