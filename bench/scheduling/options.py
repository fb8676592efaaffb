"""What ``stowage bench scheduling`` was asked to do: every option with its type, and which of them go together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import click
from msgspec import Struct

from cluster_shim.scheduler.reference import PluginReference

NODES, PODS, ZONES, SEED, WORKLOAD = 10_000, 50_000, 3, 0, "mixed"
MOST_NODES, MOST_PODS, MOST_ZONES = 5_000_000, 20_000_000, 1_000
Speed = Literal["auto", "cycle", "fused", "incremental"]
ENGINES: tuple[Speed, ...] = ("auto", "cycle", "fused", "incremental")


class Options(Struct, frozen=True, kw_only=True):
    """The options of one run; None: not given."""

    nodes: int | None = None
    pods: int | None = None
    zones: int | None = None
    workload: str | None = None
    seed: int | None = None
    from_files: tuple[str, ...] = ()
    skip_invalid: bool = False
    validate: Literal["strict", "ignore"] | None = None
    trace: str | None = None
    nodes_csv: Path | None = None
    pods_csv: Path | None = None
    profile: str | None = None
    engine: Speed = "auto"
    plugins: tuple[PluginReference, ...] = ()
    disable: tuple[str, ...] = ()
    json_file: str | None = None
    report: Path | None = None
    compare: tuple[Path, ...] = ()

    def of_engine(self) -> dict[str, Any]:
        """Return the options that decide how a workload is scheduled: what a comparison names when they differ."""
        return {
            "engine": self.engine,
            "profile": self.profile,
            "plugins": [str(plugin) for plugin in self.plugins],
            "disable": list(self.disable),
        }

    def check(self) -> None:
        """Raise a usage error for options that do not go together."""
        synthetic = [
            f"--{name}" for name in ("nodes", "pods", "zones", "workload", "seed") if getattr(self, name) is not None
        ]
        if self.from_files and self.trace:
            raise click.UsageError("--from and --trace are two sources of a cluster; give one of them.")
        source = "--from" if self.from_files else "--trace" if self.trace else ""
        if source and synthetic:
            raise click.UsageError(f"{synthetic[0]} describes a synthetic cluster and does not go with {source}.")
        if self.trace and not (self.nodes_csv and self.pods_csv):
            raise click.UsageError("--trace needs --nodes-csv and --pods-csv.")
        if not self.trace and (self.nodes_csv or self.pods_csv):
            raise click.UsageError(f"{'--nodes-csv' if self.nodes_csv else '--pods-csv'} needs --trace openb.")
        if not self.from_files and (self.skip_invalid or self.validate):
            raise click.UsageError(f"{'--skip-invalid' if self.skip_invalid else '--validate'} needs --from.")
        if (
            self.report
            and self.json_file
            and self.json_file != "-"
            and self.report.resolve() == Path(self.json_file).resolve()
        ):
            raise click.UsageError("--json and --report name the same file.")
        if "-" in self.from_files and self.profile == "-":
            raise click.UsageError("--from - and --profile - cannot both read standard input.")


class WorkloadType(click.ParamType[str]):
    """``one-class``, ``classes:N``, ``all-different`` or ``mixed``."""

    name = "workload"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "one-class|classes:N|all-different|mixed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value in ("one-class", "all-different", "mixed"):
            return str(value)
        match = re.fullmatch(r"classes:([0-9]{1,8})", value, re.ASCII)
        if match is None:
            self.fail(f"'{value}' is not one of one-class, classes:N, all-different, mixed.", param, ctx)
        if int(match[1]) < 1:
            self.fail("the N of classes:N is at least 1.", param, ctx)
        return f"classes:{int(match[1])}"
