"""Watchdog: ends a call into a plugin's file that takes too long, while a scheduler goes on using the plugin.

It looks at the stack of the thread that decides, a few times a second, so a call costs nothing. What has been in the
same call for too long gets an exception, which the cycle takes for one of the plugin's own: the pod stays pending with
it. Only Python code can be ended so: a loop in compiled code cannot, which is why loading tries it in another process.

A call may be in the engine's code when its time is over (a plugin can ask for dry runs); then the watchdog waits for
the plugin's own code, for once more the limit, so that nothing of the engine's is left half done.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from types import FrameType

import sched_core
from sched_core import StowageError

CALL_LIMIT_S = 5.0
"""An answer for all nodes takes milliseconds."""
_LOOKS = 8
"""So many times it looks while the limit lasts."""
_SOON_S = 0.001
"""When it looks again for the plugin's own code."""
_ENGINE = str(Path(sched_core.__file__).parent)


class CallTookTooLong(Exception):
    """A call into a plugin has been ended, and the attempt of one pod with it; the message says where it was."""


class CallHangs(StowageError):
    """A call into a plugin has been ended, and all that was to be done with the plugin."""


@contextmanager
def watching(
    files: Collection[Path], limit_s: float = CALL_LIMIT_S, error: type[BaseException] = CallTookTooLong
) -> Iterator[None]:
    """Watch the calls of this thread into the code of some files, and end those that take longer than ``limit_s``.

    ``error`` is raised where the call is (CallTookTooLong or CallHangs); code that catches it is ended again after as
    long.
    """
    if not files:
        yield
        return
    over = threading.Event()
    watchdog = _Watchdog(threading.get_ident(), frozenset(map(str, files)), limit_s, error, over)
    watchdog.start()
    try:
        yield
    finally:
        over.set()
        watchdog.join()


class _Watchdog(threading.Thread):
    def __init__(
        self, thread: int, files: frozenset[str], limit_s: float, error: type[BaseException], over: threading.Event
    ) -> None:
        super().__init__(name="plugin watchdog", daemon=True)
        self._thread, self._files, self._limit_s, self._error, self._over = thread, files, limit_s, error, over

    def run(self) -> None:
        """Look until it is over."""
        call: FrameType | None = None
        since, pause = monotonic(), self._limit_s / _LOOKS
        while not self._over.wait(pause):
            pause = self._limit_s / _LOOKS
            frames, in_engine = self._frames()
            if not frames:
                call = None
            elif frames[-1] is not call:
                call, since = frames[-1], monotonic()
            elif (lasted := monotonic() - since) > self._limit_s:
                if in_engine and lasted < 2 * self._limit_s:
                    pause = _SOON_S
                else:
                    self._end(frames[0])
                    since = monotonic()
            del frames

    def _frames(self) -> tuple[list[FrameType], bool]:
        """Return the frames of the thread that are in the files, the innermost first: the last one is the call.

        True if the innermost of them has called the engine.
        """
        frame, found, in_engine = sys._current_frames().get(self._thread), list[FrameType](), False
        while frame is not None:
            if frame.f_code.co_filename in self._files:
                found.append(frame)
            elif not found:
                in_engine |= frame.f_code.co_filename.startswith(_ENGINE)
            frame = frame.f_back
        return found, in_engine

    def _end(self, at: FrameType) -> None:
        """Have an exception raised in the thread when it next runs Python code, which is in the call."""
        where = f"{at.f_code.co_filename}:{at.f_lineno} in {at.f_code.co_name}"
        message = f"{where}: it is still running after {self._limit_s:g} s"
        # Only a class can be handed over, so the message is the class's.
        error = type(self._error.__name__, (self._error,), {"__str__": lambda self: message})
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), ctypes.py_object(error))
