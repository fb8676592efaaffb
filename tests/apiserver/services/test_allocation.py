"""Addresses and ports of Services. The cluster: 10.96.0.0/28 (14 addresses) and fd00::/112, node ports 30000-30031."""

from __future__ import annotations

import asyncio
import random
from typing import Any, cast

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.apiserver.registry.services.addresses import ClusterIPs
from cluster_shim.apiserver.registry.services.allocation import Services
from cluster_shim.apiserver.registry.services.ports import NodePorts
from cluster_shim.apiserver.registry.services.repair import Repair
from cluster_shim.storage.store import Store
from tests.apiserver.fakes import FakeObjects, FakeStore

CIDRS = {
    "metadata": {"name": "kubernetes"},
    "spec": {"cidrs": ["10.96.0.0/28", "fd00::/112"]},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}


class Cluster:
    def __init__(self) -> None:
        self.objects = FakeObjects(("networking.k8s.io", "servicecidrs", CIDRS))
        store = cast(Store, FakeStore())
        self.ports = NodePorts(store, 30000, 30031, random.Random(1))
        self.services = Services(ClusterIPs(self.objects, random.Random(1)), self.ports, ("IPv4", "IPv6"))

    def create(self, dry_run: bool = False, **spec: Any) -> dict[str, Any]:
        service = {"metadata": {"name": "s", "namespace": "n"}, "spec": {"type": "ClusterIP", **spec}}

        async def run() -> None:
            await (await self.services.begin_create(service, dry_run)).finish(True)

        asyncio.run(run())
        return service

    def update(self, old: dict[str, Any], **spec: Any) -> dict[str, Any]:
        service = {"metadata": old["metadata"], "spec": spec}

        async def run() -> None:
            await (await self.services.begin_update(service, old, False)).finish(True)

        asyncio.run(run())
        return service

    def addresses(self) -> set[str]:
        return {each["metadata"]["name"] for each in self.objects.list("networking.k8s.io", "ipaddresses")}


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_an_address_is_an_object_until_the_service_goes(cluster: Cluster) -> None:
    service = cluster.create(ports=[{"port": 80}])
    spec = service["spec"]
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")
    assert cluster.addresses() == {spec["clusterIP"]} == set(spec["clusterIPs"])
    (taken,) = cluster.objects.list("networking.k8s.io", "ipaddresses")
    assert taken["spec"] == {"parentRef": {"resource": "services", "namespace": "n", "name": "s"}}
    asyncio.run(cluster.services.after_delete(service))
    assert cluster.addresses() == set()


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("10.96.0.5", "provided IP is already allocated"),
        ("10.96.0.0", "the provided network does not match the current range"),
        ("10.96.0.15", "the provided network does not match the current range"),
        ("192.0.2.1", "the provided network does not match the current range"),
    ],
)
def test_an_address_that_cannot_be_had(cluster: Cluster, address: str, reason: str) -> None:
    cluster.create(clusterIP="10.96.0.5")
    with pytest.raises(APIError) as refused:
        cluster.create(clusterIP=address)
    assert refused.value.message == (
        f'Service "s" is invalid: spec.clusterIPs: Invalid value: ["{address}"]: '
        f"failed to allocate IP {address}: {reason}"
    )
    assert cluster.addresses() == {"10.96.0.5"}


def test_all_addresses_of_a_range_can_be_given_and_no_more(cluster: Cluster) -> None:
    given = {cluster.create()["spec"]["clusterIP"] for _ in range(14)}
    assert given == {f"10.96.0.{number}" for number in range(1, 15)}
    with pytest.raises(APIError) as refused:
        cluster.create()
    assert refused.value.code == 500
    assert refused.value.message.endswith('failed to allocate a serviceIP for Service "s": range is full')


def test_dry_run_takes_nothing(cluster: Cluster) -> None:
    service = cluster.create(dry_run=True, type="NodePort", ports=[{"port": 80}, {"port": 81}])
    assert service["spec"]["clusterIP"] == "10.96.0.0"
    assert [port["nodePort"] for port in service["spec"]["ports"]] == [32769, 32770]
    assert cluster.addresses() == set() == cluster.ports.taken()


def test_two_families_and_back(cluster: Cluster) -> None:
    old = cluster.create(ipFamilyPolicy="PreferDualStack")
    assert old["spec"]["ipFamilies"] == ["IPv4", "IPv6"]
    assert cluster.addresses() == set(old["spec"]["clusterIPs"])
    new = cluster.update(old, **{**old["spec"], "ipFamilyPolicy": "SingleStack"})
    assert new["spec"]["clusterIPs"] == old["spec"]["clusterIPs"][:1]
    assert new["spec"]["ipFamilies"] == ["IPv4"]
    assert cluster.addresses() == {old["spec"]["clusterIP"]}
    again = cluster.update(new, **{**new["spec"], "ipFamilyPolicy": "RequireDualStack"})
    assert cluster.addresses() == set(again["spec"]["clusterIPs"])
    assert len(cluster.addresses()) == 2


