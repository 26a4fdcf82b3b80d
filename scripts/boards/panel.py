"""What a dashboard is made of, how its queries are written, and the shapes of panel that come again and again.

In queries ``@`` stands for the daemons chosen above the dashboard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Query = tuple[str, str]
"""(PromQL, legend)."""

Kind = Literal["lines", "stack", "figure"]
"""Lines over time, lines stacked, or one figure."""


@dataclass(frozen=True)
class Panel:
    """One panel."""

    title: str
    what: str
    """What one should know when reading it; the panel's description."""
    unit: str
    queries: Sequence[Query]
    kind: Kind = "lines"
    width: int = 8
    """Of 24 columns."""
    warn: float | None = None
    bad: float | None = None
    """From where it is yellow and red; ``bad`` below ``warn``: small is bad."""
    nothing: str = "none"
    """What a graph shows without any series, in place of Grafana's "No data": a counter of faults has no series before
    the first one, and that reads as if the figures were missing. Whether they are is told by the single figures of *Calls
    now*, which keep their "No data"."""


@dataclass(frozen=True)
class Board:
    """One dashboard: rows of panels."""

    uid: str
    title: str
    what: str
    rows: Sequence[tuple[str, Sequence[Panel]]]
    prices: bool = False


PAIR = '@, source=~"$from", target=~"$into"'
"""Of the languages chosen above the dashboard."""

MINUTE, HOUR = " * 60", " * 3600"
"""What makes of a rate per second one of another time."""


# Queries.


def quantiles(name: str, by: str = "", where: str = "@", of: Sequence[float] = (0.5, 0.95)) -> list[Query]:
    """Quantiles of a histogram, by some labels."""
    grouped = f"{by}, le" if by else "le"
    rates = f"sum by ({grouped}) (rate({name}_bucket{{{where}}}[$__rate_interval]))"
    return [(f"histogram_quantile({q}, {rates})", f"p{q * 100:g} {_legend(by)}".strip()) for q in of]


def rate(name: str, by: str = "", where: str = "@", per: str = "", named: str = "") -> Query:
    """A counter's rate, by some labels, per second or (``per``: MINUTE, HOUR) another time; ``named``: its legend.

    Where it has labels they stand in the legend, behind ``named``.
    """
    legend = f"{named} {_legend(by)}".strip() or name.removeprefix("dragoman_").removesuffix("_total")
    grouped = f"sum by ({by})" if by else "sum"
    return f"{grouped} (rate({name}{{{where}}}[$__rate_interval])){per}", legend


def each(name: str, *parts: str, per: str = "") -> list[Query]:
    """The rates of several counters, ``dragoman_NAME_PART_total``."""
    return [rate(f"dragoman_{name}_{part}_total", per=per) for part in parts]


def total(name: str, legend: str = "") -> Query:
    """A gauge, summed over daemons."""
    return f"sum({name}{{@}})", legend or name.removeprefix("dragoman_")


def share(part: str, whole: str, legend: str, by: str = "", where: str = "@") -> Query:
    """Of one counter's increase, what share of another's it is; nothing where that one stands still."""
    grouped = f"sum by ({by})" if by else "sum"
    above, below = (f"{grouped} (rate({name}[$__rate_interval]))" for name in (_at(part, where), _at(whole, where)))
    return f"{above} / ({below} > 0)", legend


def _at(name: str, where: str) -> str:
    return f"{name[:-1]}, {where}}}" if name.endswith("}") else f"{name}{{{where}}}"


def _legend(by: str) -> str:
    return " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(",") if label)


# Panels.


def figure(
    title: str,
    what: str,
    query: str,
    unit: str = "short",
    *,
    width: int = 2,
    warn: float | None = None,
    bad: float | None = None,
) -> Panel:
    """One figure: how it is now."""
    return Panel(title, what, unit, [(query, title.lower())], "figure", width, warn, bad)


def yes_or_no(title: str, what: str, query: str, *, width: int = 3, good: bool = True) -> Panel:
    """Whether something is so; red where it is not, unless neither is better than the other (``good`` False)."""
    warn, bad = (1, 0.5) if good else (None, None)
    return figure(title, what, query, "bool_yes_no", width=width, warn=warn, bad=bad)


def seconds(
    title: str,
    what: str,
    queries: Sequence[Query],
    *,
    width: int = 8,
    warn: float | None = None,
    bad: float | None = None,
    nothing: str = Panel.nothing,
) -> Panel:
    """How long something takes."""
    return Panel(title, what, "s", queries, "lines", width, warn, bad, nothing)


def numbers(title: str, what: str, queries: Sequence[Query], kind: Kind = "lines", *, width: int = 8) -> Panel:
    """How many, over time."""
    return Panel(title, what, "short", queries, kind, width)


def minutely(title: str, what: str, counter: str, by: str, *, width: int = 8) -> Panel:
    """How many a minute of what one counter tells apart, stacked."""
    return numbers(f"{title}, a minute", what, [rate(counter, by, per=MINUTE)], "stack", width=width)


def parts(
    title: str,
    what: str,
    queries: Sequence[Query],
    *,
    warn: float | None = None,
    bad: float | None = None,
) -> Panel:
    """Shares of a whole."""
    return Panel(title, what, "percentunit", queries, warn=warn, bad=bad)


def engines_of(stage: str, title: str, what: str) -> Panel:
    """How long the engines of a stage take, each by its name."""
    where = f'{PAIR}, stage="{stage}", engine!="dragoman"'
    return seconds(title, what, quantiles("dragoman_stage_seconds", "engine", where))
