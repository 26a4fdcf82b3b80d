"""Draws the dashboards as pictures from a running Prometheus, to look at them where there is no Grafana.

    python scripts/dashboard_pictures.py http://127.0.0.1:9090 OUT [MINUTES]

It asks Prometheus what the panels ask, and lays them out as they say; colours and legends are its own.
"""

from __future__ import annotations

import json
import re
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

DASHBOARDS = Path(__file__).resolve().parent.parent / "config" / "grafana" / "dashboards"
ROW_INCHES, COLUMN_INCHES = 0.36, 0.82


NOW = time.time()
"""Until when is drawn: one time for all, or what lies on each other in a panel would not meet."""


def ask(prometheus: str, query: str, minutes: float) -> list[tuple[dict[str, str], list[tuple[float, float]]]]:
    """(labels, [(unix seconds, value)]) of each series."""
    now = NOW
    stand_ins = {"$__rate_interval": "1m", "$asr_hour": "0.26", "$mt_million": "20", "$tts_million": "30"}
    for name, value in stand_ins.items():
        query = query.replace(name, value)
    query = re.sub(r"\$\w+", ".*", query)
    step = max(minutes * 60 / 200, 1)
    asked = urllib.parse.urlencode({"query": query, "start": now - minutes * 60, "end": now, "step": step})
    with urllib.request.urlopen(f"{prometheus}/api/v1/query_range?{asked}", timeout=20) as answer:
        found = json.load(answer)["data"]["result"]
    return [(each["metric"], [(at, float(value)) for at, value in each["values"]]) for each in found]


def named(legend: str, labels: dict[str, str]) -> str:
    """The legend of a series."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), legend) or "value"


def draw(axes: Any, panel: dict[str, Any], prometheus: str, minutes: float) -> int:
    """One panel; how many series it has."""
    series = [
        (named(target["legendFormat"], labels), points)
        for target in panel["targets"]
        for labels, points in ask(prometheus, target["expr"], minutes)
    ]
    axes.set_title(panel["title"], fontsize=8, loc="left")
    axes.tick_params(labelsize=6)
    now = NOW
    if panel["type"] == "stat":
        axes.axis("off")
        last = next((points[-1][1] for _, points in series if points), None)
        axes.text(0.5, 0.4, "no data" if last is None else f"{last:.3g}", ha="center", va="center", fontsize=18)
        return len(series)
    stacked = panel["fieldConfig"]["defaults"]["custom"].get("stacking", {}).get("mode") == "normal"
    below: dict[float, float] = {}
    for name, points in series:
        xs = [(at - now) / 60 for at, _ in points]
        if stacked:
            low = [below.get(at, 0.0) for at, _ in points]
            high = [low_ + (value if value == value else 0.0) for low_, (_, value) in zip(low, points, strict=True)]
            axes.fill_between(xs, low, high, label=name, alpha=0.7, linewidth=0)
            below.update({at: top for (at, _), top in zip(points, high, strict=True)})
        else:
            axes.plot(xs, [value for _, value in points], label=name, linewidth=1)
    axes.set_xlim(-minutes, 0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.2)
    if series:
        axes.legend(fontsize=5.5, loc="upper left", ncol=2, framealpha=0.6)
    else:
        axes.text(0.5, 0.5, "no data", ha="center", va="center", transform=axes.transAxes, fontsize=8, color="#888888")
    return len(series)


def picture(board: dict[str, Any], prometheus: str, minutes: float, out: Path) -> None:
    """One dashboard as a PNG; says which panels have no data."""
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels) + 1
    figure = plt.figure(figsize=(24 * COLUMN_INCHES, rows * ROW_INCHES))
    figure.suptitle(board["title"], fontsize=12, x=0.01, y=1 - 0.3 / rows, ha="left", va="top")
    for row in (panel for panel in board["panels"] if panel["type"] == "row"):
        figure.text(0.01, 1 - (row["gridPos"]["y"] + 1.4) / rows, row["title"], fontsize=10, weight="bold")
    for panel in panels:
        place = panel["gridPos"]
        left, width = (place["x"] + 0.7) / 24, (place["w"] - 1.0) / 24
        height = (place["h"] - 1.9) / rows
        axes = figure.add_axes((left, 1 - (place["y"] + 1 + place["h"]) / rows + 0.5 / rows, width, height))
        if not draw(axes, panel, prometheus, minutes):
            print(f"{board['title']}: no data for {panel['title']!r}")
    figure.savefig(out, dpi=80)
    plt.close(figure)


def main() -> None:
    """Draw all dashboards."""
    prometheus, out = sys.argv[1], Path(sys.argv[2])
    minutes = float(sys.argv[3]) if len(sys.argv) > 3 else 15.0
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(DASHBOARDS.glob("*.json")):
        picture(json.loads(path.read_text(encoding="utf-8")), prometheus, minutes, out / f"{path.stem}.png")


if __name__ == "__main__":
    main()
