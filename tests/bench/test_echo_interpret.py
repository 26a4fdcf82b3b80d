"""The echo bench's verdict: what a booth said and a phone sends back is a loop, unless its words are left out."""

from __future__ import annotations

import numpy as np
import pytest
from bench.echo.interpret import Interpreter
from bench.echo.recognise import Recogniser
from bench.echo.speech import TRANSLATED, booth, clips

from dragoman.media.format import FRAME_SAMPLES, Pcm, ms_to_samples

LONG = 1
"""A booth's sentence of ten words."""

DELAY = ms_to_samples(200)


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return Recogniser()


def told(
    recogniser: Recogniser, leg: Pcm, spoken: bool, *, second_line: bool, played: bool = True, repeated: bool = False
) -> Interpreter:
    """One utterance of an English leg, while its booth says a sentence or not; ``repeated``: he says it as well."""
    interpreter = Interpreter(["en", "es"], recogniser, second_line, None)
    if played:
        interpreter.booths["en"].say([LONG])
    if repeated:
        interpreter.said(0, TRANSLATED["en"][LONG], DELAY // FRAME_SAMPLES, len(leg) - DELAY)
    ticks = -(-len(leg) // FRAME_SAMPLES)
    for tick in range(ticks):
        interpreter.play(tick, "en")
    padded = np.concatenate([leg, np.zeros(ticks * FRAME_SAMPLES - len(leg), np.int16)])
    interpreter.ears[0].kept = list(padded.reshape(-1, FRAME_SAMPLES))
    interpreter.hear(0, 0, len(leg), ticks, lambda start, stop: spoken, np.random.default_rng(1))
    return interpreter


@pytest.fixture(scope="module")
def echo() -> Pcm:
    clip = booth("en")[LONG]
    return np.concatenate([np.zeros(DELAY, np.int16), (clip // 3).astype(np.int16)])


def test_an_echo_goes_round_where_nothing_leaves_its_words_out(recogniser: Recogniser, echo: Pcm) -> None:
    tale = told(recogniser, echo, spoken=False, second_line=False).tale
    assert tale.rounds == 1 and tale.again == tale.words >= 5 and tale.dropped == 0


def test_with_the_second_line_it_does_not(recogniser: Recogniser, echo: Pcm) -> None:
    interpreter = told(recogniser, echo, spoken=False, second_line=True)
    assert interpreter.tale.rounds == 0 and interpreter.tale.dropped >= 5
    assert interpreter.taken[0] and not interpreter.taken[1]


@pytest.mark.parametrize("second_line", [False, True])
def test_what_a_person_says_is_translated_and_no_loop(recogniser: Recogniser, second_line: bool) -> None:
    said = clips(("flite:slt",), ("we should send the invoice before the end of the week",))["flite:slt"][0]
    interpreter = told(recogniser, said, spoken=True, second_line=second_line)
    assert interpreter.tale.words >= 8 and interpreter.tale.again == interpreter.tale.rounds == 0
    assert interpreter.tale.own_dropped == 0
    later = 200  # ticks: longer than an interpreter takes
    assert any(interpreter.play(tick, "es").any() for tick in range(later, later + 50))


def test_what_nobody_said_is_a_loop_only_where_it_was_played(recogniser: Recogniser, echo: Pcm) -> None:
    """Else the recogniser made it up."""
    tale = told(recogniser, echo, spoken=False, second_line=False, played=False).tale
    assert tale.words >= 5 and (tale.rounds, tale.invented) == (0, 1)


@pytest.mark.parametrize("repeated", [False, True])
def test_an_echos_words_beside_a_person_are_taken_from_him_only_where_he_says_them(
    recogniser: Recogniser, echo: Pcm, repeated: bool
) -> None:
    interpreter = told(recogniser, echo, spoken=True, second_line=True, repeated=repeated)
    assert interpreter.tale.dropped >= 5 and len(interpreter.taken[0]) >= 5
    assert bool(interpreter.tale.own_dropped) == bool(interpreter.his[0]) == repeated
