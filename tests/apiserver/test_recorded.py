"""The exchanges recorded beside the repository: a whole server answers them as kube-apiserver 1.36 did.

Each family is replayed by the program that lies beside the recordings, over TLS, against a server with an empty store.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from cluster_shim.apiserver.handlers import writing
from cluster_shim.apiserver.registry.identity import timestamp
from tests.apiserver.running import running

FAMILIES = {
    "admission": 166,
    "auth": 214,
    "crud": 1091,
    "defaulting": 202,
    "delete": 223,
    "list": 386,
    "options": 160,
    "patch-apply": 318,
    "patch-json": 287,
    "patch-merge": 233,
    "patch-strategic": 274,
    "protocol": 210,
    "services": 100,
    "subresources": 214,
    "table": 686,
    "update": 354,
    "validation": 637,
    "watch": 354,
}
"""Exchanges of each family; all must be answered as recorded."""

USERS = (
    't-admin,admin,uid-admin,"system:masters"\nt-alice,alice,uid-alice,"team-a,auditors"\nt-bob,bob,uid-bob,"team-b"\n'
)

PAUSE_SECONDS = 0.9


class PausesOnly:
    """A clock that goes on in pauses only.

    Managers of fields are in the order of their seconds; those that were recorded within one second must get the same
    one, however slow this machine is.
    """

    def __init__(self) -> None:
        """Begin now."""
        self._shown, self._asked = timestamp(), monotonic()

    def __call__(self) -> str:
        """Return the time, as objects have it."""
        before, self._asked = self._asked, monotonic()
        if self._asked - before > PAUSE_SECONDS:
            self._shown = timestamp()
        return self._shown


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_answered_as_recorded(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    replay, recorded = shared / "tools" / "apireplay.py", shared / "golden" / "api" / f"{family}.json.gz"
    if not replay.is_file() or not recorded.is_file():
        pytest.skip(f"there are no recorded exchanges of the family {family} in ../shared/golden/api")
    if family == "patch-apply":
        monkeypatch.setattr(writing, "timestamp", PausesOnly())
    server = running(
        tmp_path,
        users=USERS,
        authorization_mode=("RBAC",),
        aggregate_roles=False,
        service_cluster_ip_range=("10.96.0.0/12", "fd00:10:96::/112"),
        advertise_address="192.0.2.10",
    )
    with server as running_server:
        tokens = [f"--token={user}=t-{user}" for user in ("admin", "alice", "bob")]
        address = f"https://127.0.0.1:{running_server.port}"
        command = [sys.executable, str(replay), "--server", address, "--insecure", *tokens, str(recorded)]
        outcome = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert f"{FAMILIES[family]}/{FAMILIES[family]} exchanges" in outcome.stdout
