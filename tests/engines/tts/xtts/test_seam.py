"""Where a broken-off piece is cut: hundreds of seeded failures of a voice whose words are tones, heard by their pitch.

Each word has a pitch of its own, and takes about as long as its letters; tempo, durations and pauses differ as a
person's do, long words have a closure in their middle. What was said is read from the sound alone.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.tts.xtts.seam import seams, units_of

RATE = 24_000
TEMPO = 15.0
"""Characters a second, within words."""

APART, TOGETHER = (0.06, 0.12), (0.0, 0.04)
"""Shortest and longest pause between two words, s; one in eight is longer."""

FRAME = 240

WORDS = (
    "a the of in it is on we he to and but for not you she can may two day now old all our with from they have this "
    "that were said some time then good long more next home table water house light money world small given early "
    "black their every place right after sunday people school number street another because between morning windows "
    "evening painting children hospital question together something everything understand yesterday grandmother "
    "celebration interpreter conversation"
).split()

Pcm = npt.NDArray[np.int16]


def pitch(number: int) -> float:
    """Hz of the word at this place of its clause."""
    return 400.0 + 60.0 * (number % 40)


@dataclass(frozen=True)
class Failure:
    """A clause that goes wrong somewhere, when some of it was played."""

    words: list[str]
    sound: Pcm
    """To where it went wrong."""
    whole: list[int]
    """Frames of each word, had nothing gone wrong."""
    played: int
    seconds: float
    """Of all of it, had nothing gone wrong."""

    @classmethod
    def seeded(cls, seed: int, pauses: tuple[float, float]) -> Failure:
        rng, noise = random.Random(seed), np.random.default_rng(seed)
        words = [rng.choice(WORDS) for _ in range(rng.randint(5, 25))]
        tempo = TEMPO * np.exp(rng.gauss(0, 0.15))
        parts, starts, ends, whole, at = [], [], [], [], 0
        for number, word in enumerate(words):
            length = int(max(0.08, (len(word) + 1) / tempo * np.exp(rng.gauss(0, 0.15))) * RATE)
            t = np.arange(length) / RATE
            tone = 0.2 * np.sin(2 * np.pi * pitch(number) * t)
            tone *= 1 - 0.5 * np.abs(np.sin(2 * np.pi * rng.uniform(2, 4) * t))  # syllables
            if len(word) > 5 and rng.random() < 0.5:
                middle = int(rng.uniform(0.3, 0.7) * length)
                tone[middle : middle + int(0.025 * RATE)] *= 0.1  # a plosive
            edge = int(0.008 * RATE)
            tone[:edge] *= np.linspace(0, 1, edge)
            tone[-edge:] *= np.linspace(1, 0, edge)
            pause = rng.uniform(0.15, 0.4) if rng.random() < 0.12 else rng.uniform(*pauses)
            parts += [tone, noise.normal(0, 1e-4, int(pause * RATE))]
            starts.append(at)
            ends.append(at + length)
            whole.append(sum(loudest(tone) == number for tone in frames(pcm(tone))))
            at += length + int(pause * RATE)
        wrong = rng.randrange(1, len(words))
        until = rng.randint(starts[wrong], ends[wrong])
        played = max(1, until - int(rng.uniform(0.1, 1.2) * RATE))
        return cls(words, pcm(np.concatenate(parts))[:until], whole, played, at / RATE)


def pcm(sound: npt.NDArray[np.float64]) -> Pcm:
    return np.rint(sound * 32767).astype(np.int16)


def frames(sound: Pcm) -> npt.NDArray[np.float64]:
    return sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME) / 32768.0


BANK = np.exp(-2j * np.pi * np.outer([pitch(n) for n in range(40)], np.arange(FRAME)) / RATE)


def loudest(frame: npt.NDArray[np.float64]) -> int:
    """The word whose pitch this frame has; -1: none."""
    if np.sqrt(np.mean(frame**2)) < 0.01:
        return -1
    return int(np.abs(BANK @ frame).argmax())


def heard(failure: Failure, at: int) -> list[float]:
    """How much of each word is in the first samples of the sound."""
    found = [loudest(frame) for frame in frames(failure.sound[:at])]
    return [found.count(number) / failure.whole[number] for number in range(len(failure.words))]


def usual(pauses: tuple[float, float]) -> float:
    """Characters a second, pauses included, as the engine learns it of clauses before this one."""
    before = [Failure.seeded(seed, pauses) for seed in range(5000, 5020)]
    return sum(len(" ".join(each.words)) for each in before) / sum(each.seconds for each in before)


def outcome(failure: Failure, rate: float) -> tuple[int, int]:
    """Words that nobody says, and words that both say, of one failure.

    Whoever hears a third of a word, and then all of it, hears a speaker who begins again: that is no word said twice.
    """
    cut = seams(failure.sound, " ".join(failure.words), rate, known=True).cut(failure.played)
    assert failure.played <= cut.at <= len(failure.sound)
    by_other = len(cut.rest.split())
    assert failure.words[len(failure.words) - by_other :] == cut.rest.split()
    shares = heard(failure, cut.at)
    first = len(shares) - by_other
    return sum(share < 0.5 for share in shares[:first]), sum(share > 0.85 for share in shares[first:])


def test_where_words_stand_apart_none_is_said_twice_and_hardly_one_is_lost() -> None:
    """Of the first 300 seeds, two lose a word: a short one, at whose end the tempo changed."""
    rate = usual(APART)
    outcomes = [outcome(Failure.seeded(seed, APART), rate) for seed in range(200)]
    assert not [seed for seed, (_, twice) in enumerate(outcomes) if twice]
    assert sum(lost for lost, _ in outcomes) <= 2


def test_where_words_run_together_it_is_a_good_guess() -> None:
    rate = usual(TOGETHER)
    outcomes = [outcome(Failure.seeded(seed, TOGETHER), rate) for seed in range(60)]
    assert sum(found != (0, 0) for found in outcomes) <= 12
    assert max(max(found) for found in outcomes) <= 3


def test_what_was_not_heard_at_all_is_said_whole() -> None:
    failure = Failure.seeded(1, APART)
    for played in (0, -1000):
        cut = seams(failure.sound, " ".join(failure.words), TEMPO, known=True).cut(played)
        assert (cut.at, cut.rest) == (0, " ".join(failure.words))


def test_what_is_garbage_already_when_it_is_noticed_is_not_gone_on_with() -> None:
    failure = Failure.seeded(2, APART)
    cut = seams(failure.sound, " ".join(failure.words), TEMPO, known=True).cut(len(failure.sound) + 9000)
    assert cut.at == len(failure.sound) + 9000 and cut.certain == 0.0


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("yes, it - well - is.", ("yes,", "it -", "well -", "is.")),
        ("今日は、いい。", ("今", "日", "は、", "い", "い。")),
        ("word", ("w", "o", "r", "d")),
        ("", ()),
    ],
)
def test_what_is_said_in_one_piece(text: str, units: tuple[str, ...]) -> None:
    assert units_of(text)[0] == units


@given(st.text(max_size=60), st.integers(0, 30_000), st.integers(-10, 40_000), st.integers(0, 99))
def test_the_rest_is_an_end_of_the_text_and_the_cut_is_behind_what_was_played(
    text: str, length: int, played: int, seed: int
) -> None:
    sound = np.random.default_rng(seed).integers(-9000, 9000, length).astype(np.int16)
    cut = seams(sound, text, TEMPO, known=False).cut(played)
    assert " ".join(text.split()).replace(" ", "").endswith(cut.rest.replace(" ", ""))
    assert cut.at >= max(played, 0) if cut.at else played <= 0 or not units_of(text)[0]
    assert 0.0 <= cut.certain <= 1.0 + 1e-9
