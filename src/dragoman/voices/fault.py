"""What can be wrong with a clip of somebody's voice."""

from __future__ import annotations

from enum import StrEnum


class FaultKind(StrEnum):
    """Why a clip is not used; the value is its code in the REST API and in what is stored."""

    UNREADABLE = "unreadable"
    """Found where it is decoded; all others are measured (``voices/clip.py``)."""
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    SILENT = "silent"
    CLIPPED = "clipped"
    NOISY = "noisy"
    TWO_SPEAKERS = "two_speakers"
    ANOTHER_SPEAKER = "another_speaker"
    """Found, as the next one, by comparing it with the others."""
    REPEATED = "repeated"
    """The same recording as one before."""
