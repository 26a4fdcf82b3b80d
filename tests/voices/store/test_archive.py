"""A profile's file comes back as it was; a file that an enemy made raises ProfileInvalid, and nothing else happens."""

from __future__ import annotations

import io
import json
import resource
import struct
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.voices.store.test_store import same, with_audio
from tests.voices.vectors import a_profile

from dragoman.errors import ProfileInvalid
from dragoman.voices.profile import Models, VoiceProfile
from dragoman.voices.store import archive
from dragoman.voices.store.archive import pack, unpack
from dragoman.voices.store.codec import read_profile, read_vectors, write_manifest, write_vectors

PROFILE, AUDIO = with_audio(3, 2)
FILE = pack(PROFILE, AUDIO)


def members() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(FILE)) as file:
        return {name: file.read(name) for name in file.namelist()}


def zipped(parts: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, data in parts.items():
            file.writestr(name, data)
    return out.getvalue()


def npy(array: np.ndarray, *, header: bytes | None = None) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    data = out.getvalue()
    return data if header is None else data[:8] + struct.pack("<H", len(header)) + header + data[128:]


def test_a_file_comes_back() -> None:
    profile, audio = unpack(FILE)
    assert same(PROFILE, profile)
    assert audio.keys() == AUDIO.keys()
    assert all(np.array_equal(audio[key], AUDIO[key]) for key in audio)


@given(
    st.integers(1, 6),
    st.integers(0, 99),
    st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), min_size=1, max_size=50),
)
@settings(deadline=None, max_examples=20)
def test_any_profile_comes_back(clips: int, seed: int, name: str) -> None:
    if not name.strip():
        return
    profile = a_profile(clips, seed, name=name, notes=(name, ""), language="es")
    assert same(profile, read_profile(write_manifest(profile), write_vectors(profile)))


def test_a_profile_of_nothing_but_recordings_comes_back() -> None:
    clips = tuple(type(clip)(clip.id, clip.seconds, clip.snr_db, clip.weight) for clip in PROFILE.clips)
    bare = VoiceProfile(PROFILE.id, "Bare", PROFILE.consent, clips, models=Models())
    assert same(bare, unpack(pack(bare, {}))[0])


def changed_manifest(**values: object) -> bytes:
    return json.dumps({**json.loads(members()["manifest.json"]), **values}).encode()


def swapped(**parts: bytes) -> Callable[[], bytes]:
    return lambda: zipped({**members(), **{name.replace("__", "."): data for name, data in parts.items()}})


def with_vector(name: str, data: bytes, method: int = zipfile.ZIP_STORED) -> Callable[[], bytes]:
    return lambda: zipped({**members(), "vectors.npz": zipped({name: data}, method)})


WAV = f"clips/{PROFILE.clips[0].id}.wav"

