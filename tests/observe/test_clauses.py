"""A clause's times: each part counted once, whether the clause is spoken or only read."""

from __future__ import annotations

import pytest
from prometheus_client.exposition import choose_encoder, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from dragoman.engines.base import Attempt, Stage
from dragoman.errors import EngineCrashed, EngineError, EngineRejected
from dragoman.observe.clauses import ClauseMeasures
from dragoman.observe.health import STREAK
from dragoman.observe.metrics import Metrics
from dragoman.pipeline.journey import Journey
from dragoman.pipeline.latency import ClauseTimes

ENGINES = {"asr": "ears", "mt": "brain", "tts": "mouth"}
SOURCE = {("input", "dragoman"), ("asr", "ears"), ("segment", "dragoman"), ("mt", "dragoman"), ("mt", "brain")}
SPOKEN = {("tts", "dragoman"), ("tts", "mouth"), ("playback", "dragoman")}


def journey(times: ClauseTimes) -> Journey:
    return Journey("00ff" * 8, "a.1/1", "1000", "a.1", "en", "es", -1.0, times, ENGINES)


def counts(metrics: Metrics) -> dict[tuple[str, str], int]:
    return {key: found.count for key, found in metrics.stages().items()}


def test_a_clause_that_is_only_read_counts_up_to_its_translation() -> None:
    metrics = Metrics()
    measures = ClauseMeasures(metrics, lambda: 100.0)
    measures.clause_translated(journey(ClauseTimes(0.0, 0.4, 0.5, 0.5, mt_begin=0.5, mt_end=0.6)))
    assert counts(metrics) == dict.fromkeys(SOURCE, 1)


def test_no_part_of_a_clause_that_is_spoken_counts_twice() -> None:
    metrics = Metrics()
    measures = ClauseMeasures(metrics, lambda: 100.0)
    times = ClauseTimes(0.0, 0.4, 0.5, 0.5, mt_begin=0.5, mt_end=0.6)
    measures.clause_translated(journey(times))
    times.tts_begin, times.tts_first, times.sent = 0.6, 0.7, 0.72
    measures.clause_spoken(journey(times))
    assert counts(metrics) == dict.fromkeys(SOURCE | SPOKEN, 1)
    assert metrics.ear_voice_spans()["en", "es"].count == 1


def test_the_time_of_an_engine_that_failed_counts_as_its_own_and_not_as_its_fallbacks() -> None:
    metrics = Metrics()
    measures = ClauseMeasures(metrics, lambda: 100.0)
    times = ClauseTimes(0.0, 0.4, 0.5, 0.5, mt_begin=0.5, mt_end=1.35, tried={"mt": [Attempt("first", 0.5, 1.3)]})
    measures.clause_translated(journey(times))
    found = metrics.stages()
    assert found["mt", "first"].p50 > 0.5 and found["mt", "brain"].p50 < 0.1
    assert found["mt", "first"].count == found["mt", "brain"].count == 1


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
        Stage.MT: lambda: measures.clause_translated(journey(times)),
        Stage.TTS: lambda: measures.clause_spoken(journey(times)),
    }[stage]()
    assert measures.trouble(stage) == ""


def test_histograms_tell_languages_and_engines_and_name_a_trace_where_the_scraper_takes_one() -> None:
    metrics = Metrics()
    measures = ClauseMeasures(metrics, lambda: 100.0)
    times = ClauseTimes(0.0, 0.4, 0.5, 0.5, mt_begin=0.5, mt_end=0.6, tts_begin=0.6, tts_first=0.7, sent=0.72)
    measures.clause_translated(journey(times))
    measures.clause_spoken(journey(times))
    encode, _ = choose_encoder("application/openmetrics-text; version=1.0.0")
    text = encode(metrics.registry).decode()
    samples = [
        sample
        for family in text_string_to_metric_families(text)  # what Prometheus takes, checked by the library's own parser
        for sample in family.samples
        if sample.name.endswith("_bucket") and sample.exemplar is not None
    ]
    named = {
        (sample.name, *(sample.labels.get(label, "") for label in ("stage", "engine", "asr", "mt", "tts")))
        for sample in samples
    }
    assert ("dragoman_ear_voice_span_seconds_bucket", "", "", "ears", "brain", "mouth") in named
    assert ("dragoman_stage_seconds_bucket", "mt", "brain", "", "", "") in named
    assert {(s.labels["source"], s.labels["target"]) for s in samples if "source" in s.labels} == {("en", "es")}
    assert {s.exemplar.labels["trace_id"] for s in samples if s.exemplar} == {"00ff" * 8}
    plain = generate_latest(metrics.registry).decode()
    assert "trace_id" not in plain
