"""A transcript as a file: text, SubRip, WebVTT. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from dragoman.admin.model import Line

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""Not U+200B and those behind it, with which Khmer and Persian are written."""

LEAST_S = 1.0
"""Seconds that a subtitle is shown at least: some clauses are one word."""


def as_text(lines: Sequence[Line]) -> str:
    """For people: a line per clause, with the time of day (UTC)."""
    return "".join(f"[{_clock_time(line.start)}] {_name(line)}{_said(line)}\n" for line in lines)


def as_srt(lines: Sequence[Line]) -> str:
    """SubRip; time runs from the first line."""
    cues = [
        f"{number}\n{_span(begin, end, ',')}\n{_name(line)}{_said(line)}\n"
        for number, (begin, end, line) in enumerate(_cues(lines), 1)
    ]
    return "\n".join(cues)


def as_vtt(lines: Sequence[Line]) -> str:
    """WebVTT (W3C), with the speaker as a voice span; time runs from the first line."""
    cues = [
        f"{_span(begin, end, '.')}\n{_voice(line)}{html.escape(_said(line), quote=False)}\n"
        for begin, end, line in _cues(lines)
    ]
    return "\n".join(["WEBVTT\n", *cues])


def _cues(lines: Sequence[Line]) -> Iterator[tuple[float, float, Line]]:
    for line in lines:
        begin = max(0.0, line.start - lines[0].start)
        yield begin, max(begin + LEAST_S, line.end - lines[0].start), line


def _said(line: Line) -> str:
    """On one line: an empty one would end a subtitle, and ``-->`` begin the next."""
    return _one_line(line.text or f"[{line.note}]")


def _name(line: Line) -> str:
    return f"{_one_line(line.speaker)}: " if line.speaker else ""


def _voice(line: Line) -> str:
    return f"<v {html.escape(_one_line(line.speaker))}>" if line.speaker else ""


def _one_line(text: str) -> str:
    """Without what commands a terminal, too: callers choose their names."""
    return " ".join(_CONTROL.sub(" ", text).split()).replace("-->", "->")


def _clock_time(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _span(begin: float, end: float, point: str) -> str:
    return f"{_stamp(begin, point)} --> {_stamp(end, point)}"


def _stamp(seconds: float, point: str) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{point}{ms % 1000:03}"
