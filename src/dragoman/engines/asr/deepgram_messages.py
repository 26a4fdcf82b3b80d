"""What Deepgram's live API says, read from its JSON. Pure.

Anything that is not as documented is ``Junk``: it is counted, and the stream goes on. Times are turned into samples of
the audio sent on this connection.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
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
    if isinstance(raw, bytes):
        return Junk("a binary frame")
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
    words = best.get("words") or []
    if not isinstance(words, list):
        raise TypeError("words")
    start = _samples(message["start"])
    end = start + _samples(message["duration"])
    return Result(
        start=start,
        end=end,
        words=tuple(heard for word in words if (heard := _word(word)) is not None)
        or _spread(best.get("transcript") or "", start, end),
        is_final=message.get("is_final") is True,
        speech_final=message.get("speech_final") is True,
        from_finalize=message.get("from_finalize") is True,
    )


def _word(word: Mapping[str, Any]) -> HeardWord | None:
    text = word.get("punctuated_word") or word["word"]
    if not isinstance(text, str):
        raise TypeError("word")
    start = _samples(word["start"])
    said = word.get("confidence")
    confidence = float(said) if isinstance(said, int | float) and 0 <= said <= 1 else None
    text = " ".join(text.split())
    if not text:
        return None
    return HeardWord(text, start, max(_samples(word["end"]), start), confidence)


def _spread(transcript: str, start: int, end: int) -> tuple[HeardWord, ...]:
    """Words of which only the text is told, over their range by their letters: better about there than lost."""
    texts = transcript.split()
    per_letter = (end - start) / max(sum(map(len, texts)), 1)
    words = []
    letters = 0
    for text in texts:
        first = start + round(letters * per_letter)
        letters += len(text)
        words.append(HeardWord(text, first, start + round(letters * per_letter), None))
    return tuple(words)


def _samples(seconds: object, *, negative: bool = False) -> int:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise ValueError("no time")
    if not (-LONGEST if negative else -1.0) <= seconds <= LONGEST:
        raise ValueError("no time of this connection")
    return round(seconds * SAMPLE_RATE) if negative else max(round(seconds * SAMPLE_RATE), 0)
