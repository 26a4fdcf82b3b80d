from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.media.format import FRAME_SAMPLES, Pcm
from dragoman.pipeline.booth import (
    DUCKED,
    MAX_SOUNDING,
    PAUSE_FRAMES,
    QUIET,
    READY_FRAMES,
    RESUME_FRAMES,
    BoothMixer,
    Speech,
)

LOUD = 20_000
STEP = 50
"""Between the values that number the frames of a clause."""


def numbered(clause: int, first: int, count: int) -> Pcm:
    """Frames in which only two samples are not 0, their place telling the clause and their ratio the frame's number.

    So what a mixed frame is made of, and at which gain, can be read back.
    """
    pcm = np.zeros((count, FRAME_SAMPLES), np.int16)
    pcm[:, 2 * clause] = LOUD
    pcm[:, 2 * clause + 1] = 1000 + STEP * np.arange(first, first + count)
    return pcm.reshape(-1)


def parts(frame: Pcm) -> list[tuple[int, int, float]]:
    """(clause, number of its frame, gain) of all that is in a frame."""
    found = []
    for clause in np.flatnonzero(frame[::2]).tolist():
        loud, number = int(frame[2 * clause]), int(frame[2 * clause + 1])
        found.append((clause, round((number * LOUD / loud - 1000) / STEP), loud / LOUD))
    return found


@dataclass
class Said:
    """One clause of a test."""

    number: int
    speaker: str
    speech: Speech
    written: int = 0
    sounded: list[int] = field(default_factory=list)
    """Ticks in which its frames were given, which are its frames in order."""
    cancelled: bool = False
    done: int = 0
    first_sent: list[float] = field(default_factory=list)


class Play:
    """A mixer, what was put into it, and what came out."""

    def __init__(self) -> None:
        self.mixer = BoothMixer()
        self.clauses: list[Said] = []
        self.tick = 0

    def open(self, speaker: str) -> Said:
        first_sent: list[float] = []
        said = Said(len(self.clauses), speaker, self.mixer.open(speaker, first_sent.append), first_sent=first_sent)

        def done() -> None:
            said.done += 1

        said.speech.on_done = done
        self.clauses.append(said)
        return said

    def write(self, said: Said, frames: int) -> None:
        said.speech.write(numbered(said.number, said.written, frames))
        said.written += frames

    def cancel(self, said: Said) -> None:
        said.cancelled = said.cancelled or not said.done
        self.mixer.cancel(said.speech)

    def step(self) -> list[tuple[int, int, float]]:
        """One tick; checks what holds in every one."""
        self.tick += 1
        frame = self.mixer.next_frame(float(self.tick))
        if frame is None:
            return []
        assert frame.dtype == np.int16 and frame.shape == (FRAME_SAMPLES,)
        self.mixer.on_sent(float(self.tick))
        heard = parts(frame)
        assert len(heard) <= MAX_SOUNDING
        assert len({self.clauses[clause].speaker for clause, _, _ in heard}) == len(heard)
        for clause, number, _ in heard:
            said = self.clauses[clause]
            assert not said.cancelled
            assert number == len(said.sounded)  # each frame once, in order
            said.sounded.append(self.tick)
        return heard

    def finish(self) -> None:
        for said in self.clauses:
            said.speech.finish()
        for _ in range(sum(said.written for said in self.clauses) + 2 * len(self.clauses) + 2):
            self.step()


operations = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.sampled_from("ABCD")),
        st.tuples(st.just("write"), st.integers(0, 11), st.integers(1, 6)),
        st.tuples(st.just("finish"), st.integers(0, 11)),
        st.tuples(st.just("cancel"), st.integers(0, 11)),
        st.tuples(st.just("tick"), st.integers(1, 6)),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(operations)
def test_every_frame_of_every_clause_is_given_once_and_no_speaker_changes_his_order(
    todo: list[tuple[str, str] | tuple[str, int] | tuple[str, int, int]],
) -> None:
    play = Play()
    for what in todo:
        match what:
            case ("open", str(speaker)) if len(play.clauses) < 40:
                play.open(speaker)
            case ("write", int(index), int(frames)) if index < len(play.clauses):
                if not play.clauses[index].speech.finished:
                    play.write(play.clauses[index], frames)
            case ("finish", int(index)) if index < len(play.clauses):
                play.clauses[index].speech.finish()
            case ("cancel", int(index)) if index < len(play.clauses):
                play.cancel(play.clauses[index])
            case ("tick", int(ticks)):
                for _ in range(ticks):
                    play.step()
    play.finish()
    assert play.mixer.speakers == ()
    assert play.mixer.backlog == 0
    for said in play.clauses:
        assert said.done == (0 if said.cancelled else 1)
        if not said.cancelled:
            assert len(said.sounded) == said.written
        assert said.first_sent == said.sounded[:1]
    for speaker in "ABCD":
        sounded = [tick for said in play.clauses if said.speaker == speaker for tick in said.sounded]
        assert sounded == sorted(sounded)


