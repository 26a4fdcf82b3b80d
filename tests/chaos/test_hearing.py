"""What was captured to words: one of which the end was never sent is none that came whole."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from tests.chaos.hearing import listen
from tests.chaos.meeting import Held
from tests.tonewords.encode import encode

from dragoman.media.format import FRAME_SAMPLES

MEDIA, TAP = 4000, 5000
WORDS = ("en001a", "en002a", "en003a")
FIRST = 40
"""Packets before the first word."""


def capture(path: Path, cut: int, lost: int | None = None) -> None:
    """A tap's packets, 20 ms apart, of which the last ones or one did not come; in ``bench.latency.wire``'s format."""
    pcm = np.concatenate([np.zeros(FRAME_SAMPLES * FIRST, np.int16), *map(encode, WORDS), np.zeros(320, np.int16)])
    frames = [pcm[at : at + FRAME_SAMPLES] for at in range(0, len(pcm) - FRAME_SAMPLES + 1, FRAME_SAMPLES)]
    with path.open("wb") as out:
        for number, frame in enumerate(frames[: len(frames) - cut]):
            if number == lost:
                continue
            rtp = struct.pack(">BBHII", 0x80, 118, number, number * FRAME_SAMPLES, 7) + frame.astype(">i2").tobytes()
            out.write(struct.pack("<qHHH", number * 20_000_000, TAP, MEDIA, len(rtp)) + rtp)


@pytest.mark.parametrize("cut", range(8))
def test_a_word_of_which_the_end_was_never_sent_did_not_come_whole(tmp_path: Path, cut: int) -> None:
    capture(tmp_path / "wire", cut)
    words = listen(Held([], tmp_path / "wire", MEDIA, [], [], [], [], [], [], []))
    came = [sound.text for sound in words.tapped["a"] if sound.text is not None]
    assert came[:2] == list(WORDS[:2])
    silent = 0.065 - 0.02 * cut  # behind the last word's sound: the gap of its own, and a packet
    assert (came[2:] == [WORDS[2]]) is (silent >= 0.02)


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize(("packet", "spoils"), [(0, True), (7, True), (15, True), (16, False)])
def test_a_word_of_which_a_packet_never_came_did_not_come_whole(
    tmp_path: Path, number: int, packet: int, spoils: bool
) -> None:
    word = len(encode(WORDS[0])) // FRAME_SAMPLES  # 18 packets, of which the last two are the gap behind it
    capture(tmp_path / "wire", 0, FIRST + number * word + packet)
    words = listen(Held([], tmp_path / "wire", MEDIA, [], [], [], [], [], [], []))
    came = [sound.text for sound in words.tapped["a"] if sound.text is not None]
    assert came == [word for place, word in enumerate(WORDS) if not (spoils and place == number)]
