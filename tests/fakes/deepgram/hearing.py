"""What the fake hears in the audio it is sent: tone words, or a script laid over speech.

A ``Hearing`` makes an ``Ear`` per connection. Times are samples of this connection's audio, 16 kHz.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from tests.tonewords.code import punctuated
from tests.tonewords.decode import HeardWord, ToneDecoder

RATE = 16_000
FRAME = RATE // 50
Pcm = npt.NDArray[np.int16]

SPEECH_DB = -45.0
"""dBFS RMS of a 20 ms frame that holds speech."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One word, written as the provider writes it (with capitals and commas where it sets them)."""

    text: str
    start: int
    end: int

    @property
    def middle(self) -> int:
        return (self.start + self.end) // 2


class Ear(Protocol):
    """One connection's."""

    def feed(self, pcm: Pcm) -> None:
        """More audio."""

    def words(self) -> list[Heard]:
        """Every word that is complete, in order of time."""

    def flush(self, *, ended: bool) -> list[Heard]:
        """The same, those too that would only be sure a moment later; ``ended``: the speaker is done (Finalize)."""


class Hearing(Protocol):
    """Makes ears."""

    def ear(self, leg: str, language: str) -> Ear:
        """For a new connection of this leg (its tag)."""

    def wrong(self, text: str) -> str:
        """What one might hear instead of this word."""


def is_speech(frame: Pcm) -> bool:
    """Whether a frame is loud enough."""
    power = float(np.mean(frame.astype(np.float64) ** 2)) / 32768**2
    return power > 10 ** (SPEECH_DB / 10)


