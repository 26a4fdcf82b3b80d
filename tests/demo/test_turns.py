from __future__ import annotations

import pytest
from tests.demo.scene import SCENARIO, TRANSLATIONS

from dragoman.demo.minutes import Minutes
from dragoman.demo.turns import QUIET_S, SETTLE_S, TurnTaking, assign
from dragoman.pipeline.captions import Caption, CaptionKind

DURATIONS = [2.0, 1.5, 3.0, 2.0, 1.8]
PATIENCE = SCENARIO.patience_s
PAUSE = SCENARIO.pause_s


def tell(
    minutes: Minutes, turn: int, end: float, *, spoken: bool = True, text: str | None = None, note: str | None = None
) -> None:
    """All captions of one turn, its last word at ``end``, its translations 0.5 s later."""
    speaker = SCENARIO.turns[turn].speaker
    source = SCENARIO.person(speaker).language
    said = SCENARIO.turns[turn].text if text is None else text

    def event(kind: CaptionKind, language: str, words: str, span: float | None = None) -> None:
        clause = f"{speaker}.1/{turn}"
        caption = Caption(
            kind,
            "1000",
            language,
            clause,
            speaker,
            source,
            said,
            words,
            end - 1,
            end,
            ear_voice_span_ms=span,
            note=note,
        )
        minutes.apply(caption)

    event(CaptionKind.CLAUSE, source, said)
    for language, translation in TRANSLATIONS[turn].items():
        event(CaptionKind.CLAUSE, language, translation)
        if spoken:
            event(CaptionKind.SPOKEN, language, translation, 500.0)


def test_the_next_turn_waits_for_the_interpretation_and_a_pause() -> None:
    taking, minutes = TurnTaking(SCENARIO, DURATIONS), Minutes()
    assert taking.due(100.0, minutes) == 0
    taking.started(0, 100.0)
    assert taking.due(102.0 + SETTLE_S + 0.1, minutes) is None
    tell(minutes, 0, 102.0)
    silent = minutes.silent_unix(SCENARIO.languages)
    assert silent is not None and silent > 104.0
    assert taking.due(silent + PAUSE - 0.01, minutes) is None
    assert taking.due(silent + PAUSE, minutes) == 1


def test_a_translation_that_was_not_begun_holds_the_next_turn() -> None:
    taking, minutes = TurnTaking(SCENARIO, DURATIONS), Minutes()
    taking.started(0, 100.0)
    tell(minutes, 0, 102.0, spoken=False)
    assert taking.due(110.0, minutes) is None
    assert taking.due(102.0 + PATIENCE + PAUSE - 0.1, minutes) is None
    assert taking.due(102.0 + PATIENCE + PAUSE, minutes) == 1


def test_a_lost_turn_is_waited_for_as_long_as_patience_lasts() -> None:
    taking, minutes = TurnTaking(SCENARIO, DURATIONS), Minutes()
    taking.started(0, 100.0)
    tell(minutes, 0, 102.0, text="welcome")  # one word of five
    heard = minutes.sounding_unix()
    assert heard > 104.0
    assert taking.over_at(heard + PATIENCE - 0.1, minutes) is None
    assert taking.over_at(heard + PATIENCE, minutes) == heard + PATIENCE


def test_a_lost_turn_is_given_up_when_the_daemon_has_nothing_to_do() -> None:
    taking, minutes = TurnTaking(SCENARIO, DURATIONS), Minutes()
    taking.started(0, 100.0)
    tell(minutes, 0, 102.0, spoken=False, text="welcome")
    assert taking.due(102.0 + QUIET_S - 0.1, minutes, 90.0) is None
    assert taking.due(102.0 + QUIET_S, minutes, 90.0) == 1
    assert taking.due(103.0 + QUIET_S - 0.1, minutes, 103.0) is None
    assert taking.due(103.0 + QUIET_S, minutes, 103.0) == 1
    assert taking.due(103.0 + QUIET_S, minutes, None) is None


def test_a_lost_turn_does_not_slow_the_next_one() -> None:
    taking, minutes = TurnTaking(SCENARIO, DURATIONS), Minutes()
    taking.started(0, 100.0)
    tell(minutes, 0, 102.0, spoken=False, text="welcome")
    taking.started(1, 110.0)
    tell(minutes, 1, 111.5)
    silent = minutes.silent_unix(SCENARIO.languages, 110.0)
    assert silent is not None
    assert taking.over_at(silent, minutes) == silent


