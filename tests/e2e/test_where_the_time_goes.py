"""A slow call, a real Prometheus and the dashboard alone: its first table names who was slow, and in which languages.

The calls are held in virtual time, with engines as slow as clouds are and one of them slower; what /metrics would have
said every few seconds is put into Prometheus as it is from a backup, and asked by the dashboard's own queries.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import aiohttp
import pytest
from prometheus_client.openmetrics.exposition import generate_latest
from tests.e2e.test_prometheus import prometheus, promtool, pytestmark  # noqa: F401  # of all tests here
from tests.fakes.latency import Latency
from tests.pipeline.cloud import CloudRecognizer, CloudSynthesizer, CloudTranslator, Manner, cloud_engines, said
from tests.pipeline.fakes import FakeEngines
from tests.pipeline.hall import hall
from tests.virtual_time import run

from dragoman.engines.base import Translation, TranslationRequest
from dragoman.observe.clauses import ClauseMeasures
from dragoman.observe.metrics import Metrics

BOARD = Path(__file__).parents[2] / "config" / "grafana" / "dashboards" / "latency.json"
PANELS = ("The slowest, by languages", "Slower than usual, by languages")
MEDIAN = "p50 {{stage}} {{engine}} {{source}} {{target}}"
SLOWER = "{{stage}} {{engine}} {{source}} {{target}}"
"""Legends of their queries."""
BEGAN = 1_800_000_000
"""Unix time of the call, s."""

SENTENCES = (
    "We have moved all the boxes upstairs, because the cellar is wet.",
    "Nobody has told us when the pump will come.",
    "Could you call them today?",
    "I think that we must wait for another week at least.",
)
CLAUSES = 14
SAMPLE = 'instance="pbx1:8700",job="dragoman"'


class SlowIntoCatalan(CloudTranslator):
    """And as fast as ever into other languages."""

    async def translate(self, request: TranslationRequest) -> Translation:
        await asyncio.sleep(0.8 if request.target == "ca" else 0.0)
        return await super().translate(request)


def slow_voice(engines: FakeEngines) -> None:
    engines.mouth = CloudSynthesizer(1, Latency(450, 480))  # 330 ms more, and less than would count as failed


def slow_for_one(engines: FakeEngines) -> None:
    engines.translator = SlowIntoCatalan(1)


def late_finals(engines: FakeEngines) -> None:
    engines.ears = CloudRecognizer(1, Manner(revises=0.0, final=Latency(900, 1000)))


async def call(defect: Callable[[FakeEngines], None]) -> list[str]:
    """Somebody speaks English to a Spanish and a Catalan listener, first as ever, and then with the defect.

    Returns:
        Lines of OpenMetrics with their times.
    """
    loop, random, lines, metrics = asyncio.get_running_loop(), Random(5), list[str](), Metrics()
    began = loop.time()
    for now in (lambda engines: None, defect):
        engines = cloud_engines(1, Manner(revises=0.0))
        now(engines)
        async with hall(engines) as place:
            place.reporter.measures = ClauseMeasures(metrics, loop.time)
            ann = place.join("ann", "en")
            for name, language in (("bea", "es"), ("cal", "ca")):
                place.join(name, language)
            for number in range(CLAUSES):
                place.media.legs[ann.channel_id].coming = said(SENTENCES[number % len(SENTENCES)], random)
                await place.passes(6)
                at = BEGAN + loop.time() - began
                shown = generate_latest(metrics.registry).decode().splitlines()
                spent = (line.partition(" # ")[0] for line in shown if line.startswith("dragoman_stage_seconds"))
                lines += [sample(line, at) for line in spent]
    return lines


def sample(line: str, at: float) -> str:
    """A line of /metrics as Prometheus keeps it."""
    name, value = line.rsplit(" ", 1)
    return f"{name.replace('{', f'{{{SAMPLE},', 1)} {value} {at:.3f}"


@pytest.mark.parametrize(
    ("defect", "named"),
    [
        (slow_voice, {"tts mouth en ca", "tts mouth en es"}),
        (slow_for_one, {"mt brain en ca"}),
        (late_finals, {"asr ears en ca", "asr ears en es"}),
    ],
)
def test_who_was_slow_is_named_first(defect: Callable[[FakeEngines], None], named: set[str], tmp_path: Path) -> None:
    lines = run(call(defect))
    (tmp_path / "backup").write_text("\n".join([*lines, "# EOF\n"]))
    (tmp_path / "prometheus.yml").write_text("global: {}\n")
    at = lines[-1].rpartition(" ")[2]

    async def ask() -> dict[str, list[str]]:
        backup = ("tsdb", "create-blocks-from", "openmetrics", "-q", str(tmp_path / "backup"), str(tmp_path / "data"))
        await promtool(*backup)
        async with prometheus(tmp_path / "prometheus.yml", tmp_path / "data") as session:
            return {legend: await rows(session, query, at) for legend, query in queries()}

    found = asyncio.run(ask())
    assert {legend: set(found[legend][: len(named)]) for legend in (MEDIAN, SLOWER)} == {MEDIAN: named, SLOWER: named}
    assert len(found[MEDIAN]) == 6 and len(found[SLOWER]) == len(named), f"nobody else became slow: {found}"


def queries() -> list[tuple[str, str]]:
    """(Legend, PromQL) of the two panels."""
    panels = [panel for panel in json.loads(BOARD.read_text())["panels"] if panel["title"] in PANELS]
    assert len(panels) == len(PANELS)
    found = []
    for target in (target for panel in panels for target in panel["targets"]):
        query = target["expr"]
        for variable, value in (("$__rate_interval", "60s"), ("$instance", ".*"), ("$from", ".*"), ("$into", ".*")):
            query = query.replace(variable, value)
        found.append((target["legendFormat"], query))
    return found


async def rows(session: aiohttp.ClientSession, query: str, at: str) -> list[str]:
    """What was found, the highest first."""
    async with session.get("/api/v1/query", params={"query": query, "time": at}) as response:
        found = (await response.json())["data"]["result"]
    found.sort(key=lambda row: -float(row["value"][1]))
    return [" ".join(row["metric"][label] for label in ("stage", "engine", "source", "target")) for row in found]
