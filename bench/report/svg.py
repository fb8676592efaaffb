"""Matplotlib figures → inline SVG that takes the text colour of the page, so that it is legible on light and dark."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

PAPER = "#010203"
"""A colour that no figure uses otherwise: it stands for the page's text colour."""
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""Okabe and Ito's without yellow and black: told apart with any colour vision, on light and on dark."""
SETTINGS: Any = {
    "svg.hashsalt": "stowage",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "text.color": PAPER,
    "axes.edgecolor": PAPER,
    "axes.labelcolor": PAPER,
    "axes.titlecolor": PAPER,
    "xtick.color": PAPER,
    "ytick.color": PAPER,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@contextmanager
def drawing() -> Iterator[None]:
    """Draw with the report's settings; names in a script without glyphs here are still right in the browser."""
    with matplotlib.rc_context(SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*missing")
        yield


def svg(figure: Figure, name: str, label: str) -> str:
    """Return a figure as an ``<svg>`` element; ``name`` makes its ids its own, ``label`` says what it shows."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = text.replace(PAPER, "currentColor")
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", text)  # ids are unique in the whole page
    head = f'<svg role="img" aria-label="{escape(label)}" preserveAspectRatio="xMidYMid meet"'
    return re.sub(
        r'^<svg([^>]*?) width="[^"]*"', head + r"\1", re.sub(r' height="[0-9.]+pt"', "", text, count=1), count=1
    )


def plain_axes(figure: Figure, x_label: str, y_label: str) -> Axes:
    """Return axes with a light grid and named units."""
    axes = figure.add_subplot()
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(True, color=PAPER, alpha=0.15, linewidth=0.6)
    axes.set_axisbelow(True)
    return axes
