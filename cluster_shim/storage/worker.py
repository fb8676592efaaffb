"""A thread that does one thing after the other for an event loop: what waits for a disk happens here."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
Job = tuple[Callable[[], Any], Callable[[Any, BaseException | None], None]]


class Worker:
    """One thread and its queue. Made inside a running event loop, in which it reports."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[], Any], done: Callable[[Any, BaseException | None], None]) -> None:
        """Do a job after all that were submitted before; `done` is called in the loop with its result or its error."""
        self._jobs.put((job, done))

    async def run(self, job: Callable[[], T]) -> T:
        """Do a job after all that were submitted before, and wait for its result."""
        future: asyncio.Future[T] = self._loop.create_future()

        def done(result: Any, error: BaseException | None) -> None:
            if future.done():  # nobody waits any more
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        self.submit(job, done)
        return await future

    def _work(self) -> None:
        while (each := self._jobs.get()) is not None:
            job, done = each
            result, error = None, None
            try:
                result = job()
            except BaseException as raised:  # whatever it is, whoever waits in the loop must hear of it
                error = raised
            try:
                self._loop.call_soon_threadsafe(done, result, error)
            except RuntimeError:  # the loop is closed: nobody is there to be told
                return

    async def close(self) -> None:
        """Finish what was submitted and end the thread."""
        await self.run(lambda: None)
        self._jobs.put(None)
        self._thread.join()
