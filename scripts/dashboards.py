"""Writes the Grafana dashboards of config/grafana/dashboards from the tables of boards/: ``scripts/dashboards.py``.

Their JSON is made by Grafana's own builders (grafana-foundation-sdk, of ``dragoman[dev]``).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from boards import BOARDS
from boards.panel import Board, Panel
from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as models

OUT = Path(__file__).resolve().parent.parent / "config" / "grafana" / "dashboards"
SOURCE = models.DataSourceRef(type_val="prometheus", uid="${source}")


PRICES = {
    "charging": ("Engines that charge", "deepgram|deepl|elevenlabs"),
    "asr_hour": ("Speech, per hour", "0"),
    "mt_million": ("Translation, per million characters", "0"),
    "tts_million": ("Voice, per million characters", "0"),
}
"""What an operator fills in above the costs: label and default of each variable."""


def thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    """Green, and yellow and red from the figures of the panel."""
    steps = [models.Threshold(color="green", value=None)]
    if panel.warn is not None and panel.bad is not None:
        if panel.bad < panel.warn:
            steps = [models.Threshold(color="red", value=None), models.Threshold(color="green", value=panel.warn)]
        else:
            steps += [
                models.Threshold(color="yellow", value=panel.warn),
                models.Threshold(color="red", value=panel.bad),
            ]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def built(panel: Panel) -> Any:
    """Grafana's builder of a panel."""
    if panel.kind == "figure":
        made: Any = stat.Panel().color_mode(kinds.BigValueColorMode.VALUE).graph_mode(kinds.BigValueGraphMode.AREA)
        made = made.height(4)
    else:
        made = timeseries.Panel().fill_opacity(8).line_width(1).show_points(kinds.VisibilityMode.NEVER).min(0).height(8)
        made = made.legend(
            common.VizLegendOptions()
            .display_mode(kinds.LegendDisplayMode.LIST)
            .placement(kinds.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        made = made.tooltip(
            common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI).sort(kinds.SortOrder.DESCENDING)
        )
        if panel.kind == "stack":
            made = made.stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL)).fill_opacity(60)
        if panel.warn is not None:
            made = made.thresholds_style(
                common.GraphThresholdsStyleConfig().mode(kinds.GraphThresholdsStyleMode.DASHED)
            )
    made = made.title(panel.title).description(panel.what).unit(panel.unit).span(panel.width)
    if panel.kind != "figure":
        made = made.no_value(panel.nothing)
    made = made.datasource(SOURCE).thresholds(thresholds(panel))
    for number, (query, legend) in enumerate(panel.queries):
        target = prometheus.Dataquery().expr(query.replace("@", 'instance=~"$instance"')).legend_format(legend)
        target = target.ref_id(chr(ord("A") + number)).datasource(SOURCE)
        made = made.with_target(target.exemplar("_bucket" in query and panel.kind == "lines"))
    return made


def variable(name: str, label: str, of: str) -> dashboard.QueryVariable:
    """A choice of the values that a label has."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .query(of)
        .datasource(SOURCE)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .current(models.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def board(given: Board) -> str:
    """The JSON of a dashboard."""
    made = (
        dashboard.Dashboard(given.title)
        .uid(given.uid)
        .description(given.what)
        .tags(["dragoman"])
        .refresh("30s")
        .time("now-3h", "now")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink("Dragoman")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["dragoman"])
            .keep_time(True)
            .include_vars(True)
        )
        .with_variable(dashboard.DatasourceVariable("source").label("Prometheus").type("prometheus"))
        .with_variable(variable("instance", "Daemon", "label_values(dragoman_ready, instance)"))
    )
    if any("$from" in query for _, panels in given.rows for panel in panels for query, _ in panel.queries):
        for name, label, of in (("from", "From", "source"), ("into", "Into", "target")):
            made = made.with_variable(
                variable(name, label, f"label_values(dragoman_ear_voice_span_seconds_count, {of})")
            )
    if given.prices:
        for name, (label, value) in PRICES.items():
            made = made.with_variable(dashboard.TextBoxVariable(name).label(label).default_value(value))
    for title, panels in given.rows:
        made = made.with_row(dashboard.Row(title))
        for panel in panels:
            made = made.with_panel(built(panel))
    return JSONEncoder(sort_keys=True, indent=1).encode(made.build()) + "\n"


def main() -> None:
    """Write all of them; with a folder as argument, there."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    out.mkdir(parents=True, exist_ok=True)
    for each in BOARDS:
        (out / f"{each.uid.removeprefix('dragoman-')}.json").write_text(board(each), encoding="utf-8")


if __name__ == "__main__":
    main()
