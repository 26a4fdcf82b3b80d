"""Prometheus rules: each alert fires in a test, has its section in the runbook, and asks for metrics that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.observe.names import metrics_in, served

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "config" / "prometheus"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"] for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))


def test_every_alert_has_a_section_of_the_runbook_and_every_section_an_alert() -> None:
    assert list(SECTIONS) == list(ALERTS)


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_says_what_it_means_how_to_see_why_and_what_to_do(name: str) -> None:
    assert [text.strip() for text in re.findall(r"^\*\*(.*?)\*\*", SECTIONS[name], re.MULTILINE)] == [
        "Means.",
        "Why.",
        "Do.",
    ]
    named = set(re.findall(r"Dragoman[A-Z]\w+", SECTIONS[name]))
    assert named <= set(ALERTS), "names an alert that there is not"


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_bad_it_is_and_where_to_read_on(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in ("info", "warning", "critical")
    assert rule["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"
    assert rule["annotations"]["summary"]


async def test_the_rules_ask_for_metrics_that_a_daemon_serves() -> None:
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    known = await served() | recorded
    for rule in RULES:
        assert metrics_in(rule["expr"]) <= known, rule


def test_each_alert_is_seen_to_fire_and_to_be_quiet_before() -> None:
    tests = yaml.safe_load((FOLDER / "rules.test.yml").read_text())["tests"]
    fires, quiet = set(), set()
    for each in (each for test in tests for each in test.get("alert_rule_test", ())):
        (fires if each["exp_alerts"] else quiet).add(each["alertname"])
    assert fires == quiet == set(ALERTS)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (apt-get install prometheus)")
@pytest.mark.parametrize("arguments", [["check", "rules", "rules.yml"], ["test", "rules", "rules.test.yml"]])
def test_promtool_is_content(arguments: list[str]) -> None:
    done = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (apt-get install prometheus)")
def test_what_the_scrape_has_as_comments_is_right_too(tmp_path: Path) -> None:
    text = (FOLDER / "prometheus.yml").read_text()
    taken = re.sub(r"^( *)# ( *(?:- |[a-z_]+:).*)$", r"\1\2", text, flags=re.MULTILINE)
    config = yaml.safe_load(taken)
    assert config["alerting"]["alertmanagers"] and "credentials_file" in config["scrape_configs"][0]["authorization"]
    (tmp_path / "prometheus.yml").write_text(taken)
    (tmp_path / "rules.yml").write_text((FOLDER / "rules.yml").read_text())
    done = subprocess.run(
        ["promtool", "check", "config", "--syntax-only", tmp_path / "prometheus.yml"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