@settings(deadline=None)
@given(st.integers(0, 20), st.integers(1, 20), st.integers(1, 20))
def test_of_two_the_earlier_is_ducked_as_long_as_both_sound(head: int, both: int, tail: int) -> None:
    play = Play()
    early = play.open("A")
    play.write(early, 1 + head + both + tail)
    early.speech.finish()
    for _ in range(1 + head):
        assert [gain for _, _, gain in play.step()] == [1.0]
    late = play.open("B")
    play.write(late, both)
    late.speech.finish()
    gains = [{clause: gain for clause, _, gain in play.step()} for _ in range(both)]
    assert all(gain[late.number] == 1.0 for gain in gains)
    assert gains[0][early.number] > DUCKED  # it is on its way down
    assert all(gain[early.number] == pytest.approx(DUCKED, abs=1e-3) for gain in gains[1:])
    after = [gain for _ in range(tail) for _, _, gain in play.step()]
    assert after[0] < 1.0
    assert after[1:] == [1.0] * (tail - 1)


def test_gain_changes_without_a_jump() -> None:
    mixer = BoothMixer()
    tone, silence = np.full(FRAME_SAMPLES, 10_000, np.int16), np.zeros(FRAME_SAMPLES, np.int16)
    a = mixer.open("A", lambda at: None)
    for _ in range(12):
        a.write(tone)
    out = []
    for tick in range(12):
        if tick == 3:
            b = mixer.open("B", lambda at: None)
            b.write(np.concatenate([silence] * 4))
            b.finish()
        out.append(mixer.next_frame(0.0))
    heard = np.concatenate([frame for frame in out if frame is not None]).astype(int)
    assert len(heard) == 12 * FRAME_SAMPLES
    steepest = 10_000 * (1 - DUCKED) / (FRAME_SAMPLES - 1)
    assert np.abs(np.diff(heard)).max() <= steepest + 1
    assert heard.min() == int(10_000 * DUCKED)
    assert heard[-1] == 10_000


def test_what_is_too_loud_together_is_clipped_not_wrapped() -> None:
    play = BoothMixer()
    for speaker in "AB":
        speech = play.open(speaker, lambda at: None)
        speech.write(np.full(2 * FRAME_SAMPLES, 32_000, np.int16))
    play.next_frame(0.0)
    frame = play.next_frame(0.0)
    assert frame is not None
    assert set(frame.tolist()) == {32_767}


def test_a_third_waits_until_one_of_the_two_is_done() -> None:
    play = Play()
    for speaker, frames in (("A", 2), ("B", 4), ("C", 3)):
        play.write(play.open(speaker), frames)
        play.clauses[-1].speech.finish()
    assert [[clause for clause, _, _ in play.step()] for _ in range(6)] == [[0, 1], [0, 1], [1, 2], [1, 2], [2], []]


def test_a_third_does_not_wait_for_one_who_has_nothing_to_say_yet() -> None:
    play = Play()
    play.open("A")  # its synthesizer is slow
    for speaker in "BC":
        play.write(play.open(speaker), 1)
    assert [clause for clause, _, _ in play.step()] == [1, 2]


def test_a_speakers_next_clause_follows_without_a_gap() -> None:
    play = Play()
    for _ in range(2):
        play.write(play.open("A"), 2)
        play.clauses[-1].speech.finish()
    assert [[clause for clause, _, _ in play.step()] for _ in range(5)] == [[0], [0], [1], [1], []]


