"""A real Prometheus scrapes the real server with the example configuration, and answers queries of it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.observe.views import AriView, ConferenceView
from tests.web.serving import Serving, serving

from dragoman.telephony.pbx.ports import free_port

FOLDER = Path(__file__).parents[2] / "config" / "prometheus"
EXAMPLE = FOLDER / "prometheus.yml"
TOKEN = "0123456789abcdef0123456789abcdef"

pytestmark = [
    pytest.mark.beside,
    pytest.mark.e2e,
    pytest.mark.skipif(
        not (shutil.which("prometheus") and shutil.which("promtool")),
        reason="prometheus is not installed (apt-get install prometheus)",
    ),
]


def fill(s: Serving) -> None:
    """Figures of every kind."""
    s.metrics.watch_media(s.conference.media)
    s.metrics.watch_ari(AriView())
    s.conference.media.packets_in = 4711
    for lateness in (0.0004, 0.0015, 0.3):
        s.conference.media.count_tick(lateness, 0, False)
    pass_stages(s)
    s.metrics.engine_errors.labels(stage="mt", engine="apertium", kind="EngineTimeout").inc()
    s.metrics.watch_conference(ConferenceView())
    s.metrics.clauses_dropped.labels(reason="stale").inc()
    s.metrics.queue_drops.labels(queue="captions").inc()
    s.metrics.queue_depth.labels(queue="mt").set(2)
    for _ in range(100):
        s.metrics.ear_voice_span_seconds.labels(source="en", target="es", asr="x", mt="y", tts="z").observe(0.65)


def pass_stages(s: Serving) -> None:
    """A clause was spoken."""
    for stage, engine in (("segment", "dragoman"), ("mt", "apertium"), ("playback", "dragoman")):
        s.metrics.stage_seconds.labels(stage=stage, engine=engine, source="en", target="es").observe(0.0015)


async def promtool(*arguments: str, text: bytes | None = None) -> str:
    process = await asyncio.create_subprocess_exec("promtool", *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    out, err = await process.communicate(text)
    assert process.returncode == 0, out + err
    return (out + err).decode()


async def test_the_example_is_a_valid_configuration() -> None:
    assert "SUCCESS" in await promtool("check", "config", str(EXAMPLE))


async def test_the_metrics_pass_prometheus_lint() -> None:
    async with serving() as s:
        fill(s)
        async with s.session.get("/metrics") as response:
            text = await response.read()
    assert await promtool("check", "metrics", text=text) == ""


@asynccontextmanager
async def prometheus(config: Path, data: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """A running Prometheus, and a session to its API."""
    port = free_port(socket.SOCK_STREAM)
    process = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
        stdout=DEVNULL,
        stderr=PIPE,
    )
    assert process.stderr is not None
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            async with asyncio.timeout(30):
                async for line in process.stderr:
                    if b"Server is ready" in line:
                        break
                else:
                    pytest.fail("prometheus ended before it was ready")
            yield session
    finally:
        process.terminate()
        await process.communicate()


async def query(session: aiohttp.ClientSession, text: str) -> list[tuple[dict[str, str], float]]:
    async with session.get("/api/v1/query", params={"query": text}) as response:
        body: dict[str, Any] = await response.json()
        assert body["status"] == "success", body
        return [(item["metric"], float(item["value"][1])) for item in body["data"]["result"]]


async def test_a_prometheus_with_the_example_and_a_token_scrapes_and_answers(tmp_path: Path) -> None:
    scraped = asyncio.Queue[int]()

    async def note(request: web.Request, response: web.StreamResponse) -> None:
        if request.path == "/metrics":
            scraped.put_nowait(response.status)

    (tmp_path / "token").write_text(TOKEN)
    async with serving({"token": TOKEN}, on_answer=note) as s:
        fill(s)
        config = EXAMPLE.read_text()
        for old, new in (
            ("127.0.0.1:8700", f"127.0.0.1:{s.server.address[1]}"),
            ("scrape_interval: 15s", "scrape_interval: 200ms"),
            ("    # authorization:\n    #   credentials", "    authorization:\n      credentials"),
            ("/etc/dragoman/token", str(tmp_path / "token")),
        ):
            assert old in config
            config = config.replace(old, new)
        (tmp_path / "prometheus.yml").write_text(config)
        (tmp_path / "rules.yml").write_text((FOLDER / "rules.yml").read_text())
        async with prometheus(tmp_path / "prometheus.yml", tmp_path / "data") as session:
            async with asyncio.timeout(30):
                assert [await scraped.get() for _ in range(3)] == [
                    200
                ] * 3  # the third is asked when the first is stored
            assert [value for _, value in await query(session, 'up{job="dragoman"}')] == [1]
            assert [value for _, value in await query(session, "dragoman_rtp_packets_in_total")] == [4711]
            span = "histogram_quantile(0.5, sum by (le) (dragoman_ear_voice_span_seconds_bucket))"
            ((_, p50),) = await query(session, span)
            assert p50 == pytest.approx(s.metrics.ear_voice_spans()[("en", "es")].p50)  # our rule is theirs
            tick = "histogram_quantile(0.99, sum by (le) (dragoman_media_tick_lateness_seconds_bucket))"
            ((_, p99),) = await query(session, tick)
            assert p99 == pytest.approx(0.1)
            ((labels, _),) = await query(session, "dragoman_engine_errors_total")
            assert (labels["stage"], labels["engine"], labels["kind"]) == ("mt", "apertium", "EngineTimeout")


async def test_alerts_fire_and_a_slow_clause_names_its_trace(tmp_path: Path) -> None:
    trace = "0123456789abcdef" * 2
    async with serving() as s:
        fill(s)
        s.metrics.ready.set(0)
        s.metrics.ari_connected.set(0)
        labels = {"source": "en", "target": "es", "asr": "x", "mt": "y", "tts": "z"}
        s.metrics.ear_voice_span_seconds.labels(**labels).observe(3.3, {"trace_id": trace})
        config = EXAMPLE.read_text().replace("127.0.0.1:8700", f"127.0.0.1:{s.server.address[1]}")
        (tmp_path / "prometheus.yml").write_text(re.sub(r"interval: 15s", "interval: 200ms", config))
        # As they are, but for how long it must be so.
        rules = re.sub(r"for: \w+", "for: 1s", (FOLDER / "rules.yml").read_text())
        (tmp_path / "rules.yml").write_text(rules)
        async with prometheus(tmp_path / "prometheus.yml", tmp_path / "data") as session:
            firing: set[str] = set()
            async with asyncio.timeout(60):
                while not {"DragomanNotReady", "DragomanAriLost"} <= firing:
                    found = await query(session, 'ALERTS{alertstate="firing"}')
                    firing = {labels["alertname"] for labels, _ in found}
            assert "DragomanDown" not in firing
            asked = {"query": "dragoman_ear_voice_span_seconds_bucket", "start": "0", "end": str(time.time() + 60)}
            async with session.get("/api/v1/query_exemplars", params=asked) as response:
                body = await response.json()
    exemplars = [each["labels"] for series in body["data"] for each in series["exemplars"]]
    assert {"trace_id": trace} in exemplars


BUSY = {
    "calls: Asterisk",
    "calls: Clauses a minute",
    "calls: Clauses not spoken, a minute",
    "calls: Draining",
    "calls: Ear-voice span, 95 of 100",
    "calls: Events and reconnects, a minute",
    "calls: People",
    "calls: Ready",
    "calls: Rooms",
    "calls: Rooms, people, booths",
    "calls: Taps, booths, failures, a minute",
    "capacity: CPU",
    "capacity: How late ticks begin",
    "capacity: Late ticks, skipped slots",
    "capacity: Open files",
    "capacity: Packets a second",
    "capacity: Recogniser streams",
    "capacity: Tasks",
    "capacity: What full queues dropped, a minute",
    "capacity: What waits",
    "latency: Ear-voice span",
    "latency: Ear-voice span by engines, 95 of 100",
    "latency: Slowest 5 of 100, by stage and engine",
    "latency: Translators",
    "latency: Where it goes, on the average",
    "providers: Errors, a minute",
    "quality: Echo suppressed",
    "quality: Holes in what booths say",
    "quality: Merged, a minute",
    "quality: Speech that no recogniser got",
    "quality: Taps: packets lost, late, made up",
}
"""Panels that have something to show of a daemon that :func:`fill` made busy, all of their lines."""

STAND_INS = {
    "$__rate_interval": "10s",
    "$asr_hour": "0.26",
    "$mt_million": "20",
    "$tts_million": "30",
    "$charging": ".*",
}
"""What Grafana would put in for a dashboard's variables; of all others: everything."""


