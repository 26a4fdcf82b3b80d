"""The process that follows broken-off pieces along espeak-ng's reading of their text."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import BinaryIO

import numpy as np

from dragoman.engines import wire
from dragoman.engines.tts.espeak_library import Library
from dragoman.engines.tts.voices import VoiceProfile
from dragoman.engines.tts.xtts.align import RATE, Reference, Sound, Track, follow
from dragoman.engines.tts.xtts.seam import BETWEEN, units_of
from dragoman.engines.worker import serve_stdio
from dragoman.media.resample import resample


class Kind(IntEnum):
    """Frame kinds."""

    QUESTION = 1
    ANSWER = 2
    NONE = 3
    """Why there is no answer: UTF-8 text."""


READER = VoiceProfile(variant="", pitch=50, range=50, rate=170)
"""How espeak-ng reads: the plain voice of the language, at the pace of a conversation."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is asked."""

    text: str
    voice: str
    """espeak-ng's, of the language."""
    sound: Sound
    """24 kHz."""

    def encode(self) -> bytes:
        """As the process reads it."""
        made = io.BytesIO()
        np.savez(made, text=self.text, voice=self.voice, sound=self.sound)
        return made.getvalue()

    @classmethod
    def decode(cls, data: bytes) -> Question:
        """Raises ValueError."""
        with np.load(io.BytesIO(data), allow_pickle=False) as read:
            return cls(str(read["text"]), str(read["voice"]), read["sound"].astype(np.int16, copy=False))


def encode_answer(track: Track | None) -> bytes:
    """As the daemon reads it; nothing for None."""
    if track is None:
        return b""
    made = io.BytesIO()
    np.savez(
        made, units=np.array(track.units, str), joint=track.joint, said=track.said, cost=track.cost, sure=track.sure
    )
    return made.getvalue()


def decode_answer(data: bytes) -> Track | None:
    """Raises ValueError."""
    if not data:
        return None
    with np.load(io.BytesIO(data), allow_pickle=False) as read:
        return Track(
            tuple(map(str, read["units"])), str(read["joint"]), read["said"], read["cost"], read["sure"]
        )  # fmt: skip


def begins(units: Sequence[str], text: str, words: Sequence[tuple[int, int]], total: int) -> tuple[int, ...]:
    """Sample at which each unit begins.

    Args:
        units: of the text, in order.
        text: what was read.
        words: (character of the text, sample) as espeak-ng marks them; it may read two words as one.
        total: samples of all of it.
    """
    places, at = [], 0
    for unit in units:
        at = text.index(unit.split(" ")[0], at)
        places.append(at)
        at += len(unit.split(" ")[0])
    marked: dict[int, int] = {0: 0}
    for character, sample in words:
        number = int(np.searchsorted(places, character, "right")) - 1
        if number > 0:
            marked.setdefault(number, sample)
    known = sorted(marked)
    found: list[int] = []
    for first, behind in zip(known, [*known[1:], len(units)], strict=True):
        # Several that were marked as one: each takes as long as its letters.
        letters = [sum(map(str.isalnum, unit)) + BETWEEN for unit in units[first:behind]]
        end = marked.get(behind, total)
        shares = np.cumsum([0.0, *letters[:-1]]) / sum(letters)
        found += (marked[first] + shares * (end - marked[first])).astype(int).tolist()
    return tuple(np.maximum.accumulate(found).tolist())


def read_aloud(text: str, voice: str, units: Sequence[str], library: Library) -> Reference:
    """espeak-ng's reading.

    Raises:
        ValueError: it has no such voice, or says nothing.
    """
    pieces: list[Sound] = []
    words: list[tuple[int, int]] = []

    def keep(pcm: Sound) -> bool:
        pieces.append(pcm)
        return True

    library.speak(text, voice, READER, keep, lambda character, sample: words.append((character, sample)))
    if not pieces:
        raise ValueError("espeak-ng says nothing of this text")
    sound = resample(np.concatenate(pieces), library.rate, RATE)
    marks = [(character, round(sample * RATE / library.rate)) for character, sample in words]
    return Reference(sound, begins(units, text, marks, len(sound)))


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer what is asked until there are no more questions.

    Raises:
        OSError: espeak-ng is not installed.
    """
    library = Library()
    while (frame := wire.read_blocking(source)) is not None:
        try:
            answer = wire.pack(Kind.ANSWER, encode_answer(answered(Question.decode(frame[1]), library)))
        except ValueError as error:
            answer = wire.pack(Kind.NONE, str(error).encode())
        sink.write(answer)
        sink.flush()


def answered(question: Question, library: Library) -> Track | None:
    """Where the sound could be cut.

    Raises:
        ValueError: espeak-ng cannot read that.
    """
    units, joint = units_of(question.text)
    reference = read_aloud(question.text, question.voice, units, library)
    return follow(question.sound, reference, units, joint)


if __name__ == "__main__":
    serve_stdio(serve)
