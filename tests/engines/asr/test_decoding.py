"""The transcriber's rules, with decoders that say what they are told."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.asr.decoding import FRAME, MAX_PAD, Judge, Listener, Timeline, Transcriber
from dragoman.engines.base import Hypothesis
from dragoman.media.format import SAMPLE_RATE


@dataclass
class Said:
    word: str
    start_frame: int
    end_frame: int
    ascore: float


@dataclass
class Script:
    """A decoder that has heard one word per second, each with the same score a frame."""

    words: list[str]
    score: float = -1.0
    heard: int = 0
    calls: list[str] = field(default_factory=list)

    def start_utt(self) -> None:
        self.calls.append("start")
        self.heard = 0

    def process_raw(self, data: bytes) -> None:
        self.heard += len(data) // 2

    def end_utt(self) -> None:
        self.calls.append("end")

    def hyp(self) -> object | None:
        return self.seg() or None

    def seg(self) -> list[Said]:
        seconds = min(self.heard // SAMPLE_RATE, len(self.words))
        return [Said(self.words[i], i * 100, i * 100 + 99, math.exp(self.score * 100)) for i in range(seconds)]


def listener(*words: str, score: float = -1.0) -> Listener:
    return Listener(Script(list(words), score), grammar=False)


def transcribe(judge: Judge, seconds: int = 3) -> Hypothesis:
    transcriber = Transcriber(judge)
    transcriber.push(np.zeros(seconds * SAMPLE_RATE, np.int16), 0)
    return transcriber.finalize(seconds * SAMPLE_RATE)


def test_fillers_and_variants_are_no_words() -> None:
    judge = Judge(None, listener("<sil>", "the(2)", "[NOISE]", "cat"), rival_speaks=True, bias=0)
    final = transcribe(judge, 4)
    assert [(word.text, word.start, word.end) for word in final.words] == [
        ("the", SAMPLE_RATE, 2 * SAMPLE_RATE),
        ("cat", 3 * SAMPLE_RATE, 4 * SAMPLE_RATE),
    ]


@pytest.mark.parametrize(
    ("closed", "rival", "bias", "speaks", "text"),
    [
        (-1.0, -1.5, 0.0, True, "listed"),
        (-1.0, -0.5, 0.0, True, "free"),
        (-1.0, -0.5, 0.6, True, "listed"),
        (-1.0, -0.5, 0.0, False, ""),
        (-1.0, -0.5, 0.6, False, "listed"),
    ],
)
def test_who_explains_it_better_is_believed(closed: float, rival: float, bias: float, speaks: bool, text: str) -> None:
    judge = Judge(listener("listed", score=closed), listener("free", score=rival), rival_speaks=speaks, bias=bias)
    assert transcribe(judge, 1).text == text


def test_a_decoder_without_a_result_loses() -> None:
    assert transcribe(Judge(listener(), listener("free"), rival_speaks=True, bias=9), 1).text == "free"
    assert transcribe(Judge(listener("listed"), listener(), rival_speaks=True, bias=0), 1).text == "listed"
    assert transcribe(Judge(listener(), listener(), rival_speaks=True, bias=0), 1).words == ()


def test_partials_come_every_100_ms_and_only_with_news() -> None:
    transcriber = Transcriber(Judge(None, listener("one", "two"), rival_speaks=True, bias=0))
    partials = [transcriber.push(np.zeros(960, np.int16), at) for at in range(0, 3 * SAMPLE_RATE, 960)]
    said = [partial for partial in partials if partial is not None]
    assert [partial.text for partial in said] == ["one", "one two"]
    assert not any(partial.is_final or partial.end_of_utterance for partial in said)


def test_one_word_of_a_list_is_no_partial() -> None:
    judge = Judge(listener("one", "two", score=-1), listener("AA", score=-1), rival_speaks=False, bias=0)
    transcriber = Transcriber(judge)
    partials = [transcriber.push(np.zeros(SAMPLE_RATE, np.int16), second * SAMPLE_RATE) for second in range(2)]
    assert [partial.text if partial else None for partial in partials] == [None, "one two"]


def test_every_finalize_is_one_final_and_begins_anew() -> None:
    script = Script(["one", "two"])
    transcriber = Transcriber(Judge(None, Listener(script, grammar=False), rival_speaks=True, bias=0))
    assert transcriber.finalize(500).upto == 500
    transcriber.push(np.zeros(SAMPLE_RATE, np.int16), 1000)
    final = transcriber.finalize(1000 + SAMPLE_RATE)
    assert (final.text, final.is_final, final.end_of_utterance) == ("one", True, True)
    assert final.words[0].start == 1000
    assert transcriber.finalize(2000 + SAMPLE_RATE).words == ()
    assert script.calls == ["start", "end"]


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 20_000)), min_size=1, max_size=8))
def test_the_timeline_maps_every_sample_to_its_audio_time(pieces: list[tuple[int, int]]) -> None:
    at = 777
    timeline = Timeline(at)
    expected = []
    for length, hole in pieces:
        if hole:
            pad = min(hole, MAX_PAD)
            timeline.add(pad)
            at += hole
            timeline.jump(at)
        start = timeline.length
        timeline.add(length)
        expected += [(start, at), (start + length - 1, at + length - 1)]
        at += length
        assert timeline.end == at
    assert [(heard, timeline.audio_time(heard)) for heard, _ in expected] == expected
    times = [timeline.audio_time(heard) for heard in range(0, timeline.length + 4 * FRAME, FRAME)]
    assert times == sorted(times)
    assert times[-1] == timeline.end
