"""What the test call takes for an interpretation, and what for a prompt by which a booth says that there is none."""

from __future__ import annotations

import shutil
import wave
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dragoman.media.codec import mulaw_decode, mulaw_encode
from dragoman.media.format import SAMPLE_RATE, Pcm
from dragoman.media.resample import resample
from dragoman.probe.call import PROMPT, Plan, _measured, excuses
from dragoman.probe.measure import ALIKE, likeness
from dragoman.probe.report import Found, Limits, Status

pytestmark = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng speaks the prompts")


@pytest.mark.parametrize("language", ["es", "en", "vi"])
def test_an_excuse_is_told_from_another_also_on_a_narrow_line(language: str) -> None:
    known = {text: resample(sound, SAMPLE_RATE, 8000) for text, sound in excuses(language).items()}
    assert len(known) == 2
    for text, sound in known.items():
        heard = np.concatenate([np.zeros(2000, np.int16), mulaw_decode(mulaw_encode(sound)), np.zeros(8000, np.int16)])
        alike = {other: likeness(heard, wanted, 8000) for other, wanted in known.items()}
        assert alike.pop(text) >= 0.9 and max(alike.values()) < ALIKE / 1.2


def phone(folder: Path, name: str, spoken: Pcm, heard: Pcm) -> Any:
    """One whose call is over, with both recordings of it; its first samples were at 0 s."""
    recordings = SimpleNamespace(spoken=folder / f"{name}-enc.wav", heard=folder / f"{name}-dec.wav")
    for path, sound in ((recordings.spoken, spoken), (recordings.heard, heard)):
        with wave.open(str(path), "wb") as target:
            target.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
            target.writeframes(sound.astype("<i2").tobytes())
    recordings.spoken_at = recordings.heard_at = lambda sample: sample / SAMPLE_RATE
    return recordings


def sounding(*parts: tuple[float, Pcm]) -> Pcm:
    """8 s with these sounds in them, each from a second on."""
    whole = np.zeros(8 * SAMPLE_RATE, np.int16)
    for begin, sound in parts:
        at = round(begin * SAMPLE_RATE)
        whole[at : at + len(sound)] = sound[: len(whole) - at]
    return whole


def test_what_the_listener_hears_behind_the_sentence_is_an_interpretation_unless_it_says_that_there_is_none(
    tmp_path: Path,
) -> None:
    known = excuses("es")
    noise = np.random.default_rng(1).integers(-4000, 4000, 2 * SAMPLE_RATE).astype(np.int16)
    plan = Plan("sip:1*44@x", "sip:1*34@x", noise, excuses=known)
    asked = Found("1", "en", "es")

    def found(at_listener: Pcm, at_speaker: Pcm | None = None) -> Found:
        silence = sounding()
        speaker = phone(tmp_path, "speaker", sounding((1.0, noise)), silence if at_speaker is None else at_speaker)
        return _measured(asked, speaker, phone(tmp_path, "listener", silence, at_listener), plan, 0.5)

    heard = found(sounding((4.0, noise)))
    assert heard.why == "" and heard.span_s == pytest.approx(1.0, abs=0.05)
    for text, sound in known.items():
        told = found(sounding((4.0, sound)))
        assert told.why == f"not interpreted: the listener was told {text!r}" and told.span_s is None
        assert told.status(Limits()) is Status.CRITICAL
    assert found(sounding()).status(Limits()) is Status.CRITICAL, "nothing was heard"
    assert found(sounding((4.0, noise)), sounding((4.0, noise))).why == PROMPT, "both heard it"
