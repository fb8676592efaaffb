"""A text in blocks is the text of its pieces in order, whatever happens to them."""

from __future__ import annotations

import random

import pytest

from proxy_core.iptables.sections import BLOCK, Section
from proxy_core.model.service_port import ServicePortName


@pytest.mark.parametrize("seed", range(5))
def test_random_changes(seed: int) -> None:
    rng, section, naive = random.Random(seed), Section(), {}
    for step in range(6 * BLOCK):
        name = ServicePortName("n", f"s{rng.randrange(4 * BLOCK):04}", "", "TCP")
        key = (str(name), name)
        piece = f"{name} {step}\n" if rng.random() < (0.9 if step < 4 * BLOCK else 0.2) else ""
        section.set(key, piece)
        naive[key] = piece
        if step % 50 == 0:
            assert "".join(section.blocks()) == "".join(naive[each] for each in sorted(naive))
    for key in naive:
        section.set(key, "")
    assert "".join(section.blocks()) == ""
