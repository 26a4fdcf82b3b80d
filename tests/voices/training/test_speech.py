"""Pins the synthetic voices: the same by seed, none on two sides, and labels that agree with what was said."""

from __future__ import annotations

import random
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest

from dragoman.errors import TrainingError
from dragoman.voices import mel
from dragoman.voices.training import manifest, prosody, sentences, speech

NEEDS = pytest.mark.skipif(
    not (shutil.which("espeak-ng") and shutil.which("flite")), reason="needs espeak-ng and flite"
)


def test_no_voice_is_on_two_sides() -> None:
    everybody = speech.speakers(1)
    assert len({speaker.name for speaker in everybody}) == len(everybody) == 264
    sides = {split: {s.voice for s in everybody if s.split == split} for split in manifest.SPLITS}
    assert not sides["train"] & sides["unseen"] and len(sides["unseen"]) == speech.UNSEEN
    assert sides["other-engine"] == set(speech.FLITE_VOICES)


@pytest.mark.parametrize("people", [6, 12, 40])
def test_a_few_are_of_all_kinds(people: int) -> None:
    some = speech.speakers(1, people)
    assert len(some) == people and some == speech.speakers(1, people)
    assert all(sum(s.split == split for s in some) >= speech.FEWEST for split in manifest.SPLITS)


@pytest.mark.parametrize(("text", "count"), [("the old river opens.", 6), ("my table", 2), ("one letter", 3)])
def test_syllables(text: str, count: int) -> None:
    assert sentences.syllables(text) == count


def test_a_sentence_is_long_enough() -> None:
    for seed in range(50):
        text = sentences.at_least(20, random.Random(seed))
        assert 20 <= sentences.syllables(text) <= 34


@NEEDS
def test_the_same_seed_says_the_same() -> None:
    for speaker in (speech.speakers(1, 6)[0], next(s for s in speech.speakers(1) if s.engine == "flite")):
        (one, count), (same, _), (other, _) = (speech.say(speaker, 0, seed) for seed in (1, 1, 2))
        assert np.array_equal(one, same) and not np.array_equal(one[:8000], other[:8000]) and count > 8
        assert np.abs(one).max() <= 1.0


@NEEDS
def test_the_labels_agree_with_the_synthesiser() -> None:
    """Syllables by their loudness against syllables of the text; the card's rates stand on this."""
    rows = []
    for speaker in speech.speakers(1, 30):
        samples, count = speech.say(speaker, 3, 1)
        found = prosody.labels(prosody.track(samples, mel.log_mel(samples)))
        rows.append((found[2], count / (len(samples) / 16_000)))
    by_sound, by_text = np.array(rows).T
    assert np.corrcoef(by_sound, by_text)[0, 1] > 0.75
    assert by_sound.mean() == pytest.approx(by_text.mean(), rel=0.2)


@NEEDS
def test_a_folder_of_speech(tmp_path: Path) -> None:
    made = list(speech.make_speech(tmp_path, utterances=1, seed=5, people=6))
    assert manifest.read(tmp_path) == made and 4 <= len(made) <= 6
    for clip in made:
        with wave.open(str(tmp_path / clip.file)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
            assert file.getnframes() >= speech.SHORTEST * 16_000


def test_a_missing_synthesiser_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TrainingError, match=r"espeak-ng is not installed .*apt-get install espeak-ng"):
        list(speech.make_speech(tmp_path / "out", utterances=1, seed=1))
