"""Metrics: what a scrape shows, and how quantiles are made of buckets."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from tests.observe.views import AriView, ConferenceView, MediaView

from dragoman.observe.clauses import ClauseMeasures
from dragoman.observe.lag import WAITS
from dragoman.observe.metrics import Metrics
from dragoman.observe.quantiles import Quantiles, quantile, totals
from dragoman.pipeline.standing import TOTALS, Lag
from dragoman.telephony.ari.queue import Due
from dragoman.telephony.model import Leg


def scrape(metrics: Metrics) -> dict[str, float]:
    return {
        sample.name + "".join(f" {name}={value}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(generate_latest(metrics.registry).decode())
        for sample in family.samples
    }


def full() -> Metrics:
    metrics = Metrics()
    metrics.watch_media(MediaView())
    metrics.watch_ari(AriView())
    metrics.watch_conference(ConferenceView())
    return metrics


def test_the_guards_outcomes_are_read_when_asked() -> None:
    metrics, counts = Metrics(), {"ok": 3, "mended": 0}
    metrics.watch_guard(lambda: counts)
    counts["mended"] = 2
    seen = scrape(metrics)
    assert seen["dragoman_guard_total outcome=ok"] == 3
    assert seen["dragoman_guard_total outcome=mended"] == 2


def test_glossary_reads_are_counted() -> None:
    metrics = Metrics()
    for ok in (True, True, False):
        metrics.glossary_read(ok)
    assert totals(metrics.glossary_reads) == {"ok": 2, "failed": 1}


def test_two_daemons_in_one_process_do_not_share_counts() -> None:
    one, other = Metrics(), Metrics()
    one.clauses_spoken.inc()
    assert totals(one.clauses_spoken) == {"": 1}
    assert totals(other.clauses_spoken) == {"": 0}


def test_names_are_ours_and_labels_are_few() -> None:
    metrics = full()
    metrics.clauses_dropped.labels(reason="stale").inc()
    metrics.stage_seconds.labels(stage="mt", engine="apertium", source="en", target="es").observe(0.01)
    families = list(metrics.registry.collect())
    assert len(families) > 30
    for family in families:
        assert re.fullmatch(r"(dragoman|process)_[a-z0-9_]+", family.name)
        assert family.documentation
        for sample in family.samples:
            assert set(sample.labels) <= {
                "le", "stage", "engine", "source", "target", "reason", "kind", "queue", "version",
                "event", "from", "to", "asr", "mt", "tts", "direction", "waits",
            }  # fmt: skip


def test_the_tick_is_read_when_asked() -> None:
    media = MediaView()
    metrics = Metrics()
    metrics.watch_media(media)
    assert scrape(metrics)["dragoman_media_tick_lateness_seconds_count"] == 0
    media.packets_in = 7
    for lateness in (0.0001, 0.0001, 0.002, 0.004, 0.5):
        media.count_tick(lateness, 0, False)
    seen = scrape(metrics)
    assert seen["dragoman_rtp_packets_in_total"] == 7
    buckets = [
        seen[f"dragoman_media_tick_lateness_seconds_bucket le={le}"]
        for le in ("0.00025", "0.001", "0.002", "0.1", "+Inf")
    ]
    assert buckets == [2, 2, 3, 4, 5]
    assert seen["dragoman_media_tick_lateness_seconds_sum"] == pytest.approx(0.5062)


def test_every_counter_of_media_and_ari_is_shown_by_a_name_of_its_own() -> None:
    media, ari = MediaView(), AriView()
    numbers = iter(range(1, 100))
    count = 0
    for counters in (media, ari.stats, ari.connection):
        for field in dataclasses.fields(counters):
            if isinstance(getattr(counters, field.name), int):
                setattr(counters, field.name, next(numbers))
                count += 1
    ari.queue.dropped, ari.disagreements = next(numbers), next(numbers)
    metrics = Metrics()
    metrics.watch_media(media)
    metrics.watch_ari(ari)
    pattern = re.compile("dragoman_(rtp|media|vad|echo|ari|attach|heartbeat)_.*_total$")
    shown = [value for name, value in scrape(metrics).items() if pattern.match(name)]
    assert sorted(shown) == list(range(1, count + 3))


def test_the_conference_is_read_when_the_loop_is_asked_and_none_of_its_counters_is_left_out() -> None:
    conference, metrics = ConferenceView(), Metrics()
    metrics.watch_conference(conference)
    conference.counts = {name: 1000 * number for number, name in enumerate(TOTALS, 1)}
    conference.waiting = {"mt": 3, "tts": 2}
    assert scrape(metrics)["dragoman_clauses_merged_total"] == 0
    metrics.refresh()
    seen = scrape(metrics)
    pattern = re.compile(
        "dragoman_(clauses_merged|recognizer|booth|repeated|speculations|early|revised|tempo|echoed|echoes)_?.*_total$"
    )
    shown = {name: value for name, value in seen.items() if pattern.match(name)}
    seconds = ("dragoman_recognizer_dropped_seconds_total", "dragoman_tempo_saved_seconds_total")
    counted = [shown.pop(name) * 1000 for name in seconds]
    assert sorted([*counted, *shown.values()]) == [1000 * number for number in range(1, len(TOTALS) + 1)]
    assert (seen["dragoman_queue_depth queue=mt"], seen["dragoman_queue_depth queue=tts"]) == (3, 2)


def test_of_each_language_the_speaker_furthest_behind_is_shown_until_he_is_not() -> None:
    ann, conference, metrics = Leg("ann", 1, "1000", "en", "Ann", False), ConferenceView(), Metrics()
    metrics.watch_conference(conference)
    conference.behind = [
        Lag(ann, "es", {"mt": 0.0, "tts": 0.5, "playback": 1.0}, 1.1),
        Lag(ann, "es", {"mt": 2.0, "tts": 1.0, "playback": 0.0}, 1.05),
    ]
    metrics.refresh()
    seen = scrape(metrics)
    assert [seen[f"dragoman_lag_seconds target=es waits={where}"] for where in WAITS] == [2.0, 1.0, 0.0]
    assert seen["dragoman_tempo_ratio target=es"] == 1.1
    conference.behind = []
    metrics.refresh()
    seen = scrape(metrics)
    assert [seen[f"dragoman_lag_seconds target=es waits={where}"] for where in WAITS] == [0.0, 0.0, 0.0]
    assert seen["dragoman_tempo_ratio target=es"] == 1.0


def test_a_stage_that_holds_others_back_is_counted() -> None:
    metrics = Metrics()
    ClauseMeasures(metrics, lambda: 0.0).pressed("tts")
    assert scrape(metrics)["dragoman_backpressure_total stage=tts"] == 1


def test_attaching_and_its_queue_are_shown() -> None:
    ari, metrics = AriView(), Metrics()
    metrics.watch_ari(ari)
    for latency in (0.012, 0.3, 60.0):
        ari.stats.count_tap(latency)
    ari.queue.put_control(Due())
    metrics.refresh()
    seen = scrape(metrics)
    assert seen["dragoman_attach_taps_total"] == seen["dragoman_attach_seconds_count"] == 3
    assert [seen[f"dragoman_attach_seconds_bucket le={le}"] for le in ("0.01", "0.02", "0.3", "10", "+Inf")] == [
        0, 1, 2, 2, 3,
    ]  # fmt: skip
    assert seen["dragoman_queue_depth queue=ari"] == 1


def test_quantiles_per_stage() -> None:
    metrics = Metrics()
    for _ in range(100):
        metrics.stage_seconds.labels(stage="mt", engine="apertium", source="en", target="es").observe(0.015)
    metrics.ear_voice_span_seconds.labels(source="en", target="es", asr="x", mt="y", tts="z").observe(0.65)
    assert metrics.stages() == {("mt", "apertium"): Quantiles(100, pytest.approx(0.015), pytest.approx(0.0195))}
    found = metrics.ear_voice_spans()[("en", "es")]
    assert found.count == 1
    assert found.p50 is not None and 0.6 <= found.p50 <= 0.7


def test_quantile_of_nothing() -> None:
    assert quantile(0.5, [1.0], [0, 0]) is None


def test_quantile_beyond_the_last_bound_is_the_last_bound() -> None:
    assert quantile(0.5, [1.0, 2.0], [0, 0, 9]) == 2.0


@given(st.lists(st.floats(0.0, 6.0), min_size=1, max_size=60), st.floats(0.01, 0.99))
def test_a_quantile_lies_in_the_bucket_of_the_value_it_stands_for(samples: list[float], q: float) -> None:
    bounds = [0.5, 1.0, 2.0, 4.0]
    counts = np.bincount(np.searchsorted(bounds, samples), minlength=5).tolist()
    found = quantile(q, bounds, counts)
    exact = float(np.quantile(samples, q, method="inverted_cdf"))
    index = int(np.searchsorted(bounds, exact))
    assert found is not None
    low = bounds[index - 1] if index else 0.0
    high = bounds[index] if index < len(bounds) else bounds[-1]
    assert low - 1e-9 <= found <= high + 1e-9


@given(st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(any))
def test_quantiles_ascend(counts: list[int]) -> None:
    found = [quantile(q, [1.0, 2.0, 3.0], counts) for q in (0.1, 0.5, 0.9, 0.99)]
    assert found == sorted(found, key=lambda value: -1.0 if value is None else value)
