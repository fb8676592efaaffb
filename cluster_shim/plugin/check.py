"""The check of a plugin: one verdict after the other, in a process of its own, with a limit on the time of each.

A plugin that loops for ever, prints, or takes the process down does so there; what was found until then is kept, and
what it was asked when it happened is the check that has failed.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from cluster_shim.plugin.verdict import NothingToCheck, Verdict, Wrong
from cluster_shim.scheduler.reference import PluginReference, parse_reference
from cluster_shim.scheduler.trial import hung_at

LIMIT_S = 120.0
"""For each check; compiling one plugin takes some 20 s."""
ORDER = (
    "loads", "names", "signatures", "arguments", "array form", "score range", "determinism", "no side effects",
    "signature of pods", "row form compiles", "row = array", "three speeds", "own columns", "prints nothing",
)  # fmt: skip


class Wanted(msgspec.Struct, frozen=True):
    """What is checked."""

    reference: str
    args: dict[str, Any] | None = None
    seed: int = 0
    limit_s: float = LIMIT_S


class _Begun(msgspec.Struct, frozen=True):
    begin: str


def check_plugin(wanted: Wanted, on_begin: Callable[[str], None] = lambda name: None) -> list[Verdict]:
    """Check a plugin and return all verdicts; ``on_begin`` is told of each check."""
    with tempfile.TemporaryFile() as output:
        read, write = os.pipe()
        arguments = [msgspec.json.encode(wanted).decode(), str(write)]
        process = subprocess.Popen(
            [sys.executable, "-m", "cluster_shim.plugin.check", *arguments],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, pass_fds=(write,),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)},
        )  # fmt: skip
        os.close(write)
        try:
            with os.fdopen(read, encoding="utf-8") as results:
                verdicts, pending = _collect(results, on_begin)
            status = process.wait()
        finally:
            process.kill()
            process.wait()
        output.seek(0)
        return _finished(verdicts, pending, status, output.read().decode(errors="replace"), wanted)


def _collect(results: IO[str], on_begin: Callable[[str], None]) -> tuple[list[Verdict], str]:
    """Read what the process says; return the verdicts and the check that has begun and not ended."""
    verdicts: list[Verdict] = []
    pending = ""
    for line in results:
        if line.startswith('{"begin"'):
            pending = msgspec.json.decode(line, type=_Begun).begin
            on_begin(pending)
        else:
            verdicts.append(msgspec.json.decode(line, type=Verdict))
            pending = ""
    return verdicts, pending


def _finished(verdicts: list[Verdict], pending: str, status: int, output: str, wanted: Wanted) -> list[Verdict]:
    """Return the verdicts with one for what has not ended, and one for what was printed."""
    if pending or status:
        if "Timeout (" in output:
            reason = f"it did not end within {wanted.limit_s:g} s{hung_at(output)}"
        elif status < 0:
            reason = f"it took the process down (signal {-status}){hung_at(output)}"
        else:
            reason = f"it ended the process with status {status}: {output.strip()[-300:]}"
        return [*verdicts, Verdict(pending or "loads", "failed", reason)]
    if any(each.status == "failed" for each in verdicts):
        return verdicts
    printed = output.strip().splitlines()
    if printed:
        text = f"it printed {len(printed)} lines, the first is {printed[0][:80]!r}: a line for each decision is slow"
        return [*verdicts, Verdict("prints nothing", "warning", text)]
    return [*verdicts, Verdict("prints nothing", "ok")]


def main(arguments: Sequence[str]) -> int:
    """Run the checks in this process, and write what comes of each to the file descriptor given."""
    wanted = msgspec.json.decode(arguments[0], type=Wanted)
    faulthandler.enable()
    with os.fdopen(int(arguments[1]), "w", encoding="utf-8", buffering=1) as results:
        for name, check in _checks(wanted, parse_reference(wanted.reference)):
            results.write(msgspec.json.encode(_Begun(name)).decode() + "\n")
            faulthandler.dump_traceback_later(wanted.limit_s, exit=True)
            verdict = _run(name, check)
            results.write(msgspec.json.encode(verdict).decode() + "\n")
            if verdict.status == "failed" and name in ORDER[:4]:
                break
        faulthandler.cancel_dump_traceback_later()
    return 0


def _checks(wanted: Wanted, reference: PluginReference) -> Any:
    """Yield the checks by name; each is made when the one before has passed."""
    from cluster_shim.plugin import calls, compiled, contract
    from cluster_shim.plugin.worlds import keys_in
    from cluster_shim.scheduler.load import file_of, load_plugin
    from sched_core import PluginError

    found: list[Any] = []

    def loads() -> str:
        plugin = load_plugin(reference)
        found.append(plugin)
        return f"class {plugin.__name__} of {reference.file or reference.module or 'an installed package'}"

    yield ORDER[0], loads
    (plugin,) = found
    yield ORDER[1], lambda: contract.check_names(plugin)
    yield ORDER[2], lambda: contract.check_signatures(plugin)
    file = file_of(reference)
    trying = calls.Trying(plugin, wanted.args, file, calls.make_worlds(wanted.seed, keys_in(file)))

    def arguments() -> str:
        try:
            trying.engine(trying.worlds[0].cluster())
        except PluginError as reason:
            hint = "; --args gives arguments" if reason.extension_point == "__init__" and wanted.args is None else ""
            raise Wrong(f"{reason}{hint}") from reason
        return "made with these arguments" if wanted.args is not None else "made without arguments"

    yield ORDER[3], arguments
    steps = (
        calls.check_answers, calls.check_range, calls.check_determinism, calls.check_hands_off, calls.check_signature,
        compiled.check_compiles, calls.check_agreement, compiled.check_speeds, compiled.check_own_columns,
    )  # fmt: skip
    for name, step in zip(ORDER[4:], steps, strict=False):
        yield name, lambda step=step: step(trying)


def _run(name: str, check: Callable[[], str]) -> Verdict:
    from sched_core import StowageError

    try:
        with contextlib.redirect_stderr(sys.stdout):
            return Verdict(name, "ok", check())
    except NothingToCheck as reason:
        return Verdict(name, "skipped", str(reason))
    except Wrong as reason:
        return Verdict(name, "warning" if reason.warning else "failed", str(reason))
    except StowageError as reason:
        return Verdict(name, "failed", str(reason))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
