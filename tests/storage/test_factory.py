"""Which driver is meant by what."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster_shim.storage.etcd.store import EtcdStore
from cluster_shim.storage.factory import Options, open_store, sqlite_path
from cluster_shim.storage.local import LocalStore
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


def test_etcd_and_a_folder_exclude_each_other() -> None:
    assert isinstance(open_store(etcd=["http://127.0.0.1:2379"]), EtcdStore)
    with pytest.raises(ValueError, match="not in both"):
        open_store("folder", etcd=["http://127.0.0.1:2379"])


@pytest.mark.parametrize("data", ["folder", "sqlite:x"])
def test_an_unknown_durability_is_refused(data: str) -> None:
    with pytest.raises(ValueError, match="commit, interval, none, not 'sometimes'"):
        open_store(data, options=Options(durability="sometimes"))


def test_a_folder_is_no_file_of_sqlite() -> None:
    assert sqlite_path("folder/data") is None
    assert sqlite_path("sqlite:folder/data") == Path("folder/data")
