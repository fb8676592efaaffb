"""The guest itself: tests run inside it, apart from each other, and their failures come out."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from tests.proxy.kernel.guest import MODULES, Guest, in_guest

ME = __name__


@in_guest
def test_it_is_another_kernel_with_ipvs_and_dummy_devices() -> None:
    subprocess.run(["ipvsadm", "-A", "-t", "10.0.0.1:80", "-s", "rr"], check=True)
    subprocess.run(["ip", "link", "add", "dummy0", "type", "dummy"], check=True)
    assert (MODULES / platform.release()).is_dir()


@in_guest
def test_nothing_of_another_test_is_left() -> None:
    assert subprocess.run(["ipvsadm", "-Sn"], check=True, capture_output=True, text=True).stdout == ""


@in_guest
@pytest.mark.parametrize("text", ["a", 'b "quoted" é'])
def test_arguments_come_in(text: str) -> None:
    assert text.startswith(("a", "b"))
    print(f"printed {text}")


def fails() -> None:
    print("before it failed")
    raise AssertionError("on purpose")


def ends() -> None:
    sys.stdout.flush()
    os._exit(3)


fails.__wrapped__ = fails  # type: ignore[attr-defined]
ends.__wrapped__ = ends  # type: ignore[attr-defined]


def test_what_was_printed_comes_out(guest: Guest) -> None:
    assert guest.run(ME, "test_arguments_come_in", {"text": "bé"}, 30) == "printed bé\n"


def test_a_failure_comes_out_with_its_traceback(guest: Guest) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"(?s)before it failed.*test_guest.py.*on purpose"):
        guest.run(ME, "fails", {}, 30)


def test_a_test_that_ends_its_process_has_failed(guest: Guest) -> None:
    with pytest.raises(pytest.fail.Exception, match="without a result"):
        guest.run(ME, "ends", {}, 30)
