"""The pipeline's figures, into the metrics."""

from __future__ import annotations

from dragoman.errors import EngineError
from dragoman.observe.metrics import Metrics
from dragoman.pipeline.latency import ClauseTimes

STAGE_OF = {
    "hangover": "input",
    "asr": "asr",
    "segment": "segment",
    "mt_wait": "mt",
    "mt": "mt",
    "tts_wait": "tts",
    "tts": "tts",
    "playback": "playback",
}
"""Which of the design's stages each part of a clause's way belongs to: a wait belongs to the stage waited for."""

OURS = "dragoman"
"""Engine label of time that no engine had: waits in queues, the hangover, the way to the wire."""


class ClauseMeasures:
    """Implements pipeline.reports.Measures."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def clause_committed(self) -> None:
        """A clause was committed."""
        self._metrics.clauses_committed.inc()

    def clause_translated(self) -> None:
        """A clause was translated into one language."""
        self._metrics.clauses_translated.inc()

    def clause_spoken(self, source: str, target: str, times: ClauseTimes, engines: dict[str, str]) -> None:
        """A clause's first translated sound was sent; ``engines`` names the engine by stage (asr, mt, tts)."""
        metrics = self._metrics
        metrics.clauses_spoken.inc()
        for part, seconds in times.stages().items():
            engine = engines.get(part, OURS)
            metrics.stage_seconds.labels(STAGE_OF[part], engine).observe(max(seconds, 0.0))
        if times.ear_voice_span is not None:
            metrics.ear_voice_span_seconds.labels(source, target).observe(max(times.ear_voice_span, 0.0))
        if times.own_share is not None:
            metrics.own_share_seconds.observe(max(times.own_share, 0.0))

    def clause_dropped(self, reason: str) -> None:
        """A clause will not be heard in some language."""
        self._metrics.clauses_dropped.labels(reason).inc()

    def engine_failed(self, stage: str, error: EngineError) -> None:
        """An engine failed."""
        self._metrics.engine_errors.labels(stage, error.engine, type(error).__name__).inc()

    def leg_crashed(self) -> None:
        """A leg ended by a bug of ours."""
        self._metrics.leg_crashes.inc()
