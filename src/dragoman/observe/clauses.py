"""The pipeline's figures, into the metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dragoman.engines.base import Stage
from dragoman.errors import EngineError, EngineRejected
from dragoman.observe.health import Streak
from dragoman.observe.metrics import Metrics
from dragoman.pipeline.journey import Journey

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

TRANSLATED = ("hangover", "asr", "segment", "mt_wait", "mt")
"""The parts of its way that a clause has behind it when it is translated, whether it is then spoken or only read."""

OURS = "dragoman"
"""Engine label of time that no engine had: waits in queues, the hangover, the way to the wire."""


class ClauseMeasures:
    """Implements pipeline.reports.Measures."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float]) -> None:
        """``clock``: monotonic seconds."""
        self._metrics = metrics
        self._clock = clock
        self._streaks = {stage: Streak() for stage in Stage}

    def pressed(self, stage: str) -> None:
        """A stage fell behind its limit, and what is beside it is held back."""
        self._metrics.lag.backpressure.labels(stage).inc()

    def trouble(self, stage: Stage) -> str:
        """Why a stage is not ready; empty while it is."""
        return self._streaks[stage].trouble(self._clock())

    def clause_committed(self) -> None:
        """A clause was committed."""
        self._metrics.clauses_committed.inc()
        self._streaks[Stage.ASR].succeeded()

    def clause_translated(self, journey: Journey) -> None:
        """A clause was translated into one language."""
        self._metrics.clauses_translated.inc()
        self._streaks[Stage.MT].succeeded()
        self._observe(journey, {part: s for part, s in journey.times.stages().items() if part in TRANSLATED})

    def clause_spoken(self, journey: Journey) -> None:
        """A clause's first translated sound was sent."""
        metrics, times, engines = self._metrics, journey.times, journey.engines
        metrics.clauses_spoken.inc()
        self._streaks[Stage.TTS].succeeded()
        self._observe(journey, {part: s for part, s in times.stages().items() if part not in TRANSLATED})
        exemplar = {"trace_id": journey.trace_id}
        if times.ear_voice_span is not None:
            by = [engines.get(stage, OURS) for stage in Stage]
            metrics.ear_voice_span_seconds.labels(journey.source, journey.target, *by).observe(
                max(times.ear_voice_span, 0.0), exemplar
            )
        if times.own_share is not None:
            metrics.own_share_seconds.observe(max(times.own_share, 0.0), exemplar)

    def clause_dropped(self, reason: str) -> None:
        """A clause will not be heard in some language."""
        self._metrics.clauses_dropped.labels(reason).inc()

    def engine_gave_way(self, stage: str, error: EngineError) -> None:
        """An engine failed, which cost nothing that was said: a second try or another engine follows."""
        self._metrics.engine_errors.labels(stage, error.engine, type(error).__name__).inc()

    def engine_failed(self, stage: str, error: EngineError) -> None:
        """An engine failed, and no other helped; one that only refuses a text, a pair or a further stream works."""
        if not isinstance(error, EngineRejected):
            self._streaks[Stage(stage)].failed(self._clock(), str(error))
        self._metrics.engine_errors.labels(stage, error.engine, type(error).__name__).inc()

    def leg_crashed(self) -> None:
        """A leg ended by a bug of ours."""
        self._metrics.leg_crashes.inc()

    def _observe(self, journey: Journey, parts: Mapping[str, float]) -> None:
        exemplar = {"trace_id": journey.trace_id}
        pair = journey.source, journey.target
        for part, seconds in parts.items():
            for engine, lost in journey.times.lost(part):
                self._metrics.stage_seconds.labels(STAGE_OF[part], engine, *pair).observe(lost, exemplar)
                seconds -= lost
            labels = (STAGE_OF[part], journey.engines.get(part, OURS), *pair)
            self._metrics.stage_seconds.labels(*labels).observe(max(seconds, 0.0), exemplar)