class EnergyVad:
    """Where speech lies, by level alone, in frames of 20 ms."""

    def __init__(self) -> None:
        self.end = 0
        self.speech_end = 0
        """Behind the last frame that held speech."""
        self.heard_any = False
        self._rest: Pcm = np.zeros(0, np.int16)

    def feed(self, pcm: Pcm) -> list[int]:
        """Where speech began in this piece, after at least 200 ms without."""
        onsets = []
        samples = np.concatenate((self._rest, pcm))
        for at in range(0, len(samples) - FRAME + 1, FRAME):
            if is_speech(samples[at : at + FRAME]):
                if not self.heard_any or self.end - self.speech_end >= RATE // 5:
                    onsets.append(self.end)
                self.heard_any = True
                self.speech_end = self.end + FRAME
            self.end += FRAME
        self._rest = samples[len(samples) // FRAME * FRAME :]
        return onsets


class ToneWords:
    """Hears the tone words (tests/tonewords) that are truly in the audio, of persons, not of booths."""

    def __init__(self, *, marks: bool = False) -> None:
        """``marks``: with the commas and full stops that belong behind some of them."""
        self._marks = marks

    def ear(self, leg: str, language: str) -> ToneEar:
        return ToneEar(self._marks)

    def wrong(self, text: str) -> str:
        return f"{text[:2]}{(int(text[2:5]) + 64) % 128:03}{text[5:]}"


class ToneEar:
    def __init__(self, marks: bool) -> None:
        self._marks = marks
        self._decoder = ToneDecoder()
        self._words: list[Heard] = []

    def feed(self, pcm: Pcm) -> None:
        self._words = self._with(self._decoder.feed(pcm))

    def words(self) -> list[Heard]:
        return self._words

    def flush(self, *, ended: bool) -> list[Heard]:
        return self._with(copy.deepcopy(self._decoder).flush())

    def _with(self, found: list[HeardWord]) -> list[Heard]:
        new = [
            Heard(
                punctuated(word.text) if self._marks else word.text,
                round(word.start_s * RATE),
                round(word.end_s * RATE),
            )
            for word in found
            if word.text is not None and not word.source.booth
        ]
        return sorted((*self._words, *new), key=lambda word: word.start) if new else self._words


GAP = RATE * 35 // 100
"""Silence that ends a scripted line: what a client that sends speech only leaves between two utterances."""

PROBE = 15 * FRAME
"""Speech by which audio is recognised as sent before, sample for sample: 300 ms, for synthetic words begin alike."""

CHARACTERS_PER_S = 18.0
"""Assumed rate of lines whose length is not given: quick, so that all words come while he speaks."""


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance; ``seconds``: how long it is spoken, if that is known."""

    text: str
    seconds: float | None = None


@dataclass(slots=True)
class _Spoken:
    """A line that is being said, or was; positions are samples of the tape."""

    line: Line
    start: int
    speech_end: int
    words: list[Heard]
    closed: bool = False


@dataclass(slots=True)
class _Tape:
    """What one leg has said, over all its connections: audio that is replayed is not taken for new."""

    lines: Sequence[Line]
    spoken: list[_Spoken] = field(default_factory=list)
    audio: bytearray = field(default_factory=bytearray)

    @property
    def end(self) -> int:
        return len(self.audio) // 2

    def find(self, probe: bytes, since: int) -> int | None:
        at = self.audio.find(probe, since * 2)
        while at % 2 and at >= 0:
            at = self.audio.find(probe, at + 1)
        return at // 2 if at >= 0 else None

    def goes_on(self, at: int, frame: Pcm) -> bool:
        """Whether the tape has the same samples there, as far as it reaches."""
        there = np.frombuffer(bytes(self.audio[at * 2 : (at + len(frame)) * 2]), "<i2")
        return bool(np.array_equal(there, frame[: len(there)]))

    def append(self, frame: Pcm, speech: bool) -> None:
        at = self.end
        self.audio += frame.astype("<i2").tobytes()
        now = self.spoken[-1] if self.spoken else None
        if now is not None and not now.closed:
            expected = now.start + round(0.8 * RATE * (now.line.seconds or 0.0))
            if speech:
                now.speech_end = self.end
            elif at - now.speech_end >= GAP and at >= expected:
                self.close()
        elif speech and len(self.spoken) < len(self.lines):
            line = self.lines[len(self.spoken)]
            self.spoken.append(_Spoken(line, at, self.end, _laid(line, at)))

    def close(self) -> None:
        """The line is over: words that would have come later were said by now."""
        now = self.spoken[-1]
        now.closed = True
        said = [word for word in now.words if word.end <= now.speech_end]
        late = now.words[len(said) :]
        begin = said[-1].end if said else now.start
        step = max(now.speech_end - begin, 0) / max(len(late), 1)
        now.words = said + [
            Heard(word.text, begin + round(i * step), begin + round((i + 1) * step)) for i, word in enumerate(late)
        ]


def _laid(line: Line, start: int) -> list[Heard]:
    texts = line.text.split()
    weights = [len(text) + 1 for text in texts]
    seconds = line.seconds or sum(weights) / CHARACTERS_PER_S
    edges = np.concatenate(([0], np.cumsum(weights))) / max(sum(weights), 1) * seconds * RATE
    return [Heard(text, start + round(edges[i]), start + round(edges[i + 1])) for i, text in enumerate(texts)]


class ScriptedWords:
    """Given utterances, laid over the speech of each leg in order. Replayed audio gives the words it gave before."""

    def __init__(self, script: Mapping[str, Sequence[Line]]) -> None:
        """``script``: the lines by leg (as in the tag ``leg:…``); ``*`` for every leg that is not named."""
        self._script = script
        self._path: Path | None = None
        self._tapes: dict[str, _Tape] = {}

    @classmethod
    def load(cls, path: Path) -> ScriptedWords:
        """From JSON: ``{"leg or *": ["text", {"text": "text", "seconds": 2.5}, ...]}``."""
        lines = json.loads(path.read_text(encoding="utf-8"))
        return cls({leg: [Line(x) if isinstance(x, str) else Line(**x) for x in said] for leg, said in lines.items()})

    @classmethod
    def following(cls, path: Path) -> ScriptedWords:
        """The same, but the file is read for each connection: whoever writes it may not know the legs yet."""
        made = cls({})
        made._path = path
        return made

    def ear(self, leg: str, language: str) -> ScriptEar:
        if self._path is not None:
            self._script = self.load(self._path)._script
        lines = self._script.get(leg, self._script.get("*", ()))
        return ScriptEar(self._tapes.setdefault(leg, _Tape(lines)))

    def wrong(self, text: str) -> str:
        return text[::-1].lower()


class ScriptEar:
    def __init__(self, tape: _Tape) -> None:
        self._tape = tape
        self._at = tape.end  # where on the tape the next sample lies
        self._searching = tape.end > 0
        self._heard = 0  # samples of this connection
        self._parts: list[tuple[int, int, int]] = []  # (of this connection, of the tape, length)
        self._rest: Pcm = np.zeros(0, np.int16)
        self._probe: list[Pcm] = []

    def feed(self, pcm: Pcm) -> None:
        samples = np.concatenate((self._rest, pcm))
        for at in range(0, len(samples) - FRAME + 1, FRAME):
            self._frame(samples[at : at + FRAME])
        self._rest = samples[len(samples) // FRAME * FRAME :]

    def words(self) -> list[Heard]:
        said = [word for spoken in self._tape.spoken for word in spoken.words]
        found = []
        for here, there, length in self._parts:
            shift = here - there
            found += [
                Heard(word.text, max(word.start + shift, 0), word.end + shift)
                for word in said
                if there <= word.middle < there + length and word.end <= there + length
            ]
        return found

    def flush(self, *, ended: bool) -> list[Heard]:
        self._play_probe()
        tape = self._tape
        if ended and self._at == tape.end and tape.spoken and not tape.spoken[-1].closed:
            tape.close()
        return self.words()

    def _frame(self, frame: Pcm) -> None:
        speech = is_speech(frame)
        if self._searching and (speech or self._probe):
            self._probe.append(frame)
            if len(self._probe) * FRAME >= PROBE:
                self._play_probe()
        elif not self._searching and not self._tape.goes_on(self._at, frame):
            self._searching = True  # the client left something out
            self._frame(frame)
        else:
            self._play(frame, speech)

    def _play_probe(self) -> None:
        """Where this speech lies: where the same samples were heard before, or behind everything."""
        if not self._probe:
            return
        probe, self._probe = self._probe, []
        self._searching = False
        found = self._tape.find(np.concatenate(probe).astype("<i2").tobytes(), 0)
        self._at = self._tape.end if found is None else found
        for frame in probe:
            self._play(frame, is_speech(frame))

    def _play(self, frame: Pcm, speech: bool) -> None:
        new = self._at + len(frame) - self._tape.end
        if new > 0:
            self._tape.append(frame[-new:], speech)
        last = self._parts[-1] if self._parts else None
        if last is not None and last[1] + last[2] == self._at:
            self._parts[-1] = (last[0], last[1], last[2] + len(frame))
        else:
            self._parts.append((self._heard, self._at, len(frame)))
        self._at += len(frame)
        self._heard += len(frame)