def test_a_lost_turn_is_waited_for_with_the_one_over_it() -> None:
    taking, minutes = TurnTaking(SCENARIO, DURATIONS), Minutes()
    for number, start in enumerate((100.0, 110.0, 120.0, 121.0)):
        taking.started(number, start)
    tell(minutes, 3, 123.0)
    assert taking.over_at(130.0, minutes) is None
    tell(minutes, 2, 123.0)
    assert taking.over_at(130.0, minutes) is not None


def test_old_clauses_are_forgotten() -> None:
    minutes = Minutes()
    for number in range(5):
        tell(minutes, number, 100.0 + number)
    minutes.keep(2)
    assert [entry.text for entry in minutes.entries] == [SCENARIO.turns[number].text for number in (3, 4)]


def test_a_dropped_translation_is_not_waited_for() -> None:
    taking, minutes = TurnTaking(SCENARIO, DURATIONS), Minutes()
    taking.started(0, 100.0)
    tell(minutes, 0, 102.0, spoken=False)
    for language in ("es", "ca"):
        minutes.apply(
            Caption(
                CaptionKind.DROPPED,
                "1000",
                language,
                "Sally.1/0",
                "Sally",
                "en",
                "x",
                "",
                101.0,
                102.0,
                note="no-voice",
            )
        )
    assert taking.over_at(104.0, minutes) == 102.0


def test_a_turn_over_another_begins_while_that_one_sounds() -> None:
    taking, minutes = TurnTaking(SCENARIO, DURATIONS), Minutes()
    for number in range(3):
        taking.started(number, 100.0 + 10 * number)
    assert taking.due(120.9, minutes) is None
    assert taking.due(121.0, minutes) == 3
    taking.started(3, 121.0)
    assert taking.due(200.0, minutes) == 4


def test_it_is_over_when_the_last_was_interpreted() -> None:
    taking, minutes = TurnTaking(SCENARIO, DURATIONS), Minutes()
    for number in range(5):
        assert not taking.over(1000.0, minutes)
        taking.started(number, 100.0 + 10 * number)
        tell(minutes, number, 100.0 + 10 * number + DURATIONS[number])
    silent = minutes.silent_unix(SCENARIO.languages)
    assert silent is not None
    assert not taking.over(silent - 0.1, minutes)
    assert taking.over(silent, minutes)
    assert taking.due(1000.0, minutes) is None


def test_clauses_go_to_the_turn_that_had_begun() -> None:
    taking, minutes = TurnTaking(SCENARIO, DURATIONS), Minutes()
    taking.started(0, 100.0)
    taking.started(1, 105.0)
    taking.started(2, 110.0)
    taking.started(3, 111.0)
    for number, end in ((0, 102.0), (1, 106.0), (2, 113.0), (3, 113.0)):
        tell(minutes, number, end)
    tell(minutes, 4, 60.0)  # Inés, long before she spoke
    clauses, strays = assign(taking.played, minutes.entries)
    assert {number: [entry.text for entry in entries] for number, entries in clauses.items()} == {
        number: [SCENARIO.turns[number].text] for number in range(4)
    }
    assert [entry.clause for entry in strays] == ["Inés.1/4"]


def test_a_merged_clause_is_found_where_it_went() -> None:
    minutes = Minutes()
    tell(minutes, 0, 102.0, note="merged with Sally.1/3")
    source = Caption(CaptionKind.CLAUSE, "1000", "en", "Sally.1/3", "Sally", "en", "b", "b", 103.0, 104.0)
    minutes.apply(source)
    entry = minutes.entries[-1]
    line = minutes.line(entry, "es")
    assert line is not None and line.text == TRANSLATIONS[0]["es"]
    assert minutes.silent_unix(SCENARIO.languages) == pytest.approx(102.0 + 0.5 + 0.3 + len(TRANSLATIONS[0]["ca"]) / 12)


def test_partials_last_until_their_clause() -> None:
    minutes = Minutes()
    minutes.apply(Caption(CaptionKind.PARTIAL, "1000", "en", "", "Sally", "en", "welc", "welc", 1.0, 1.0))
    assert minutes.partials == {"Sally": "welc"}
    tell(minutes, 0, 102.0)
    assert minutes.partials == {}
    assert minutes.entries[0].leg == "Sally"
