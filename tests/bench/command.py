"""The command ``stowage bench`` as tests run it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

PROGRAM = "from cluster_shim.cli.main import main; main()"


class Done(NamedTuple):
    """What a command left: exit status and both streams."""

    status: int
    stdout: str
    stderr: str


Stowage = Callable[..., Done]
"""``stowage(*args, stdin=None)`` runs ``stowage bench ARGS``."""
