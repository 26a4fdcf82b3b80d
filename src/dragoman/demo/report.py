"""What the demo leaves behind beside the picture: a WAV of what each person heard, and ``captions.json``."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from dragoman.demo.judge import Heard, Verdict
from dragoman.demo.minutes import Entry, Minutes
from dragoman.demo.recording import Recording
from dragoman.demo.scenario import Scenario
from dragoman.demo.turns import Played, assign
from dragoman.media.format import SAMPLE_RATE


def file_names(scenario: Scenario) -> dict[str, str]:
    """Per person, the name of his WAV file: ``heard-ines.wav``; no two are the same."""
    names: dict[str, str] = {}
    for person in scenario.people:
        plain = unicodedata.normalize("NFKD", person.name.casefold()).encode("ascii", "ignore").decode()
        stem = "heard-" + (re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "someone")
        taken = set(names.values())
        name, number = f"{stem}.wav", 2
        while name in taken:
            name, number = f"{stem}-{number}.wav", number + 1
        names[person.name] = name
    return names


def write_recordings(folder: Path, scenario: Scenario, recordings: Sequence[Recording], begin: float) -> None:
    """What each person heard from ``begin`` (seconds since the epoch) on, so that the files lie one over the other."""
    names = file_names(scenario)
    for recording in recordings:
        first = round(recording.heard.clock.second(begin) * SAMPLE_RATE)
        pcm = recording.heard.pcm[max(0, first) :]
        if first < 0:
            pcm = np.concatenate((np.zeros(-first, np.int16), pcm))
        soundfile.write(folder / names[recording.person], pcm, SAMPLE_RATE, subtype="PCM_16")


def captions(
    scenario: Scenario,
    played: Sequence[Played],
    minutes: Minutes,
    verdict: Verdict,
    stats: Mapping[str, Any],
    begin: float,
    simulation: str = "",
) -> dict[str, Any]:
    """Every clause with its texts, times and ear-voice spans, as it is written to ``captions.json``.

    Times are seconds after ``begin`` (seconds since the epoch), where the WAV files and the timeline begin too.
    ``simulation`` says what of the engines was not real.
    """
    clauses, _ = assign(played, minutes.entries)
    turn_of = {entry.clause: number for number, entries in clauses.items() for entry in entries}
    names = file_names(scenario)
    wire = [
        line.ear_voice_span_ms
        for entry in minutes.entries
        for line in entry.lines.values()
        if line.ear_voice_span_ms is not None
    ]
    return {
        "room": scenario.room,
        "languages": list(scenario.languages),
        "begin_unix": round(begin, 3),
        "people": [
            {"name": p.name, "language": p.language, "voice": p.voice, "heard": names[p.name]} for p in scenario.people
        ],
        "engines": stats.get("engines"),
        "simulation": simulation or None,
        "good": verdict.good,
        "findings": [
            {"fault": str(f.fault), "message": f.message, "listener": f.listener, "clause": f.clause}
            for f in verdict.findings
        ],
        "translations_expected": verdict.expected,
        "translations_heard": len(verdict.heard),
        "ear_voice_span_ms": {
            "wire": _quantiles(wire),
            "ear": _quantiles([heard.ear_voice_span_ms for heard in verdict.heard]),
        },
        "tick": stats.get("tick"),
        "turns": [
            {
                "number": turn.number,
                "speaker": turn.turn.speaker,
                "language": turn.language,
                "text": turn.turn.text,
                "start_s": round(turn.start_unix - begin, 3),
                "end_s": round(turn.end_unix - begin, 3),
            }
            for turn in played
        ],
        "clauses": [_clause(scenario, entry, turn_of.get(entry.clause), verdict, begin) for entry in minutes.entries],
    }


def _clause(scenario: Scenario, entry: Entry, turn: int | None, verdict: Verdict, begin: float) -> dict[str, Any]:
    end = verdict.ends.get(entry.clause)
    return {
        "clause": entry.clause,
        "turn": turn,
        "speaker": entry.speaker,
        "language": entry.language,
        "text": entry.text,
        "start_s": round(entry.start_unix - begin, 3),
        "end_s": round(entry.end_unix - begin, 3),
        "acoustic_end_s": None if end is None else round(end - begin, 3),
        "translations": [
            {
                "language": line.language,
                "text": line.text,
                "engine": line.engine,
                "merged": list(line.merged),
                "dropped": line.dropped,
                "ear_voice_span_ms_wire": _rounded(line.ear_voice_span_ms),
                "heard": [
                    _heard(heard, begin)
                    for heard in verdict.heard
                    if heard.clause == entry.clause and heard.language == line.language
                ],
            }
            for line in (entry.lines[language] for language in scenario.languages if language in entry.lines)
        ],
    }


def _heard(heard: Heard, begin: float) -> dict[str, Any]:
    return {
        "listener": heard.listener,
        "start_s": round(heard.start_unix - begin, 3),
        "end_s": round(heard.end_unix - begin, 3),
        "ear_voice_span_ms_ear": _rounded(heard.ear_voice_span_ms),
        "match": round(heard.score, 3),
        "tempo": heard.tempo,
    }


def write_captions(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``captions.json``, readable by people too."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _quantiles(values: Sequence[float]) -> dict[str, float | int | None]:
    if not values:
        return {"count": 0, "p50": None, "p95": None, "longest": None}
    p50, p95, longest = (round(float(value), 1) for value in np.percentile(values, (50, 95, 100)))
    return {"count": len(values), "p50": p50, "p95": p95, "longest": longest}
