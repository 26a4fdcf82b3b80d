"""One clause on its way from text to sound: which piece, which attempt, what of it may be played."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dragoman.engines.base import SpeechRequest
from dragoman.engines.tts.xtts import check
from dragoman.engines.tts.xtts.check import Expected, Fault, SelfCheck
from dragoman.engines.tts.xtts.seam import Seam, seams
from dragoman.engines.tts.xtts.settings import NAME
from dragoman.engines.tts.xtts.shapes import FixedShapes
from dragoman.engines.tts.xtts.speakers import Conditioning
from dragoman.engines.tts.xtts.speller import Piece
from dragoman.engines.tts.xtts.vocoder import SAMPLE_RATE, Window, WindowedVocoder
from dragoman.errors import EngineCutShort, EngineError, EngineRejected

ATTEMPTS = 3
"""Of one piece, each with a seed of its own. With a model that fails one time in twenty, three fail once in 8000."""

FADE = round(0.08 * SAMPLE_RATE)
"""Samples in which a piece that is broken off within a word goes down to nothing: no click, no more syllable than need
be."""

SHORT_FADE = round(0.01 * SAMPLE_RATE)
"""The same at the end of a word."""

TAIL = round(0.04 * SAMPLE_RATE)
"""Samples of silence behind a fade: what comes after works in frames of 20 ms, and an unfilled one is not played."""

USUAL_RATE = {False: 15.0, True: 5.0}
"""Characters a second, before anything was heard; True: ideograms."""

Sound = npt.NDArray[np.float32]

Pcm = npt.NDArray[np.int16]

NOTHING = np.zeros(0, np.int16)


@dataclass(frozen=True, slots=True, eq=False)
class BrokenOff:
    """A piece failed when some of it was delivered: whoever knows what was played chooses where it ends."""

    why: str
    seam: Seam
    delivered: int
    """Samples of this piece that were delivered."""
    more: Pcm
    """What was made of it beside those."""
    later: str
    """The pieces behind it."""
    doubtful: bool = False
    """A better one follows, if somebody can tell; until then more of the sound may be played."""


Item = Pcm | BrokenOff | EngineError | None
"""What a clause gives: sound at SAMPLE_RATE, and last None or why it ended."""


class Next(Enum):
    """What is to be done with a clause after a token."""

    TOKEN = 1
    """It goes on."""
    SOUND = 2
    """It goes on once its ``window`` is decoded, and ``take`` was told the sound: of several clauses at once."""
    PIECE = 3
    """It leaves its row, and joins again for a piece: the next one, or the same once more."""
    DONE = 4
    """It leaves; all has been delivered."""


@dataclass(slots=True, eq=False)
class Order:
    """What the loop's thread asks for."""

    request: SpeechRequest
    seed: int
    deliver: Callable[[Item], None] = lambda item: None
    """May be called in the synthesizer's thread."""
    cancelled: bool = False
    """Set by the loop's thread; looked at before each step."""
    voice: Conditioning | None = None
    """Set by the synthesizer's thread, before anything is delivered."""


Follow = Callable[[Pcm, str, str, Callable[[Seam | None], None]], None]
"""Finds out, beside all else, where in its text (as it is read, in this language) a sound is, and tells it, or None."""


def _unknown(sound: Pcm, text: str, language: str, then: Callable[[Seam | None], None]) -> None:
    then(None)


@dataclass(frozen=True, slots=True)
class Manner:
    """What is the same for all clauses."""

    hifigan: Any
    stop_token: int
    max_tokens: int
    """Audio tokens of a piece for which the cache has room."""
    first_tokens: int
    chunk_tokens: int
    self_check: bool
    shapes: FixedShapes | None = None
    """On a GPU: the vocoder's graphs."""


