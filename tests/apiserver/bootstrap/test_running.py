"""What goes on while the server runs: its Lease, its endpoints, the conditions of flow schemas."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from cluster_shim.api.resources import Catalogue, Resource, built_in
from cluster_shim.apiserver.bootstrap.api_services import APIServices
from cluster_shim.apiserver.bootstrap.flow_schemas import FlowSchemas
from cluster_shim.apiserver.bootstrap.presence import Presence, Settings, identity
from cluster_shim.storage.store import Deliver, Entry, Event, Page
from tests.apiserver.fakes import FakeObjects, Object

NOW = datetime(2026, 5, 1, 12, 0, 0, 250000, UTC)
FLOW = "flowcontrol.apiserver.k8s.io"


class Time:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def settings(hostname: str, address: str) -> Settings:
    return Settings(hostname, address, 6443, ("10.96.0.0/12", "fd00::/112"), "-----CA-----")


def row(objects: FakeObjects, group: str, resource: str, namespace: str, name: str) -> Object:
    return objects.rows[group, resource, namespace, name]


def endpoints(objects: FakeObjects) -> tuple[list[str], list[str]]:
    """Return the addresses in Endpoints and in the EndpointSlice."""
    old = row(objects, "", "endpoints", "default", "kubernetes")
    new = row(objects, "discovery.k8s.io", "endpointslices", "default", "kubernetes")
    subsets = old.get("subsets") or []
    return (
        [each["ip"] for subset in subsets for each in subset["addresses"]],
        [address for each in new["endpoints"] for address in each["addresses"]],
    )


def test_start() -> None:
    objects = FakeObjects()
    asyncio.run(Presence(objects, settings("host", "192.0.2.10"), Time()).start())
    service = row(objects, "", "services", "default", "kubernetes")
    assert service["metadata"]["labels"] == {"component": "apiserver", "provider": "kubernetes"}
    assert (service["spec"]["clusterIP"], service["spec"]["ipFamilies"]) == ("10.96.0.1", ["IPv4"])
    assert service["spec"]["ports"] == [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": 6443}]
    assert endpoints(objects) == (["192.0.2.10"], ["192.0.2.10"])
    cidr = row(objects, "networking.k8s.io", "servicecidrs", "", "kubernetes")
    assert cidr["spec"] == {"cidrs": ["10.96.0.0/12", "fd00::/112"]}
    assert cidr["status"]["conditions"][0]["type"] == "Ready"
    facts = row(objects, "", "configmaps", "kube-system", "extension-apiserver-authentication")
    assert facts["data"] == {"client-ca-file": "-----CA-----"}
    lease = row(objects, "coordination.k8s.io", "leases", "kube-system", identity("host", 6443))
    assert lease["metadata"]["labels"]["apiserver.kubernetes.io/identity"] == "kube-apiserver"
    assert lease["spec"]["renewTime"] == "2026-05-01T12:00:00.250000Z"
    assert lease["spec"]["holderIdentity"].startswith(f"{identity('host', 6443)}_")


def test_servers_of_one_store_share_the_endpoints() -> None:
    objects, time = FakeObjects(), Time()
    one, two = (Presence(objects, settings(f"h{n}", f"192.0.2.{n}"), time) for n in (1, 2))

    async def run() -> None:
        await one.start()
        await two.start()
        assert endpoints(objects) == (["192.0.2.1", "192.0.2.2"],) * 2
        time.now += timedelta(seconds=61)  # the first has died
        await two.renew()
        assert endpoints(objects) == (["192.0.2.2"],) * 2
        await one.renew()
        task = asyncio.create_task(two.run())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert endpoints(objects) == (["192.0.2.1"],) * 2

    asyncio.run(run())


def test_a_renewal_changes_only_what_has_changed() -> None:
    objects, time = FakeObjects(), Time()
    presence = Presence(objects, settings("host", "2001:db8::1"), time)

    async def run() -> None:
        await presence.start()
        before = dict(objects.rows)
        time.now += timedelta(seconds=10)
        await presence.renew()
        changed = [key[1] for key in before if objects.rows[key] is not before[key]]
        assert changed == ["leases"]
        assert row(objects, "discovery.k8s.io", "endpointslices", "default", "kubernetes")["addressType"] == "IPv6"

    asyncio.run(run())


def test_an_address_that_means_something_else_to_others_is_no_endpoint() -> None:
    for address in ("127.0.0.1", "::1", "169.254.1.1", "0.0.0.0"):
        objects = FakeObjects()
        asyncio.run(Presence(objects, settings("host", address), Time()).start())
        assert endpoints(objects) == ([], [])


class Source:
    """Delivers what a test says."""

    def __init__(self) -> None:
        self.delivers: list[Deliver] = []

    def range(self, prefix: str, start: str = "", limit: int = 0, revision: int = 0) -> Page:
        return Page([], 0, 1)

    def subscribe(self, prefix: str, deliver: Deliver) -> Callable[[], None]:
        self.delivers.append(deliver)
        return lambda: self.delivers.remove(deliver)

    def change(self) -> None:
        for deliver in self.delivers:
            deliver([Event(Entry("k", b"", 1, 1), None, False)])


def schema(name: str, level: str) -> Object:
    return {"metadata": {"name": name}, "spec": {"priorityLevelConfiguration": {"name": level}}, "status": {}}


def conditions(objects: FakeObjects, name: str) -> list[Any]:
    return list(row(objects, FLOW, "flowschemas", "", name)["status"].get("conditions", []))


def test_api_services_follow_custom_resources() -> None:
    objects, source, catalogue = FakeObjects(), Source(), Catalogue(built_in())
    widgets = Resource(
        "example.com", "v1", "widgets", "Widget", "widget", True, ("get",), "example.com/widgets", custom=1
    )
    key = "apiregistration.k8s.io", "apiservices", "", "v1.example.com"

    async def run() -> None:
        task = asyncio.create_task(APIServices(objects, source, catalogue, lambda: "2026-05-01T12:00:00Z").run())
        await settle()
        assert objects.rows == {}
        catalogue.add(widgets)
        source.change()
        await settle()
        assert objects.rows[key]["spec"] == {
            "group": "example.com",
            "version": "v1",
            "groupPriorityMinimum": 1000,
            "versionPriority": 100,
        }
        assert objects.rows[key]["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "true"}
        objects.add("apiregistration.k8s.io", "apiservices", {"metadata": {"name": "v1.made-by-hand.org"}})
        catalogue.remove(widgets)
        source.change()
        await settle()
        assert [name for *_, name in objects.rows] == ["v1.made-by-hand.org"]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert source.delivers == []

    asyncio.run(run())


async def settle() -> None:
    """Let the tasks of a test do what they can."""
    for _ in range(8):
        await asyncio.sleep(0)


def test_conditions_of_flow_schemas() -> None:
    objects, source = FakeObjects(), Source()
    objects.add(FLOW, "prioritylevelconfigurations", {"metadata": {"name": "low"}})
    objects.add(FLOW, "flowschemas", schema("a", "low"))
    objects.add(FLOW, "flowschemas", schema("b", "none"))
    text = "This FlowSchema references the PriorityLevelConfiguration object named"

    async def run() -> None:
        task = asyncio.create_task(FlowSchemas(objects, source, lambda: "2026-05-01T12:00:00Z").run())
        await settle()
        found = {
            "type": "Dangling",
            "status": "False",
            "lastTransitionTime": "2026-05-01T12:00:00Z",
            "reason": "Found",
            "message": f'{text} "low" and it exists',
        }
        assert conditions(objects, "a") == [found]
        message = f'{text} "none" but there is no such object'
        missing = {**found, "status": "True", "reason": "NotFound", "message": message}
        assert conditions(objects, "b") == [missing]
        revision = objects.revision
        source.change()
        await settle()
        assert objects.revision == revision  # its own writes are no reason to write again
        await objects.delete(FLOW, "prioritylevelconfigurations", "", "low")
        source.change()
        await settle()
        assert conditions(objects, "a")[0]["status"] == "True"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert source.delivers == []

    asyncio.run(run())
