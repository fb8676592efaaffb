"""Malformed requests, made of the recorded ones: never a 500, never a hang, and memory stays as it was.

The suite sends some thousand; ``STOWAGE_FULL=1`` (make fuzz) makes it 100,000.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import time
from pathlib import Path

import pytest
from httptools import HttpParserInvalidURLError

from cluster_shim.apiserver.assembly import Assembly
from cluster_shim.apiserver.config import Config
from cluster_shim.apiserver.http.head import head_of, request_of
from cluster_shim.apiserver.request import Request
from cluster_shim.apiserver.server import Server
from tests.faults.corpus import Sample, scenarios, spoiled
from tests.faults.memory import rss_bytes

FULL = bool(os.environ.get("STOWAGE_FULL"))
REQUESTS = 100_000 if FULL else 3_000
SEED = int(os.environ.get("STOWAGE_SEED", "20"))
ANSWER_SECONDS = 20.0
STREAM_SECONDS = 0.01
GROWTH_MAX_BYTES = (128 if FULL else 32) << 20
"""What has been stored is in it, and the history of that."""

INTERNAL = (b"failed to allocate", b"the spec replicas field", b"object has no apiVersion field")
"""What kube-apiserver calls an internal error."""

USERS = (b"Bearer t-admin",) * 8 + (b"Bearer t-bob", b"")


async def answer(server: Server, sample: Sample, credentials: bytes) -> tuple[int, bytes]:
    """Return the status and the first bytes of an answer; the client of a stream goes away at once.

    Status 0: there was none in time, or no whole one.
    """
    headers = [(b"content-length", str(len(sample.body)).encode()), *sample.headers]
    if credentials:
        headers.append((b"authorization", credentials))
    try:
        request = request_of(sample.method, sample.target, headers, "127.0.0.1")
        request.body = sample.body
        return await asyncio.wait_for(_answer(server, request), ANSWER_SECONDS)
    except HttpParserInvalidURLError:
        return 400, b""
    except Exception as error:
        return 0, repr(error).encode()


async def _answer(server: Server, request: Request) -> tuple[int, bytes]:
    response = await server.handle(request)
    head_of(response, b"", None, True)
    if response.stream is None:
        return response.status, response.body[:2000]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STREAM_SECONDS):
            await anext(response.stream, b"")
    await response.stream.aclose()
    return response.status, b""


def is_upstreams(body: bytes) -> bool:
    """Tell whether a 500 is one that kube-apiserver answers, too: what it could not classify has no reason."""
    return b"Failure" in body and (b"InternalError" not in body or any(each in body for each in INTERNAL))


def test_malformed_requests_are_refused(shared: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = shared / "golden" / "api"
    if not folder.is_dir():
        pytest.skip("there are no recorded exchanges in ../shared/golden/api")
    corpus = scenarios(folder)
    every = [sample for scenario in corpus for sample in scenario]
    (tmp_path / "tokens.csv").write_text('t-admin,admin,u-1,"system:masters"\nt-bob,bob,u-2\n')
    dice = random.Random(SEED)
    counts: dict[int, int] = {}
    wrong: list[tuple[int, bytes, Sample]] = []
    slowest: tuple[float, Sample | None] = 0.0, None

    async def send(server: Server, number: int) -> None:
        """Go through scenarios, so that there is something to spoil: each request spoiled, half of them also whole."""
        while number > 0:
            for sample in dice.choice(corpus):
                await send_one(server, spoiled(dice, sample, every))
                if dice.random() < 0.5:
                    await send_one(server, sample)
                number -= 1

    async def send_one(server: Server, sample: Sample) -> None:
        nonlocal slowest
        started = time.perf_counter()
        status, body = await answer(server, sample, dice.choice(USERS))
        seconds = time.perf_counter() - started
        if seconds > slowest[0]:
            slowest = seconds, sample
        counts[status] = counts.get(status, 0) + 1
        if not status or (status == 500 and not is_upstreams(body)):
            wrong.append((status, body, sample))

    async def scenario() -> int:
        assembly = Assembly(Config(token_auth_file=tmp_path / "tokens.csv", hostname="fuzzed", compaction_seconds=20))
        server = await assembly.start()
        try:
            await send(server, REQUESTS // 2)
            before = rss_bytes()
            await send(server, REQUESTS - REQUESTS // 2)
            return rss_bytes() - before
        finally:
            await assembly.stop()

    with caplog.at_level(logging.ERROR, "cluster_shim"):
        growth = asyncio.run(scenario())
    print(f"{sum(counts.values()):,} requests, by status: {dict(sorted(counts.items()))}")
    print(f"memory grew by {growth >> 10:,} KiB in the second half; the slowest: {slowest[0]:.2f} s {slowest[1]}")
    for each in wrong[:20]:
        print(*each, sep="\n  ")
    assert not wrong, f"{len(wrong)} answers are wrong"
    assert not caplog.records, caplog.text
    assert growth < GROWTH_MAX_BYTES
