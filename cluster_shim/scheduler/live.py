"""LiveConfiguration: a running scheduler takes over a configuration or a plugin when the file of it changes.

``poll`` is called between two runs of the scheduler, as often as one likes. It never waits: what has changed is tried
out in another process while the scheduler goes on with what it has. Then, within one call, everything is loaded anew
and put in force, or nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cluster_shim.scheduler.configuration import Configured, configure
from cluster_shim.scheduler.reference import PluginReference
from cluster_shim.scheduler.trial import LIMIT_S, Trial, Wanted
from cluster_shim.scheduler.watch import FileWatch
from sched_core import Plugin, SchedulerConfiguration, StowageError

Swap = Callable[[SchedulerConfiguration, Mapping[str, type[Plugin]]], None]
"""Puts a configuration in force, whole or not at all: `Scheduler.swap` or `Engine.swap`."""


class Outcome(NamedTuple):
    """What became of a change."""

    files: tuple[Path, ...]
    """Those that have changed."""
    error: str
    """Why what was in force stays in force; empty if the change is in force now."""

    def __str__(self) -> str:
        names = ", ".join(map(str, self.files))
        return f"{names}: not taken over: {self.error}" if self.error else f"{names}: taken over"


class LiveConfiguration:
    """The configuration of a running scheduler and the files that it comes from."""

    def __init__(
        self,
        profile: str | None,
        plugins: Sequence[PluginReference] = (),
        disable: Sequence[str] = (),
        *,
        resources: Callable[[], Sequence[str]] = tuple,
        limit_s: float = LIMIT_S,
    ) -> None:
        """Read the configuration: ``profile``, ``plugins`` and ``disable`` as of `configure`, and with its errors.

        ``resources`` tells the resources of the cluster, so that what is compiled beforehand is what will be needed.
        A new version has ``limit_s`` to show in a process of its own that it can be used.
        """
        self._profile, self._plugins, self._disable = profile, tuple(plugins), tuple(disable)
        self._resources, self._limit_s = resources, limit_s
        self.current: Configured = self._read()
        """What is in force, or what is to be put in force at the beginning."""
        self._watch = FileWatch(self.current.files)
        self._changed: list[Path] = []
        self._trial: Trial | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are watched."""
        return self.current.files

    def poll(self, swap: Swap, wait_s: float = 0.0) -> Outcome | None:
        """Look at the files, and put in force by ``swap`` what has changed and shown that it can be used.

        Returns what became of a change once that is known, else None. With ``wait_s`` a trial is waited for so long.
        """
        if changed := self._watch.changed():
            self._try(changed)
        if self._trial is None:
            return None
        error = self._trial.outcome(wait_s)
        if error is None:
            return None
        if changed := self._watch.changed():  # what was tried is not what the files have by now
            self._try(changed)
            return None
        return self._finish(error, swap)

    def close(self) -> None:
        """End a trial that is under way."""
        if self._trial is not None:
            self._trial.stop()
            self._trial = None

    def _try(self, changed: Sequence[Path]) -> None:
        """Begin a trial of what the files have now, in place of one that is under way."""
        self._changed += [file for file in changed if file not in self._changed]
        self.close()
        plugins = tuple(str(reference) for reference in self._plugins)
        wanted = Wanted(self._profile, plugins, self._disable, tuple(self._resources()))
        self._trial = Trial(wanted, self._limit_s)

    def _finish(self, error: str, swap: Swap) -> Outcome:
        self.close()
        files, self._changed = tuple(self._changed), []
        if not error:
            try:
                configured = self._read()
                swap(configured.config, configured.plugins)
            except StowageError as reason:
                error = str(reason)
            else:
                self.current = configured
                self._watch.follow(configured.files)
        return Outcome(files, error)

    def _read(self) -> Configured:
        return configure(self._profile, self._plugins, self._disable)
