"""Where a piece that broke off is in its text, told by espeak-ng in its real process; and what is left without it."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tests.engines.processes import children

from dragoman.engines.base import SpeechRequest
from dragoman.engines.tts.espeak import EspeakSynthesizer
from dragoman.engines.tts.xtts import follower as module
from dragoman.engines.tts.xtts.align import RATE, Sound, Track
from dragoman.engines.tts.xtts.follower import Follower
from dragoman.engines.tts.xtts.following import Question, begins, decode_answer, encode_answer
from dragoman.media.format import SAMPLE_RATE
from dragoman.media.resample import resample

HALVES = {
    "en": ("The delivery of the new tables was late", "because nobody had signed the form for customs."),
    "es": ("La entrega de las mesas nuevas llegó tarde", "porque nadie había firmado el formulario."),
    "de": ("Die Lieferung der neuen Tische kam zu spät", "weil niemand das Formular unterschrieben hatte."),
    "fr": ("La livraison des nouvelles tables a pris du retard", "parce que personne n'avait signé le formulaire."),
}


@pytest.fixture
def follower() -> Iterator[Follower]:
    made = Follower()
    made.start()
    yield made
    made.close()


def told(ask: Callable[[Callable[[Track | None], None]], None]) -> Track | None:
    answers: queue.SimpleQueue[Track | None] = queue.SimpleQueue()
    ask(answers.put)
    return answers.get(timeout=60)


async def spoken(text: str, language: str, speaker: str) -> Sound:
    """As espeak-ng says it in one of its other voices, 24 kHz, without the silence around it."""
    engine = EspeakSynthesizer({})
    try:
        pieces = [piece async for piece in engine.synthesize(SpeechRequest(text, language, speaker))]
    finally:
        await engine.close()
    sound = resample(np.concatenate(pieces), SAMPLE_RATE, RATE)
    loud = np.flatnonzero(np.abs(sound) > 300)
    return sound[loud[0] : loud[-1] + 1]


@pytest.mark.parametrize("language", HALVES)
async def test_it_ends_where_the_first_half_does(
    follower: Follower, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 30.0)  # it is judged what is said, not when
    first, second = HALVES[language]
    one, two = [await spoken(half, language, "leg-3") for half in (first, second)]
    sound = np.concatenate([one, two[:2400]])
    track = told(lambda then: follower(sound, f"{first} {second}", language, then))
    assert track is not None
    cut = track.cut(len(one) - 4000)
    assert cut.rest == second
    assert abs(cut.at - len(one)) < 0.12 * RATE


async def test_another_text_is_not_taken_for_it(follower: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 30.0)
    sound = await spoken(HALVES["de"][0], "de", "leg-3")
    assert told(lambda then: follower(sound, HALVES["es"][1], "es", then)) is None


SOUND = np.zeros(RATE, np.int16)


def test_what_espeak_cannot_read_is_not_asked(follower: Follower) -> None:
    for language in ("ja", "xx"):
        assert told(lambda then, language=language: follower(SOUND, "text", language, then)) is None  # type: ignore[misc]  # a default binds it


def test_a_process_that_dies_is_started_anew_by_the_next_question(
    follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 30.0)
    process = follower._process
    assert process is not None
    process.kill()
    process.wait()
    assert told(lambda then: follower(SOUND, "text", "en", then)) is None
    assert follower._process is not None and follower._process.pid != process.pid
    assert follower._process.poll() is None, "silence is an answer, and no reason to end"


def test_where_there_is_no_such_process_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: Any, **kwargs: Any) -> Any:
        raise OSError("no more processes")

    monkeypatch.setattr(module.subprocess, "Popen", fails)
    made = Follower()
    made.start()
    assert told(lambda then: made(SOUND, "text", "en", then)) is None
    made.close()


def test_one_that_does_not_answer_is_ended(follower: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.0)
    assert told(lambda then: follower(SOUND, "text", "en", then)) is None


def test_closing_leaves_no_process_and_no_questions() -> None:
    before = set(children())
    made = Follower()
    made.start()
    assert set(children()) - before
    made.close()
    made.close()
    assert not set(children()) - before
    assert told(lambda then: made(SOUND, "text", "en", then)) is None
    assert not set(children()) - before


def test_questions_and_answers_come_through_whole() -> None:
    question = Question("día «x»", "es", np.arange(-5, 5, dtype=np.int16))
    again = Question.decode(question.encode())
    assert (again.text, again.voice) == (question.text, question.voice)
    assert np.array_equal(again.sound, question.sound) and again.sound.dtype == np.int16
    track = Track(("día", "«x»"), " ", np.array([0, 1]), np.ones(2, np.float32), np.zeros(2, np.float32))
    made = decode_answer(encode_answer(track))
    assert made is not None and made.units == track.units and made.cut(500) == track.cut(500)
    assert decode_answer(encode_answer(None)) is None


@pytest.mark.parametrize(
    ("units", "text", "words", "found"),
    [
        (("one", "two"), "one two", ((0, 0), (4, 500)), (0, 500)),
        (("of", "the", "city"), "of the city", ((0, 10), (7, 650)), (0, 300, 650)),
        (("it -", "is"), "it - is", ((0, 0), (3, 90), (5, 200)), (0, 200)),
        (("25", "men"), "25 men", ((0, 0), (1, 300), (3, 600)), (0, 600)),
        (("the", "the"), "the the", ((0, 0), (4, 400)), (0, 400)),
        (("今", "日", "は、"), "今日は、", ((1, 100), (2, 200)), (0, 100, 200)),
        (("a", "b"), "a b", ((2, 700), (0, 0)), (0, 700)),
        (("one", "two"), "one two", (), (0, 500)),
    ],
)
def test_where_each_word_begins(
    units: tuple[str, ...], text: str, words: tuple[tuple[int, int], ...], found: tuple[int, ...]
) -> None:
    assert begins(units, text, words, 1000) == pytest.approx(found, abs=60)
