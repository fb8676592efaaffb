"""``stowage snapshot``: a state goes from any driver to a file and back; what is damaged is named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from cluster_shim.cli.main import EntryPointGroup
from cluster_shim.cli.snapshot import snapshot
from cluster_shim.storage.factory import open_store
from cluster_shim.storage.store import Entry, Store
from tests.storage.etcd_server import Etcd, missing

Seen = list[tuple[str, bytes]]


@pytest.fixture
def stowage(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        group = EntryPointGroup("stowage")
        monkeypatch.setattr(group, "get_command", lambda *_: snapshot)
        assert isinstance(group, click.Group)
        return CliRunner().invoke(group, ["snapshot", *arguments])

    return run


def with_store(act: Callable[[Store], Seen | None], data: str | None = None, etcd: Sequence[str] = ()) -> Seen:
    """Start a store, fill it if it is empty, and return what is there."""

    async def run() -> Seen:
        store = open_store(data, etcd=etcd)
        await store.start()
        if not store.count(""):
            for number in range(300):
                entry = await store.create(f"/registry/pods/default/p{number}", b"old")
                if number % 3 == 0:
                    await store.update(entry.key, f"new {number}".encode(), entry.revision)
                if number % 5 == 0:
                    now = store.get(entry.key)
                    assert now is not None
                    await store.delete(entry.key, now.revision)
            await store.create("/registry/events/default/e", b"event", ttl_seconds=3600)
        act(store)
        found = [(entry.key, entry.value) for entry in store.range("").entries]
        await store.close()
        return found

    return asyncio.run(run())


def nothing(_: Store) -> None:
    return None


def fill(data: str | None = None, etcd: Sequence[str] = ()) -> Seen:
    return with_store(nothing, data, etcd)


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    if reason := missing():
        pytest.skip(reason)
    with Etcd(tmp_path_factory.mktemp("etcd")) as server:
        yield server


@pytest.mark.parametrize("source", ["folder", "state.sqlite"])
@pytest.mark.parametrize("target", ["other", "other.sqlite"])
def test_there_and_back(stowage: Callable[..., Result], tmp_path: Path, source: str, target: str) -> None:
    state = fill(str(tmp_path / source))
    file = tmp_path / "saved"
    result = stowage("save", str(tmp_path / source), str(file))
    assert result.exit_code == 0, result.output
    assert "revision 462, 241 keys" in result.output
    assert file.stat().st_mode & 0o777 == 0o600
    result = stowage("restore", "--bump-revision", "1000", str(tmp_path / target), str(file))
    assert result.exit_code == 0, result.output
    revisions: list[int] = []

    def look(store: Store) -> None:
        revisions.extend((store.revision, store.oldest))
        entry = store.get("/registry/pods/default/p3")
        assert isinstance(entry, Entry)
        assert entry.created < entry.revision < 462

    assert with_store(look, str(tmp_path / target)) == state
    assert revisions == [1462, 1462]
    result = stowage("check", str(tmp_path / target))
    assert result.exit_code == 0
    assert "240  /registry/pods/" in result.output


def test_etcd_there_and_back(stowage: Callable[..., Result], tmp_path: Path, etcd: Etcd) -> None:
    etcd.wipe()
    state = fill(etcd=etcd.urls)
    url = etcd.urls[0]
    assert stowage("save", "--etcd", url, str(tmp_path / "saved")).exit_code == 0
    result = stowage("restore", "--etcd", url, str(tmp_path / "saved"))
    assert result.exit_code == 2
    assert "etcd has 241 keys under /registry/ already" in result.output
    etcd.wipe()
    result = stowage("restore", "--etcd", url, str(tmp_path / "saved"))
    assert result.exit_code == 0, result.output
    assert fill(etcd=etcd.urls) == state
    assert stowage("restore", str(tmp_path / "folder"), str(tmp_path / "saved")).exit_code == 0
    assert fill(str(tmp_path / "folder")) == state
    assert "241 keys" in stowage("check", "--etcd", url).output


def test_a_folder_is_saved_while_its_server_runs(stowage: Callable[..., Result], tmp_path: Path) -> None:
    results: list[Result] = []
    state = with_store(
        lambda _: results.append(stowage("save", str(tmp_path / "data"), str(tmp_path / "saved"))),
        str(tmp_path / "data"),
    )
    assert results[0].exit_code == 0, results[0].output
    assert stowage("restore", str(tmp_path / "other"), str(tmp_path / "saved")).exit_code == 0
    assert fill(str(tmp_path / "other")) == state


def test_nothing_is_written_over(stowage: Callable[..., Result], tmp_path: Path) -> None:
    fill(str(tmp_path / "data"))
    fill(str(tmp_path / "data.db"))
    assert stowage("save", str(tmp_path / "data"), str(tmp_path / "saved")).exit_code == 0
    for target, reason in (("data", "has a state already"), ("data.db", "is there already")):
        result = stowage("restore", str(tmp_path / target), str(tmp_path / "saved"))
        assert result.exit_code == 2
        assert reason in result.output


def test_damage_is_named(stowage: Callable[..., Result], tmp_path: Path) -> None:
    fill(str(tmp_path / "data"))
    assert stowage("save", str(tmp_path / "data"), str(tmp_path / "saved")).exit_code == 0
    log = max((tmp_path / "data").glob("log-*"))
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 4
    log.write_bytes(data)
    for command in (["check"], ["save"]):
        arguments = [str(tmp_path / "data"), *([str(tmp_path / "no")] if command == ["save"] else [])]
        result = stowage(*command, *arguments)
        assert result.exit_code == 2
        assert f"{log}, at byte " in result.output
        assert "stowage snapshot save --salvage" in result.output
    assert not (tmp_path / "no").exists()
    result = stowage("save", "--salvage", str(tmp_path / "data"), str(tmp_path / "part"))
    assert result.exit_code == 0
    assert stowage("restore", str(tmp_path / "other"), str(tmp_path / "part")).exit_code == 0
    assert 50 < len(fill(str(tmp_path / "other"))) < 241
    for size in (0, 100, (tmp_path / "saved").stat().st_size - 1):
        (tmp_path / "cut").write_bytes((tmp_path / "saved").read_bytes()[:size])
        result = stowage("check", str(tmp_path / "cut"))
        assert result.exit_code == 2
        assert str(tmp_path / "cut") in result.output


def test_what_is_not_there_is_named(stowage: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in ("nowhere", "empty", "nowhere.db"):
        result = stowage("check", str(tmp_path / path))
        assert result.exit_code == 2
        assert str(tmp_path / path) in result.output
    assert not (tmp_path / "nowhere.db").exists()


@pytest.mark.parametrize(
    "arguments",
    [["save", "a"], ["save", "a", "b", "c"], ["restore"], ["check"], ["check", "a", "--etcd", "http://b:1"]],
)
def test_wrong_usage_is_refused(stowage: Callable[..., Result], arguments: list[str]) -> None:
    result = stowage(*arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.output
