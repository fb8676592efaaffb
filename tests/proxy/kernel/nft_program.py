"""The program nft in a namespace: the oracle of what is loaded over netlink; and its listings in a form to compare."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping

import pytest

Listing = Mapping[str, list[str]]
"""``chain services`` -> its lines; elements, which are in no order, sorted."""


class Nft:
    """The program nft in a namespace."""

    def __init__(self, netns: str) -> None:
        if shutil.which("nft") is None:
            pytest.skip("there is no program nft here")
        self._command = ["nsenter", f"--net={netns}", "nft"]

    def load(self, text: str) -> None:
        """Load commands; fails with what nft says."""
        done = subprocess.run([*self._command, "-f", "-"], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def listing(self) -> str:
        """Return the whole ruleset."""
        done = subprocess.run([*self._command, "list", "ruleset"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (done.returncode, done.stderr)
        return done.stdout


def normal(text: str) -> Listing:
    """Return a listing by what it lists, in no order; clients that are remembered are left out."""
    found: dict[str, list[str]] = {}
    for block in re.split(r"\n\t(?=set |map |chain )", text.strip().removesuffix("}").rstrip()):
        head, _, body = block.partition("{")
        lines, _, elements = body.partition("elements = {")
        kept = [line.strip() for line in lines.splitlines() if line.strip() not in ("", "}")]
        if elements and not head.startswith("set affinity-"):
            kept += sorted(each.strip() for each in elements.replace("}", "").split(","))
        found[head.strip()] = kept
    return found