def questions() -> list[tuple[str, str]]:
    """(panel, PromQL) of each line on each dashboard."""
    found = []
    for path in sorted((FOLDER.parent / "grafana" / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            for target in panel.get("targets", ()):
                text = target["expr"]
                for name, value in STAND_INS.items():
                    text = text.replace(name, value)
                found.append((f"{path.stem}: {panel['title']}", re.sub(r"\$\w+", ".*", text)))
    return found


async def test_prometheus_takes_every_question_of_the_dashboards_and_answers_those_of_a_busy_daemon(
    tmp_path: Path,
) -> None:
    asked = questions()
    assert len(asked) > 100
    async with serving() as s:
        fill(s)
        config = EXAMPLE.read_text().replace("127.0.0.1:8700", f"127.0.0.1:{s.server.address[1]}")
        (tmp_path / "prometheus.yml").write_text(re.sub(r"interval: 15s", "interval: 200ms", config))
        (tmp_path / "rules.yml").write_text((FOLDER / "rules.yml").read_text())
        async with prometheus(tmp_path / "prometheus.yml", tmp_path / "data") as session:
            recorded, quiet = "dragoman:ear_voice_span_seconds:p95_5m", BUSY
            with suppress(TimeoutError):
                async with asyncio.timeout(60):
                    while quiet & BUSY:
                        pass_stages(s)  # between two scrapes: of what stands still there is no rate
                        await asyncio.sleep(0.2)
                        if await query(session, recorded):
                            quiet = {panel for panel, text in asked if not await query(session, text)}
    assert not quiet & BUSY, quiet & BUSY
    assert {panel for panel, _ in asked} >= BUSY, "a panel of that name is no more"
