"""One line of the doctor's report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How it stands."""

    OK = "ok"
    WARN = "warn"
    """It will run, but not everything will."""
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was found, and what to do about it (empty when ok)."""

    verdict: Verdict
    what: str
    found: str
    remedy: str = ""


def ok(what: str, found: str) -> Finding:
    """It is as it should be."""
    return Finding(Verdict.OK, what, found)


def warn(what: str, found: str, remedy: str) -> Finding:
    """It will run, but not everything will."""
    return Finding(Verdict.WARN, what, found, remedy)


def fail(what: str, found: str, remedy: str) -> Finding:
    """It will not run like this."""
    return Finding(Verdict.FAIL, what, found, remedy)
