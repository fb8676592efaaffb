"""A disk that is full, or can only be read, under a running server: writes are refused, all else goes on."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.apiserver.running import Running, running
from tests.faults.wire import connect, listen, request

MAPS = "/api/v1/namespaces/default/configmaps"
MIB = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of eight MiB, or skip the test."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def config_map(name: str, size: int = 10) -> dict[str, Any]:
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name}, "data": {"a": "x" * size}}


def check_refused(server: Running, cause: str) -> None:
    """Every kind of write is refused with the cause and changes nothing; reads, lists and watches go on."""
    before = server.call("GET", MAPS)[1]["items"]
    writes = (
        ("POST", MAPS, config_map("more", 500_000)),
        ("PUT", f"{MAPS}/kept", config_map("kept", 500_000)),
        ("PATCH", f"{MAPS}/kept", {"data": {"b": "y" * 500_000}}),
    )
    for method, path, body in writes:
        content_type = "application/merge-patch+json" if method == "PATCH" else "application/json"
        code, status = server.call(method, path, body, content_type)
        assert (code, status["kind"], status["code"]) == (500, "Status", 500)
        assert cause in status["message"]
    assert server.call("GET", MAPS)[1]["items"] == before
    assert server.call("GET", "/apis")[0] == 200
    review = {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"}
    server.made("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)


@pytest.mark.parametrize(("driver", "cause"), [("folder", "No space left on device"), ("sqlite", "disk is full")])
def test_full(disk: Path, driver: str, cause: str) -> None:
    with running(disk, data=Path(f"sqlite:{disk}/state.sqlite") if driver == "sqlite" else None) as server:
        made = server.made(MAPS, config_map("kept"))
        watch = connect(server.port)
        version = made["metadata"]["resourceVersion"].encode()
        watch.sendall(request(b"GET " + MAPS.encode() + b"?watch=1&resourceVersion=" + version))
        ballast = disk / "ballast"
        with pytest.raises(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(MIB))
        check_refused(server, cause)
        ballast.unlink()
        deadline = time.monotonic() + 10
        while server.call("POST", MAPS, config_map("after"))[0] != 201:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        data = listen(watch).data
        assert data.count(b'"type":"ADDED"') == 1
        assert b'"type":"MODIFIED"' not in data
        watch.close()
