"""What Deepgram's live API says, read from its JSON. Pure.

Anything that is not as documented is ``Junk``: it is counted, and the stream goes on. Times are turned into samples of
the audio sent on this connection.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from dragoman.media.format import SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class HeardWord:
    """One word of a result; times are samples sent."""

    text: str
    start: int
    end: int
    confidence: float | None

    @property
    def middle(self) -> int:
        """Where it lies, when only one place counts."""
        return (self.start + self.end) // 2


@dataclass(frozen=True, slots=True)
class Result:
    """``Results``: what was heard in [start, end) of the samples sent."""

    start: int
    end: int
    words: tuple[HeardWord, ...]
    is_final: bool
    speech_final: bool
    from_finalize: bool


@dataclass(frozen=True, slots=True)
class UtteranceEnd:
    """``UtteranceEnd``: no word for ``utterance_end_ms`` after the one that ended at ``last_word_end`` (samples)."""

    last_word_end: int


@dataclass(frozen=True, slots=True)
class Failure:
    """``Error``: the provider ends this stream; in its own words."""

    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A documented message that changes nothing for us: Metadata, SpeechStarted, an answer to Configure."""

    kind: str


@dataclass(frozen=True, slots=True)
class Junk:
    """Not as documented; ``why`` holds nothing of what was said."""

    why: str


Message = Result | UtteranceEnd | Failure | Notice | Junk

NOTICES = frozenset(("Metadata", "SpeechStarted", "ConfigureSuccess", "ConfigureFailure"))

LONGEST = 86_400.0
"""Seconds into a connection that a time may lie: a day; more is no time."""


def parse(raw: str | bytes) -> Message:
    """Read one frame; never raises."""
    try:
        message = json.loads(raw)
        if not isinstance(message, dict):
            return Junk("no JSON object")
        return _read(message)
    except RecursionError:
        return Junk("JSON too deep")
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        return Junk(f"{type(error).__name__}")


def _read(message: Mapping[str, Any]) -> Message:
    kind = message.get("type")
    if kind == "Results":
        return _result(message)
    if kind == "UtteranceEnd":
        return UtteranceEnd(_samples(message["last_word_end"], negative=True))
    if kind == "Error":
        texts = [message.get(key) for key in ("variant", "description", "message")]
        return Failure(": ".join(text[:200] for text in texts if isinstance(text, str) and text) or "no text")
    if isinstance(kind, str) and kind in NOTICES:
        return Notice(kind)
    return Junk("unknown type")


def _result(message: Mapping[str, Any]) -> Result:
    alternatives = message["channel"]["alternatives"]
    if not isinstance(alternatives, list):
        raise TypeError("alternatives")
    best = alternatives[0] if alternatives else {}
    start = _samples(message["start"])
    end = start + _samples(message["duration"])
    return Result(
        start=start,
        end=end,
        words=_words(best, start, end),
        is_final=message.get("is_final") is True,
        speech_final=message.get("speech_final") is True,
        from_finalize=message.get("from_finalize") is True,
    )


@dataclass(frozen=True, slots=True)
class _Told:
    text: str
    span: tuple[int, int] | None = None
    """None: it has no times, or none that can be."""
    confidence: float | None = None


def _words(best: Mapping[str, Any], start: int, end: int) -> tuple[HeardWord, ...]:
    """The words of a result; of which only the text is told, in their places: better about there than lost."""
    transcript = [_Told(text) for text in (best.get("transcript") or "").split()]
    try:
        told = [_told(word) for word in best.get("words") or ()]
    except (LookupError, TypeError, AttributeError):
        if not transcript:
            raise
        told = []  # a word without its text: the transcript has it
    return _placed([word for word in told if word.text] or transcript, start, end)


def _told(word: Mapping[str, Any]) -> _Told:
    text = word.get("punctuated_word") or word["word"]
    if not isinstance(text, str):
        raise TypeError("word")
    said = word.get("confidence")
    confidence = float(said) if isinstance(said, int | float) and 0 <= said <= 1 else None
    try:
        first = _samples(word["start"])
        span = first, max(_samples(word["end"]), first)
    except (LookupError, ValueError, ArithmeticError):
        span = None
    return _Told(" ".join(text.split()), span, confidence)


def _placed(told: Sequence[_Told], start: int, end: int) -> tuple[HeardWord, ...]:
    """Words without times are spread by their letters between their neighbours, or over the whole range."""
    words: list[HeardWord] = []
    for i, word in enumerate(told):
        span = word.span
        if span is None:
            first = words[-1].end if words else start
            last, _ = next((other.span for other in told[i:] if other.span is not None), (end, end))
            letters = sum(len(other.text) for other in takewhile(lambda other: other.span is None, told[i:]))
            span = first, first + round(max(last - first, 0) * len(word.text) / letters)
        words.append(HeardWord(word.text, *span, word.confidence))
    return tuple(words)


def _samples(seconds: object, *, negative: bool = False) -> int:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise ValueError("no time")
    if not (-LONGEST if negative else -1.0) <= seconds <= LONGEST:
        raise ValueError("no time of this connection")
    return round(seconds * SAMPLE_RATE) if negative else max(round(seconds * SAMPLE_RATE), 0)
