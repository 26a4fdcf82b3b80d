"""The arithmetic of bench/latency: which word is which, what was lost or doubled, and where a span's time went."""

from __future__ import annotations

import pytest
from bench.latency.figures import (
    MEMORY_S,
    PARTS,
    Interpretation,
    Sound,
    Tally,
    Told,
    first_sounds,
    follow,
    lags,
    means,
    measure,
    percentiles,
    tempos,
    words_of,
)
from hypothesis import given
from hypothesis import strategies as st
from tests.tonewords.code import NUMBERS, WORD_MS, words

WORD, GAP = 0.315, 0.045


def speech(language: str, numbers: list[int], start: float = 100.0) -> list[Sound]:
    """Words in a row, as they are said."""
    texts = [words("a", language, 1, number)[0] for number in numbers]
    return [Sound(text, start + i * (WORD + GAP), start + i * (WORD + GAP) + WORD) for i, text in enumerate(texts)]


def later(sounds: list[Sound], seconds: float, language: str = "es") -> list[Sound]:
    """The same words in another language, so much later."""
    return [
        Sound(None if s.text is None else f"{language}{s.text[2:]}", s.start + seconds, s.end + seconds) for s in sounds
    ]


@given(st.integers(1, 300), st.integers(0, NUMBERS - 1), st.floats(WORD, MEMORY_S - 1))
def test_a_word_is_found_again_however_late_and_when_its_number_comes_again(
    count: int, first: int, delay: float
) -> None:
    said = speech("en", [(first + i) % NUMBERS for i in range(count)])
    assert follow(said, later(said, delay)) == list(range(count))


@given(st.lists(st.sampled_from("keep lose double".split()), min_size=1, max_size=100))
def test_what_was_lost_and_doubled_is_counted(fates: list[str]) -> None:
    said = speech("en", list(range(len(fates))))
    heard = []
    for word, fate in zip(later(said, 1.0), fates, strict=True):
        heard += [word] * {"keep": 1, "lose": 0, "double": 2}[fate]
    tally = Tally()
    tally.add(said, heard)
    assert (tally.spoken, tally.lost, tally.doubled) == (len(fates), fates.count("lose"), fates.count("double"))
    assert (tally.heard, tally.revised, tally.damaged) == (len(fates) - fates.count("lose"), 0, 0)


def test_a_word_that_was_never_said_was_revised_after_it_was_spoken() -> None:
    said = speech("en", [1, 2, 3])
    heard = later(said, 1.0)
    heard[1] = Sound("es099a", heard[1].start, heard[1].end)
    heard.append(Sound(None, 105.0, 105.3))
    tally = Tally()
    tally.add(said, heard)
    assert (tally.heard, tally.lost, tally.revised, tally.damaged) == (2, 1, 1, 1)


def test_a_word_that_comes_before_it_was_said_is_not_that_word() -> None:
    said = speech("en", [1, 2, 3])
    assert follow(said, later(said, -5.0)) == [None, None, None]


def test_words_in_the_wrong_order_are_told() -> None:
    said = speech("en", [1, 2, 3, 4])
    first, second, third, fourth = later(said, 3.0)
    tally = Tally()
    tally.add(said, [first, third, second, fourth])
    assert (tally.heard, tally.out_of_order) == (4, 1)


STAGES = {"hangover": 0.43, "asr": 0.25, "mt": 0.15, "tts": 0.12, "playback": 0.01, "tts_wait": 0.005}


def way(delay: float = 1.0, tap: float = 0.06) -> Interpretation:
    said = speech("en", list(range(10)))
    shift = said[4].end + delay - said[0].start  # a clause of five words, and one more right behind it
    wire = later(said, shift)
    return Interpretation(said, [word.end + tap for word in said], wire, later(wire, 0.04))


def told(text: str, end: float, stages: dict[str, float] = STAGES) -> Told:
    return Told("c/1", "a", "es", text, end, stages)


