"""A limit on time for code of others that runs in this process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TookTooLong(BaseException):
    """A time limit is over. No Exception: code of others that catches these does not catch this."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TookTooLong where the block is when so many seconds are over.

    Only Python code is stopped, not a loop in compiled code; in another thread than the main one there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
