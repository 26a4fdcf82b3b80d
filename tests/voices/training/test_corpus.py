"""Pins how a folder becomes a corpus: who is found, what is refused and in which words, and that nothing is mislaid."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.errors import TrainingError
from dragoman.media.format import SAMPLE_RATE
from dragoman.voices import mel
from dragoman.voices.training import corpus, manifest, prosody


def buzz(seconds: float = 3.0, hz: float = 140.0, rate: int = SAMPLE_RATE) -> np.ndarray:
    """Something with a pitch and four syllables a second."""
    time = np.arange(round(seconds * rate)) / rate
    sound = sum(np.sin(2 * np.pi * n * hz * time) / n for n in range(1, 9)) * (0.55 - 0.45 * np.cos(8 * np.pi * time))
    return (0.05 * sound).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int = SAMPLE_RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for speaker in range(8):
        for number in range(2):
            write(tmp_path / "speech" / f"s{speaker}" / f"{number}.wav", buzz(hz=90 + 20 * speaker))
    return tmp_path / "speech"


def test_a_subfolder_is_a_speaker_and_some_are_kept_from_training(folder: Path) -> None:
    found = corpus.find(folder, seed=1)
    assert {source.speaker for source in found} == {f"s{n}" for n in range(8)}
    splits = {source.speaker: source.split for source in found}
    assert sorted(splits.values()).count("unseen") == 2
    assert all(splits[source.speaker] == source.split for source in found), "a speaker is on one side only"
    assert corpus.find(folder, seed=1) == found


def test_a_manifest_decides(folder: Path) -> None:
    manifest.write(folder, [manifest.Clip("s1/0.wav", "Ann", "other-engine", 9)], seed=1)
    assert corpus.find(folder, 1) == [corpus.Source(folder / "s1/0.wav", "Ann", "other-engine")]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"clips": [{}]}', '{"clips": 5}', '{"clips": [7]}'])
def test_a_broken_manifest_is_said_to_be_so(folder: Path, text: str) -> None:
    (folder / manifest.MANIFEST).write_text(text)
    with pytest.raises(TrainingError, match=r"speech\.json is broken"):
        corpus.find(folder, 1)


@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda x: st.dictionaries(st.text(max_size=8), x)))
@settings(max_examples=40, deadline=None)
def test_any_manifest_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, line: object) -> None:
    folder = tmp_path_factory.mktemp("m")
    (folder / manifest.MANIFEST).write_text(json.dumps({"clips": [line]}))
    with pytest.raises(TrainingError):
        corpus.find(folder, 1)


def test_no_folder_and_no_speech(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="is no folder"):
        corpus.find(tmp_path / "nowhere", 1)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(TrainingError, match=r"no speech in .*wav"):
        corpus.find(tmp_path, 1)


def test_what_is_no_audio_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFFxxxxWAVE and no more")
    with pytest.raises(TrainingError, match=r"a\.wav cannot be read"):
        corpus.pieces_of(corpus.Source(tmp_path / "a.wav", "a", "train"))


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_any_rate_and_stereo(tmp_path: Path, rate: int) -> None:
    sound = buzz(2.5, rate=rate)
    write(tmp_path / "a.flac", np.stack([sound, sound], 1), rate)
    (piece,) = corpus.pieces_of(corpus.Source(tmp_path / "a.flac", "a", "train"))
    assert len(piece) == 40_000
    track = prosody.track(piece, mel.log_mel(piece))
    assert 2 ** prosody.labels(track)[0] == pytest.approx(140, rel=0.02)


def test_long_files_are_cut_and_short_ones_left_out(tmp_path: Path) -> None:
    write(tmp_path / "long.wav", buzz(13.0))
    write(tmp_path / "short.wav", buzz(1.0))
    lengths = [len(piece) for piece in corpus.pieces_of(corpus.Source(tmp_path / "long.wav", "a", "train"))]
    assert lengths == [96_000, 96_000]  # the second that is left is too short
    assert corpus.pieces_of(corpus.Source(tmp_path / "short.wav", "a", "train")) == []


@pytest.mark.parametrize("sound", [np.zeros(48_000), np.random.default_rng(0).normal(0, 0.05, 48_000)])
def test_silence_and_noise_are_no_speech(sound: np.ndarray) -> None:
    source = corpus.Source(Path("x.wav"), "a", "train")
    assert corpus.prepare(sound.astype(np.float32), source, np.random.default_rng(1)) is None


def test_too_little_or_too_few_is_refused(folder: Path) -> None:
    pieces = corpus.prepare_all(corpus.find(folder, 1), seed=1)
    corpus.require_enough(pieces, minutes=0.5, speakers=6)
    with pytest.raises(TrainingError, match=r"0\.6 min of speech"):
        corpus.require_enough(pieces, minutes=10, speakers=1)
    with pytest.raises(TrainingError, match="6 speakers to train on: at least 9"):
        corpus.require_enough(pieces, minutes=0.5, speakers=9)
    with pytest.raises(TrainingError, match="no speech in it"):
        corpus.require_enough([], minutes=0.5, speakers=1)
    with pytest.raises(TrainingError, match="some more to measure with"):
        corpus.require_enough([piece for piece in pieces if piece.split == "train"], minutes=0.5, speakers=1)


def test_one_person_is_too_few(tmp_path: Path) -> None:
    write(tmp_path / "ann" / "0.wav", buzz())
    with pytest.raises(TrainingError, match=r"0 speakers to train on: at least 1 .* subfolder of its own"):
        corpus.require_enough(corpus.prepare_all(corpus.find(tmp_path, 1), 1), minutes=0.01, speakers=1)


def test_an_unreadable_file_is_left_out_and_told(folder: Path) -> None:
    (folder / "s0" / "0.wav").write_bytes(b"RIFF")
    refused: list[TrainingError] = []
    done: list[int] = []
    pieces = corpus.prepare_all(corpus.find(folder, 1), 1, lambda: done.append(1), refused.append)
    assert len(pieces) == 15 and len(done) == 16 and "cannot be read" in str(refused[0])


def test_what_is_saved_comes_back(folder: Path, tmp_path: Path) -> None:
    sources = corpus.find(folder, 1)
    pieces = corpus.prepare_all(sources, seed=1)
    kept = tmp_path / "features.npz"
    assert corpus.load(kept, "x") is None
    corpus.save(kept, pieces, corpus.fingerprint(sources, 1))
    assert corpus.load(kept, corpus.fingerprint(sources, 2)) is None
    again = corpus.load(kept, corpus.fingerprint(sources, 1))
    assert again is not None and len(again) == len(pieces)
    for one, other in zip(pieces, again, strict=True):
        assert (one.speaker, one.split, one.gains_db) == (other.speaker, other.split, other.gains_db)
        for left, right in zip(one.hearings, other.hearings, strict=True):
            np.testing.assert_array_equal(left, right)
        np.testing.assert_array_equal(one.track.f0, other.track.f0)
        np.testing.assert_array_equal(one.track.nucleus, other.track.nucleus)


def test_preparing_follows_from_the_seed(folder: Path) -> None:
    sources = corpus.find(folder, 1)[:2]
    one, same, other = (corpus.prepare_all(sources, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.hearings[1], same.hearings[1])
    assert not np.array_equal(one.hearings[1], other.hearings[1])


def test_a_batch_is_as_long_as_its_shortest_piece(folder: Path) -> None:
    source = corpus.Source(Path("x.wav"), "a", "train")
    rng = np.random.default_rng(0)
    pieces = [corpus.prepare(buzz(seconds), source, rng) for seconds in (2.5, 4.0)]
    assert all(pieces)
    batch = corpus.batch([piece for piece in pieces if piece], 3.0, rng)
    assert batch.features.shape == (2, 180, mel.BANDS), "2.5 s are 197 frames, and 180 on the grid"
    np.testing.assert_allclose(2.0 ** batch.labels[:, 0], 140, rtol=0.02)


def test_a_louder_hearing_has_a_louder_label() -> None:
    source = corpus.Source(Path("x.wav"), "a", "train")
    piece = corpus.prepare(buzz(), source, np.random.default_rng(0))
    assert piece is not None
    clean, heard = (corpus.batch([piece], 3.0, hearing=number).labels[0, 3] for number in (0, 1))
    assert heard - clean == pytest.approx(piece.gains_db[1], abs=1e-4)
