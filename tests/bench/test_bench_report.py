"""The HTML report: one file that fetches nothing, with its figures, and with everything from input escaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench.command import Stowage

VOID = {"meta", "br", "hr", "img", "input", "link"}
EVIL = "<script>alert(1)</script>$x_$&amp"


class Page(HTMLParser):
    """Collects tags and what they refer to, and checks that tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [
            value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "srcset", "action")
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def report(stowage: Stowage, workdir: Path) -> str:
    name = EVIL.replace("/", "")
    small = ("--nodes", "80", "--pods", "400", "--workload", "mixed")
    assert stowage("scheduling", *small, "--json", name).status == 0
    status, _, stderr = stowage("scheduling", *small, "--report", "out.html", "--compare", name)
    assert status == 0, stderr
    assert "Warning" not in stderr
    return (workdir / "out.html").read_text(encoding="utf-8")


def test_the_report_is_one_file_with_its_figures(report: str) -> None:
    page = Page(report)
    assert "script" not in page.tags and "link" not in page.tags and "iframe" not in page.tags
    assert all(reference.startswith(("data:", "#")) for reference in page.references)
    # What remains of addresses are names of XML namespaces.
    fetched = re.sub(r'xmlns(:\w+)?="[^"]*"', "", report)
    assert "http:" not in fetched and "https:" not in fetched and "url(http" not in fetched and "@import" not in fetched
    labels = re.findall(r'aria-label="([^"]*)"', report)
    assert labels[:3] == [
        "This run beside earlier runs",
        "Histogram of the time for one decision",
        "Decisions per second over time",
    ]
    assert {"Utilisation of cpu on every node", "Utilisation of memory on every node"} <= set(labels)
    assert page.tags.count("svg") == len(labels)
    for text in (
        "time for one decision (µs, log scale)",
        "time (s)",
        "decisions per second",
        "requested (%)",
        "region-1-a",
    ):
        assert text in report


def test_every_figure_is_well_formed_and_refers_to_itself(report: str) -> None:
    figures = re.findall(r"<svg.*?</svg>", report, flags=re.DOTALL)
    ids = [identifier for figure in figures for identifier in re.findall(r'\bid="([^"]*)"', figure)]
    assert len(ids) == len(set(ids))
    for figure in figures:
        ElementTree.fromstring(figure)
        own = set(re.findall(r'\bid="([^"]*)"', figure))
        used = re.findall(r"url\(#([^)]*)\)", figure) + re.findall(r'href="#([^"]*)"', figure)
        assert set(used) <= own


def test_what_comes_from_input_is_escaped(report: str) -> None:
    assert "<script>" not in report
    assert "&lt;script&gt;" in report


def test_a_message_with_markup_is_escaped(stowage: Stowage, workdir: Path) -> None:
    (workdir / "own.py").write_text(
        "from sched_core import Plugin, Verdicts\nimport numpy as np\n\n\nclass Own(Plugin):\n    name = 'Own'\n\n"
        "    def filter(self, state, pod, nodes):\n"
        "        return Verdicts.refuse(np.ones(nodes.count, bool), '<script>[bold]no[/bold]')\n",
        encoding="utf-8",
    )
    status, stdout, stderr = stowage(
        "scheduling", "--nodes", "5", "--pods", "3", "--plugin", "own.py:Own=1", "--report", "r.html"
    )
    assert status == 0, stderr
    assert "<script>[bold]no[/bold]" in stdout
    page = (workdir / "r.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;[bold]no[/bold]" in page