@given(st.floats(0.0, 3.0), st.floats(0.0, 0.3), st.dictionaries(st.sampled_from([*STAGES]), st.floats(0, 1)))
def test_the_parts_add_up_to_the_span(delay: float, tap: float, stages: dict[str, float]) -> None:
    line = way(delay, tap)
    span = measure(told("en000a en001a en002a en003a en004a", line.said[4].end, stages), line, 0.4)
    assert span is not None
    assert span.ms == pytest.approx(delay * 1000, abs=1e-3)
    assert span.ear_ms == pytest.approx(delay * 1000 + 40, abs=1e-3)
    assert sum(span.parts_ms[part] for part in PARTS) == pytest.approx(span.ms, abs=1e-3)


def test_what_the_wait_for_silence_takes_longer_than_it_is_set_is_ours() -> None:
    line = way(1.1)
    end = line.said[4].end
    span = measure(told("en000a en001a en002a en003a en004a", end + 0.06), line, 0.4)
    assert span is not None
    assert span.parts_ms == pytest.approx(
        {"asterisk": 60, "hangover": 400, "engine": 520, "queue": 0, "ours": 1100 - 980}, abs=1e-6
    )


def test_waiting_for_the_clause_before_is_told_apart() -> None:
    line = way(1.0)
    text = " ".join(word.text or "" for word in line.said[5:])
    span = measure(told(text, line.said[9].end, STAGES | {"playback": 0.5, "tts_wait": 0.0}), line, 0.4)
    assert span is not None
    # Ready 500 ms before it was sent; the word before it sounded until 45 ms before that, and its gap until then.
    assert span.parts_ms["queue"] == pytest.approx(500, abs=1e-6)
    # Held back for 600 ms before it was synthesized, which took 120 ms, and sent at once.
    span = measure(told(text, line.said[9].end, STAGES | {"playback": 0.0, "tts_wait": 0.6}), line, 0.4)
    assert span is not None
    assert span.parts_ms["queue"] == pytest.approx(600, abs=1e-6)


def test_a_clause_with_a_misheard_word_is_still_found() -> None:
    said = speech("en", list(range(100, 110)))
    assert words_of(told("en100a en101a. EN077a en103a en104a,", said[4].end + 0.05), said) == (0, 1, 3, 4)
    assert words_of(told("never said", said[4].end), said) == ()


def test_of_a_number_that_comes_again_the_one_about_the_clauses_end_is_meant() -> None:
    said = speech("en", [i % NUMBERS for i in range(260)])
    for last in (9, 9 + NUMBERS):
        text = " ".join(word.text or "" for word in said[last - 4 : last + 1])
        assert words_of(told(text, said[last].end - 0.2), said) == tuple(range(last - 4, last + 1))


def test_a_clause_of_which_nothing_was_spoken_has_no_span() -> None:
    line = way()
    silent = Interpretation(line.said, line.tapped, [], [])
    assert measure(told("en000a en001a", line.said[1].end), silent, 0.4) is None
    assert measure(told("en077a", line.said[1].end), line, 0.4) is None


def test_first_sounds_count_from_the_beginning_and_lags_from_each_words_end() -> None:
    line = way(0.5)
    shift = line.wire[0].start - line.said[0].start
    assert first_sounds(line, [0]) == pytest.approx([shift * 1000])
    assert lags(line) == pytest.approx([(shift - WORD) * 1000] * 10)
    assert len(lags(line, range(2, 5))) == 3


def test_percentiles_of_nothing_are_none() -> None:
    assert percentiles([], 50, 95) == {"p50": None, "p95": None}
    assert percentiles([1.0, 2.0, 3.04], 50, 100) == {"p50": 2.0, "p100": 3.0}
    assert means([]) == {}


def test_the_tempo_is_told_by_the_lengths_of_words() -> None:
    long = [Sound(f"es{i:03}a", float(i), i + WORD_MS / 1000) for i in range(50)]
    short = [Sound(f"es{i:03}a", float(i), i + WORD_MS / 1250) for i in range(50, 100)]
    damaged = [Sound(None, 200.0, 200.001)]
    assert tempos([Interpretation([], [], [], [*long, *short, *damaged])]) == {"p50": 1.12, "p95": 1.25, "p99": 1.25}
    assert tempos([]) == {"p50": None, "p95": None, "p99": None}
