"""Transcripts: files of shell commands with what they must print, and how the two are held against each other.

A transcript looks like a terminal::

    ## a comment
    $ kubectl get pod web -o name
    pod/web
    $ kubectl apply -f - <<'END'
    > apiVersion: v1
    > END
    error: …
    [1]

``> `` continues a command. Below it stands all that it prints, on stdout and stderr, then its exit status in brackets
if that is not 0. ``…`` is for anything, newlines too; runs of blanks count as one, so that columns may be as wide as
they like.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ANYTHING = "…"
STEP_SECONDS = 60.0
_BLANKS = re.compile(r"[ \t]+")
_STATUS = re.compile(r"\[(\d+)\]")


class Step(NamedTuple):
    """A command and what must come of it; `line` is where it stands."""

    line: int
    command: str
    prints: str
    status: int


def read(path: Path) -> list[Step]:
    """Return the steps of a transcript."""
    return list(_steps(path.read_text(encoding="utf-8").splitlines()))


def _steps(lines: list[str]) -> Iterator[Step]:
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        body = [line for line in lines[start + 1 : end] if not line.startswith("## ")]
        command = [lines[start][2:], *(line[2:] for line in body if line.startswith("> "))]
        prints = [line for line in body if line.strip() and not line.startswith("> ")]
        status = _STATUS.fullmatch(prints[-1]) if prints else None
        if status is not None:
            prints.pop()
        yield Step(start + 1, "\n".join(command), "\n".join(prints), int(status[1]) if status else 0)


def play(step: Step, environment: Mapping[str, str], folder: Path, words: bool = True) -> str:
    """Run a step; return how its result differs from what it must be, or nothing; without `words` only its status."""
    printed, status = run(step.command, environment, folder)
    if status == step.status and (not words or pattern(step.prints).fullmatch(plain(printed))):
        return ""
    return (
        f"line {step.line}: $ {step.command}\n--- must print, with status {step.status}\n{step.prints}\n"
        f"--- printed, with status {status}\n{printed}"
    )


def run(command: str, environment: Mapping[str, str], folder: Path) -> tuple[str, int]:
    """Return what a command prints, on stdout and stderr, and its exit status."""
    shell = ["bash", "-c", command]
    done = subprocess.run(
        shell,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        cwd=folder,
        timeout=STEP_SECONDS,
        check=False,
    )
    return done.stdout.decode(), done.returncode


def plain(text: str) -> str:
    """Return a text without empty lines, its blanks made one and gone from the ends of lines."""
    lines = (_BLANKS.sub(" ", line).strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def pattern(prints: str) -> re.Pattern[str]:
    """Return what a printed text, made plain, must match as a whole."""
    parts = (re.escape(part) for part in plain(prints).split(ANYTHING))
    return re.compile(".*".join(parts), re.DOTALL)
