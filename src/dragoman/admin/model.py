"""What the administration keeps beside rooms and tokens: the audit log's entries, lines of transcripts, usage. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the audit log: who did what, when, with which voice profile, for which room."""

    at: float
    """Unix time, s."""
    actor: str
    """``token NAME``, ``local`` (this host, without a token), ``settings`` (the token of the settings), or a caller."""
    action: str
    profile: str = ""
    room: str = ""
    detail: str = ""
    id: int = 0
    """Its number; they only grow. 0: not stored yet."""


@dataclass(frozen=True, slots=True)
class Line:
    """What somebody said in a room, in one language: one line of a transcript."""

    room: str
    language: str
    speaker: str
    source_language: str
    text: str
    """In ``language``; empty where ``note`` says what is missing."""
    start: float
    end: float
    """Unix time, s."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What engines were asked to do for a room in one day."""

    asr_seconds: float = 0.0
    """Of speech that was recognized."""
    mt_chars: int = 0
    """Characters that were translated."""
    tts_chars: int = 0
    """Characters that were spoken."""

    def __add__(self, other: Usage) -> Usage:
        """Both together."""
        return Usage(
            self.asr_seconds + other.asr_seconds, self.mt_chars + other.mt_chars, self.tts_chars + other.tts_chars
        )


@dataclass(frozen=True, slots=True)
class Prices:
    """What engines cost, in one currency."""

    asr_minute: float = 0.0
    mt_thousand: float = 0.0
    tts_thousand: float = 0.0

    def of(self, usage: Usage) -> float:
        """What this costs."""
        return (
            usage.asr_seconds / 60 * self.asr_minute
            + usage.mt_chars / 1000 * self.mt_thousand
            + usage.tts_chars / 1000 * self.tts_thousand
        )