ATTACKS: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "no profile file"),
    "no zip": (lambda: b"PK\x03\x04junk" * 99, "no profile file"),
    "cut off": (lambda: FILE[:-40], "no profile file"),
    "damaged": (lambda: FILE[:200] + bytes(100) + FILE[300:], "."),
    "a path that climbs": (lambda: zipped({**members(), "../../etc/cron.d/x": b"x"}), "does not belong"),
    "an absolute path": (lambda: zipped({**members(), "/etc/passwd": b"x"}), "does not belong"),
    "a folder in the name": (lambda: zipped({**members(), f"clips/../clips/{'0' * 64}.wav": b""}), "does not belong"),
    "too many files": (lambda: zipped({**members(), **{f"clips/{i:064x}.wav": b"" for i in range(60)}}), "files in it"),
    "a bomb": (lambda: zipped({**members(), WAV: bytes(1 << 29)}), "unpacks to more"),
    "a smaller bomb": (lambda: zipped({**members(), WAV: bytes(1 << 26)}), "is longer than"),
    "a manifest that is a bomb": (swapped(manifest__json=b" " * (1 << 24)), "is longer than"),
    "no manifest": (lambda: zipped({"vectors.npz": b""}), r"no manifest\.json"),
    "no vectors": (lambda: zipped({"manifest.json": b"{}"}), r"no vectors\.npz"),
    "no JSON": (swapped(manifest__json=b"{"), "no JSON"),
    "deep JSON": (swapped(manifest__json=b"[" * 100_000), "no JSON"),
    "a list": (swapped(manifest__json=b"[]"), "manifest"),
    "a newer format": (swapped(manifest__json=changed_manifest(format=2)), "newer Dragoman"),
    "format 0": (swapped(manifest__json=changed_manifest(format=0)), "reads 1"),
    "an unknown key": (swapped(manifest__json=changed_manifest(admin=True)), "admin"),
    "a number for a name": (swapped(manifest__json=changed_manifest(name=7)), "name"),
    "an id that is a path": (swapped(manifest__json=changed_manifest(id="../../x")), "id"),
    "no clips": (swapped(manifest__json=changed_manifest(clips=[])), "clips"),
    "not a number": (swapped(manifest__json=changed_manifest(created=float("nan"))), "created"),
    "a date that no calendar has": (swapped(manifest__json=changed_manifest(created=1e300)), "created is 1e"),
    "a change before there were computers": (swapped(manifest__json=changed_manifest(changed=-1.0)), "changed is -1"),
    "a name of two lines": (swapped(manifest__json=changed_manifest(name="Ann\nlevel=error")), "control characters"),
    "a name that turns the line round": (swapped(manifest__json=changed_manifest(name="a\u202eb")), "control"),
    "a speed of 9": (
        swapped(manifest__json=changed_manifest(defaults={"speed": 9.0, "pitch": 0.0, "gain_db": 0.0})),
        "speed",
    ),
    "a model that is not named": (swapped(manifest__json=changed_manifest(models={})), "which model"),
    "a pickle": (with_vector("identity.npy", npy(np.array([{}], object))), "array of object"),
    "a compressed vector": (
        with_vector("identity.npy", npy(np.zeros(9, np.float32)), zipfile.ZIP_DEFLATED),
        "compressed",
    ),
    "a vector of nan": (with_vector("identity.npy", npy(np.full(9, np.nan, np.float32))), "finite"),
    "a vector of doubles": (with_vector("identity.npy", npy(np.zeros(9))), "float64"),
    "a vector that says it is huge": (
        with_vector(
            "identity.npy",
            npy(np.zeros(9, np.float32), header=b"{'descr':'<f4','fortran_order':False,'shape':(9000000000,)}\n"),
        ),
        "shape",
    ),
    "a header that is code": (
        with_vector("identity.npy", npy(np.zeros(9, np.float32), header=b"__import__('os').abort()\n")),
        "cannot be read",
    ),
    "a vector of no clip": (with_vector("40.gpt.npy", npy(np.zeros((2, 2), np.float32))), "no clip"),
    "half of the latents": (with_vector("0.gpt.npy", npy(np.zeros((2, 2), np.float32))), "half"),
    "another recording": (lambda: zipped({**members(), WAV: members()[f"clips/{PROFILE.clips[1].id}.wav"]}), "hash"),
    "no WAV": (lambda: zipped({**members(), WAV: b"RIFF"}), "no WAV"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks(attack: str) -> None:
    make, text = ATTACKS[attack]
    data = make()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ProfileInvalid, match=text):
        unpack(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024, "it took more than 64 MiB"


def test_a_file_that_is_too_long_is_not_even_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_ARCHIVE", len(FILE) - 1)
    with pytest.raises(ProfileInvalid, match="at most"):
        unpack(FILE)


def test_an_encrypted_zip_is_refused() -> None:
    flagged = bytearray(FILE)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        flagged[flagged.index(signature) + offset] |= 1
    with pytest.raises(ProfileInvalid, match="no profile file"):
        unpack(bytes(flagged))


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, len(FILE) - 1), st.integers(0, 255)), min_size=1, max_size=8), st.booleans())
def test_files_with_wrong_bytes_are_refused_or_still_a_profile(
    flips: list[tuple[int, int]], near_the_end: bool
) -> None:
    data = bytearray(FILE)
    for at, value in flips:
        data[len(FILE) - 1 - at % 900 if near_the_end else at] = value
    try:
        profile, _ = unpack(bytes(data))
    except ProfileInvalid:
        return
    assert profile.clips


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=300))
def test_any_bytes_are_no_vectors(data: bytes) -> None:
    with pytest.raises(ProfileInvalid):
        read_vectors(data)
