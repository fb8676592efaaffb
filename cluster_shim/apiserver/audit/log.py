"""The audit log: a file that only its owner can read, and a new one when it has become large.

Upstream: ``--audit-log-path``, ``--audit-log-maxsize``, ``--audit-log-maxbackup``.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from cluster_shim.apiserver.audit.event import Event
from cluster_shim.apiserver.audit.policy import NONE, Policy
from cluster_shim.apiserver.request import Request

_log = logging.getLogger(__name__)

MAX_BYTES = 100 << 20


class AuditLogError(Exception):
    """The file cannot be opened."""


class AuditLog:
    """Writes the events of requests, a line each. The path ``-`` is standard output."""

    def __init__(
        self, path: str, policy: Policy, now: Callable[[], float], max_bytes: int = MAX_BYTES, backups: int = 0
    ) -> None:
        """Open the log. Raises AuditLogError."""
        self._path = Path(path)
        self._policy = policy
        self._now = now
        self._max_bytes = max_bytes
        self._backups = backups
        self._is_failing = False
        self._descriptor = sys.stdout.fileno() if path == "-" else self._open()
        self._size = 0 if path == "-" else os.fstat(self._descriptor).st_size
        self._rotates = path != "-"

    def begin(self, request: Request) -> Event | None:
        """Begin the event of a request whose user is known; None if the policy leaves it out."""
        scope = self._policy.scope(request.user, request.info)
        if scope.level == NONE:
            return None
        return Event(request, audit_id(request), scope, self._write, self._now)

    def close(self) -> None:
        """Close the file."""
        if self._rotates:
            os.close(self._descriptor)

    def _open(self) -> int:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise AuditLogError(f"audit log {self._path}: {error.strerror or error}") from error

    def _write(self, line: bytes) -> None:
        """Write a line; a log that cannot be written is reported once, requests go on."""
        try:
            if self._rotates and self._size + len(line) > self._max_bytes:
                self._rotate()
            os.write(self._descriptor, line)
            self._size += len(line)
            self._is_failing = False
        except (OSError, AuditLogError) as error:
            if not self._is_failing:
                _log.error("audit events are lost: %s: %s", self._path, error)
            self._is_failing = True

    def _rotate(self) -> None:
        time = datetime.fromtimestamp(self._now(), UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")[:-3]
        stem, suffix = self._path.stem, self._path.suffix
        self._path.rename(self._path.with_name(f"{stem}-{time}{suffix}"))
        descriptor = self._open()
        os.close(self._descriptor)
        self._descriptor, self._size = descriptor, 0
        if self._backups:
            old = sorted(self._path.parent.glob(f"{stem}-????-??-??T??-??-??.???{suffix}"))
            for path in old[: -self._backups]:
                path.unlink(missing_ok=True)


def audit_id(request: Request) -> str:
    """Return the id of a request in the log, which the answer has as header Audit-Id: the client's, or a new one."""
    return request.header("audit-id")[:64] or str(uuid4())
