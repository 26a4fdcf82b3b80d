"""That one speaker or two are told apart in a clip as published: the bounds in force, their figures, and some clips."""

from __future__ import annotations

import json
import random
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench.two_speakers import TEXTS, Person, line, synthetic

from dragoman.media.format import SAMPLE_RATE
from dragoman.voices import turns
from dragoman.voices.clip import examine
from dragoman.voices.fault import FaultKind
from dragoman.voices.small import SmallIdentity
from dragoman.voices.training.speech import Speaker

VOICES = (
    ("flite", "slt", 1.0),
    ("flite", "rms", 1.0),
    ("espeak", "f4", 0.88),
    ("espeak", "m3", 1.13),
)


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    path = Path(__file__).parents[2] / "bench" / "results" / "two_speakers.json"
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def identity() -> SmallIdentity:
    return SmallIdentity()


def test_the_bounds_in_force_are_those_that_were_measured(published: dict[str, Any], identity: SmallIdentity) -> None:
    assert published["encoder"] == identity.name and published["threshold"] == identity.threshold
    assert published["same_pitch_share"] == turns.SAME_PITCH_SHARE
    assert tuple(published["octaves"]) == (turns.SAME_PITCH, turns.OTHER_PITCH)


@pytest.mark.parametrize(("voices", "honest", "noticed"), [("fresh", 0.01, 0.85), ("other", 0.05, 0.6)])
def test_an_honest_clip_is_hardly_ever_refused_and_two_who_take_half_each_mostly_are(
    voices: str, honest: float, noticed: float, published: dict[str, Any]
) -> None:
    clips = [row for row in published["clips"] if row["clips"] == voices]
    one = [row["refused"] or row["another"] for row in clips if not row["two"]]
    assert len(one) > 300 and np.mean(one) < honest
    halves = [
        row["refused"] or row["another"]
        for row in clips
        if row["two"] and row["condition"].startswith("half and half") and row["seconds"] > 8
    ]
    assert len(halves) >= 72 and np.mean(halves) > noticed


def person(engine: Any, voice: str, warp: float) -> Person:
    speaker = Speaker(engine, voice, "en-gb", 45, warp, "unseen")
    return Person(speaker.name, engine, partial(synthetic, speaker, TEXTS))


@pytest.mark.parametrize("voice", VOICES, ids=lambda voice: "-".join(map(str, voice)))
@pytest.mark.parametrize("phone", [False, True], ids=["clean", "G.711"])
def test_one_voice_passes(voice: tuple[str, str, float], phone: bool, identity: SmallIdentity) -> None:
    rng = random.Random(7)
    said = person(*voice).speak(10.0, rng)
    report = examine(line(said, rng) if phone else said, SAMPLE_RATE, identity)
    assert report.usable, report.faults


@pytest.mark.parametrize(("seconds", "noticed"), [(4.0, 0), (10.0, 9)])
def test_two_voices_one_after_the_other_are_mostly_refused_where_there_is_enough_to_go_by(
    seconds: float, noticed: int, identity: SmallIdentity
) -> None:
    halves = [person(*voice).speak(seconds / 2, random.Random(7)) for voice in VOICES]
    reports = [examine(np.concatenate(pair), SAMPLE_RATE, identity) for pair in permutations(halves, 2)]
    found = [[fault.kind for fault in report.faults] for report in reports]
    assert found.count([FaultKind.TWO_SPEAKERS]) >= noticed
    assert found.count([FaultKind.TWO_SPEAKERS]) + found.count([]) == len(found)
    assert noticed or not any(found)
