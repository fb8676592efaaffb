"""ImageLocality; the numbers of ten nodes are worked out in the specification of the scheduler."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.image_locality import ImageLocality, with_tag
from sched_core import CycleState, PodInfo
from tests.plugins.tiny import Mi, Tiny, by_name, node


def ten_nodes(image: str, size: int, present_on: int) -> Tiny:
    images = [{"names": [image], "sizeBytes": size}]
    return Tiny(*(node(f"n{number}", images=images if number < present_on else []) for number in range(10)))


def containers(*images: str) -> list[dict[str, Any]]:
    return [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]


def score(tiny: Tiny, waiting: PodInfo) -> dict[str, int]:
    return by_name(tiny.nodes, ImageLocality().score(CycleState(), waiting, tiny.nodes))


@pytest.mark.parametrize(
    ("size", "present_on", "images", "expected"),
    [
        (300 * Mi, 3, ["app"], 6),
        (300 * Mi, 10, ["app"], 28),
        (2000 * Mi, 10, ["app", "app"], 100),
        (20 * Mi, 10, ["app"], 0),
        (300 * Mi, 10, ["app", "other"], 14),
        (300 * Mi, 10, ["other"], 0),
    ],
)
def test_scores(size: int, present_on: int, images: list[str], expected: int) -> None:
    tiny = ten_nodes("app:latest", size, present_on)
    scores = score(tiny, tiny.info(containers=containers(*images)))
    assert list(scores.values()) == [expected] * present_on + [0] * (10 - present_on)


def test_init_containers_and_image_volumes_count() -> None:
    tiny = ten_nodes("app:latest", 300 * Mi, 10)
    other = containers("other")
    volume = {"name": "data", "image": {"reference": "app"}}
    assert score(tiny, tiny.info(containers=other, initContainers=containers("app")))["n0"] == 14
    assert score(tiny, tiny.info(containers=other, volumes=[volume]))["n0"] == 28
    assert score(tiny, tiny.info(containers=other, volumes=[{"name": "data", "emptyDir": {}}]))["n0"] == 0


def test_the_first_node_that_lists_an_image_gives_its_size() -> None:
    first = node("a", images=[{"names": ["app:latest"], "sizeBytes": 300 * Mi}])
    second = node("b", images=[{"names": ["app:latest"], "sizeBytes": 900 * Mi}])
    tiny = Tiny(first, second)
    assert score(tiny, tiny.info()) == {"a": 28, "b": 28}


def test_a_removed_node_does_not_count() -> None:
    tiny = ten_nodes("app:latest", 300 * Mi, 3)
    for number in range(3, 10):
        tiny.cluster.remove_node(f"n{number}")
    assert list(score(tiny, tiny.info()).values())[:3] == [28, 28, 28]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("app", "app:latest"),
        ("app:1", "app:1"),
        ("registry:5000/app", "registry:5000/app:latest"),
        ("registry:5000/app:1", "registry:5000/app:1"),
        ("app@sha256:0123", "app@sha256:0123"),
        ("", ":latest"),
    ],
)
def test_names_get_a_tag(image: str, expected: str) -> None:
    assert with_tag(image) == expected


def test_the_signature_has_the_names_and_the_number_of_containers() -> None:
    tiny = ten_nodes("app:latest", 300 * Mi, 10)
    sign = ImageLocality().sign_pod
    volume = {"name": "data", "image": {"reference": "app"}}
    two, one = tiny.info(containers=containers("x", "app")), tiny.info(containers=containers("x"), volumes=[volume])
    assert sign(two) != sign(one)
    assert sign(two) == sign(tiny.info("other", containers=containers("x", "app:latest")))
