"""etcd as the store: what others see of it, several servers on one, and what happens when parts of it go away."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from cluster_shim.storage.etcd.client import Tls, target_of
from cluster_shim.storage.etcd.store import EtcdStore
from cluster_shim.storage.store import Changed, Event, KeyExists, Unavailable
from tests.storage.certificates import make_certificates
from tests.storage.etcd_server import Etcd, free_ports, missing
from tests.storage.proxy import Proxy
from tests.storage.running import run

PODS = "/registry/pods/"


def test_others_see_keys_and_values_as_they_are(etcd: Etcd) -> None:
    etcd.wipe()

    async def scenario() -> int:
        store = EtcdStore(etcd.urls)
        await store.start()
        entry = await store.create(PODS + "default/web", b'{"kind":"Pod"}')
        await store.create("/registry/events/default/e", b"{}", ttl_seconds=3600)
        await store.close()
        return entry.revision

    revision = run(scenario())
    assert etcd.ctl("get", PODS, "--prefix").splitlines() == [PODS + "default/web", '{"kind":"Pod"}']
    shown = json.loads(etcd.ctl("get", "/registry/", "--prefix", "-w", "json"))
    event, pod = shown["kvs"]
    assert (pod["mod_revision"], pod["create_revision"], pod.get("lease", 0)) == (revision, revision, 0)
    assert event["lease"] != 0


def test_what_others_write_is_seen(etcd: Etcd) -> None:
    etcd.wipe()

    async def scenario() -> None:
        store = EtcdStore(etcd.urls)
        await store.start()
        seen: list[Event] = []
        store.subscribe(PODS, seen.extend)
        await asyncio.to_thread(etcd.ctl, "put", "/elsewhere", "x")
        await asyncio.to_thread(etcd.ctl, "put", PODS + "a", "1")
        await asyncio.to_thread(etcd.ctl, "del", PODS + "a")
        revision = await store.current()
        assert [(each.entry.key, each.entry.value, each.is_delete) for each in seen] == [
            (PODS + "a", b"1", False),
            (PODS + "a", b"1", True),
        ]
        assert revision == store.revision == seen[-1].entry.revision
        assert store.range("").entries == []
        await store.close()

    run(scenario())


def test_two_servers_share_one_state(etcd: Etcd) -> None:
    etcd.wipe()

    async def scenario() -> None:
        one, two = EtcdStore(etcd.urls), EtcdStore(etcd.urls)
        await one.start()
        await two.start()
        seen: list[int] = []

        def deliver(events: Sequence[Event]) -> None:
            seen.extend(event.entry.revision for event in events)

        two.subscribe(PODS, deliver)
        entries = await asyncio.gather(*(one.create(f"{PODS}{number}", b"1") for number in range(100)))
        await two.current()
        assert seen == sorted(entry.revision for entry in entries)
        with pytest.raises(KeyExists):
            await two.create(PODS + "7", b"2")
        newer = await two.update(PODS + "7", b"2", entries[7].revision)
        with pytest.raises(Changed) as error:
            await one.update(PODS + "7", b"3", entries[7].revision)
        assert error.value.current is not None
        assert error.value.current.revision == newer.revision
        results = await asyncio.gather(
            *(store.update(PODS + "8", b"x", entries[8].revision) for store in (one, two) for _ in range(10)),
            return_exceptions=True,
        )
        assert sum(isinstance(result, Changed) for result in results) == 19
        await one.close()
        await two.close()

    run(scenario())


def test_a_compaction_that_the_watch_missed_is_made_up_for(etcd: Etcd) -> None:
    etcd.wipe()

    async def scenario() -> None:
        store = EtcdStore(etcd.urls)
        await store.start()
        seen: list[tuple[str, bytes, bool]] = []

        def deliver(events: Sequence[Event]) -> None:
            seen.extend((event.entry.key, event.entry.value, event.is_delete) for event in events)

        for name in "abc":
            await store.create(PODS + name, b"1")
        store.subscribe(PODS, deliver)
        store._client.watch, watch = _refuse, store._client.watch  # type: ignore[assignment, method-assign]
        store._reopen()
        await asyncio.sleep(0.2)
        for arguments in (
            ["put", PODS + "a", "2"],
            ["put", PODS + "a", "3"],
            ["del", PODS + "b"],
            ["put", PODS + "d", "1"],
        ):
            await asyncio.to_thread(etcd.ctl, *arguments)
        revision = str(store.revision + 4)
        await asyncio.to_thread(etcd.ctl, "compact", revision)
        store._client.watch = watch  # type: ignore[method-assign]
        assert await store.current() == int(revision) == store.oldest
        assert seen == [(PODS + "a", b"3", False), (PODS + "b", b"1", True), (PODS + "d", b"1", False)]
        assert [entry.value for entry in store.range(PODS).entries] == [b"3", b"1", b"1"]
        await store.close()

    run(scenario())


def _refuse(*_: object) -> None:
    raise Unavailable("not now")


def test_servers_share_the_work_of_compaction(etcd: Etcd) -> None:
    etcd.wipe()

    async def scenario() -> None:
        one, two = EtcdStore(etcd.urls, compact_seconds=0.3), EtcdStore(etcd.urls, compact_seconds=0.3)
        await one.start()
        await two.start()
        entry = await one.create(PODS + "a", b"1")
        await one.update(PODS + "a", b"2", entry.revision)
        await asyncio.sleep(1.5)
        assert int((await asyncio.to_thread(etcd.ctl, "get", "compact_rev_key")).split()[1]) > entry.revision
        with pytest.raises(subprocess.CalledProcessError) as error:
            await asyncio.to_thread(etcd.ctl, "get", PODS, "--prefix", f"--rev={entry.revision}")
        assert "has been compacted" in error.value.stderr
        assert min(one.oldest, two.oldest) > entry.revision
        await one.close()
        await two.close()

    run(scenario())


def test_the_next_server_knows_what_happened_under_the_last(etcd: Etcd) -> None:
    etcd.wipe()

    async def scenario() -> None:
        one = EtcdStore(etcd.urls)
        await one.start()
        entry = await one.create(PODS + "a", b"1")
        newer = await one.update(PODS + "a", b"2", entry.revision)
        await one.close()
        two = EtcdStore(etcd.urls)
        await two.start()
        assert [each.entry.revision for each in two.events(PODS, entry.revision)] == [newer.revision]
        await two.close()
        with pytest.raises(Unavailable, match="closed"):
            await two.create(PODS + "b", b"")

    run(scenario())


@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_a_leader_may_go_away(fault: str, tmp_path: Path) -> None:
    """Three members, twenty writers: each write is acknowledged or refused, and what is acknowledged is there."""
    if reason := missing():
        pytest.skip(reason)

    async def scenario(cluster: Etcd) -> None:
        store = EtcdStore(cluster.urls)
        await store.start()
        seen: list[int] = []
        store.subscribe(PODS, lambda events: seen.extend(event.entry.revision for event in events))
        acknowledged: dict[str, int] = {}
        over = asyncio.Event()

        async def write(writer: int) -> None:
            number = 0
            while not over.is_set():
                key = f"{PODS}{writer}-{number}"
                entry = await store.create(key, b"x")
                acknowledged[key] = entry.revision
                number += 1
                await asyncio.sleep(0.01)

        writers = [asyncio.create_task(write(writer)) for writer in range(20)]
        await asyncio.sleep(0.5)
        leader = await asyncio.to_thread(cluster.leader)
        before = len(acknowledged)
        if fault == "kill":
            leader.kill()
        else:
            leader.signal(signal.SIGSTOP)
        while len(acknowledged) < before + 200:  # until they go on, and no earlier
            await asyncio.sleep(0.05)
        over.set()
        await asyncio.gather(*writers)
        if fault == "kill":
            leader.start()
        else:
            leader.signal(signal.SIGCONT)
        await asyncio.to_thread(leader.wait)
        await store.current()
        assert {entry.key: entry.revision for entry in store.range(PODS).entries} == acknowledged
        assert seen == sorted(acknowledged.values())
        await store.close()
        fresh = EtcdStore(cluster.urls)
        await fresh.start()
        assert {entry.key: entry.revision for entry in fresh.range(PODS).entries} == acknowledged
        await fresh.close()

    with Etcd(tmp_path, members=3) as cluster:
        run(scenario(cluster))


def test_a_network_may_be_cut_and_healed(etcd: Etcd) -> None:
    """Connections end in the middle of writes, then nothing gets through for a while, then all is well again."""
    etcd.wipe()

    async def scenario() -> None:
        proxy = Proxy(etcd.urls[0])
        await proxy.start()
        store = EtcdStore([proxy.url])
        await store.start()
        seen: list[int] = []
        store.subscribe(PODS, lambda events: seen.extend(event.entry.revision for event in events))
        acknowledged: dict[str, int] = {}
        over = asyncio.Event()

        async def write(writer: int) -> None:
            number = 0
            while not over.is_set():
                key = f"{PODS}{writer}-{number}"
                entry = await store.create(key, b"x")
                entry = await store.update(key, b"y", entry.revision)
                if number % 2:
                    entry = await store.delete(key, entry.revision)
                else:
                    acknowledged[key] = entry.revision
                number += 1

        writers = [asyncio.create_task(write(writer)) for writer in range(10)]
        for _ in range(5):
            await asyncio.sleep(0.2)
            proxy.reset()
        await asyncio.sleep(0.3)
        proxy.swallow()
        before = len(acknowledged)
        await asyncio.sleep(2.5)
        assert len(acknowledged) <= before + 10
        proxy.heal()
        await asyncio.sleep(1)
        over.set()
        await asyncio.gather(*writers)
        assert len(acknowledged) > before
        await store.current()
        assert {entry.key: entry.revision for entry in store.range(PODS).entries} == acknowledged
        assert all(earlier < later for earlier, later in itertools.pairwise(seen))
        assert set(acknowledged.values()) <= set(seen)
        await store.close()
        await proxy.close()

    run(scenario())


def test_without_etcd_a_start_says_so() -> None:
    (port,) = free_ports(1)

    async def scenario() -> None:
        with pytest.raises(Unavailable, match=rf"no endpoint of etcd answers.*127\.0\.0\.1:{port}"):
            await EtcdStore([f"http://127.0.0.1:{port}"], patience_seconds=0.5).start()

    run(scenario())


@pytest.mark.parametrize("url", ["ftp://host:1", "http://", "unix:socket"])
def test_an_endpoint_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="an endpoint of etcd"):
        EtcdStore([url])


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://db.example:4001", ("db.example:4001", True)),
        ("http://[::1]:4001", ("[::1]:4001", False)),
        ("db.example", ("db.example:2379", False)),
    ],
)
def test_where_an_endpoint_is(url: str, target: tuple[str, bool]) -> None:
    assert target_of(url) == target


def test_both_sides_show_certificates(tmp_path: Path) -> None:
    if reason := missing():
        pytest.skip(reason)
    make_certificates(tmp_path)
    ca, certificate, key = (tmp_path / name for name in ("ca.pem", "own.pem", "own-key.pem"))
    tls = Tls(ca, certificate, key)

    async def scenario(urls: list[str]) -> None:
        store = EtcdStore(urls, tls)
        await store.start()
        await store.create(PODS + "a", b"1")
        await store.close()
        for incomplete in (Tls(ca), Tls()):
            with pytest.raises(Unavailable, match="no endpoint of etcd answers"):
                await EtcdStore(urls, incomplete, patience_seconds=0.5).start()

    with Etcd(tmp_path, tls=tls) as server:
        run(scenario(server.urls))


def test_states_with_prefixes_of_their_own(etcd: Etcd) -> None:
    """Two clusters in one etcd: neither sees the other's keys."""
    etcd.wipe()

    async def scenario() -> None:
        one, two = EtcdStore(etcd.urls), EtcdStore(etcd.urls, prefix="/elsewhere/")
        await one.start()
        await two.start()
        entry = await one.create(PODS + "a", b"1")
        other = await two.create(PODS + "a", b"2")
        await one.current()
        assert [each.value for each in one.range("").entries] == [b"1"]
        assert (await one.update(PODS + "a", b"3", entry.revision)).value == b"3"
        await two.delete(PODS + "a", other.revision)
        await two.close()
        again = EtcdStore(etcd.urls, prefix="/elsewhere/")
        await again.start()
        assert again.range("").entries == []
        await again.create(PODS + "b", b"4")
        await again.close()
        await one.close()

    run(scenario())
    assert etcd.ctl("get", "", "--from-key=true").split() == ["/elsewhere/pods/b", "4", PODS + "a", "3"]
