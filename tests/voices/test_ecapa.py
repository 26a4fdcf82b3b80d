"""ECAPA through speechbrain's real loading code, on tiny random weights: local files only, and errors that help."""

from __future__ import annotations

import socket
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from tests.engines.missing import without
from tests.voices.vectors import tone_voice

from dragoman.errors import ProfileInvalid, VoiceUnavailable
from dragoman.voices.ecapa import FILES, EcapaIdentity
from dragoman.voices.embedders import IdentityEmbedder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if find_spec("speechbrain") is None:
        pytest.skip("ECAPA needs pip install 'dragoman[ecapa]'")
    import torch
    from tests.voices.tiny_ecapa import write_ecapa

    torch.set_num_threads(1)
    return write_ecapa(tmp_path_factory.mktemp("ecapa"))


def test_it_embeds_without_a_network_and_writes_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: asked.append(address))
    before = sorted(path.name for path in folder.iterdir())
    encoder = EcapaIdentity(folder)
    assert isinstance(encoder, IdentityEmbedder)
    assert encoder.dimension == 192 and encoder.name.startswith("ecapa-192-")
    one, again, other = (encoder.embed(tone_voice(pitch, 3)) for pitch in (110, 110, 220))
    assert np.array_equal(one, again) and not np.allclose(one, other)
    assert np.linalg.norm(one) == pytest.approx(1.0, abs=1e-5)
    assert asked == []
    assert list(tmp_path.iterdir()) == [] and sorted(path.name for path in folder.iterdir()) == before


def test_other_weights_have_another_name(folder: Path, tmp_path: Path) -> None:
    import torch
    from tests.voices.tiny_ecapa import write_ecapa

    other = write_ecapa(tmp_path / "other")
    state = torch.load(other / "embedding_model.ckpt", weights_only=True)
    torch.save({key: value + 0.01 for key, value in state.items()}, other / "embedding_model.ckpt")
    assert EcapaIdentity(folder).name != EcapaIdentity(other).name


def test_too_little_audio(folder: Path) -> None:
    with pytest.raises(ProfileInvalid, match="100 ms"):
        EcapaIdentity(folder).embed(np.zeros(1600, np.float32))


@pytest.mark.parametrize("name", FILES)
def test_a_broken_file_says_how_to_get_it_again(folder: Path, tmp_path: Path, name: str) -> None:
    for each in FILES:
        (tmp_path / each).write_bytes((folder / each).read_bytes())
    if name != "label_encoder.txt":  # which is read line by line, whatever it holds; nobody uses it here
        (tmp_path / name).write_bytes(b"\x00broken")
        with pytest.raises(VoiceUnavailable, match="hf download"):
            EcapaIdentity(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(VoiceUnavailable, match=f"lacks {name}"):
        EcapaIdentity(tmp_path)


def test_without_the_package_it_says_which_extra(tmp_path: Path) -> None:
    with without("speechbrain", "torch"), pytest.raises(VoiceUnavailable, match=r"dragoman\[ecapa\]"):
        EcapaIdentity(tmp_path)
