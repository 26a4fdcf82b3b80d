"""The ONNX encoders: what they make of a file of ours, and that any other file says why it is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.voices.tiny_onnx import write_encoder, write_identity, write_style
from tests.voices.vectors import tone_voice

from dragoman.errors import ProfileInvalid, VoiceUnavailable
from dragoman.voices.embedders import IdentityEmbedder, StyleEmbedder
from dragoman.voices.load import load_encoders
from dragoman.voices.mel import log_mel
from dragoman.voices.small import MAX_SECONDS, WEIGHTS, SmallIdentity, SmallStyle


def test_a_style(tmp_path: Path) -> None:
    encoder = SmallStyle(write_style(tmp_path / "style.onnx"))
    assert isinstance(encoder, StyleEmbedder) and (encoder.name, encoder.dimension) == ("gst64-tiny", 64)
    samples = tone_voice(110, 3)
    style = encoder.embed(samples)
    matrix = np.random.default_rng(0).standard_normal((80, 64)).astype(np.float32)
    assert style.vector == pytest.approx(log_mel(samples).mean(axis=0) @ matrix, rel=1e-3, abs=1e-3)
    assert style.prosody is not None


def test_an_identity(tmp_path: Path) -> None:
    encoder = SmallIdentity(write_identity(tmp_path / "identity.onnx"))
    assert isinstance(encoder, IdentityEmbedder)
    assert (encoder.name, encoder.dimension, encoder.threshold) == ("identity-tiny", 32, 0.5)
    vector = encoder.embed(tone_voice(110, 3))
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


def test_only_the_beginning_of_long_audio_is_heard(tmp_path: Path) -> None:
    encoder = SmallIdentity(write_identity(tmp_path / "identity.onnx"))
    long = tone_voice(110, MAX_SECONDS + 5)
    assert np.array_equal(encoder.embed(long), encoder.embed(long[: round(MAX_SECONDS * 16_000)]))


def test_too_little_audio(tmp_path: Path) -> None:
    with pytest.raises(ProfileInvalid, match="40 ms"):
        SmallIdentity(write_identity(tmp_path / "identity.onnx")).embed(np.zeros(640, np.float32))


def test_files_that_are_none(tmp_path: Path) -> None:
    junk = tmp_path / "junk.onnx"
    junk.write_bytes(b"junk")
    for path, text in (
        (tmp_path / "none.onnx", "is not there"),
        (junk, "cannot be loaded"),
        (write_style(tmp_path / "style.onnx"), "another kind"),
        (write_identity(tmp_path / "mute.onnx", threshold="none"), "from which cosine"),
        (write_identity(tmp_path / "other.onnx", front_end="8000/400/100/512/40/50/3800"), "other features"),
    ):
        with pytest.raises(VoiceUnavailable, match=text):
            SmallIdentity(path)
    with pytest.raises(VoiceUnavailable, match="another kind"):
        SmallStyle(write_encoder(tmp_path / "half.onnx", {"style": 64}))


def test_without_weights_there_is_no_encoder_and_no_error(tmp_path: Path) -> None:
    encoders = load_encoders(ecapa=tmp_path, style=tmp_path / "none.onnx")
    assert encoders.identity is None and encoders.style is None
    assert load_encoders(small_identity=False).identity is None


@pytest.mark.skipif(not (WEIGHTS / "gst64.onnx").is_file(), reason="the trained weights are not here yet")
def test_what_ships_works_and_names_itself() -> None:
    encoders = load_encoders()
    assert encoders.style is not None and encoders.identity is not None
    assert encoders.style.dimension == 64 and 0 < encoders.identity.threshold < 1
    low, high = (encoders.style.embed(tone_voice(pitch, 3)) for pitch in (90, 180))
    assert low.prosody is not None and high.prosody is not None
    assert high.prosody.log_f0 > low.prosody.log_f0
