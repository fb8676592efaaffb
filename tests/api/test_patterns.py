"""Texts of clients that nearly fit a pattern are refused about as fast as they are long."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from cluster_shim.api import quantity
from cluster_shim.api.cel import Environment, EvaluationError, types
from cluster_shim.api.errors import APIError
from cluster_shim.api.validation.batch import cron
from cluster_shim.apiserver.options import check_timeout
from cluster_shim.apiserver.request import Request

LONG = 30_000
DOUBLE = Environment({"s": types.STRING}).compile("double(s)")


def _timeout(text: str) -> None:
    check_timeout(Request("GET", "/api/v1/pods", query=[("timeout", text)]))


def _double(text: str) -> None:
    DOUBLE.evaluate({"s": text})


def _schedule(text: str) -> None:
    if found := cron.problem(f"@every {text}"):
        raise ValueError(found)


@pytest.mark.parametrize("read", [quantity.parse, _timeout, _double, _schedule])
@pytest.mark.parametrize("text", ["0" * LONG + "!", "9" * LONG + "!", "." + "9" * LONG + "!", "0x" + "a" * LONG + "!"])
def test_nearly(read: Callable[[str], object], text: str) -> None:
    began = time.process_time()
    with pytest.raises((ValueError, APIError, EvaluationError)):
        read(text)
    assert time.process_time() - began < 1
