"""Pinned: what a scrape shows of the engines: states, changes, fallback uses, what they count themselves."""

from __future__ import annotations

import pytest
from tests.engines.scripted import MoodyRecognizer, MoodyTranslator
from tests.observe.test_metrics import scrape
from tests.virtual_time import virtual_time

from dragoman.engines.availability import FAILURES
from dragoman.engines.circuits import Circuits
from dragoman.errors import EngineCrashed
from dragoman.observe.metrics import Metrics

pytestmark = virtual_time


def fail(circuits: Circuits, engine: MoodyTranslator) -> None:
    for _ in range(FAILURES):
        circuits.failed(engine, EngineCrashed(engine.name, "gone"))


async def test_states_changes_and_counts() -> None:
    circuits, metrics = Circuits(), Metrics()
    first, second, ears = MoodyTranslator("first"), MoodyTranslator("second"), MoodyRecognizer("ears")
    engines = [first, second]
    for engine in (first, second, ears):
        circuits.of(engine)
    metrics.watch_engines(circuits)
    first.counted = {"characters": 12, "cache_hits": 3}
    fail(circuits, first)
    for _ in range(2):
        circuits.line(engines).served(second)
    metrics.refresh()
    seen = scrape(metrics)
    assert {name: value for name, value in seen.items() if name.startswith("dragoman_engine_state")} == {
        "dragoman_engine_state engine=ears stage=asr": 0,
        "dragoman_engine_state engine=first stage=mt": 2,
        "dragoman_engine_state engine=second stage=mt": 0,
    }
    assert seen["dragoman_engine_opened_total engine=first stage=mt"] == 1
    assert seen["dragoman_engine_changes_total from=first stage=mt to=second"] == 1
    assert seen["dragoman_engine_fallbacks_total from=first stage=mt to=second"] == 2
    assert seen["dragoman_engine_events_total engine=first event=characters stage=mt"] == 12
    assert seen["dragoman_engine_events_total engine=first event=cache_hits stage=mt"] == 3
    circuits.of(first).probing()
    metrics.refresh()
    assert scrape(metrics)["dragoman_engine_state engine=first stage=mt"] == 1


async def test_a_scrape_reads_only_what_the_loop_had_read() -> None:
    circuits, metrics = Circuits(), Metrics()
    engine = MoodyTranslator("first")
    circuits.of(engine)
    metrics.watch_engines(circuits)
    fail(circuits, engine)
    key = "dragoman_engine_state engine=first stage=mt"
    assert scrape(metrics)[key] == 0
    metrics.refresh()
    assert scrape(metrics)[key] == 2


@pytest.mark.parametrize("count", [0, 7])
async def test_what_an_engine_counts_is_exported_from_its_first_zero_on(count: int) -> None:
    circuits, metrics = Circuits(), Metrics()
    engine = MoodyTranslator("first")
    engine.counted = {"characters": count}
    circuits.of(engine)
    metrics.watch_engines(circuits)
    assert scrape(metrics)["dragoman_engine_events_total engine=first event=characters stage=mt"] == count


async def test_what_providers_charge_for_is_shown_in_their_units() -> None:
    circuits, metrics = Circuits(), Metrics()
    ears, brain = MoodyRecognizer("ears"), MoodyTranslator("brain")
    circuits.of(ears).asked = 16_000 * 90
    circuits.of(brain).asked = 1234
    metrics.watch_engines(circuits)
    seen = scrape(metrics)
    assert seen["dragoman_provider_audio_seconds_total engine=ears"] == 90
    assert seen["dragoman_provider_characters_total engine=brain stage=mt"] == 1234
    assert "dragoman_provider_characters_total engine=ears stage=asr" not in seen
