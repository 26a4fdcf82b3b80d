"""Results to hypotheses: every word once and in order, every finalize answered once, whatever is left out."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.engines.asr.deepgram_messages import HeardWord, Result, UtteranceEnd
from dragoman.engines.asr.deepgram_transcript import (
    DOUBTED,
    LAST_PATIENCE,
    NUDGE_AFTER,
    OVERTAKEN,
    PATIENCE,
    Transcript,
    Unanswered,
)
from dragoman.engines.base import Hypothesis

SECOND = 16_000


def word(number: int, jitter: int = 0) -> HeardWord:
    """The nth word: 300 ms, every 400 ms."""
    start = number * 6400
    return HeardWord(f"w{number}", max(start + jitter, 0), start + 4800 + jitter, 1.0)


def result(first: int, behind: int, *, final: bool = True, flags: bool = False, jitter: int = 0) -> Result:
    """Words [first, behind), and the range that they lie in."""
    words = tuple(word(i, jitter) for i in range(first, behind))
    return Result(first * 6400, behind * 6400, words, final, False, flags)


def spoken(words: int, at: int = 0) -> Transcript:
    transcript = Transcript()
    transcript.audio(at, words * 6400, 1000)
    return transcript


def told(found: tuple[Hypothesis, ...] | list[Hypothesis]) -> list[str]:
    return [word.text for hypothesis in found if hypothesis.is_final for word in hypothesis.words]


@pytest.mark.parametrize("flags", [True, False])
def test_a_final_up_to_where_it_was_asked_answers_with_or_without_its_flag(flags: bool) -> None:
    transcript = spoken(5, at=SECOND)
    assert transcript.finalize(SECOND + 5 * 6400, 0.0) == ()
    (answer,) = transcript.take(result(0, 5, flags=flags), 0.3)
    assert answer.end_of_utterance
    assert answer.upto == SECOND + 5 * 6400
    assert answer.words[0].start == SECOND
    assert not transcript.waiting


def test_what_was_final_before_it_was_asked_is_answered_at_once() -> None:
    transcript = spoken(3)
    assert told(transcript.take(result(0, 3), 0.0)) == ["w0", "w1", "w2"]
    (answer,) = transcript.finalize(3 * 6400, 0.1)
    assert (answer.end_of_utterance, answer.words) == (True, ())


def test_a_stale_answer_does_not_answer_the_next_finalize() -> None:
    transcript = spoken(3)
    transcript.finalize(3 * 6400, 0.0)
    assert transcript.take(result(0, 3), 0.2)[0].end_of_utterance
    transcript.audio(10 * SECOND, 3 * 6400, 1000)
    transcript.finalize(10 * SECOND + 3 * 6400, 5.0)
    late = transcript.take(Result(3 * 6400, 3 * 6400, (), True, False, True), 5.1)
    assert not any(hypothesis.end_of_utterance for hypothesis in late)
    assert transcript.take(result(3, 6, flags=True), 5.3)[-1].end_of_utterance


@pytest.mark.parametrize("before", [True, False])
def test_utterance_end_answers_only_behind_its_words(before: bool) -> None:
    transcript = spoken(3)
    transcript.take(result(0, 2, final=False), 0.0)
    transcript.finalize(3 * 6400, 0.0)
    end = UtteranceEnd(2 * 6400 - 1600)
    if before:
        assert transcript.take(end, 0.1) == ()
    final = transcript.take(result(0, 2), 0.2)
    assert told(final) == ["w0", "w1"]
    assert transcript.waiting
    assert transcript.take(end, 0.3)[0].end_of_utterance
    assert transcript.take(end, 0.3) == ()


def quiet_behind(transcript: Transcript) -> int:
    """400 ms of hangover that an interim covers; where they end."""
    end = transcript.timeline.sent
    transcript.audio(end, 6400, 0)
    return end + 6400


def test_all_that_interims_covered_is_answered_by_us() -> None:
    transcript = spoken(3)
    transcript.take(result(0, 3, final=False), 0.0)
    end = quiet_behind(transcript)
    transcript.take(Result(0, end, tuple(word(i, 300) for i in range(3)), False, False, False), 0.1)
    transcript.finalize(3 * 6400, 1.0)
    assert transcript.due(1.0 + PATIENCE - 0.01) == ()
    (answer,) = transcript.due(1.0 + PATIENCE)
    assert answer.end_of_utterance
    assert told([answer]) == ["w0", "w1", "w2"]
    assert told(transcript.take(result(0, 3, flags=True), 3.0)) == []  # the final comes after all
    assert transcript.duplicates == 1


def test_a_word_that_one_interim_alone_told_stands_for_no_final_while_that_may_come() -> None:
    transcript = spoken(3)
    transcript.take(result(0, 3, final=False), 0.0)
    end = quiet_behind(transcript)
    wrong = (word(0), word(1), heard("other", 0.8, 1.1))
    transcript.take(Result(0, end, wrong, False, False, False), 0.1)
    transcript.finalize(3 * 6400, 1.0)
    assert transcript.due(1.0 + LAST_PATIENCE - 0.01) == ()
    assert told(transcript.take(result(0, 3, flags=True), 3.4)) == ["w0", "w1", "w2"]


def test_a_word_that_the_next_interim_tells_again_stands() -> None:
    transcript = spoken(3)
    end = quiet_behind(transcript)
    wrong = (word(0), word(1), heard("other", 0.8, 1.1))
    for words, answered in ((wrong, False), (tuple(map(word, range(3))), False), (tuple(map(word, range(3))), True)):
        transcript.take(Result(0, end, words, False, False, False), 0.1)
        transcript.finalize(3 * 6400, 1.0)
        assert bool(found := transcript.due(1.0 + PATIENCE)) is answered
    assert told(found) == ["w0", "w1", "w2"]


def test_words_that_one_interim_alone_told_are_answered_by_us_before_the_stream_is_given_up() -> None:
    transcript = spoken(3)
    end = quiet_behind(transcript)
    transcript.take(Result(0, end, tuple(map(word, range(3))), False, False, False), 0.1)
    transcript.finalize(3 * 6400, 1.0)
    assert told(transcript.due(1.0 + LAST_PATIENCE)) == ["w0", "w1", "w2"]


def test_words_that_an_interim_only_just_covered_may_not_be_all() -> None:
    transcript = spoken(3)
    transcript.take(Result(0, 3 * 6400, (word(0), word(1)), False, False, False), 0.0)
    transcript.finalize(3 * 6400, 0.0)
    assert transcript.due(PATIENCE) == ()
    with pytest.raises(Unanswered):
        transcript.due(LAST_PATIENCE)


def test_speech_that_nobody_covered_is_not_given_up_but_by_the_second_stream() -> None:
    transcript = spoken(3)
    transcript.finalize(3 * 6400, 0.0)
    assert transcript.due(LAST_PATIENCE - 0.01) == ()
    with pytest.raises(Unanswered) as caught:
        transcript.due(LAST_PATIENCE)
    again = Transcript(caught.value.at)
    again.audio(0, 3 * 6400, 1000)
    again.finalize(3 * 6400, 0.0)
    assert again.due(LAST_PATIENCE)[0].end_of_utterance


def test_quiet_noise_is_answered_by_us() -> None:
    transcript = Transcript()
    transcript.audio(0, SECOND, 40)
    transcript.finalize(SECOND, 0.0)
    assert transcript.due(LAST_PATIENCE)[0].words == ()


def test_a_word_that_comes_after_we_answered_is_an_utterance_of_its_own() -> None:
    transcript = spoken(3)
    transcript.take(result(0, 2, final=False), 0.0)
    end = quiet_behind(transcript)
    transcript.take(Result(0, end, (word(0), word(1)), False, False, False), 0.0)
    transcript.finalize(3 * 6400, 0.0)
    assert told(transcript.due(PATIENCE)) == ["w0", "w1"]
    (late,) = transcript.take(result(0, 3), 2.0)
    assert (told([late]), late.end_of_utterance) == (["w2"], True)


def test_a_final_that_overtook_another_waits_for_it() -> None:
    transcript = spoken(6)
    transcript.take(result(0, 2, final=False), 0.0)
    assert transcript.take(result(3, 6), 0.1) == ()
    assert told(transcript.take(result(0, 3), 0.2)) == [f"w{i}" for i in range(6)]


def test_a_final_that_is_lost_is_made_up_for_by_its_interims() -> None:
    transcript = spoken(6)
    transcript.take(result(0, 3, final=False), 0.0)
    transcript.take(result(0, 3, final=False, jitter=500), 0.0)
    assert transcript.take(result(3, 6), 0.1) == ()
    assert told(transcript.due(0.1 + OVERTAKEN)) == [f"w{i}" for i in range(6)]


def test_the_final_of_words_on_which_interims_did_not_agree_is_waited_for_longer() -> None:
    for late in (True, False):
        transcript = spoken(6)
        transcript.take(result(0, 2, final=False), 0.0)
        transcript.take(Result(0, 3 * 6400, (word(0), heard("other", 0.4, 0.7)), False, False, False), 0.0)
        assert transcript.take(result(3, 6), 0.1) == ()
        assert transcript.due(0.1 + OVERTAKEN) == ()
        if late:
            assert told(transcript.take(result(0, 3), 1.9)) == [f"w{i}" for i in range(6)]
        else:
            assert told(transcript.due(0.1 + DOUBTED)) == ["w0", "other", "w3", "w4", "w5"]


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_every_word_once_in_order_and_every_finalize_once(seed: int) -> None:
    """Interims and finals at random, doubled and jittered; some finalizes are answered, some by the way."""
    random = Random(seed)
    transcript, found, now, number = Transcript(), [], 0.0, 0
    asked = 0
    for utterance in range(random.randint(1, 4)):
        count = random.randint(1, 8)
        at, behind = utterance * 10 * SECOND, number + count
        transcript.audio(at, count * 6400, 1000)
        frozen = number
        while frozen < behind:
            cut = random.randint(frozen + 1, behind)
            for _ in range(random.randint(0, 2)):
                seen = random.randint(frozen, behind)
                found += transcript.take(result(frozen, seen, final=False, jitter=random.randint(-800, 800)), now)
            if cut == behind and random.random() < 0.7:
                found += transcript.finalize(at + count * 6400, now)
                asked += 1
                behind_asked = True
            else:
                behind_asked = False
            for _ in range(random.choice((1, 1, 2))):
                found += transcript.take(result(frozen, cut, jitter=random.randint(-800, 800)), now)
            frozen = cut
            now += 0.1
        if not behind_asked:
            found += transcript.finalize(at + count * 6400, now)
            asked += 1
        number = behind
    found += transcript.due(now + 60)
    assert told(found) == [f"w{i}" for i in range(number)]
    assert sum(hypothesis.end_of_utterance for hypothesis in found) == asked
    settled = 0
    for hypothesis in found:
        assert hypothesis.upto >= settled
        settled = hypothesis.upto if hypothesis.is_final else settled


def heard(text: str, start: float, end: float) -> HeardWord:
    return HeardWord(text, round(start * SECOND), round(end * SECOND), None)


def final_of(start: float, end: float, *words: HeardWord, final: bool = True, flag: bool = False) -> Result:
    return Result(round(start * SECOND), round(end * SECOND), words, final, False, flag)


def test_a_word_that_was_being_said_where_its_range_begins_comes_once() -> None:
    transcript = spoken(10)
    transcript.take(final_of(0.0, 1.0, heard("one", 0.1, 0.5)), 1.2)
    transcript.take(final_of(1.0, 1.1, heard("two", 0.8, 1.1), final=False), 1.3)
    assert told(transcript.take(final_of(1.0, 2.0, heard("two", 0.8, 1.1)), 2.2)) == ["two"]


def test_words_of_a_final_that_comes_behind_an_empty_one_of_the_same_range_are_told() -> None:
    transcript = spoken(3)
    transcript.finalize(SECOND, 1.0)
    assert told(transcript.take(final_of(0.0, 1.2, flag=True), 1.1)) == []
    late = transcript.take(final_of(0.0, 1.2, heard("one", 0.1, 0.5), heard("two", 0.6, 1.0)), 1.4)
    assert told(late) == ["one", "two"]
    assert told(transcript.take(final_of(0.0, 1.2, heard("one", 0.1, 0.5)), 1.5)) == []


def test_a_final_waits_for_the_one_it_overtook_though_no_interim_told_of_that() -> None:
    transcript = spoken(5)
    assert transcript.take(final_of(1.0, 2.0, heard("two", 1.2, 1.6)), 2.2) == ()
    assert told(transcript.take(final_of(0.0, 1.0, heard("one", 0.2, 0.6)), 2.9)) == ["one", "two"]


def test_a_word_whose_final_is_under_way_is_no_agreement_and_does_not_stand_for_it() -> None:
    transcript = spoken(5)
    transcript.take(final_of(0.0, 0.4, heard("hal", 0.1, 0.4), final=False), 0.6)
    transcript.finalize(SECOND, 1.0)
    assert transcript.take(final_of(1.0, 1.5, final=False), 1.6) == ()
    assert transcript.due(2.4) == ()
    assert told(transcript.take(final_of(0.0, 1.0, heard("half", 0.1, 0.6), flag=True), 2.5)) == ["half"]


def test_a_final_that_reaches_short_of_the_end_answers_nothing() -> None:
    transcript = spoken(5)
    transcript.finalize(2 * SECOND, 2.0)
    (told_first,) = transcript.take(final_of(0.0, 1.99, heard("one", 0.1, 0.5)), 2.2)
    assert not told_first.end_of_utterance
    assert transcript.take(final_of(1.99, 2.0, heard("two", 1.8, 2.0), flag=True), 2.3)[-1].end_of_utterance


def test_silence_is_due_behind_a_finalize_that_nobody_answers_once() -> None:
    transcript = spoken(5)
    transcript.finalize(2 * SECOND, 2.0)
    assert not transcript.unheeded(2.0 + NUDGE_AFTER - 0.1)
    assert transcript.unheeded(2.0 + NUDGE_AFTER)
    transcript.silence(SECOND // 2)
    assert not transcript.unheeded(4.0)


def test_a_final_covers_what_it_tells_of_and_not_what_interims_had_reached() -> None:
    transcript = spoken(6, at=SECOND)
    (interim,) = transcript.take(result(0, 5, final=False), 0.0)
    assert interim.upto == SECOND + 5 * 6400
    (empty,) = transcript.take(result(0, 0), 0.1)
    assert (empty.words, empty.upto) == ((), SECOND)
    found = transcript.take(result(0, 2), 0.2) + transcript.take(result(2, 5), 0.3)
    assert [hypothesis.upto for hypothesis in found] == [SECOND + 2 * 6400, SECOND + 5 * 6400]
    assert told(found) == ["w0", "w1", "w2", "w3", "w4"]
