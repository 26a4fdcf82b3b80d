"""What is said in a meeting of a given length. Pure."""

from __future__ import annotations

from bench.latency.script import Script, write

CLAUSE_S = 2.4
"""Seconds of a meeting per clause, about; what is too long is cut."""


def script_of(seconds: float, seed: int) -> Script:
    """Sentences of three people for so many seconds."""
    whole = write(round(seconds / CLAUSE_S) + 10, seed)
    return Script(tuple(sentence for sentence in whole.sentences if sentence.end_s <= seconds))
