"""kill -9 of the whole server under 50 writers over HTTP: nothing acknowledged is lost, nothing is half there.

Revisions never go back, and a client that watches goes on after each restart where it was, without a gap or a
repetition. The suite runs a short form; ``STOWAGE_FULL=1`` (make crash) makes it 200 kills.
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from typing import Any

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.client import client as api
from cluster_shim.client.client import Client
from tests.faults.process import Process
from tests.storage.histories import Checker

FULL = bool(os.environ.get("STOWAGE_FULL"))
KILLS = {"folder": 160 if FULL else 4, "sqlite": 40 if FULL else 2}
WRITERS = 50
NAMESPACE = "crash"
MAPS = api.Path("", "v1", "configmaps")
NAMESPACES = api.Path("", "v1", "namespaces")
EXPECTED = (404, 409)
"""What writers answer each other."""


def config_map(key: str, name: str, version: str = "") -> dict[str, Any]:
    """Return the object that belongs to the name of a write: its length and contents follow from it."""
    dice = random.Random(name)
    data = {"name": name, "filling": dice.randbytes(dice.choice((0, 10, 1000, 3000))).hex()}
    metadata = {"name": key, "resourceVersion": version} if version else {"name": key}
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": data}


def name_of(document: dict[str, Any]) -> str:
    """Return the name of the write that an object comes from; it must be all of it."""
    name: str = document["data"]["name"]
    assert document["data"] == config_map("", name)["data"], f"{document['metadata']['name']} is half written"
    return name


def version_of(document: dict[str, Any]) -> int:
    return int(document["metadata"]["resourceVersion"])


class History(Checker):
    """What the clients of a server have seen; of a write they hear by its answer and by the watch, in either order."""

    def starts(self, listed: dict[str, Any]) -> None:
        """Take the first list of a server that has started."""
        items = listed["items"]
        state = {each["metadata"]["name"]: [version_of(each), name_of(each)] for each in items}
        self._start(version_of(listed), state)

    def tries(self, key: str, name: str | None) -> None:
        self.tried.add((key, name))

    def sees(self, kind: str, document: dict[str, Any]) -> None:
        """Take an event."""
        name = None if kind == "DELETED" else name_of(document)
        known = document["metadata"]["name"] in self.watched
        assert known == (kind != "ADDED"), f"{kind} of {document['metadata']['name']}, which is {known} known"
        self._event(version_of(document), document["metadata"]["name"], name)

    def hears(self, revision: int, key: str, name: str | None) -> None:
        """Take an answer; of a deletion it does not tell the revision, so it is one after what was deleted."""
        self.newest = max(self.newest, revision)
        if revision > self.done.get(key, (0, None))[0]:
            self.done[key] = revision, name
        self.acknowledged += 1

    def has_gap(self) -> bool:
        """Tell, when the watch has caught up and nobody writes, whether it shows something else than the list."""
        return self.watched != self.state

    def lists_again(self) -> None:
        self._again(self.started_at)


async def write(client: Client, history: History, run: int, writer: int) -> None:
    """Create, update and delete objects, of one's own and of all, until the server is gone."""
    dice = random.Random(f"{run}/{writer}")
    for number in range(1_000_000):
        key = f"{writer if dice.random() < 0.7 else 'all'}-{dice.randrange(5)}"
        name, now = f"{run}-{writer}-{number}", None
        try:
            try:
                now = await client.get(MAPS, key, NAMESPACE)
            except APIError as error:
                assert error.code == 404
            if now is None:
                history.tries(key, name)
                made = await client.create(MAPS, config_map(key, name), NAMESPACE)
                history.hears(version_of(made), key, name)
            elif dice.random() < 0.2:
                history.tries(key, None)
                version = now["metadata"]["resourceVersion"]
                await client.delete(MAPS, key, NAMESPACE, preconditions={"resourceVersion": version})
                history.hears(version_of(now) + 1, key, None)
            else:
                history.tries(key, name)
                document = config_map(key, name, now["metadata"]["resourceVersion"])
                made = await client.update(MAPS, document, NAMESPACE)
                history.hears(version_of(made), key, name)
        except APIError as error:
            assert error.code in EXPECTED, error
        except OSError:
            return


async def follow(client: Client, history: History, until: int = 0) -> None:
    """Watch from where the history is, until a revision or the end of the server."""
    events = client.watch(MAPS, NAMESPACE, str(history.position))
    try:
        async for kind, document in events:
            history.sees(kind, document)
            if until and history.position >= until:
                return
    except OSError:
        return
    finally:
        await events.aclose()


async def one_life(server: Process, history: History, run: int, seconds: float) -> None:
    """Start a server, see what is there, write for some time, kill it."""
    await server.start()
    transport = server.transport()
    client = Client(transport)
    if not run:
        namespace = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": NAMESPACE}}
        await client.create(NAMESPACES, namespace)
    listed = await client.list(MAPS, NAMESPACE)
    history.starts(listed)
    if not run:
        history.watched, history.position = dict(history.state), version_of(listed)
    marker = config_map(f"marker-{run}", f"{run}-marker")
    history.tries(f"marker-{run}", f"{run}-marker")
    made = version_of(await client.create(MAPS, marker, NAMESPACE))
    history.state[f"marker-{run}"] = made, f"{run}-marker"
    try:
        await follow(client, history, made)
    except APIError as error:
        assert error.code == 410
        history.lists_again()
        await follow(client, history, made)
    assert not history.has_gap(), "the watch has missed something"
    work = [asyncio.create_task(write(client, history, run, each)) for each in range(WRITERS)]
    work.append(asyncio.create_task(follow(client, history)))
    await asyncio.wait(work, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    server.kill()
    await asyncio.gather(*work)
    await transport.close()


@pytest.mark.parametrize("driver", KILLS)
def test_killed_at_any_moment(driver: str, repo: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    place = str(data) if driver == "folder" else f"sqlite:{data / 'state.sqlite'}"
    dice, history = random.Random(driver), History()

    async def lives() -> None:
        with Process(repo, tmp_path, "--data", place) as server:
            for run in range(KILLS[driver]):
                if run and dice.random() < 0.2:  # also while it starts
                    server.spawn()
                    await asyncio.sleep(dice.uniform(0.0, 1.0))
                    server.kill()
                await one_life(server, history, run, dice.uniform(0.1, 0.8))

    asyncio.run(lives())
    print(f"{driver}: {KILLS[driver]} kills, {history.acknowledged:,} writes acknowledged, {history.relisted} relists")
    assert history.acknowledged > 20 * KILLS[driver]
    assert history.relisted <= KILLS[driver] // 10  # where a snapshot has taken the place of the log
