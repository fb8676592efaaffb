"""Policies by name, file or module; a file travels with its text, so that another process has the same one.

Whole profiles (upstream's, or the file of a KubeSchedulerConfiguration) are for traces by time alone.
"""

from __future__ import annotations

import re
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import click

from bench.compare.fingerprint import digest, file_digest
from bench.replay.policy import find_policy
from bench.timed.policy import PROFILES, files_of, is_profile
from sched_core import PluginError

_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []
"""Folders that go when the process ends."""
FILE = re.compile(r"(.+\.py):([A-Za-z_]\w*)")


class Policy(NamedTuple):
    """A policy that can be sent to another process."""

    name: str
    """As it was given; also the label of its results."""
    sha256: str = ""
    """Of its file, if it has one; for a profile of all files that it names."""
    source: str = ""

    @property
    def label(self) -> str:
        """Return what tables and figures call it: a plugin file by its class, a profile by its file."""
        return Path(self.name).stem if self._is_file else self.name.rpartition(":")[2]

    def code(self) -> list[Path]:
        """Return the files with code of one's own, as this process has them. Raises PluginError, as `here`."""
        here = self.here()
        if self.is_profile:
            return [file for file in files_of(here) if file.suffix == ".py"]
        found = FILE.fullmatch(here)
        return [Path(found[1])] if found else []

    @property
    def is_profile(self) -> bool:
        """Tell whether it is a whole profile, and not one score."""
        return is_profile(self.name)

    def _profile_here(self) -> str:
        path = Path(self.name)
        if not path.exists() or path.read_text(encoding="utf-8") != self.source:
            return _written(path.name, self.sha256, self.source)
        if _digest_of(self.name) != self.sha256:
            raise PluginError(self.label, "load", f"a file that {path} names has changed since it was read")
        return self.name

    @property
    def _is_file(self) -> bool:
        return self.is_profile and bool(self.sha256)

    def here(self) -> str:
        """Return the policy as this process can load it: a file that has changed since is written as it was.

        Raises PluginError for a profile that names other files if these have changed; they do not travel.
        """
        if self._is_file:
            return self._profile_here()
        found = FILE.fullmatch(self.name)
        if found is None or (Path(found[1]).exists() and file_digest(Path(found[1])) == self.sha256):
            return self.name
        return f"{_written(Path(found[1]).name, self.sha256, self.source)}:{found[2]}"


def _find(name: str) -> None:
    """Raise PluginError for a policy that cannot be loaded, with all the names that there are for one that is none."""
    try:
        find_policy(name)
    except PluginError as reason:
        if not reason.reason.startswith("it is none of"):
            raise
        text = f"{reason.reason}; by time also {', '.join(PROFILES)} or FILE.yaml"
        raise PluginError(reason.plugin, reason.extension_point, text) from None


def read_policies(text: str) -> list[Policy]:
    """Return the policies of a list with commas; a usage error for one that is unknown or given twice."""
    found = []
    for name in filter(None, (part.strip() for part in text.split(","))):
        if is_profile(name):
            found.append(_profile(name))
            continue
        file = FILE.fullmatch(name)
        _find(name)
        path = Path(file[1]) if file else None
        found.append(
            Policy(name) if path is None else Policy(name, file_digest(path), path.read_text(encoding="utf-8"))
        )
    labels = [policy.label for policy in found]
    if not found:
        raise click.BadParameter("names no policy.", param_hint="--policies")
    if len({*labels}) < len(labels):
        double = next(label for label in labels if labels.count(label) > 1)
        raise click.BadParameter(f"'{double}' is given twice.", param_hint="--policies")
    return found


def _profile(name: str) -> Policy:
    files = files_of(name)
    return Policy(name, _digest_of(name), files[0].read_text(encoding="utf-8")) if files else Policy(name)


def _digest_of(profile: str) -> str:
    return digest([file_digest(file) for file in files_of(profile)])


@cache
def _written(name: str, sha256: str, source: str) -> str:
    folder = tempfile.TemporaryDirectory(prefix=f"stowage-{sha256[:12]}-")
    _FOLDERS.append(folder)
    path = Path(folder.name) / name
    path.write_text(source, encoding="utf-8")
    return str(path)
