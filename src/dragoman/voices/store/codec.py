"""A profile as bytes: a manifest in JSON for what can be read, and its vectors as an uncompressed ``.npz``.

Both come back from files that others may have written, so nothing is believed: sizes are checked before anything is
allocated, nothing is unpickled, and what does not fit raises ProfileInvalid.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dragoman.errors import ProfileInvalid
from dragoman.voices.profile import (
    MAX_CLIPS,
    MAX_LATENTS,
    Clip,
    Consent,
    Defaults,
    Latents,
    Models,
    Prosody,
    VoiceProfile,
)

FORMAT: Final = 1
"""Of manifest and vectors; raised when a reader of this one could not read the next."""

MAX_MANIFEST: Final = 256 * 1024
"""Bytes: 50 clips at 400, a page of consent in any script, and as much again."""

MAX_VECTORS: Final = 4 * (MAX_CLIPS * MAX_LATENTS // 8)
"""Bytes of all vectors: 50 clips with four times the latents of XTTS v2."""

PARTS: Final = ("identity", "style", "gpt", "speaker")
"""Vectors of a clip, in this order after its number: ``3.gpt``."""

_F4 = np.dtype("<f4")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Consent(_Strict):
    given_by: str
    at: float
    text: str
    audio_sha256: str | None = None


class _Defaults(_Strict):
    speed: float
    pitch: float
    gain_db: float


class _Models(_Strict):
    identity: str | None = Field(default=None, max_length=200)
    style: str | None = Field(default=None, max_length=200)
    latents: str | None = Field(default=None, max_length=200)


class _Clip(_Strict):
    id: str
    seconds: float
    snr_db: float
    weight: float
    prosody: tuple[float, float, float, float] | None = None


class _Manifest(_Strict):
    format: int
    id: str
    name: str
    language: str
    version: int
    created: float
    changed: float
    consent: _Consent
    defaults: _Defaults
    models: _Models
    clips: tuple[_Clip, ...] = Field(max_length=MAX_CLIPS)
    notes: tuple[str, ...] = Field(default=(), max_length=10 * MAX_CLIPS)


def write_manifest(profile: VoiceProfile) -> bytes:
    """All of a profile but its vectors, as JSON."""
    made = {
        "format": FORMAT,
        **{key: getattr(profile, key) for key in ("id", "name", "language", "version", "created", "changed", "notes")},
        "consent": _fields(profile.consent),
        "defaults": _fields(profile.defaults),
        "models": _fields(profile.models),
        "clips": [
            {
                **{key: getattr(clip, key) for key in ("id", "seconds", "snr_db", "weight")},
                "prosody": clip.prosody and list(_fields(clip.prosody).values()),
            }
            for clip in profile.clips
        ],
    }
    return json.dumps(made, ensure_ascii=False).encode()


def write_vectors(profile: VoiceProfile) -> bytes:
    """The vectors of a profile, as an uncompressed ``.npz``."""
    arrays: dict[str, npt.NDArray[np.float32]] = {}
    for name in ("identity", "style"):
        if (value := getattr(profile, name)) is not None:
            arrays[name] = value
    for number, clip in enumerate(profile.clips):
        gpt, speaker = (clip.latents.gpt, clip.latents.speaker) if clip.latents is not None else (None, None)
        parts = (clip.identity, clip.style, gpt, speaker)
        arrays.update({f"{number}.{name}": v for name, v in zip(PARTS, parts, strict=True) if v is not None})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as members:
        for name, array in arrays.items():
            inner = io.BytesIO()
            np.lib.format.write_array(inner, np.ascontiguousarray(array, _F4), (1, 0), allow_pickle=False)
            members.writestr(zipfile.ZipInfo(f"{name}.npy"), inner.getvalue())
    return file.getvalue()


def read_profile(manifest: bytes, vectors: bytes | None) -> VoiceProfile:
    """The profile of a manifest and its vectors (None: leave them out).

    Raises:
        ProfileInvalid: says what is wrong.
    """
    found = _read_manifest(manifest)
    arrays = {} if vectors is None else dict(read_vectors(vectors))
    clips = tuple(_clip(each, number, arrays) for number, each in enumerate(found.clips))
    profile = VoiceProfile(
        id=found.id,
        name=found.name,
        consent=Consent(**found.consent.model_dump()),
        clips=clips,
        language=found.language,
        defaults=Defaults(**found.defaults.model_dump()),
        models=Models(**found.models.model_dump()),
        identity=arrays.pop("identity", None),
        style=arrays.pop("style", None),
        version=found.version,
        created=found.created,
        changed=found.changed,
        notes=found.notes,
    )
    if arrays:
        raise ProfileInvalid(f"vectors of no clip: {', '.join(sorted(arrays)[:5])}")
    return profile


def _read_manifest(data: bytes) -> _Manifest:
    if len(data) > MAX_MANIFEST:
        raise ProfileInvalid(f"a manifest of {len(data)} bytes; {MAX_MANIFEST} at most")
    try:
        given = json.loads(data)
        made_by = given.get("format") if isinstance(given, dict) else None
        if isinstance(made_by, int) and made_by > FORMAT:
            raise ProfileInvalid(f"format {made_by} of a newer Dragoman; this one reads up to {FORMAT}")
        # By way of JSON: strict, and yet its lists are tuples.
        manifest = _Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ProfileInvalid(f"manifest: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (ValueError, RecursionError):
        raise ProfileInvalid("the manifest is no JSON") from None
    if manifest.format != FORMAT:
        raise ProfileInvalid(f"format {manifest.format}; this Dragoman reads {FORMAT}")
    return manifest


def read_vectors(data: bytes) -> Mapping[str, npt.NDArray[np.float32]]:
    """The arrays of an uncompressed ``.npz``, by name.

    Raises:
        ProfileInvalid: it is none, or holds anything but float32 arrays of the size they say.
    """
    if len(data) > MAX_VECTORS:
        raise ProfileInvalid(f"{len(data)} bytes of vectors; {MAX_VECTORS} at most")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as members:
            infos = members.infolist()
            if len(infos) > 2 + MAX_CLIPS * len(PARTS):
                raise ProfileInvalid(f"{len(infos)} vectors")
            # Uncompressed and no longer together than the file: no bomb, not by overlapping members either.
            if any(i.compress_type != zipfile.ZIP_STORED for i in infos) or sum(i.file_size for i in infos) > len(data):
                raise ProfileInvalid("the vectors are compressed, or longer than their file")
            arrays = {info.filename.removesuffix(".npy"): _array(members.read(info)) for info in infos}
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, RuntimeError, OSError, KeyError) as error:
        raise ProfileInvalid(f"the vectors cannot be read: {error}") from None
    if len(arrays) != len(infos):
        raise ProfileInvalid("two vectors have one name")
    return arrays


def _array(data: bytes) -> npt.NDArray[np.float32]:
    file = io.BytesIO(data)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("an .npy of another version than 1.0")
    shape, by_column, dtype = np.lib.format.read_array_header_1_0(file)
    rest = data[file.tell() :]
    count = 1
    for length in shape:
        count *= length
    if dtype != _F4 or by_column or len(shape) > 2 or count < 0 or count * _F4.itemsize != len(rest):
        raise ValueError(f"an array of {dtype} with the shape {shape} in {len(rest)} bytes")
    return np.frombuffer(rest, _F4).reshape(shape).astype(np.float32)


def _clip(given: _Clip, number: int, arrays: dict[str, npt.NDArray[np.float32]]) -> Clip:
    identity, style, gpt, speaker = (arrays.pop(f"{number}.{name}", None) for name in PARTS)
    if (gpt is None) != (speaker is None):
        raise ProfileInvalid(f"clip {number} has half of its latents")
    return Clip(
        id=given.id,
        seconds=given.seconds,
        snr_db=given.snr_db,
        weight=given.weight,
        identity=identity,
        style=style,
        prosody=None if given.prosody is None else Prosody(*given.prosody),
        latents=None if gpt is None or speaker is None else Latents(gpt, speaker),
    )


def _fields(item: Consent | Defaults | Models | Prosody) -> dict[str, object]:
    return {name: getattr(item, name) for name in item.__slots__}
