"""A disk that fails: a write that cannot be made durable is refused, changes nothing, and the next may work again."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster_shim.storage import wal
from cluster_shim.storage.local import LocalStore
from cluster_shim.storage.snapshot import write_all
from cluster_shim.storage.sqlite import SqliteLog
from cluster_shim.storage.store import Corrupt, Entry, Event, Unavailable
from cluster_shim.storage.wal import WriteAheadLog
from tests.storage.drivers import LOCAL, Make
from tests.storage.running import run

PODS = "/registry/pods/"
MIB = 1 << 20


@pytest.fixture(params=["wal", "sqlite"])
def make(request: pytest.FixtureRequest) -> Make:
    return LOCAL[request.param]


async def state(make: Make, folder: Path) -> dict[str, tuple[bytes, int]]:
    store = make(folder)
    await store.start()
    found = {key: (entry.value, entry.revision) for key, entry in store.entries.items()}
    await store.close()
    return found


def fail_sync(_: int) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def fail_late(descriptor: int, buffers: list[bytes]) -> int:
    """Write all, and find that it does not get to the disk."""
    write_all(descriptor, buffers)
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def fail_halfway(descriptor: int, buffers: list[bytes]) -> int:
    whole = b"".join(buffers)
    write_all(descriptor, [whole[: len(whole) // 2]])
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


FAILING: dict[str, Callable[..., Any]] = {"sync": fail_sync, "halfway": fail_halfway, "late": fail_late}


@pytest.mark.parametrize(
    ("durability", "how"), [("commit", "late"), ("commit", "halfway"), ("interval", "sync"), ("interval", "halfway")]
)
def test_a_write_that_fails_has_not_happened(
    durability: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty writers on a failing disk: readers, subscribers and a restart see what was acknowledged, no more."""

    async def scenario() -> dict[str, tuple[bytes, int]]:
        store = LocalStore(WriteAheadLog(tmp_path / "data", durability))
        await store.start()
        heard: list[Event] = []
        store.subscribe("", heard.extend)
        calls, failed = 0, 0
        acknowledged: list[Entry] = []
        place: tuple[Any, str] = (os, "fdatasync") if how == "sync" else (wal, "write_all")
        failing = FAILING[how]
        original: Callable[..., Any] = getattr(*place)

        def sometimes(*arguments: Any) -> Any:
            nonlocal calls
            calls += 1
            return (failing if calls % 5 in (2, 3) else original)(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(*place, sometimes)

            async def write(writer: int) -> None:
                nonlocal failed
                for number in range(10):
                    try:
                        acknowledged.append(await store.create(f"{PODS}{writer}-{number}", b"x" * 100))
                    except Unavailable as error:
                        failed += 1
                        assert os.strerror(errno.ENOSPC if how == "halfway" else errno.EIO) in str(error)
                        assert store.get(f"{PODS}{writer}-{number}") is None
                    await asyncio.sleep(0.01 if durability == "interval" else 0)

            await asyncio.gather(*(write(writer) for writer in range(20)))
        assert failed >= 20
        assert len(acknowledged) >= 20
        again = await store.create(f"{PODS}last", b"")
        acknowledged.append(again)
        revisions = [entry.revision for entry in acknowledged]
        assert len(set(revisions)) == len(revisions)
        assert again.revision == max(revisions)
        assert [event.entry.revision for event in heard] == sorted(revisions)
        await store.close()
        return {entry.key: (entry.value, entry.revision) for entry in acknowledged}

    async def in_order() -> None:
        expected = await scenario()
        assert await state(LOCAL["wal"], tmp_path) == expected

    run(in_order())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of two MiB, or skip the test."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk(make: Make, small_disk: Path) -> None:
    async def scenario() -> None:
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(MIB))
        store = make(small_disk)
        await store.start()
        acknowledged: dict[str, tuple[bytes, int]] = {}
        refused, since = 0, 0
        for number in range(1000):
            key = f"{PODS}{number}"
            try:
                entry = await store.create(key, os.urandom(3000))
                acknowledged[key] = entry.value, entry.revision
                since += refused >= 20
            except Unavailable:
                refused += 1
                assert store.get(key) is None
                if refused == 20:
                    ballast.unlink()
            if since == 50:
                break
        assert refused >= 20
        assert since == 50
        assert {key: (entry.value, entry.revision) for key, entry in store.entries.items()} == acknowledged
        await store.close()
        assert await state(make, small_disk) == acknowledged

    run(scenario())


def test_a_disk_that_can_only_be_read(make: Make, small_disk: Path) -> None:
    async def fill() -> None:
        store = make(small_disk)
        await store.start()
        await store.create(PODS + "a", b"")
        await store.close()

    run(fill())
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    async def refused() -> None:
        with pytest.raises(Unavailable, match=str(small_disk)):
            await make(small_disk).start()

    run(refused())
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert list(run(state(make, small_disk))) == [PODS + "a"]


def test_damage_anywhere_is_found(make: Make, tmp_path: Path) -> None:
    """Bytes of closed files are turned at random: all is there, or the file is named; what is gone is never silent."""
    dice = random.Random(7)

    async def fill() -> None:
        store = make(tmp_path)
        await store.start()
        for number in range(60):
            entry = await store.create(f"{PODS}{number}", dice.randbytes(300))
            if number % 3 == 0:
                await store.update(entry.key, dice.randbytes(300), entry.revision)
        await store.close()

    run(fill())
    original = tmp_path / "original"
    data = tmp_path / "data.sqlite" if (tmp_path / "data.sqlite").exists() else tmp_path / "data"
    _copy(data, original)
    expected = run(state(make, tmp_path))
    named = 0
    for _ in range(60):
        _copy(original, data)
        file = data if data.is_file() else max(data.glob("log-*"), key=lambda path: path.stat().st_size)
        content = bytearray(file.read_bytes())
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        file.write_bytes(content)
        try:
            assert run(state(make, tmp_path)) == expected
        except Corrupt as error:
            named += 1
            assert str(data) in str(error)
    assert named > 20


def _copy(source: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy(source, target)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"this is no database, whatever its name is" * 100)

    async def refused() -> None:
        with pytest.raises(Corrupt, match=r"not a database.*stowage snapshot restore"):
            await LocalStore(SqliteLog(tmp_path / "x")).start()

    run(refused())


def test_a_file_has_one_server(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = LocalStore(SqliteLog(tmp_path / "x"))
        await store.start()
        with pytest.raises(Unavailable, match="in use by another server"):
            await LocalStore(SqliteLog(tmp_path / "x")).start()
        await store.create(PODS + "a", b"")
        await store.close()

    run(scenario())
