"""A struck meeting at a glance: what befell above, what became of every word below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tests.chaos.ledger import Fate, Page
from tests.chaos.schedule import Part

COLOURS = {
    Fate.HEARD: "#3a7d44",
    Fate.MARKED: "#e0a030",
    Fate.ON_THE_LINE: "#8a8a8a",
    Fate.MACHINE: "#c0c0c0",
    Fate.TORN: "#c0c0c0",
    Fate.LOST: "#c02020",
}

INCHES_PER_S = 0.16
WIDTH = (12.0, 120.0)
"""Least and most, inches."""


def draw(
    path: Path,
    title: str,
    pages: Mapping[tuple[str, str], Page],
    faults: Sequence[tuple[float, float, Part, str]],
    gaps: Sequence[tuple[float, float, str]],
    begun: float,
) -> None:
    """Write the picture.

    Args:
        path: of the PNG.
        title: above it.
        pages: the ledger.
        faults: (begin, well again, part, what).
        gaps: (begin, end, language) that the captions marked.
        begun: where the picture's time begins; all times are seconds since the epoch.
    """
    end = max([row.heard or row.said for page in pages.values() for row in page.rows] + [f[1] for f in faults]) - begun
    parts = [part for part in Part if any(fault[2] is part for fault in faults)]
    width = min(max(end * INCHES_PER_S, WIDTH[0]), WIDTH[1])
    figure = Figure(figsize=(width, 2.5 + 0.32 * len(parts) + 0.55 * len(pages)))
    FigureCanvasAgg(figure)
    above, below = figure.subplots(
        2, 1, sharex=True, gridspec_kw={"height_ratios": [max(len(parts), 1), 1.6 * len(pages)]}
    )
    for start, stop, part, what in faults:
        row = parts.index(part)
        above.barh(row, max(stop - start, 0.15), left=start - begun, height=0.7, color="#d06050", alpha=0.6)
        above.text(start - begun, row, what, fontsize=6, va="center")
    above.set_yticks(range(len(parts)), [str(part) for part in parts], fontsize=8)
    above.set_ylim(max(len(parts), 1) - 0.5, -0.5)
    above.set_title(title, fontsize=9, loc="left")
    for row, ((_, target), page) in enumerate(pages.items()):
        for word in page.rows:
            colour = COLOURS[word.fate]
            below.plot([word.said - begun] * 2, [row - 0.38, row - 0.08], color=colour, linewidth=1.4)
            if word.heard is not None:
                below.plot([word.heard - begun] * 2, [row + 0.08, row + 0.38], color=colour, linewidth=1.4)
                below.plot([word.said - begun, word.heard - begun], [row - 0.08, row + 0.08], color=colour, lw=0.2)
        for sound in (*page.doubled, *page.out_of_order):
            below.plot(sound.start - begun, row + 0.43, "v", color="#a000a0", markersize=4)
        for start, stop, language in gaps:
            if language == target:
                below.axvspan(
                    start - begun,
                    max(stop, start + 0.1) - begun,
                    ymin=1 - (row + 0.95) / len(pages),
                    ymax=1 - (row + 0.05) / len(pages),
                    color="#f0d080",
                    alpha=0.4,
                    zorder=0,
                )
    below.set_yticks(range(len(pages)), [f"{voice} to {target}\nsaid / heard" for voice, target in pages], fontsize=7)
    below.set_ylim(len(pages) - 0.5, -0.5)
    below.set_xlim(-2, end + 2)
    below.set_xlabel(
        "seconds; green: heard, amber: lost and marked (bands: marked gaps), grey: lost on the line or by the machine, "
        "red: lost unmarked, triangles: twice or out of order",
        fontsize=8,
    )
    figure.tight_layout()
    figure.savefig(path, dpi=110)
