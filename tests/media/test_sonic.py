"""Pins the way to libsonic: the tempo it is told, no seam where it begins and ends, nothing lost, the pitch kept."""

from __future__ import annotations

import numpy as np
import pytest
from tests.tonewords.code import words
from tests.tonewords.decode import decode
from tests.tonewords.encode import encode

from dragoman.errors import MediaError
from dragoman.media import sonic
from dragoman.media.format import SAMPLE_RATE, Pcm, ms_to_samples

PIECE = ms_to_samples(160)
HELD = ms_to_samples(70)

there = pytest.mark.skipif(sonic.library() is None, reason="libsonic0 is not installed")


def spoken(pcm: Pcm, *tempos: float) -> list[Pcm]:
    """Piece by piece, each at the next tempo, the last for the rest; then what was held back."""
    stretcher = sonic.Sonic()
    pieces = [pcm[at : at + PIECE] for at in range(0, len(pcm), PIECE)]
    last = len(tempos) - 1
    return [*(stretcher.stretch(piece, tempos[min(i, last)]) for i, piece in enumerate(pieces)), stretcher.drain()]


def voice(seconds: float) -> Pcm:
    """Something with a pitch of 120 Hz, from soft to loud and back."""
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tones = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 6))
    return np.asarray(6000 * tones * (1 + np.sin(2 * np.pi * t)) / 2, np.int16)


@there
def test_at_its_own_tempo_it_hands_on_what_it_was_given_at_once() -> None:
    pcm = voice(1.0)
    *pieces, rest = spoken(pcm, 1.0)
    assert [len(piece) for piece in pieces[:-1]] == [PIECE] * (len(pieces) - 1)
    assert not len(rest)
    assert np.array_equal(np.concatenate(pieces), pcm)


@there
@pytest.mark.parametrize("tempo", [0.92, 1.05, 1.15, 1.3, 1.4])
def test_it_speaks_so_many_times_as_fast(tempo: float) -> None:
    pcm = voice(6.0)
    out = np.concatenate(spoken(pcm, tempo))
    assert len(pcm) / len(out) == pytest.approx(tempo, rel=0.02)


@there
@pytest.mark.parametrize("before", [1.0003, 1.001, 1.0199, 0.9997, 0.99])
def test_a_tempo_that_hardly_differs_leaves_no_debt_to_the_next_one(before: float) -> None:
    pcm = voice(6.0)
    first, *rest = spoken(pcm, before, 1.3)
    assert np.array_equal(first, pcm[: len(first)])
    assert (len(pcm) - PIECE) / sum(map(len, rest)) == pytest.approx(1.3, rel=0.02)


@there
def test_it_begins_changes_and_ends_without_a_seam() -> None:
    pcm = voice(3.0)
    out = np.concatenate(spoken(pcm, 1.0, 1.0, 1.05, 1.15, 1.3, 1.3, 1.2, 1.1, 1.0, 1.0, 1.15, 1.0))
    assert len(out) < len(pcm)
    assert np.abs(np.diff(out.astype(int))).max() <= 1.1 * np.abs(np.diff(pcm.astype(int))).max()
    assert np.array_equal(out[: 2 * PIECE], pcm[: 2 * PIECE])
    assert np.array_equal(out[-PIECE:], pcm[-PIECE:])


@there
def test_it_holds_back_no_more_than_a_few_pitch_periods() -> None:
    pcm = voice(3.0)
    given, got = 0, 0.0
    stretcher = sonic.Sonic()
    for at in range(0, len(pcm), PIECE):
        given += len(pcm[at : at + PIECE])
        got += len(stretcher.stretch(pcm[at : at + PIECE], 1.25)) * 1.25
        assert given - got <= HELD
    assert len(stretcher.drain()) <= HELD


@there
@pytest.mark.parametrize("tempo", [0.92, 1.0, 1.15, 1.3])
@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_every_word_is_heard_at_every_tempo_at_its_own_pitch(name: str, tempo: float) -> None:
    said = words(name, "es", 40)
    out = np.concatenate(spoken(encode(said, booth=True), tempo))
    assert [word.text for word in decode(out)] == said


@there
def test_nothing_comes_of_nothing() -> None:
    stretcher = sonic.Sonic()
    assert not len(stretcher.stretch(np.zeros(0, np.int16), 1.3))
    assert not len(stretcher.drain())


def test_without_the_library_there_is_no_stretcher_and_speech_keeps_its_tempo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sonic, "LIBRARY", "libnosuchsonic.so.0")
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    sonic.library.cache_clear()
    try:
        assert sonic.library() is None
        assert sonic.stretcher() is None
        with pytest.raises(MediaError, match=r"libnosuchsonic\.so\.0 is not installed"):
            sonic.Sonic()
    finally:
        sonic.library.cache_clear()
