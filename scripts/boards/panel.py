"""What a dashboard is made of, and how its queries are written.

In queries ``@`` stands for the daemons chosen above the dashboard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Panel:
    """One panel: lines over time, lines stacked, or one figure."""

    title: str
    what: str
    """What one should know when reading it; the panel's description."""
    unit: str
    queries: Sequence[tuple[str, str]]
    """(PromQL, legend)."""
    kind: Literal["lines", "stack", "figure"] = "lines"
    width: int = 8
    """Of 24 columns."""
    warn: float | None = None
    bad: float | None = None
    """From where it is yellow and red; ``bad`` below ``warn``: small is bad."""


@dataclass(frozen=True)
class Board:
    """One dashboard: rows of panels."""

    uid: str
    title: str
    what: str
    rows: Sequence[tuple[str, Sequence[Panel]]]
    prices: bool = False


def quantiles(name: str, by: str = "", where: str = "@", of: Sequence[float] = (0.5, 0.95)) -> list[tuple[str, str]]:
    """Quantiles of a histogram, by some labels."""
    legend = " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(",") if label)
    labels = f"{by}, le" if by else "le"
    return [
        (
            f"histogram_quantile({q}, sum by ({labels}) (rate({name}_bucket{{{where}}}[$__rate_interval])))",
            f"p{q * 100:g} {legend}".strip(),
        )
        for q in of
    ]


def rate(name: str, by: str = "", where: str = "@", per: str = "", named: str = "") -> tuple[str, str]:
    """A counter's rate, by some labels, per second or (``per`` "* 60") another time; ``named``: before its legend."""
    labels = " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(",") if label)
    legend = f"{named} {labels}".strip() or name.removeprefix("dragoman_").removesuffix("_total")
    grouped = f"sum by ({by})" if by else "sum"
    return f"{grouped} (rate({name}{{{where}}}[$__rate_interval])){per}", legend


PAIR = '@, source=~"$from", target=~"$into"'
"""Of the languages chosen above the dashboard."""
