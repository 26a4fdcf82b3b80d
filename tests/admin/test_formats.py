"""Transcripts as files: what is said in them never ends a subtitle, and times are in order."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from dragoman.admin.formats import as_srt, as_text, as_vtt
from dragoman.admin.model import Line

BASE = 1_795_608_000.0
LINES = [
    Line("1000", "es", "Ann <b>", "en", "Buenos días & adiós", BASE, BASE + 1.25),
    Line("1000", "es", "", "", "", BASE + 61.5, BASE + 62.0, note="interpretation was away for 3.0 s"),
]


def test_text() -> None:
    assert as_text(LINES) == (
        "[2026-11-25 12:00:00] Ann <b>: Buenos días & adiós\n"
        "[2026-11-25 12:01:01] [interpretation was away for 3.0 s]\n"
    )


def test_subrip() -> None:
    assert as_srt(LINES) == (
        "1\n00:00:00,000 --> 00:00:01,250\nAnn <b>: Buenos días & adiós\n\n"
        "2\n00:01:01,500 --> 00:01:02,500\n[interpretation was away for 3.0 s]\n"
    )


def test_webvtt() -> None:
    assert as_vtt(LINES) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:01.250\n<v Ann &lt;b&gt;>Buenos días &amp; adiós\n\n"
        "00:01:01.500 --> 00:01:02.500\n[interpretation was away for 3.0 s]\n"
    )


def test_a_name_commands_no_terminal() -> None:
    line = Line("1000", "es", "Ann\x1b]0;x\x07\x9b2J", "en", "ab\u200bcd", BASE, BASE + 1)
    for form in (as_text, as_srt, as_vtt):
        assert "Ann ]0;x 2J" in form([line]) and "ab\u200bcd" in form([line])


def test_nothing_said_is_an_empty_file() -> None:
    assert (as_text([]), as_srt([]), as_vtt([])) == ("", "", "WEBVTT\n")


said = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40) | st.just("x\n\n2\n00:00 --> 00:01")
lines = st.builds(
    Line, st.just("1"), st.just("es"), said, st.just("en"), said, st.floats(BASE, BASE + 1e5), st.just(BASE)
)


@given(st.lists(lines, max_size=6))
def test_there_are_as_many_cues_as_lines_whatever_was_said(given_lines: list[Line]) -> None:
    ordered = sorted(given_lines, key=lambda line: line.start)
    arrow = re.compile(r"^\d\d+:\d\d:\d\d[.,]\d{3} --> \d\d+:\d\d:\d\d[.,]\d{3}$", re.M)
    for text in (as_srt(ordered), as_vtt(ordered)):
        assert len(arrow.findall(text)) == text.count("-->") == len(ordered)
        cues = [cue for cue in re.split(r"\n\n", text.removeprefix("WEBVTT\n\n")) if cue.strip() and cue != "WEBVTT\n"]
        assert len(cues) == len(ordered)
    assert as_text(ordered).count("\n") == len(ordered)
