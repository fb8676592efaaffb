"""Which driver is meant by what."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster_shim.storage.etcd.store import EtcdStore
from cluster_shim.storage.factory import Options, open_store, sqlite_path
from cluster_shim.storage.local import LocalStore
from cluster_shim.storage.store import Store
from tests.storage.running import run


@pytest.mark.parametrize(("data", "left"), [("folder", "folder/lock"), ("sqlite:x", "x"), ("state.db", "state.db")])
def test_a_path_says_which_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str, left: str) -> None:
    monkeypatch.chdir(tmp_path)

    async def scenario() -> None:
        store = open_store(data)
        await store.start()
        await store.create("/registry/a/b", b"")
        await store.close()
        again = open_store(data)
        await again.start()
        assert again.get("/registry/a/b") is not None
        await again.close()

    run(scenario())
    assert Path(left).is_file()


def test_without_a_path_nothing_is_kept() -> None:
    assert isinstance(open_store(), LocalStore)


def test_endpoints_mean_etcd() -> None:
    assert isinstance(open_store("folder", etcd=["http://127.0.0.1:2379"]), EtcdStore)


def test_a_folder_that_began_with_sqlite_stays_with_it(tmp_path: Path) -> None:
    async def scenario(store: Store, key: str) -> int:
        await store.start()
        await store.create(key, b"")
        await store.close()
        return store.count("")

    assert run(scenario(open_store(tmp_path, options=Options(sqlite=True)), "/registry/a/1")) == 1
    assert run(scenario(open_store(tmp_path), "/registry/a/2")) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["state.sqlite"]
    assert run(scenario(open_store(tmp_path / "other"), "/registry/a/1")) == 1
    with pytest.raises(ValueError, match="has a log already"):
        open_store(tmp_path / "other", options=Options(sqlite=True))


@pytest.mark.parametrize("data", ["folder", "sqlite:x"])
def test_an_unknown_durability_is_refused(data: str) -> None:
    with pytest.raises(ValueError, match="commit, interval, none, not 'sometimes'"):
        open_store(data, options=Options(durability="sometimes"))


def test_a_folder_is_no_file_of_sqlite() -> None:
    assert sqlite_path("folder/data") is None
    assert sqlite_path("sqlite:folder/data") == Path("folder/data")
