"""What a Config makes of a server."""

from __future__ import annotations

import pytest

from cluster_shim.apiserver import assembly
from cluster_shim.apiserver.assembly import Assembly
from cluster_shim.apiserver.config import Config
from cluster_shim.storage.store import Unavailable
from tests.apiserver.whole import Client, looped, whole

PODS = "/api/v1/namespaces/default/pods"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
POD = {
    "metadata": {"name": "p"},
    "spec": {"containers": [{"name": "c", "image": "i", "securityContext": {"privileged": True}}]},
}


@pytest.mark.parametrize(("allowed", "status"), [(True, 201), (False, 422)])
@looped
async def test_privileged_pods_need_a_flag(allowed: bool, status: int) -> None:
    async with whole(Config(allow_privileged=allowed)) as client:
        await client("POST", ACCOUNTS, {"metadata": {"name": "default"}})
        assert (await client("POST", PODS, POD)).status == status


@looped
async def test_a_store_that_is_away_is_seen_in_the_health(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "RESTART_SECONDS", 0.01)
    made = Assembly(Config())
    client = Client(await made.start())
    assert (await client("GET", "/livez")).status == 200

    async def away() -> int:
        raise Unavailable("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(made._store, "current", away)
        assert (await client.until("/livez/etcd", lambda answer: answer.status == 500)).status == 500
        assert (await client("GET", "/readyz")).status == 200  # upstream's does not look at the store
    assert (await client.until("/livez/etcd", lambda answer: answer.status == 200)).status == 200
    await made.stop()
    assert (await client("GET", "/readyz")).status == 500