@given(st.integers(1, 12), st.integers(0, 12), st.integers(0, 30), st.integers(0, QUIET - 1))
def test_who_waits_does_not_wait_for_silence_and_no_sound_is_cut(
    loud: int, silent: int, comes: int, level: int
) -> None:
    mixer = BoothMixer()
    done: list[int] = []
    first = mixer.open("ann", lambda at: None)
    first.write(np.concatenate((numbered(0, 0, loud), np.full(silent * FRAME_SAMPLES, level, np.int16))))
    first.finish()
    first.finish()
    first.on_done = lambda: done.append(0)
    frames = []
    for tick in range(60):
        if tick == comes:
            second = mixer.open("ann", lambda at: None)
            second.write(numbered(1, 0, 3))
            second.finish()
        frames.append(mixer.next_frame(0.0))
    told = [parts(frame)[0][:2] if frame is not None and frame.max() >= QUIET else None for frame in frames]
    assert told[:loud] == [(0, number) for number in range(loud)]
    at = told.index((1, 0))
    assert told[at : at + 3] == [(1, 0), (1, 1), (1, 2)]
    assert at == max(comes, loud + min(silent, PAUSE_FRAMES)) if comes < loud + silent else at == comes
    assert done == [0]
    assert mixer.next_frame(0.0) is None


def test_a_later_clause_waits_for_the_earlier_one_of_its_speaker_though_that_is_not_ready() -> None:
    play = Play()
    first, second = play.open("A"), play.open("A")
    play.write(second, 1)
    assert play.step() == []
    play.cancel(first)
    assert [clause for clause, _, _ in play.step()] == [1]


def test_an_underrun_is_counted_and_loses_nothing() -> None:
    play = Play()
    said = play.open("A")
    play.write(said, 1)
    play.step()
    assert play.step() == play.step() == []
    assert play.mixer.underruns == 2
    play.write(said, 1)
    assert play.step() == [(0, 1, 1.0)]


def test_an_empty_clause_is_done_at_once() -> None:
    play = Play()
    said = play.open("A")
    said.speech.finish()
    assert play.step() == []
    assert said.done == 1
    assert play.mixer.speakers == ()


def test_a_cancelled_clause_is_not_told_as_sent() -> None:
    play = Play()
    said = play.open("A")
    play.write(said, 2)
    assert play.mixer.next_frame(0.0) is not None
    assert play.mixer.next_frame(0.0) is not None  # the first could not be sent
    play.cancel(said)
    play.cancel(said)
    play.mixer.on_sent(1.0)
    assert said.first_sent == []


@settings(deadline=None)
@given(st.lists(st.integers(0, 1000), max_size=12))
def test_audio_of_any_lengths_becomes_frames_and_the_rest_is_padded(lengths: list[int]) -> None:
    speech = BoothMixer().open("A", lambda at: None)
    audio = np.arange(sum(lengths)).astype(np.int16)
    at = 0
    for length in lengths:
        speech.write(audio[at : at + length])
        at += length
    speech.finish()
    speech.finish()
    frames = []
    while (frame := speech.take(False)) is not None:
        assert frame.shape == (FRAME_SAMPLES,)
        frames.append(frame)
    out = np.concatenate([*frames, np.zeros(0, np.int16)])
    assert len(out) == -(-len(audio) // FRAME_SAMPLES) * FRAME_SAMPLES
    assert (out[: len(audio)] == audio).all()
    assert not out[len(audio) :].any()


def test_the_synthesizer_is_held_at_the_high_mark_and_woken_once_at_the_low() -> None:
    speech = BoothMixer().open("A", lambda at: None)
    woken: list[int] = []
    speech.on_room = lambda: woken.append(speech.ready)
    speech.write(np.zeros((READY_FRAMES - 1) * FRAME_SAMPLES, np.int16))
    assert not speech.full
    speech.write(np.zeros(FRAME_SAMPLES, np.int16))
    assert speech.full
    while speech.take(False) is not None:
        pass
    assert woken == [RESUME_FRAMES]


def test_a_booth_that_is_cleared_tells_everyone_once_and_is_silent() -> None:
    play = Play()
    told: list[int] = []
    for speaker in ("ann", "bea", "cai"):
        said = play.open(speaker)
        said.speech.on_cancel = lambda number=said.number: told.append(number)  # type: ignore[misc]
        play.write(said, READY_FRAMES)
    play.step()
    assert (play.mixer.speakers, play.mixer.backlog) == (("ann", "bea"), 1)
    play.mixer.clear()
    play.mixer.clear()
    assert told == [0, 1, 2]
    assert (play.mixer.speakers, play.mixer.backlog) == ((), 0)
    assert play.step() == []
    assert [said.done for said in play.clauses] == [0, 0, 0]
