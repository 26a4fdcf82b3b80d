"""A profile as one file, to keep or to move to another site: a zip of manifest, vectors and the recordings.

``manifest.json``, ``vectors.npz`` and ``clips/<id>.wav`` (24 kHz, 16 bits, mono), nothing else. What is read is checked
as if an enemy had made it: names, number, sizes as they unpack, and every recording against the hash that names it.
"""

from __future__ import annotations

import io
import re
import wave
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from dragoman.errors import ProfileInvalid
from dragoman.voices.make import CLIP_RATE, Audio, clip_id
from dragoman.voices.profile import MAX_CLIPS, VoiceProfile
from dragoman.voices.store.codec import MAX_MANIFEST, MAX_VECTORS, read_profile, write_manifest, write_vectors

MANIFEST, VECTORS = "manifest.json", "vectors.npz"

MAX_CLIP_BYTES: Final = 125 * CLIP_RATE * 2
"""Bytes of one recording as WAV: the longest clip (clip.MAX_SECONDS) and its header."""

MAX_ARCHIVE: Final = 128 * 1024 * 1024
"""Bytes of a whole file, and of all it unpacks to: 45 minutes of recordings."""

CLOCKS_S: Final = 86_400.0
"""Seconds by which another site's clock may be ahead: a wrong zone."""

_CLIP_NAME = re.compile(r"clips/([0-9a-f]{64})\.wav", re.ASCII)

_READ_ERRORS = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError, RuntimeError, OSError)
"""What zipfile raises for files that are broken, encrypted or packed in a way it does not know."""


def pack(profile: VoiceProfile, audio: Mapping[str, Audio]) -> bytes:
    """The file of a profile; ``audio`` by clip id, recordings that were not kept may lack."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as members:
        members.writestr(MANIFEST, write_manifest(profile))
        members.writestr(VECTORS, write_vectors(profile))
        for clip in profile.clips:
            if clip.id in audio:
                members.writestr(f"clips/{clip.id}.wav", _wav(audio[clip.id]))
    return file.getvalue()


def unpack(data: bytes) -> tuple[VoiceProfile, dict[str, Audio]]:
    """The profile of a file, and its recordings by clip id.

    Raises:
        ProfileInvalid: says what is wrong with the file.
    """
    if len(data) > MAX_ARCHIVE:
        raise ProfileInvalid(f"a file of {len(data)} bytes; {MAX_ARCHIVE} at most")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as members:
            clips = _names(members)
            profile = read_profile(_member(members, MANIFEST, MAX_MANIFEST), _member(members, VECTORS, MAX_VECTORS))
            known = {clip.id for clip in profile.clips}
            if unknown := set(clips) - known:
                raise ProfileInvalid(f"a recording of no clip: {min(unknown)[:12]}")
            audio = {key: _read_wav(_member(members, name, MAX_CLIP_BYTES), key) for key, name in clips.items()}
    except _READ_ERRORS as error:
        raise ProfileInvalid(f"this is no profile file, or a broken one: {error}") from None
    return profile, audio


def take(data: bytes, now: float) -> tuple[VoiceProfile, dict[str, Audio]]:
    """``unpack`` of a file that comes in from elsewhere at unix time ``now``: the profile begins anew here.

    Raises:
        ProfileInvalid: says what is wrong with the file.
    """
    profile, audio = unpack(data)
    if profile.consent.at > now + CLOCKS_S:
        raise ProfileInvalid("its consent is of a time that is still to come")
    return replace(profile, version=1), audio


def _names(members: zipfile.ZipFile) -> dict[str, str]:
    """Names of the recordings by clip id. Nothing is ever written under a name of the file's: all stays in memory."""
    infos = members.infolist()
    if len(infos) > 2 + MAX_CLIPS:
        raise ProfileInvalid(f"{len(infos)} files in it; {2 + MAX_CLIPS} at most")
    if sum(info.file_size for info in infos) > MAX_ARCHIVE:
        raise ProfileInvalid(f"it unpacks to more than {MAX_ARCHIVE} bytes")
    names = [info.filename for info in infos]
    if len(set(names)) != len(names):
        raise ProfileInvalid("two files in it have one name")
    for name in (MANIFEST, VECTORS):
        if name not in names:
            raise ProfileInvalid(f"there is no {name} in it")
    clips = {}
    for name in names:
        if match := _CLIP_NAME.fullmatch(name):
            clips[match[1]] = name
        elif name not in (MANIFEST, VECTORS):
            raise ProfileInvalid(f"a file in it that does not belong there: {name[:80]!r}")
    return clips


def _member(members: zipfile.ZipFile, name: str, most: int) -> bytes:
    """A file of the archive; no more of it is unpacked than ``most`` bytes, whatever it says of itself."""
    with members.open(name) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ProfileInvalid(f"{name} is longer than {most} bytes")
    return data


def _wav(audio: Audio) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(CLIP_RATE)
        out.writeframes(audio.astype("<i2").tobytes())
    return file.getvalue()


def _read_wav(data: bytes, key: str) -> Audio:
    try:
        with wave.open(io.BytesIO(data)) as file:
            form = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            frames = file.readframes(len(data)) if form == (1, 2, CLIP_RATE) else b""
    except (wave.Error, EOFError, ValueError, ZeroDivisionError) as error:
        raise ProfileInvalid(f"recording {key[:12]} is no WAV: {error}") from None
    if form != (1, 2, CLIP_RATE):
        raise ProfileInvalid(f"recording {key[:12]} is not mono, 16 bits, {CLIP_RATE} Hz")
    audio: Audio = np.frombuffer(frames[: len(frames) // 2 * 2], "<i2").astype(np.int16)
    if clip_id(audio) != key:
        raise ProfileInvalid(f"recording {key[:12]} is not what its hash says: it was changed or cut off")
    return audio
