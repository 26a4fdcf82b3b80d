"""Traces to an OpenTelemetry collector (OTLP over HTTP), with the optional packages of ``dragoman[otel]``.

The SDK sends from a thread of its own, in batches, from a queue that holds ``QUEUE`` spans and drops what comes when it
is full: a collector that is away costs the calls nothing. Spans carry room, leg, languages and engines, never a word of
what was said.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import structlog

from dragoman import __version__
from dragoman.config.trace import TraceSettings
from dragoman.errors import ConfigError
from dragoman.observe.trace import Span, Trace
from dragoman.pipeline.journey import Outcome

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

log = structlog.get_logger(__name__)

QUEUE: Final = 2048
"""Spans that may wait for the collector: 200 clauses, the most of a minute of a busy day."""

BATCH: Final = 64
"""Spans sent at once: encoding them takes 2 ms of the lock that the 20 ms tick needs too, of 512 it would take 15."""

EVERY_MS: Final = 1000
"""ms between two batches while fewer wait."""

TIMEOUT_S: Final = 5.0
"""Seconds a collector may take for one batch."""

CLOSE_MS: Final = 2000
"""ms in which what waits is still sent when the daemon ends."""

_NS: Final = 1_000_000_000


class OtlpExporter:
    """Sends ended traces. Built only where an address is set: without one the packages are not needed."""

    def __init__(self, settings: TraceSettings, unix_offset: float, counted: Callable[[str, int], None]) -> None:
        """``unix_offset``: seconds to add to the monotonic clock; ``counted(outcome, spans)``: sent or failed.

        Raises:
            ConfigError: the packages are not installed.
        """
        if settings.otlp_url is None:
            raise AssertionError("built only with an address")
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
            from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
        except ImportError as error:
            raise ConfigError(
                f'trace.otlp_url is set, which needs {error.name}: pip install "dragoman[otel]", or take it out'
            ) from None

        class Ids(RandomIdGenerator):
            """The trace id is ours, so that a metric's exemplar names the same one."""

            trace_id = 0

            def generate_trace_id(self) -> int:
                return self.trace_id

        class Counting(OTLPSpanExporter):
            """Counts what became of each batch; in the SDK's thread."""

            def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
                result = super().export(spans)
                counted("sent" if result is SpanExportResult.SUCCESS else "failed", len(spans))
                return result

        # Its own words on a collector that is away are many, with tracebacks; ours is the counter.
        logging.getLogger("opentelemetry").setLevel(logging.ERROR)
        token = settings.otlp_token
        headers = {} if token is None else {"authorization": f"Bearer {token.get_secret_value()}"}
        exporter = Counting(endpoint=settings.otlp_url, headers=headers, timeout=TIMEOUT_S)
        self._ids = Ids()
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "dragoman", "service.version": __version__}),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                exporter, max_queue_size=QUEUE, schedule_delay_millis=EVERY_MS, max_export_batch_size=BATCH
            )
        )
        self._tracer = self._provider.get_tracer("dragoman", __version__)
        self._offset = unix_offset
        self._counted = counted

    def send(self, trace: Trace) -> None:
        """Queue the spans of one trace; never waits, and never raises: no call may suffer from what is about it."""
        try:
            self._send(trace)
        except Exception:
            self._counted("failed", len(trace.spans) + 1)
            log.exception("trace not sent", trace=trace.journey.trace_id)

    def _send(self, trace: Trace) -> None:
        from opentelemetry.trace import Status, StatusCode, set_span_in_context

        journey = trace.journey
        common = {"dragoman.room": journey.room, "dragoman.leg": journey.leg, "dragoman.clause": journey.clause}
        self._ids.trace_id = int(journey.trace_id, 16)
        whole = self._tracer.start_span(
            "clause",
            start_time=self._ns(journey.begun),
            attributes={
                **common,
                "dragoman.source": journey.source,
                "dragoman.target": journey.target,
                "dragoman.outcome": trace.outcome.value if trace.outcome else "unknown",
                "dragoman.ahead": journey.ahead,
                **({"dragoman.merged": list(journey.merged)} if journey.merged else {}),
                **{f"dragoman.engine.{stage}": name for stage, name in journey.engines.items()},
            },
        )
        if trace.outcome is Outcome.DROPPED:
            whole.set_status(Status(StatusCode.ERROR, trace.why))
        within = set_span_in_context(whole)
        for span in trace.spans:
            part = self._tracer.start_span(
                span.name, context=within, start_time=self._ns(span.begin), attributes={**common, **_engine(span)}
            )
            part.end(self._ns(span.end))
        whole.end(self._ns(trace.end))

    def close(self) -> None:
        """Send what waits, for CLOSE_MS at most; blocks, so not in the event loop's thread."""
        self._provider.force_flush(CLOSE_MS)
        self._provider.shutdown()

    def _ns(self, monotonic: float) -> int:
        return round((monotonic + self._offset) * _NS)


def _engine(span: Span) -> dict[str, str]:
    return {"dragoman.engine": span.engine} if span.engine else {}
