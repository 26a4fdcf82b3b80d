"""Traces: spans lie where they really lay, a room's last ones are kept and no more, each ends once."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.base import Attempt
from dragoman.observe.trace import OPEN, PER_ROOM, ROOMS, Trace, TraceBook
from dragoman.pipeline.journey import Journey, Outcome, trace_id_of
from dragoman.pipeline.latency import ClauseTimes

SPOKEN = ClauseTimes(
    1.0, 1.4, 1.5, 1.52, mt_begin=1.53, mt_end=1.7, tts_begin=1.7, tts_first=1.9, sent=1.92, played=3.5
)
AHEAD = replace(SPOKEN, mt_begin=1.1, mt_end=1.25, tts_begin=1.25, tts_first=1.4, sent=1.54)


def journey(number: int = 1, room: str = "1000", times: ClauseTimes = SPOKEN, target: str = "es") -> Journey:
    clause = f"a.1/{number}"
    engines = {"asr": "ears", "mt": "brain", "tts": "mouth"}
    return Journey(trace_id_of(clause, target, "salt"), clause, room, "a.1", "en", target, 0.0, times, engines)


def test_the_spans_of_a_clause_that_was_spoken() -> None:
    spans = Trace(journey(), Outcome.SPOKEN).spans
    assert [(span.name, span.begin, span.end, span.engine) for span in spans] == [
        ("speech", 0.0, 1.0, ""),
        ("hangover", 1.0, 1.4, ""),
        ("asr", 1.4, 1.5, "ears"),
        ("segment", 1.5, 1.52, ""),
        ("mt_wait", 1.52, 1.53, ""),
        ("mt", 1.53, 1.7, "brain"),
        ("tts", 1.7, 1.9, "mouth"),
        ("playback", 1.9, 1.92, ""),
        ("booth", 1.92, 3.5, ""),
    ]


def test_an_engine_that_was_asked_in_vain_has_a_span_of_its_own() -> None:
    tried = {"mt": [Attempt("first", 1.53, 1.63)], "tts": [Attempt("mouth", 1.7, 1.8)]}
    spans = Trace(journey(times=replace(SPOKEN, tried=tried)), Outcome.SPOKEN).spans
    assert [(span.name, span.begin, span.end, span.engine) for span in spans][5:9] == [
        ("mt_failed", 1.53, 1.63, "first"),
        ("mt", 1.63, 1.7, "brain"),
        ("tts_failed", 1.7, 1.8, "mouth"),
        ("tts", 1.8, 1.9, "mouth"),
    ]


def test_a_clause_that_nobody_could_translate_or_speak_shows_who_was_asked_and_how_long() -> None:
    tried = {"mt": [Attempt("first", 1.53, 2.73), Attempt("second", 2.73, 4.53)]}
    unspoken = replace(SPOKEN, tts_begin=None, tts_first=None, sent=None, played=None)
    trace = Trace(journey(times=replace(unspoken, mt_end=None, tried=tried)), Outcome.DROPPED, "second: 503")
    assert [(span.name, span.begin, span.end, span.engine) for span in trace.spans][4:] == [
        ("mt_wait", 1.52, 1.53, ""),
        ("mt_failed", 1.53, 2.73, "first"),
        ("mt_failed", 2.73, 4.53, "second"),
    ]
    assert trace.end == 4.53
    tried = {"tts": [Attempt("mouth", 1.7, 2.2), Attempt("mouth", 2.3, 2.8)]}
    trace = Trace(journey(times=replace(unspoken, tts_begin=1.7, tried=tried)), Outcome.DROPPED, "mouth: silent")
    assert [span.name for span in trace.spans][5:] == ["mt", "tts_failed", "tts_failed"]


def test_a_recogniser_that_failed_has_what_of_its_time_the_clause_waited_for() -> None:
    tried = {"asr": [Attempt("first", -60.0, 1.43), Attempt("second", 1.43, 1.45)]}
    spans = Trace(journey(times=replace(SPOKEN, tried=tried)), Outcome.SPOKEN).spans
    assert [(span.name, span.begin, span.end, span.engine) for span in spans][2:5] == [
        ("asr_failed", 1.4, 1.43, "first"),
        ("asr_failed", 1.43, 1.45, "second"),
        ("asr", 1.45, 1.5, "ears"),
    ]


def test_what_was_done_ahead_lies_where_it_was_done() -> None:
    trace = Trace(journey(times=AHEAD), Outcome.SPOKEN)
    spans = {span.name: (span.begin, span.end) for span in trace.spans}
    assert trace.journey.ahead and not journey().ahead
    assert spans["mt"] == (1.1, 1.25) and spans["tts"] == (1.25, 1.4)
    assert spans["playback"] == (1.52, 1.54)  # it waited for its confirmation, which asr and segment show
    assert "mt_wait" not in spans and "tts_wait" not in spans


def test_a_clause_that_is_under_way_has_the_spans_that_it_got_to() -> None:
    times = replace(SPOKEN, mt_end=None, tts_begin=None, tts_first=None, sent=None, played=None)
    assert [span.name for span in Trace(journey(times=times)).spans] == ["speech", "hangover", "asr", "segment"]


@given(st.lists(st.floats(0, 5), min_size=8, max_size=8), st.integers(4, 9))
def test_spans_never_run_backwards_and_lie_within_the_whole(steps: list[float], known: int) -> None:
    marks = [sum(steps[: i + 1]) for i in range(8)]
    later: list[float | None] = [mark if 4 + i < known else None for i, mark in enumerate(marks[2:])]
    times = ClauseTimes(1.0, 1.0 + steps[0], 1.0 + marks[0], 1.0 + marks[1], *later)
    trace = Trace(journey(times=times))
    assert all(0.0 <= span.begin <= span.end <= trace.end for span in trace.spans)


def test_a_room_keeps_its_last_traces_and_each_of_them_once() -> None:
    book, ended = TraceBook(), list[Trace]()
    book.on_end = ended.append
    for number in range(PER_ROOM + 10):
        book.begun(journey(number))
        book.ended(journey(number), Outcome.SPOKEN)
    kept = book.last("1000")
    assert [trace.journey.clause for trace in kept] == [f"a.1/{n}" for n in range(10, PER_ROOM + 10)]
    assert {trace.outcome for trace in kept} == {Outcome.SPOKEN}
    assert len(ended) == PER_ROOM + 10
    assert book.last("1000", 3) == kept[-3:]
    assert book.last("2000") == ()


def test_the_rooms_that_were_quiet_longest_are_forgotten() -> None:
    book = TraceBook()
    for number in range(ROOMS + 1):
        book.ended(journey(room=str(number)), Outcome.READ)
        book.ended(journey(2, room="0"), Outcome.READ)
    assert book.last("0") and not book.last("1") and book.last(str(ROOMS))


def test_what_never_ends_is_told_as_it_is_when_too_much_is_open() -> None:
    book, ended = TraceBook(), list[Trace]()
    book.on_end = ended.append
    for number in range(OPEN + 2):
        book.begun(journey(number))
    assert [(trace.journey.clause, trace.outcome) for trace in ended] == [("a.1/0", None), ("a.1/1", None)]


def test_trace_ids_tell_languages_and_runs_apart_and_are_what_a_collector_takes() -> None:
    ids = {trace_id_of("a.1/7", target, salt) for target in ("es", "ca") for salt in ("1.5", "2.5")}
    assert len(ids) == 4
    assert all(len(each) == 32 and int(each, 16) for each in ids)
    assert trace_id_of("a.1/7", "es", "1.5") in ids
