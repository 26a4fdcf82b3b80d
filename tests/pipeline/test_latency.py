from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.engines.base import Attempt
from dragoman.pipeline.latency import OWN_STAGES, STAGES, ClauseTimes

stages = st.lists(st.integers(0, 5000), min_size=len(STAGES), max_size=len(STAGES))


def times(milliseconds: list[int]) -> ClauseTimes:
    marks = [sum(milliseconds[:i]) / 1000 for i in range(len(STAGES) + 1)]
    return ClauseTimes(*marks)


@settings(deadline=None)
@given(stages)
def test_the_stages_add_up_to_the_ear_voice_span(milliseconds: list[int]) -> None:
    clause = times(milliseconds)
    assert tuple(clause.stages()) == STAGES
    assert sum(clause.stages().values()) == pytest.approx(clause.ear_voice_span, abs=1e-9)
    assert [round(seconds * 1000) for seconds in clause.stages().values()] == milliseconds


@settings(deadline=None)
@given(stages)
def test_own_share_is_what_is_neither_an_engines_nor_the_hangover(milliseconds: list[int]) -> None:
    clause = times(milliseconds)
    theirs = sum(clause.stages()[stage] for stage in STAGES if stage not in OWN_STAGES)
    assert clause.own_share == pytest.approx((clause.ear_voice_span or 0) - theirs, abs=1e-9)
    assert {"hangover", "asr", "mt", "tts"} == set(STAGES) - set(OWN_STAGES)


def test_a_clause_that_was_not_sent_has_the_stages_it_got_through() -> None:
    clause = ClauseTimes(1.0, 1.4, 1.65, 1.66, mt_begin=1.67)
    assert list(clause.stages()) == ["hangover", "asr", "segment", "mt_wait"]
    assert clause.ear_voice_span is None
    assert clause.own_share is None


def test_the_time_of_engines_that_failed_is_theirs_and_no_more_than_the_stage_took() -> None:
    clause = ClauseTimes(0.0, 0.2, 0.4, 0.4, mt_begin=0.1, mt_end=1.3, tts_begin=1.3, tts_first=2.0)
    clause.tried["mt"] = [Attempt("deepl", 0.1, 1.2)]  # from 0.4 on somebody waited for it
    clause.tried["tts"] = [Attempt("elevenlabs", 1.3, 1.8), Attempt("xtts", 1.8, 1.9)]
    assert [(engine, round(seconds, 6)) for engine, seconds in clause.lost("mt")] == [("deepl", 0.8)]
    assert [(engine, round(seconds, 6)) for engine, seconds in clause.lost("tts")] == [
        ("elevenlabs", 0.5),
        ("xtts", 0.1),
    ]
    assert not clause.lost("asr")
    clause.tried["asr"] = [Attempt("ears", -60.0, 0.3), Attempt("ears", 0.3, 0.35)]  # served for a minute, then died
    assert [(engine, round(seconds, 6)) for engine, seconds in clause.lost("asr")] == [("ears", 0.1), ("ears", 0.05)]
    assert clause.copy().lost("asr") == clause.lost("asr") and not clause.copy().lost("mt")
    clause.committed = clause.recognised = 1.3  # all of it was done ahead: it cost nobody anything
    assert not clause.lost("mt") and len(clause.lost("tts")) == 2


def test_a_copy_shares_the_source_and_nothing_of_the_target() -> None:
    first = times([100] * len(STAGES))
    second = first.copy()
    assert list(second.stages()) == ["hangover", "asr", "segment"]
    second.mt_begin = 9.0
    assert first.mt_begin != 9.0


@settings(deadline=None)
@given(st.lists(st.integers(0, 5000), min_size=9, max_size=9))
def test_what_was_done_ahead_makes_no_stage_negative_and_hides_nothing(milliseconds: list[int]) -> None:
    said, finalized, recognised, committed, *ahead, sent = sorted(milliseconds)[:4] + milliseconds[4:]
    engines = sorted(ahead)  # some of it before the clause was committed, some behind
    sent = max(sent, committed, *engines)
    marks = [said, finalized, recognised, committed, *engines, sent]
    clause = ClauseTimes(*(mark / 1000 for mark in marks))
    stages = clause.stages()
    assert min(stages.values()) >= 0
    assert sum(stages.values()) == pytest.approx(clause.ear_voice_span, abs=1e-9)
    done = max(committed, *engines)
    assert stages["playback"] == pytest.approx((sent - done) / 1000)  # from when the engines were done, all is ours
    assert (clause.own_share or 0) >= stages["playback"]


def test_what_was_done_before_the_commit_took_nobodys_time() -> None:
    clause = ClauseTimes(1.0, 1.2, 1.45, 1.45, mt_begin=1.25, mt_end=1.35, tts_begin=1.35, tts_first=1.5, sent=1.51)
    stages = {stage: round(seconds * 1000) for stage, seconds in clause.stages().items()}
    assert (stages["mt"], stages["tts_wait"], stages["tts"], stages["playback"]) == (0, 0, 50, 10)


def test_a_voice_that_failed_ahead_lost_nothing_of_the_time_in_which_the_clause_waited() -> None:
    clause = ClauseTimes(1.0, 1.2, 1.45, 1.45, mt_begin=1.25, mt_end=1.35, tts_begin=3.0, tts_first=3.2, sent=3.21)
    clause.tried["tts"] = [Attempt("broken", 1.35, 3.0)]  # told when the clause's turn came
    assert list(clause.lost("tts")) == []
    clause.tried["tts"].append(Attempt("slow", 3.0, 3.15))
    assert list(clause.lost("tts")) == [("slow", pytest.approx(0.15))]
