"""Every recorded body is taken or refused as the real server took or refused it, with its words and its warnings."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cluster_shim.api import codec
from cluster_shim.api.errors import APIError
from tests.api.exchanges import Exchange, written

REFUSED = re.compile("cannot be handled as|is unrecognized|does not match the expected API version")
COMPLAINT = re.compile(r'299 - ("(?:unknown|duplicate) field .*")$')
STRICT = "strict decoding error: "


@pytest.fixture(scope="module")
def recorded(shared: Path) -> Path:
    folder = shared / "golden" / "api"
    if not folder.is_dir():
        pytest.skip("there are no exchanges in ../shared/golden/api")
    return folder


@pytest.mark.parametrize(
    "family", ["crud", "defaulting", "options", "protocol", "subresources", "update", "validation"]
)
def test_bodies(recorded: Path, family: str) -> None:
    looked_at = 0
    for exchange in written(recorded, (family,)):
        if exchange.content_type in (codec.JSON, codec.YAML):
            check(exchange)
            looked_at += 1
    assert looked_at > 10


def check(exchange: Exchange) -> None:
    message = exchange.answer.get("message", "")
    try:
        decoded = codec.decode(exchange.body, exchange.content_type, exchange.gvk)
    except APIError as error:
        assert (error.code, error.message) == (exchange.status, message), exchange.where
        return
    if STRICT in message:
        assert ", ".join(decoded.strict_errors) == message.partition(STRICT)[2], exchange.where
        return
    assert not (exchange.status == 400 and REFUSED.search(message)), exchange.where
    if exchange.status < 300 and "fieldValidation=Ignore" not in exchange.path:
        complaints = [json.loads(found[1]) for each in exchange.warnings if (found := COMPLAINT.match(each))]
        assert sorted(decoded.strict_errors) == sorted(complaints), exchange.where
