"""``stowage snapshot``: the state of an API server in one file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cluster_shim.cli.options import options

if TYPE_CHECKING:
    from cluster_shim.storage.etcd.client import Tls
    from cluster_shim.storage.snapshot import State

ETCD = options(
    click.option("--etcd", multiple=True, metavar="URL", help="An endpoint of etcd, in place of a folder."),
    click.option("--etcd-cafile", "ca", metavar="FILE", help="Whom to trust, in PEM."),
    click.option("--etcd-certfile", "certificate", metavar="FILE", help="Who we are, in PEM."),
    click.option("--etcd-keyfile", "key", metavar="FILE", help="The key of that certificate."),
)


@click.group()
def snapshot() -> None:
    """Save, restore and check the state of an API server.

    DIR is its data folder, or a file of SQLite (sqlite:FILE, or a name that ends with .sqlite or .db).
    """


@snapshot.command()
@ETCD
@click.option("--salvage", is_flag=True, help="Of a folder whose log is damaged, save what comes before the damage.")
@click.argument("paths", nargs=-1, metavar="[DIR] FILE")
def save(salvage: bool, etcd: tuple[str, ...], paths: tuple[str, ...], **tls: str | None) -> None:
    """Write the state of a folder, or of etcd, to a file.

    The server may be running. The file appears whole or not at all.
    """
    source, file = _source_and_file(etcd, paths)
    from cluster_shim.storage import transfer

    with _Refusing():
        state = transfer.read(source, salvage) if source else transfer.read_etcd(etcd, _tls(tls))
        transfer.save(state, file)
    _tell("saved", state, file)


@snapshot.command()
@ETCD
@click.option(
    "--bump-revision",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Go on from a revision so much later, beyond any that a client has seen since the snapshot.",
)
@click.argument("paths", nargs=-1, metavar="[DIR] FILE")
def restore(bump_revision: int, etcd: tuple[str, ...], paths: tuple[str, ...], **tls: str | None) -> None:
    """Make a folder, or the keys of an etcd, of a file.

    The folder must be new or empty, and etcd without keys of an API server. etcd counts revisions by itself.
    """
    target, file = _source_and_file(etcd, paths)
    from cluster_shim.storage import snapshot as format_of_files
    from cluster_shim.storage import transfer

    with _Refusing():
        state = format_of_files.load(file)
        state = state._replace(revision=state.revision + bump_revision)
        if target:
            transfer.restore(state, target)
        else:
            state = state._replace(revision=transfer.restore_etcd(state, etcd, _tls(tls)))
    _tell("restored", state, target or Path(etcd[0]))


@snapshot.command()
@ETCD
@click.argument("paths", nargs=-1, metavar="[DIR|FILE]")
def check(etcd: tuple[str, ...], paths: tuple[str, ...], **tls: str | None) -> None:
    """Read a folder, a snapshot or etcd from end to end, and say what is there.

    The exit status is 2, with the place on stderr, if a checksum is wrong or something is missing.
    """
    if len(paths) + bool(etcd) != 1:
        raise click.UsageError("One DIR or FILE is needed, or --etcd URL.")
    from cluster_shim.storage import transfer

    with _Refusing():
        state = transfer.read_etcd(etcd, _tls(tls)) if etcd else transfer.read(Path(paths[0]))
    _tell("good", state, Path(paths[0]) if paths else Path(etcd[0]))
    _tell_resources(state)


class _Refusing:
    """Turns what a store cannot do into an error of the command."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        from cluster_shim.cli.main import Refused
        from cluster_shim.storage.store import StoreError

        if isinstance(error, (StoreError, ValueError, OSError)):
            raise Refused(str(error)) from error


def _source_and_file(etcd: tuple[str, ...], paths: tuple[str, ...]) -> tuple[Path | None, Path]:
    """Return the folder, None for etcd, and the file."""
    if len(paths) + bool(etcd) != 2 or not paths:
        raise click.UsageError("DIR and FILE are needed, or --etcd URL and FILE.")
    return (None if etcd else Path(paths[0])), Path(paths[-1])


def _tls(files: dict[str, str | None]) -> Tls:
    """Return the files of the options."""
    from cluster_shim.storage.etcd.client import Tls

    return Tls(**{name: Path(file) if file else None for name, file in files.items()})


def _tell(what: str, state: State, where: Path) -> None:
    """Print what a state amounts to."""
    size = sum(len(entry.value) for entry in state.entries)
    click.echo(f"{where}: {what}; revision {state.revision:,}, {len(state.entries):,} keys, {size:,} bytes of values")


def _tell_resources(state: State) -> None:
    """Print how many keys each resource has."""
    from collections import Counter

    from cluster_shim.storage.keys import bucket_of

    for resource, number in sorted(Counter(bucket_of(entry.key) for entry in state.entries).items()):
        click.echo(f"{number:>10,}  {resource}")
