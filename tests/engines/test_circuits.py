"""Pinned: one circuit per engine for all, probes in the background bring engines back, changes are told and counted."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs
from tests.engines.scripted import QUICK, MoodyRecognizer, MoodySynthesizer, MoodyTranslator, running
from tests.virtual_time import START, virtual_time

from dragoman.engines.availability import DENIED_REST, FAILURES, FIRST_REST, LONGEST_REST, Circuit
from dragoman.engines.base import Engine, Stage
from dragoman.engines.circuits import PROBE_DEADLINE, Circuits
from dragoman.errors import EngineBusy, EngineCrashed, EngineDenied, EngineError, EngineRejected

pytestmark = virtual_time

MT = Stage.MT


def open_(circuits: Circuits, engine: Engine, error: EngineError | None = None) -> None:
    for _ in range(FAILURES):
        circuits.failed(engine, error or EngineCrashed(engine.info.name, "gone"))
    assert not circuits.usable(engine)


def seconds(engine: MoodyTranslator) -> list[float]:
    """When it was asked, from the start."""
    return [round(at - START, 3) for at, _ in engine.asked]


@pytest.mark.parametrize("engine", [MoodyRecognizer("x"), MoodyTranslator("x"), MoodySynthesizer("x")])
async def test_a_probe_brings_an_engine_back(engine: MoodyTranslator) -> None:
    async with running() as circuits:
        open_(circuits, engine)
        await asyncio.sleep(FIRST_REST - 0.01)
        assert engine.asked == []
        await asyncio.sleep(0.01 + QUICK + 0.01)
        assert len(engine.asked) == 1
        assert circuits.usable(engine)
        await asyncio.sleep(100)
        assert len(engine.asked) == 1


async def test_probes_that_fail_come_less_and_less_often_one_at_a_time() -> None:
    engine = MoodyTranslator("x")
    engine.now = "crash"
    async with running() as circuits:
        open_(circuits, engine)
        await asyncio.sleep(200)
    gaps = [round(b - a, 3) for a, b in zip([0.0, *seconds(engine)], seconds(engine), strict=False)]
    assert gaps == [2.0, *(round(min(FIRST_REST * 2**i, LONGEST_REST) + QUICK, 3) for i in range(1, len(gaps)))]
    assert len(gaps) == 7
    assert engine.most == 1


async def test_a_probe_that_hangs_ends_and_holds_up_no_other() -> None:
    hangs, works = MoodyTranslator("hangs", "hang"), MoodyTranslator("works")
    async with running() as circuits:
        open_(circuits, hangs)
        open_(circuits, works)
        await asyncio.sleep(FIRST_REST + QUICK + 0.1)
        assert (circuits.usable(hangs), circuits.usable(works)) == (False, True)
        assert circuits.of(hangs).state is Circuit.PROBING
        await asyncio.sleep(PROBE_DEADLINE)
        assert "no answer to a probe" in circuits.of(hangs).reason
        await asyncio.sleep(2 * FIRST_REST + QUICK)
        assert circuits.usable(hangs)


async def test_a_late_failure_during_a_probe_starts_no_second_one() -> None:
    engine = MoodyTranslator("x", "hang")
    async with running() as circuits:
        open_(circuits, engine)
        await asyncio.sleep(FIRST_REST + 0.1)
        circuits.failed(engine, EngineBusy("x", "429", retry_after=0.0))  # of a request made long ago
        await asyncio.sleep(PROBE_DEADLINE - 0.5)
        assert (len(engine.asked), engine.most) == (1, 1)
        await asyncio.sleep(60)
        assert circuits.usable(engine)


async def test_a_probe_that_is_rejected_was_answered() -> None:
    engine = MoodyTranslator("x", "reject")
    async with running() as circuits:
        open_(circuits, engine)
        await asyncio.sleep(FIRST_REST + QUICK + 0.1)
        assert circuits.usable(engine)


async def test_a_bug_in_a_probe_is_that_engines_failure_and_ends_nothing() -> None:
    engine, other = MoodyTranslator("x", "bug"), MoodyTranslator("other")
    async with running() as circuits:
        open_(circuits, engine)
        await asyncio.sleep(FIRST_REST + QUICK + 0.1)
        assert "ZeroDivisionError" in circuits.of(engine).reason
        open_(circuits, other)
        await asyncio.sleep(3 * FIRST_REST)
        assert circuits.usable(engine) and circuits.usable(other)


async def test_no_probe_before_the_provider_wants_one() -> None:
    engine = MoodyTranslator("x")
    async with running() as circuits:
        with capture_logs() as logs:
            circuits.failed(engine, EngineBusy("x", "429", retry_after=42.0))
        assert [line["log_level"] for line in logs] == ["warning"]  # no operator can help
        await asyncio.sleep(41.9)
        assert engine.asked == []
        await asyncio.sleep(1)
        assert circuits.usable(engine)


async def test_denial_is_one_error_line_with_what_to_do_however_often_it_is_probed() -> None:
    engine = MoodyTranslator("deepl")
    engine.now = "deny"
    with capture_logs() as logs:
        async with running() as circuits:
            for _ in range(5):
                circuits.failed(engine, EngineDenied("deepl", "456: quota used up, raise it in your account"))
            await asyncio.sleep(3.5 * DENIED_REST)
    errors = [line for line in logs if line["log_level"] == "error"]
    assert [line["error"] for line in errors] == ["deepl: 456: quota used up, raise it in your account"]
    assert seconds(engine) == [DENIED_REST, 2 * DENIED_REST + QUICK, 3 * DENIED_REST + 2 * QUICK]
    assert not [line for line in logs if line["log_level"] == "warning"]


async def test_a_change_is_told_when_it_begins_and_when_it_ends_whatever_the_number_of_clauses() -> None:
    first, second, third = (MoodyTranslator(name) for name in ("first", "second", "third"))
    engines = [first, second, third]

    def serve(by: MoodyTranslator) -> None:
        circuits.line(engines).served(by)

    with capture_logs() as logs:
        async with running() as circuits:
            for _ in range(3):
                serve(first)
            assert not circuits.changes and not circuits.fallbacks
            open_(circuits, first)
            for by in (second, second, third, second):  # third: what second rejects
                serve(by)
            await asyncio.sleep(FIRST_REST + QUICK + 0.1)
            serve(first)
    assert circuits.fallbacks == {(MT, "first", "second"): 3, (MT, "first", "third"): 1}
    assert circuits.changes == {
        (MT, "first", "second"): 1,
        (MT, "first", "third"): 1,
        (MT, "second", "first"): 1,
        (MT, "third", "first"): 1,
    }
    assert [(x["before"], x["after"]) for x in logs if x["event"] == "engine changed"] == [
        ("first", "second"),
        ("first", "third"),
        ("second", "first"),
        ("third", "first"),
    ]


async def test_a_failure_that_did_not_open_the_circuit_is_a_fallback_and_no_change() -> None:
    first, second = MoodyTranslator("first"), MoodyTranslator("second")
    circuits = Circuits()
    line = circuits.line([first, second])
    line.failed(first, EngineCrashed("first", "gone"))
    line.served(second)
    assert circuits.fallbacks == {(MT, "first", "second"): 1} and not circuits.changes


async def test_a_rejection_is_neither() -> None:
    book, second = MoodyTranslator("book"), MoodyTranslator("second")
    circuits = Circuits()
    for _ in range(10):
        line = circuits.line([book, second])
        line.failed(book, EngineRejected("book", "not in the book"))
        line.served(second)
    assert not circuits.fallbacks and not circuits.changes and circuits.usable(book)


async def test_whom_to_ask() -> None:
    engines = [MoodyTranslator(name) for name in ("denied", "fails", "works", "works-too")]
    denied, fails, works, too = engines
    circuits = Circuits()
    open_(circuits, denied, EngineDenied("denied", "402: pay"))
    open_(circuits, fails)
    line = circuits.line(engines)
    assert line.order() == [works, too, fails]
    assert "402: pay" in str(line.refusal())
    assert circuits.line([works]).refusal() is None


async def test_states_name_every_engine_once_with_what_it_counts() -> None:
    ears, brain, twin = MoodyRecognizer("ears"), MoodyTranslator("brain"), MoodyTranslator("brain")
    circuits = Circuits(unix_clock=lambda: 5_000.0)
    for engine in (brain, twin, ears):
        circuits.of(engine)
    brain.counted, twin.counted = {"characters": 7}, {"characters": 4, "cache_hits": 1}
    open_(circuits, twin)
    hears, translates = circuits.states()
    assert (hears.engine, hears.circuit, hears.reason, hears.counts) == ("ears", Circuit.CLOSED, "", {})
    assert (translates.engine, translates.circuit, translates.opened) == ("brain", Circuit.OPEN, 1)
    assert "gone" in translates.reason and translates.since == 5_000.0
    assert translates.counts == {"characters": 11, "cache_hits": 1}


async def test_an_engine_that_cannot_count_hides_no_other() -> None:
    class Bad(MoodyTranslator):
        def counts(self) -> dict[str, int]:
            raise KeyError("a bug")

    circuits = Circuits()
    for engine in (Bad("bad"), MoodyTranslator("good")):
        circuits.of(engine)
    assert [state.engine for state in circuits.states()] == ["bad", "good"]


async def test_engines_of_two_stages_that_call_themselves_the_same_have_two_circuits() -> None:
    ears, mouth = MoodyRecognizer("acme"), MoodySynthesizer("acme")
    circuits = Circuits()
    open_(circuits, mouth)
    assert circuits.usable(ears)


async def test_by_name_it_is_the_same_circuit_whoever_asks_first() -> None:
    circuits = Circuits()
    ears = circuits.named(Stage.ASR)
    engine = MoodyRecognizer("ears")
    assert ears["ears"] is circuits.of(engine) and list(ears) == ["ears"]
    assert len(circuits.named(MT)) == 0


async def test_a_circuit_of_which_only_the_name_is_known_is_not_probed() -> None:
    async with running() as circuits:
        circuits.named(MT)["unknown"].failed(EngineDenied("unknown", "402"), asyncio.get_running_loop().time())
        await asyncio.sleep(2 * DENIED_REST)
        assert circuits.named(MT)["unknown"].state is Circuit.OPEN


async def test_streams_that_move_to_another_recogniser_are_a_change_too() -> None:
    circuits = Circuits()
    ears = circuits.named(Stage.ASR)
    ears["cloud"].failed(EngineDenied("cloud", "402"), 0.0)
    for _ in range(3):
        circuits.moved("asr", "cloud", "local")
    assert circuits.fallbacks == {(Stage.ASR, "cloud", "local"): 3}
    assert circuits.changes == {(Stage.ASR, "cloud", "local"): 1}
    ears["cloud"].probing()
    ears["cloud"].succeeded()
    for _ in range(3):
        circuits.moved("asr", "local", "cloud")  # back
    circuits.moved("asr", "cloud", "local")  # a stream that was lost twice, its engine works for others
    assert circuits.fallbacks == {(Stage.ASR, "cloud", "local"): 4}
    assert circuits.changes == {(Stage.ASR, "cloud", "local"): 1, (Stage.ASR, "local", "cloud"): 1}


async def test_what_flaps_is_asked_less_and_less() -> None:
    """It answers every probe and fails every clause: what that costs is one clause per rest, and the rests grow."""
    engine = MoodyTranslator("x")
    lost = 0
    async with running() as circuits:
        open_(circuits, engine)
        for _ in range(600):
            await asyncio.sleep(1)
            if circuits.usable(engine):
                lost += 1
                circuits.failed(engine, EngineCrashed("x", "gone"))
    assert lost <= 15
    assert circuits.states()[0].opened == 1 + lost
