"""A clause's times: each part counted once, whether the clause is spoken or only read."""

from __future__ import annotations

import pytest

from dragoman.engines.base import Stage
from dragoman.errors import EngineCrashed, EngineError, EngineRejected
from dragoman.observe.clauses import ClauseMeasures
from dragoman.observe.health import STREAK
from dragoman.observe.metrics import Metrics
from dragoman.pipeline.latency import ClauseTimes

ENGINES = {"asr": "ears", "mt": "brain", "tts": "mouth"}
SOURCE = {("input", "dragoman"), ("asr", "ears"), ("segment", "dragoman"), ("mt", "dragoman"), ("mt", "brain")}
SPOKEN = {("tts", "dragoman"), ("tts", "mouth"), ("playback", "dragoman")}


def counts(metrics: Metrics) -> dict[tuple[str, str], int]:
    return {key: found.count for key, found in metrics.stages().items()}


def test_a_clause_that_is_only_read_counts_up_to_its_translation() -> None:
    metrics = Metrics()
    measures = ClauseMeasures(metrics, lambda: 100.0)
    measures.clause_translated(ClauseTimes(0.0, 0.4, 0.5, 0.5, mt_begin=0.5, mt_end=0.6), ENGINES)
    assert counts(metrics) == dict.fromkeys(SOURCE, 1)


def test_no_part_of_a_clause_that_is_spoken_counts_twice() -> None:
    metrics = Metrics()
    measures = ClauseMeasures(metrics, lambda: 100.0)
    times = ClauseTimes(0.0, 0.4, 0.5, 0.5, mt_begin=0.5, mt_end=0.6)
    measures.clause_translated(times, ENGINES)
    times.tts_begin, times.tts_first, times.sent = 0.6, 0.7, 0.72
    measures.clause_spoken("en", "es", times, ENGINES)
    assert counts(metrics) == dict.fromkeys(SOURCE | SPOKEN, 1)
    assert metrics.ear_voice_spans()["en", "es"].count == 1


@pytest.mark.parametrize("stage", Stage)
def test_a_stage_that_fails_again_and_again_is_not_ready_until_it_works(stage: Stage) -> None:
    measures = ClauseMeasures(Metrics(), lambda: 100.0)
    times = ClauseTimes(0.0, 0.4, 0.5, 0.5, mt_begin=0.5, mt_end=0.6, tts_begin=0.6, tts_first=0.7, sent=0.7)

    def fail(error: EngineError) -> None:
        for _ in range(STREAK):
            measures.engine_failed(stage, error)

    for _ in range(STREAK):
        measures.engine_gave_way(stage, EngineCrashed("x", "died"))
    assert measures.trouble(stage) == ""  # another one helped
    fail(EngineRejected("x", "not this text"))
    assert measures.trouble(stage) == ""
    fail(EngineCrashed("x", "died"))
    assert "died" in measures.trouble(stage)
    assert [other for other in Stage if measures.trouble(other)] == [stage]
    {
        Stage.ASR: measures.clause_committed,
        Stage.MT: lambda: measures.clause_translated(times, ENGINES),
        Stage.TTS: lambda: measures.clause_spoken("en", "es", times, ENGINES),
    }[stage]()
    assert measures.trouble(stage) == ""