def test_headless_without_selector_has_both_families(cluster: Cluster) -> None:
    spec = cluster.create(clusterIP="None")["spec"]
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4", "IPv6"], "RequireDualStack")
    spec = cluster.create(clusterIP="None", selector={"a": "b"})["spec"]
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")


def test_an_update_that_does_not_mention_them_keeps_address_and_ports(cluster: Cluster) -> None:
    old = cluster.create(type="NodePort", ports=[{"name": "a", "port": 80}])
    new = cluster.update(old, type="NodePort", ports=[{"name": "a", "port": 81}])
    assert new["spec"]["clusterIPs"] == old["spec"]["clusterIPs"]
    assert new["spec"]["ports"] == [{"name": "a", "port": 81, "nodePort": old["spec"]["ports"][0]["nodePort"]}]


def test_another_type_gives_back(cluster: Cluster) -> None:
    old = cluster.create(type="NodePort", ports=[{"port": 80}])
    assert len(cluster.ports.taken()) == 1
    cluster.update(old, type="ExternalName", externalName="example.com")
    assert cluster.addresses() == set() == cluster.ports.taken()


def test_ports_of_one_number_share_a_node_port(cluster: Cluster) -> None:
    ports = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}, {"port": 80}]
    given = [port["nodePort"] for port in cluster.create(type="NodePort", ports=ports)["spec"]["ports"]]
    assert given[0] == given[1] != given[2]
    assert cluster.ports.taken() == set(given)


@pytest.mark.parametrize(
    ("port", "reason"),
    [
        (30005, "provided port is already allocated"),
        (29999, "provided port is not in the valid range. The range of valid ports is 30000-30031"),
    ],
)
def test_a_port_that_cannot_be_had(cluster: Cluster, port: int, reason: str) -> None:
    cluster.create(type="NodePort", ports=[{"port": 80, "nodePort": 30005}])
    before = cluster.addresses()
    with pytest.raises(APIError) as refused:
        cluster.create(type="NodePort", ports=[{"port": 80, "nodePort": port}])
    assert refused.value.message.endswith(f"spec.ports[0].nodePort: Invalid value: {port}: {reason}")
    assert cluster.addresses() == before
    assert cluster.ports.taken() == {30005}


def test_ports_above_the_static_part_go_first(cluster: Cluster) -> None:
    given = [cluster.create(type="NodePort", ports=[{"port": 80, "nodePort": 0}]) for _ in range(8)]
    numbers = [each["spec"]["ports"][0]["nodePort"] for each in given]
    assert all(number >= 30016 for number in numbers)
    assert len(set(numbers)) == 8


def test_health_check_node_port_comes_and_goes_with_the_policy(cluster: Cluster) -> None:
    local = cluster.create(type="LoadBalancer", externalTrafficPolicy="Local", ports=[{"port": 80}])
    assert len(cluster.ports.taken()) == 2
    spec = {key: value for key, value in local["spec"].items() if key != "healthCheckNodePort"}
    cluster.update(local, **spec | {"externalTrafficPolicy": "Cluster"})
    assert cluster.ports.taken() == {local["spec"]["ports"][0]["nodePort"]}


def test_repair_marks_what_is_used_and_frees_what_leaked_twice(cluster: Cluster) -> None:
    asyncio.run(cluster.ports.allocate(30001))
    leak = {"metadata": {"name": "10.96.0.9", "labels": {"ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}}}
    own = {"metadata": {"name": "10.96.0.10"}}
    for address in (leak, own):
        cluster.objects.add("networking.k8s.io", "ipaddresses", address)
    spec = {"ports": [{"nodePort": 30007}], "clusterIPs": ["10.96.0.3"]}
    cluster.objects.add("", "services", {"metadata": {"name": "x", "namespace": "n"}, "spec": spec})
    repair = Repair(cluster.objects, cluster.ports)
    asyncio.run(repair.once())
    assert cluster.ports.taken() == {30001, 30007}
    assert cluster.addresses() == {"10.96.0.3", "10.96.0.9", "10.96.0.10"}
    asyncio.run(repair.once())
    assert cluster.ports.taken() == {30007}
    assert cluster.addresses() == {"10.96.0.3", "10.96.0.10"}