@dataclass(slots=True, eq=False)
class Clause:
    """One order under way."""

    order: Order
    pieces: Sequence[Piece]
    latents: Tensor
    embedding: Tensor
    manner: Manner
    counts: Counter[str]
    rates: dict[str, tuple[float, float]]
    """Language to (characters, seconds) of pieces that passed: how fast this model speaks."""
    stretch: float = 1.0
    """See Conditioning."""
    follow: Follow = _unknown
    _at: int = 0
    _attempt: int = 0
    _heard: bool = False
    """Something of this piece was delivered."""
    _audible: bool = False
    """Something of the clause was delivered."""
    _sound: list[Pcm] = field(default_factory=list)
    """Of this piece, delivered."""
    window: Window | None = None
    """After SOUND: what is to be decoded; None: nothing is certain yet."""
    _ending: bool = False
    """The window is the piece's last one."""
    _check: SelfCheck = field(init=False)
    _vocoder: WindowedVocoder = field(init=False)
    _pending: list[Tensor] = field(default_factory=list)
    _held: list[Sound] = field(default_factory=list)
    """The silence before a piece's first sound."""

    def __post_init__(self) -> None:
        """Ready for the first piece."""
        self._begin()

    @property
    def piece(self) -> Piece:
        """The one that is spoken, or is next."""
        return self.pieces[self._at]

    @property
    def own(self) -> bool:
        """Whether it is spoken in a person's own voice."""
        return self.order.voice is not None and self.order.voice.own

    @property
    def seed(self) -> int:
        """Of this piece in this attempt."""
        what = f"{self.order.seed} {self.order.request.speaker} {self._attempt} {self.piece.text}"
        return int.from_bytes(hashlib.blake2s(what.encode("utf-8", "replace"), digest_size=7).digest())

    def hear(self, token: int, latent: Tensor) -> Next:
        """One more token of this piece."""
        stop = token == self.manner.stop_token
        fault = self._judged(self._check.end() if stop else self._check.token(token, self._heard))
        stop = stop or self._check.overdue  # unchecked, it still has to end
        self._pending.append(latent)
        if fault is not None:
            return self._failed(fault, self._made() if self._heard else NOTHING)
        if not stop and len(self._pending) < self._due():
            return Next.TOKEN
        self._ending, self.window = stop, self._vocoder.window(self._latents(), stop)
        return Next.SOUND

    def take(self, sound: Sound) -> Next:
        """The sound of its window; delivers what has passed."""
        fault = self._judged(self._check.audio(sound))
        if fault is None:
            fault = self._judged(self._play(sound, self._ending))
        if fault is not None:
            return self._failed(fault, NOTHING)
        return self._next_piece() if self._ending else Next.TOKEN

    def end(self, last: EngineError | None) -> Next:
        """Nothing more is delivered."""
        self.order.deliver(last)
        return Next.DONE

    def broken(self, error: EngineError) -> Next:
        """The model failed under it: another voice is to say what was not heard, all of it if nothing was."""
        why = str(error).removeprefix(f"{NAME}: ")
        if self._heard:
            return self._break_off(why, NOTHING)
        return self.end(EngineCutShort(NAME, why, self._rest(self._at)) if self._audible else error)

    def _begin(self) -> None:
        expected = Expected.of(self.piece.text, self.order.request.language)
        self._check = SelfCheck(expected.within(self.manner.max_tokens))
        self._vocoder = WindowedVocoder(self.manner.hifigan, self.embedding, self.stretch)
        self._pending, self._held, self._heard, self._sound = [], [], False, []

    def _judged(self, fault: Fault | None) -> Fault | None:
        return fault if self.manner.self_check else None

    def _due(self) -> int:
        return self.manner.chunk_tokens if self._heard or self._held else self.manner.first_tokens

    def _latents(self) -> Tensor:
        """Those that wait, not any more."""
        latents = torch.stack(self._pending) if self._pending else torch.zeros(0, self.latents.shape[-1])
        self._pending = []
        return latents

    def _play(self, sound: Sound, stop: bool) -> Fault | None:
        """Deliver, from the first sound on; SILENCE when a piece ends without one."""
        if not self._heard and check.silent(sound):
            self._held.append(sound)
            return Fault.SILENCE if stop else None
        self._deliver(np.concatenate([*self._held, sound]))
        self._held = []
        return None

    def _deliver(self, sound: Sound) -> None:
        self._heard = self._audible = True
        self._sound.append(_pcm(sound))
        self.order.deliver(self._sound[-1])

    def _next_piece(self) -> Next:
        language = self.order.request.language
        characters, seconds = self.rates.get(language, (0.0, 0.0))
        self.rates[language] = characters + len(self.piece.text), seconds + self._seconds
        self._at += 1
        self._attempt = 0
        if self._at == len(self.pieces):
            return self.end(None)
        self._begin()
        return Next.PIECE

    def _failed(self, fault: Fault, more: Pcm) -> Next:
        """Try again while nobody has heard it; else it ends where a word does, and another voice says the rest.

        ``more``: what was said and not delivered.
        """
        if self._heard:
            self.counts["self_check_cut_short"] += 1
            return self._break_off(f"broke off by its self-check: {fault}", more)
        self._attempt += 1
        if self._attempt < ATTEMPTS:
            self.counts["self_check_retries"] += 1
            self._begin()
            return Next.PIECE
        self.counts["self_check_failures"] += 1
        said = f"failed its self-check {ATTEMPTS} times, the last time: {fault}"
        if self._audible:
            return self.end(EngineCutShort(NAME, said, self._rest(self._at)))
        return self.end(EngineRejected(NAME, said))

    @property
    def _seconds(self) -> float:
        """What was delivered of this piece, as long as it would take unstretched."""
        return sum(map(len, self._sound)) / SAMPLE_RATE / self.stretch

    def _made(self) -> Pcm:
        """What was said beside what was delivered; nothing where that is no speech."""
        sound: Sound = self._vocoder.push(self._latents(), last=True).numpy()
        return NOTHING if self._check.audio(sound) is Fault.NOISE else _pcm(sound)

    def _break_off(self, why: str, more: Pcm) -> Next:
        """Deliver where it could be cut: first a guess, which is settled when somebody could tell it, or could not."""
        delivered = sum(map(len, self._sound))
        sound = np.concatenate([*self._sound, more])
        good = round(self._check.good * check.TOKEN_S * self.stretch * SAMPLE_RATE)
        characters, seconds = self.rates.get(self.order.request.language, (0.0, 0.0))
        usual = characters / seconds if seconds else USUAL_RATE[self.order.request.language in check.IDEOGRAPHIC]
        guess = BrokenOff(
            why,
            seams(sound[:good], self.piece.text, usual / self.stretch, known=seconds > 0),
            delivered,
            more,
            self._rest(self._at + 1),
            doubtful=True,
        )
        self.order.deliver(guess)
        deliver, counts = self.order.deliver, self.counts

        def settle(found: Seam | None) -> None:
            if found is None:
                counts["cut_by_sound"] += 1
            deliver(replace(guess, seam=found or guess.seam, doubtful=False))

        self.follow(sound[:good], self.piece.text, self.order.request.language, settle)
        return Next.DONE

    def _rest(self, at: int) -> str:
        """The pieces from there on."""
        return " ".join(piece.text for piece in self.pieces[at:])


def faded(samples: Pcm) -> Pcm:
    """The samples, going down to nothing."""
    return np.asarray(np.rint(samples * np.linspace(1.0, 0.0, len(samples))), np.int16)


def _pcm(sound: Sound) -> Pcm:
    return np.asarray(np.clip(np.rint(sound * 32767), -32768, 32767), np.int16)
