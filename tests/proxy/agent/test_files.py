"""FileClient: what a folder of manifests says, and what it says next."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Sequence
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from cluster_shim.proxy import files
from cluster_shim.proxy.client import Event, MemoryClient, key_of
from cluster_shim.proxy.files import FileClient
from cluster_shim.proxy.manifests import find_files
from proxy_core import EndpointSlice, InvalidObjects, Service
from sched_core.objects.source import Source
from tests.proxy.objects import service

WEB = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 172.30.0.1, ports: [{port: 80}]}
"""
SLICE = """
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-a, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{port: 8080}]
endpoints: [{addresses: [10.180.0.1]}]
"""
OTHER = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"


def names(events: Sequence[Event]) -> list[tuple[str, str]]:
    return [(each.type, "/".join(key_of(each.object))) for each in events]


def changes(client: FileClient) -> list[tuple[str, str]]:
    """Return the next changes; they come within a second."""
    return names(client.watch(2))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "web.yaml").write_text(WEB)
    return tmp_path


def test_looks_that_take_long_are_rare(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, looks, find = [100.0], list[float](), find_files

    def slow_find(paths: Sequence[str]) -> list[Source]:
        looks.append(now[0])
        now[0] += 0.05
        return find(paths)

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(files, "find_files", slow_find)
    monkeypatch.setattr(files, "monotonic", lambda: now[0])
    monkeypatch.setattr(files, "sleep", sleep)
    client = FileClient([str(folder)])
    client.list()
    looks.clear()
    for _ in range(20):
        client.watch(0.3)
    assert 4 <= len(looks) <= 7 and now[0] < 107


def test_lists_streams_and_compressed_files(folder: Path) -> None:
    items = {"kind": "ServiceList", "apiVersion": "v1", "items": [{"metadata": {"name": name}} for name in "ab"]}
    (folder / "list.json.gz").write_bytes(gzip.compress(json.dumps(items).encode()))
    inner = {"kind": "List", "items": [{"kind": "List", "items": []}, {"apiVersion": "v1", "kind": "Node"}]}
    inner["items"][1]["metadata"] = {"name": "node-1"}  # type: ignore[index]
    (folder / "deep").mkdir()
    (folder / "deep" / "more.yaml").write_text(f"{OTHER}---\n{json.dumps(inner)}\n---\n{SLICE}")
    found = ["/".join(key_of(each)) for each in FileClient([str(folder)]).list()]
    assert sorted(found) == [
        "EndpointSlice/shop/web-a",
        "Node//node-1",
        "Service/default/a",
        "Service/default/b",
        "Service/shop/web",
    ]


def test_what_an_api_server_would_fill_in(folder: Path) -> None:
    (folder / "slice.yaml").write_text(SLICE)
    found = {type(each): each for each in FileClient([str(folder)]).list()}
    web, web_a = found[Service], found[EndpointSlice]
    assert isinstance(web, Service) and web.spec.cluster_ips == ("172.30.0.1",)
    assert isinstance(web_a, EndpointSlice) and web_a.ports[0].name == ""  # no name at all would match no port


def test_changes_of_files_are_changes_of_objects(folder: Path) -> None:
    client = FileClient([str(folder)])
    client.list()
    assert client.watch(0.3) == []
    (folder / "slice.yaml").write_text(SLICE)
    assert changes(client) == [("ADDED", "EndpointSlice/shop/web-a")]
    (folder / "web.yaml").write_text(WEB.replace("80", "81"))
    assert changes(client) == [("MODIFIED", "Service/shop/web")]
    (folder / "slice.yaml").rename(folder / "moved.yaml")
    assert client.watch(0.5) == []
    (folder / "web.yaml").unlink()
    assert changes(client) == [("DELETED", "Service/shop/web")]


def test_a_mounted_config_map_changes_by_a_symbolic_link(tmp_path: Path) -> None:
    for name, text in (("one", WEB), ("two", WEB.replace("80", "81"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "web.yaml").write_text(text)
    (tmp_path / "data").symlink_to("one")
    client = FileClient([str(tmp_path / "data" / "web.yaml")])
    client.list()
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").rename(tmp_path / "data")
    assert changes(client) == [("MODIFIED", "Service/shop/web")]


def test_a_bad_file_changes_nothing_until_it_is_repaired(folder: Path) -> None:
    client = FileClient([str(folder)])
    client.list()
    (folder / "slice.yaml").write_text(SLICE)
    (folder / "web.yaml").write_text(WEB.replace("80", "seven"))
    with pytest.raises(InvalidObjects) as refused:
        client.watch(2)
    assert [(each.object, each.field) for each in refused.value.problems] == [
        ("Service shop/web", "spec.ports[0].port")
    ]
    assert refused.value.problems[0].file.endswith("web.yaml")
    assert client.watch(0.4) == [] and not client.is_good  # said once
    (folder / "web.yaml").write_text(WEB)
    assert changes(client) == [("ADDED", "EndpointSlice/shop/web-a")] and client.is_good


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("web.yaml", WEB.replace("shop", "Shop"), "Service Shop/web: metadata.namespace: is no DNS label"),
        ("again.yaml", WEB, "Service shop/web: metadata.name: is already in"),
        ("web.yaml", "{", "document 1: malformed"),
        ("web.yaml", OTHER + "---\nname: web\n", "document 2: kind: is missing"),
        ("web.yaml", "kind: Service\nmetadata: {name: a}\n", "document 1: apiVersion: is missing"),
        ("web.yaml", SLICE.replace("discovery.k8s.io/v1", "v1"), "apiVersion: must be discovery.k8s.io/v1 for"),
        ("web.yaml", SLICE.replace("io/v1", "io/v1beta1"), "for EndpointSlice: 'discovery.k8s.io/v1beta1'"),
        ("web.yaml", "[1]", "document 1: is no object of Kubernetes"),
        ("web.yaml", WEB.replace("name: web", "name: ''"), "metadata.name: is missing"),
    ],
)
def test_every_problem_is_named(folder: Path, name: str, text: str, reason: str) -> None:
    (folder / name).write_text(text)
    client = FileClient([str(folder)])
    with pytest.raises(InvalidObjects) as refused:
        client.list()
    assert reason in str(refused.value)


def test_a_folder_that_has_lost_its_files_is_no_reason_to_remove_everything(folder: Path) -> None:
    client = FileClient([str(folder)])
    client.list()
    (folder / "web.yaml").unlink()
    with pytest.raises(InvalidObjects, match="holds no"):
        client.watch(2)
    (folder / "none.yaml").write_text("{kind: List, apiVersion: v1, items: []}")
    assert changes(client) == [("DELETED", "Service/shop/web")]


def test_everything_is_read_again_now_and_then(folder: Path) -> None:
    client = FileClient([str(folder)], resync_seconds=0.3)
    client.list()
    web = folder / "web.yaml"
    before = web.stat()
    with web.open("r+") as file:
        file.write(WEB.replace("80", "81"))
    os.utime(web, ns=(before.st_atime_ns, before.st_mtime_ns))  # looks as before: same size, time and inode
    assert changes(client) == [("MODIFIED", "Service/shop/web")]


def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(WEB.encode())))
    client = FileClient(["-"], resync_seconds=0.2)
    assert ["/".join(key_of(each)) for each in client.list()] == ["Service/shop/web"]
    assert client.watch(0.6) == []


