"""Traces at a collector: a server that speaks OTLP over HTTP takes what the real SDK sends."""

from __future__ import annotations

import asyncio
import gzip
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from tests.observe.test_trace import journey

from dragoman.config.trace import TraceSettings
from dragoman.errors import ConfigError
from dragoman.observe.metrics import Metrics
from dragoman.observe.otel import OtlpExporter
from dragoman.observe.quantiles import totals
from dragoman.observe.trace import Trace
from dragoman.pipeline.journey import Outcome

TOKEN = "collector-token-0123456789"
OFFSET = 1_000_000.0


class Collector:
    """What it was sent; ``status`` is what it answers."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.headers: list[dict[str, str]] = []
        self.resources: list[dict[str, Any]] = []
        self.spans: list[Any] = []

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip" and body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        self.headers.append(dict(request.headers))
        if self.status != 200:
            return web.Response(status=self.status)
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append(attributes(group.resource))
            self.spans.extend(span for scope in group.scope_spans for span in scope.spans)
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(), content_type="application/x-protobuf"
        )


def attributes(holder: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in holder.attributes}


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    made = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", made.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/traces"
    try:
        yield made
    finally:
        await runner.cleanup()


async def send(made: Collector, *traces: Trace) -> dict[str, int]:
    """Send, close, and tell what was counted."""
    metrics = Metrics()
    settings = TraceSettings(otlp_url=made.url, otlp_token=TOKEN)  # type: ignore[arg-type]  # pydantic makes a secret of it
    exporter = OtlpExporter(settings, OFFSET, metrics.spans_exported)
    for trace in traces:
        exporter.send(trace)
    await asyncio.to_thread(exporter.close)
    return totals(metrics.trace_spans)


async def test_each_clause_is_one_trace_from_speech_to_the_booth() -> None:
    first = Trace(journey(1), Outcome.SPOKEN)
    second = Trace(journey(2, target="ca"), Outcome.DROPPED, "brain: died")
    async with collector() as made:
        counted = await send(made, first, second)
    assert counted == {"sent": 20}
    assert made.headers[0]["Authorization"] == f"Bearer {TOKEN}"
    assert made.resources[0]["service.name"] == "dragoman"
    by_trace: dict[str, list[Any]] = {}
    for span in made.spans:
        by_trace.setdefault(span.trace_id.hex(), []).append(span)
    assert set(by_trace) == {first.journey.trace_id, second.journey.trace_id}
    spans = by_trace[first.journey.trace_id]
    (whole,) = [span for span in spans if not span.parent_span_id]
    assert {span.parent_span_id for span in spans if span is not whole} == {whole.span_id}
    spans.sort(key=lambda span: (span.start_time_unix_nano, -span.end_time_unix_nano))
    assert [span.name for span in spans] == [
        "clause", "speech", "hangover", "asr", "segment", "mt_wait", "mt", "tts", "playback", "booth",
    ]  # fmt: skip
    assert (whole.start_time_unix_nano, whole.end_time_unix_nano) == (1_000_000 * 10**9, 1_000_003_500_000_000)
    named = attributes(whole)
    assert (named["dragoman.room"], named["dragoman.leg"], named["dragoman.outcome"]) == ("1000", "a.1", "spoken")
    assert (named["dragoman.source"], named["dragoman.target"], named["dragoman.engine.mt"]) == ("en", "es", "brain")
    (mt,) = [span for span in spans if span.name == "mt"]
    assert attributes(mt)["dragoman.engine"] == "brain"
    (failed,) = [span for span in by_trace[second.journey.trace_id] if not span.parent_span_id]
    assert (failed.status.code, failed.status.message) == (2, "brain: died")


async def test_a_collector_that_refuses_costs_nothing_and_is_counted() -> None:
    async with collector() as made:
        made.status = 400
        assert await send(made, Trace(journey(), Outcome.SPOKEN)) == {"failed": 10}


async def test_a_trace_that_cannot_be_sent_costs_nothing_but_itself() -> None:
    counted: list[tuple[str, int]] = []
    async with collector() as made:
        exporter = OtlpExporter(TraceSettings(otlp_url=made.url), OFFSET, lambda *found: counted.append(found))
        exporter.send(Trace(replace(journey(), trace_id="no number"), Outcome.SPOKEN))
        exporter.send(Trace(journey(), Outcome.SPOKEN))
        await asyncio.to_thread(exporter.close)
    assert counted == [("failed", 10), ("sent", 10)]


async def test_without_the_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(ConfigError, match=r'pip install "dragoman\[otel\]"'):
        OtlpExporter(TraceSettings(otlp_url="http://127.0.0.1:9/v1/traces"), 0.0, lambda outcome, spans: None)


@pytest.mark.parametrize("url", ["localhost:4318", "ftp://x/y", "http://user:secret@x/v1/traces", "http://[/"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="should be a URL such as"):
        TraceSettings(otlp_url=url)
