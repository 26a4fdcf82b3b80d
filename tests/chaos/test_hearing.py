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


def capture(path: Path, cut: int) -> None:
    """A tap's packets, 20 ms apart, of which the last ones did not come; in the format of ``bench.latency.wire``."""
    pcm = np.concatenate([np.zeros(FRAME_SAMPLES * 40, np.int16), *map(encode, WORDS), np.zeros(320, np.int16)])
    frames = [pcm[at : at + FRAME_SAMPLES] for at in range(0, len(pcm) - FRAME_SAMPLES + 1, FRAME_SAMPLES)]
    with path.open("wb") as out:
        for number, frame in enumerate(frames[: len(frames) - cut]):
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