def test_a_client_in_memory() -> None:
    client = MemoryClient([service("web")])
    assert len(client.list()) == 1
    client.apply(service("web", type="NodePort"), service("api"))
    client.apply(service("api"))
    client.delete(service("web"))
    assert names(client.watch(1)) == [
        ("MODIFIED", "Service/shop/web"),
        ("ADDED", "Service/shop/api"),
        ("DELETED", "Service/shop/web"),
    ]
    assert client.watch(0) == []


def test_a_slice_that_moves_to_another_service_leaves_the_old_one(folder: Path) -> None:
    (folder / "slice.yaml").write_text(SLICE)
    client = FileClient([str(folder)])
    client.list()
    (folder / "slice.yaml").write_text(SLICE.replace("service-name: web}", "service-name: api}"))
    assert changes(client) == [("DELETED", "EndpointSlice/shop/web-a"), ("ADDED", "EndpointSlice/shop/web-a")]
    moved = SLICE.replace("service-name: web}", "service-name: api}").replace("IPv4", "IPv6")
    (folder / "slice.yaml").write_text(moved.replace("10.180.0.1", "fd00::1"))
    assert changes(client) == [("DELETED", "EndpointSlice/shop/web-a"), ("ADDED", "EndpointSlice/shop/web-a")]
    (folder / "slice.yaml").write_text(moved.replace("10.180.0.1", "fd00::2"))
    assert changes(client) == [("MODIFIED", "EndpointSlice/shop/web-a")]
