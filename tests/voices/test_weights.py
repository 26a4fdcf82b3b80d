"""Pins the weights that ship: they load without torch, do what their cards say on voices they were not trained on.

Run as the daemon runs them, numpy and onnxruntime alone, on speech made here anew.
"""

from __future__ import annotations

import json
import shutil
from importlib import resources

import numpy as np
import onnxruntime
import pytest

from dragoman.voices import mel
from dragoman.voices.training import card, evaluate, prosody, speech

WEIGHTS = resources.files("dragoman.voices") / "weights"
FILES = {"gst64": ["style", "prosody"], "identity": ["identity"]}
SAYS = pytest.mark.skipif(not (shutil.which("espeak-ng") and shutil.which("flite")), reason="needs espeak-ng and flite")

UNSEEN = [speaker for speaker in speech.speakers(1) if speaker.split == "unseen"]


def session(name: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession((WEIGHTS / f"{name}.onnx").read_bytes(), options)


def about(name: str) -> dict[str, str]:
    return dict(session(name).get_modelmeta().custom_metadata_map)


def features(samples: np.ndarray, seconds: float = evaluate.SECONDS) -> np.ndarray:
    return mel.log_mel(samples[: round(seconds * 16_000)])[None]


def said(speaker: speech.Speaker, number: int) -> np.ndarray:
    """An utterance that was in nobody's training: its number is beyond the corpus's."""
    return speech.say(speaker, 100 + number, 1)[0]


@pytest.mark.parametrize("name", FILES)
def test_they_load_and_say_what_they_are(name: str) -> None:
    model, told = session(name), about(name)
    assert [put.name for put in model.get_inputs()] == ["mel"]
    assert [put.name for put in model.get_outputs()] == FILES[name]
    assert told["front_end"] == f"16000/{mel.WINDOW}/{mel.HOP}/{mel.FFT}/{mel.BANDS}/50/7600"
    assert told["licence"] == "Apache-2.0" and "synthetic" in told["name"]
    assert len((WEIGHTS / f"{name}.onnx").read_bytes()) < 3_000_000


@pytest.mark.parametrize("name", FILES)
def test_the_card_is_this_files_card(name: str) -> None:
    text, told = (WEIGHTS / f"{name}.md").read_text(encoding="utf-8"), about(name)
    assert text == card.of_weights(told)
    made = json.loads(told["card"])["made"]
    assert text.startswith(f"# {told['name']}:") and made["synthetic"]
    assert f"{made['pieces']} pieces" in text and f"{made['steps']} steps, seed {made['seed']}" in text
    for row in json.loads(told["card"])["figures"]["rows"]:
        numbers = [f"{value:.2f}" for value in row["head"]] if name == "gst64" else [f"{row['clean']:.1%}"]
        assert " | ".join(numbers) in text


def test_the_identity_card_warns() -> None:
    assert "**It only knows synthetic voices.**" in (WEIGHTS / "identity.md").read_text(encoding="utf-8")
    assert 0 < float(about("identity")["threshold"]) < 1


@SAYS
def test_prosody_as_the_card_says() -> None:
    """R2 on a small sample lies near the card's."""
    model = session("gst64")
    true, found = [], []
    for speaker in UNSEEN[::2]:
        for number in range(2):
            samples = said(speaker, number)[:48_000]
            true.append(prosody.labels(prosody.track(samples, mel.log_mel(samples))))
            found.append(model.run(["prosody"], {"mel": features(samples)})[0][0])
    measured = evaluate.r_squared(np.stack(found), np.stack(true))
    rows = json.loads(about("gst64")["card"])["figures"]["rows"]
    there_says = next(row["head"] for row in rows if (row["split"], row["hearing"]) == ("unseen", "clean"))
    for name, here, there, slack in zip(prosody.TARGETS, measured, there_says, (0.1, 0.4, 0.25, 0.1), strict=True):
        assert here > there - slack, f"{name}: {here:.2f}, the card says {there:.2f}"


@SAYS
def test_a_higher_voice_is_told_to_be_higher() -> None:
    """The same voice at three pitches, and at three rates."""
    model = session("gst64")
    text = "the quiet doctor opens a heavy letter near the silver river before the early market"

    def told(*options: str) -> np.ndarray:
        wav = speech._run(["espeak-ng", "-v", f"en-us+{UNSEEN[0].voice}", *options, "--stdout", text])
        samples, rate = speech._samples(wav)
        samples = speech.resample(samples, rate, 16_000).astype(np.float32) / 32768
        return model.run(["prosody"], {"mel": features(samples)})[0][0]

    by_pitch = [told("-s", "160", "-p", pitch)[0] for pitch in ("10", "50", "90")]
    assert by_pitch == sorted(by_pitch) and by_pitch[2] - by_pitch[0] > 0.3
    by_rate = [told("-p", "50", "-s", rate)[2] for rate in ("120", "165", "230")]
    assert by_rate == sorted(by_rate) and by_rate[2] - by_rate[0] > 0.8


@SAYS
def test_two_unseen_voices_are_told_apart() -> None:
    """The error rate over pairs of a small sample is near the card's, at the threshold that the file gives."""
    model = session("identity")
    people = UNSEEN[::3]
    names = [speaker.name for speaker in people for _ in range(3)]
    vectors = np.stack(
        [
            model.run(["identity"], {"mel": features(said(speaker, number))})[0][0]
            for speaker in people
            for number in range(3)
        ]
    )
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    same, other = evaluate.pairs(vectors, vectors, names)
    threshold = float(about("identity")["threshold"])
    error = json.loads(about("identity")["card"])["figures"]["rows"][0]["clean"]
    assert np.mean(same < threshold) < error + 0.1 and np.mean(other >= threshold) < error + 0.1
