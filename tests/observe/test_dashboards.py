"""Grafana dashboards: made from their tables, of metrics that a daemon serves, each panel says what it is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.models.dashboard import Dashboard
from tests.observe.names import metrics_in, served
from tests.observe.test_rules import RULES

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "config" / "grafana"
BOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((GRAFANA / "dashboards").glob("*.json"))
}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def test_they_are_what_the_tables_say(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "scripts" / "dashboards.py"), str(tmp_path)], check=True)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {
        path.name: path.read_text(encoding="utf-8") for path in (GRAFANA / "dashboards").iterdir()
    }, "run scripts/dashboards.py"


def test_there_is_one_for_each_question_of_an_operator() -> None:
    assert set(BOARDS) == {"calls", "latency", "quality", "capacity", "providers"}
    assert len({board["uid"] for board in BOARDS.values()}) == len(BOARDS)


@pytest.mark.parametrize("name", BOARDS)
async def test_every_panel_asks_for_metrics_that_there_are(name: str) -> None:
    known = await served() | {rule["record"] for rule in RULES if "record" in rule}
    for panel in panels(BOARDS[name]):
        for target in panel["targets"]:
            asked = metrics_in(target["expr"])
            assert asked and asked <= known, (panel["title"], asked - known)


@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_is_explained_and_placed_and_grafana_reads_it(name: str) -> None:
    board = BOARDS[name]
    assert Dashboard.from_json(board).uid == board["uid"]  # by Grafana's own types
    taken: set[tuple[int, int]] = set()
    for panel in panels(board):
        assert panel["title"] and panel["description"].endswith(".")
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
        assert panel["datasource"] == {"type": "prometheus", "uid": "${source}"}
    known = {variable["name"] for variable in board["templating"]["list"]} | {"__rate_interval"}
    used = {word for panel in panels(board) for target in panel["targets"] for word in variables(target["expr"])}
    assert used <= known


def variables(expression: str) -> list[str]:
    return re.findall(r"\$(\w+)", expression)


def test_grafana_is_told_where_they_are() -> None:
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/dragoman.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/dragoman.yml").read_text())["providers"]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
    assert provider["type"] == "file" and provider["options"]["path"]


async def test_no_metric_of_a_daemon_is_left_unseen() -> None:
    """Every metric is on a dashboard or in a rule, but for what only tells of the process."""
    asked = {
        name
        for board in BOARDS.values()
        for panel in panels(board)
        for target in panel["targets"]
        for name in metrics_in(target["expr"])
    } | {name for rule in RULES for name in metrics_in(rule["expr"])}
    ours = {name for name in await served() if name.startswith("dragoman_")}
    bare = {name.removesuffix(suffix) for name in asked for suffix in ("_bucket", "_count", "_sum")} | asked
    unseen = {name for name in ours if name not in bare and name.rsplit("_", 1)[0] not in bare}
    assert unseen == {
        "dragoman_build_info",
        "dragoman_media_ticks_total",
        "dragoman_vad_windows_total",
        "dragoman_rtp_malformed_total",
        "dragoman_rtp_resting_source_total",
        "dragoman_ari_unknown_events_total",
        "dragoman_attach_disagreements_total",
        "dragoman_repeated_words_total",
        "dragoman_engine_changes_total",
    }
