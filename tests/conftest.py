"""Fixtures for all tests: where the repository is, and where the data beside it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("stowage", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("stowage")  # how fast this machine is today is no matter of tests

REPO = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repo() -> Path:
    """Return the root of the repository."""
    return REPO


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of specifications and data that lies beside the repository, or skip the test."""
    folder = REPO.parent / "shared"
    if not folder.is_dir():
        pytest.skip("there is no folder ../shared beside the repository")
    return folder


@pytest.fixture(scope="session")
def golden(shared: Path) -> Path:
    """Return the folder of expected scheduling decisions (``<family>.json.gz``), or skip the test."""
    folder = shared / "golden" / "sched"
    if not folder.is_dir():
        pytest.skip("there are no expected decisions in ../shared/golden/sched")
    return folder
