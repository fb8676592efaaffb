"""What a person sees of any command: consoles, plain tables, notices, and progress where stderr is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID
    from rich.table import Table

SHOW_AFTER_S, WORTH_SHOWING_S = 0.4, 2.0
WIDTH = 110


def console(stderr: bool = False) -> Console:
    """Return a console; where the output is not a terminal, lines are WIDTH long."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else WIDTH, highlight=False)


def notice(text: str) -> None:
    """Write one line to stderr."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show that something without a known end goes on."""
    if not sys.stderr.isatty():
        yield
        return
    with console(stderr=True).status(text):
        yield


class Bar(AbstractContextManager["Bar"]):
    """A progress bar that appears only if the whole thing will take more than two seconds."""

    def __init__(self, text: str, total: int = 0) -> None:
        self._text, self._total, self._begin = text, total, perf_counter()
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._wanted = sys.stderr.isatty()

    def of(self, done: int, total: int) -> None:
        """Show progress of something whose size is known only once it has begun."""
        self._total = total
        self(done)

    def __call__(self, done: int) -> None:
        """Show that ``done`` of the total is done."""
        if not self._wanted or not done:
            return
        if self._progress is None:
            elapsed = perf_counter() - self._begin
            if elapsed < SHOW_AFTER_S or elapsed * self._total / done < WORTH_SHOWING_S:
                return
            self._start()
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done)

    def _start(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console(stderr=True), transient=True)
        self._task = self._progress.add_task(self._text, total=self._total)
        self._progress.start()

    def __exit__(self, *exception: object) -> None:
        if self._progress is not None:
            self._progress.stop()


def new_table(*columns: str) -> Table:
    """Return a table without frames; all columns but the first are for numbers, unless told otherwise."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_header=any(columns))
    for position, column in enumerate(columns):
        table.add_column(column, justify="right" if position else "left", overflow="fold")
    return table


def literal(text: str) -> str:
    """Return text that a table prints as it is, whatever brackets are in it."""
    from rich.markup import escape

    return escape(text)
