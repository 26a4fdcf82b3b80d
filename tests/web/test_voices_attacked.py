"""Enrolment over the real REST into the real store, attacked with bad files: it names what is wrong, and stands."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.enrolment.clips import encoded, voiced
from tests.enrolment.test_stored import voices_of
from tests.web.serving import serving
from tests.web.test_voices import ROOT, form

NOTHING = {"unreadable", "silent", "too_short"}
"""Of files with hardly any sound it does not matter what they are called."""

STEREO = encoded(np.stack([voiced(6.0, 48_000), 0.3 * voiced(6.0, 48_000)], axis=1), 48_000, subtype="PCM_24")
TURNED = encoded(np.stack([voiced(6.0, 48_000, seed=2), -voiced(6.0, 48_000, seed=2)], axis=1), 48_000)
BOTH = encoded(np.concatenate([voiced(4.0), voiced(4.0, pitch=230.0)]))
HEADER_ONLY = encoded(np.zeros(0, np.float32))
LYING = STEREO[:40] + b"\xff\xff\xff\x7f" + STEREO[44:4000]
NAN = encoded(np.full(96_000, np.nan, np.float32), subtype="FLOAT")

ATTACKS: dict[str, tuple[bytes, set[str]]] = {
    "no-sound": (HEADER_ONLY, NOTHING),
    "cut-off": (STEREO[:60], NOTHING),
    "lying-header": (LYING, NOTHING),
    "no-numbers": (NAN, {"unreadable"}),
    "noise-for-flac": (b"fLaC" + np.random.default_rng(1).bytes(50_000), {"unreadable"}),
    "noise-for-ogg": (b"OggS" + np.random.default_rng(2).bytes(50_000), {"unreadable"}),
    "noise-for-mp3": (b"ID3\x04\x00" + np.random.default_rng(3).bytes(50_000), {"unreadable"}),
    "two-people": (BOTH, {"two_speakers"}),
    "somebody-else": (encoded(voiced(6.0, pitch=230.0)), {"another_speaker"}),
    "very-short": (encoded(voiced(0.1)), {"too_short"}),
    "40-minutes-of-nothing": (encoded(np.zeros(2400 * 8000, np.float32), 8000, "FLAC"), {"silent"}),
}


VIDEO = b"\0\0\0\x20ftypisom" + bytes(20_000)

TAG = b"APIC" + (20_000_000).to_bytes(4) + b"\0\0" + bytes(20_000_000)
"""Of an MP3: a cover, larger than most clips."""


def voice(seed: int, rate: int = 16_000) -> Any:
    """Another sentence of the same person per ``seed``."""
    return voiced(5.0, rate, seed=seed)


def riff(samples: bytes, size: int) -> bytes:
    """A WAV whose header says that it holds ``size`` bytes of samples."""
    form = (
        (1).to_bytes(2, "little") * 2 + (16_000).to_bytes(4, "little") + (32_000).to_bytes(4, "little") + b"\2\0\x10\0"
    )
    sized = min(size, 0xFFFFFFFF).to_bytes(4, "little")
    return b"RIFF" + sized + b"WAVEfmt \x10\0\0\0" + form + b"data" + sized + samples


def id3(size: int) -> bytes:
    """The head of an ID3v2 tag."""
    return b"ID3\3\0\0" + bytes(size >> shift & 127 for shift in (21, 14, 7, 0))


SAMPLES, OTHERS = ((voice(seed) * 32767).astype("<i2").tobytes() for seed in (20, 32))

ODD: dict[str, tuple[bytes, set[str]]] = {
    "header-without-samples": (riff(b"", 0), {"unreadable"}),
    "sound-that-its-header-denies": (riff(OTHERS, 0), set()),
    "written-into-a-pipe": (riff(SAMPLES, 0xFFFFFFFF), set()),
    "8-bits": (encoded(voice(21), subtype="PCM_U8"), set()),
    "adpcm": (encoded(voice(22), subtype="MS_ADPCM"), set()),
    "beyond-every-scale": (encoded(voice(23) * 1e30, subtype="FLOAT"), {"clipped"}),
    "beyond-float": (encoded(voice(23).astype(np.float64) * 1e300, subtype="DOUBLE"), {"unreadable"}),
    "six-channels": (encoded(np.stack([voice(24)] * 6, axis=1), kind="WAVEX"), {"unreadable"}),
    "turned-and-late": (encoded(np.stack([voice(25), -np.roll(voice(25), 3)], axis=1)), set()),
    "192-khz": (encoded(voice(26, 192_000), 192_000), set()),
    "4-khz": (encoded(voice(27, 4_000), 4_000), {"unreadable"}),
    "mp3-with-a-cover": (id3(len(TAG)) + TAG + encoded(voice(28), kind="MP3"), set()),
    "two-oggs-in-one": (encoded(voice(29), kind="OGG") + encoded(voice(30), kind="OGG"), set()),
    "flac-cut-off": (encoded(voice(31), kind="FLAC")[:-9_000], {"unreadable"}),
    "ten-minutes-in-10-kb": (encoded(np.zeros(600 * 48_000, np.int16), 48_000, "FLAC"), {"silent"}),
    "thousands-of-chunks": (riff(b"", 0)[:36] + b"junk\0\0\0\0" * 9_000, {"unreadable"}),
    "no-video": (b"OggS\0\2" + bytes(20) + b"\1\x2a\x80theora\3\2\1" + bytes(32), {"unreadable"}),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("attacks", [ATTACKS, ODD], ids=["broken", "odd"])
async def test_each_bad_file_is_named_and_the_good_ones_make_the_profile(
    tmp_path: Path, attacks: dict[str, tuple[bytes, set[str]]]
) -> None:
    good = [("stereo.wav", STEREO), ("turned.wav", TURNED), ("mono.wav", encoded(voiced(5.0, seed=3)))]
    async with voices_of(tmp_path) as (_, desk), serving(desk=desk) as s:
        bad = [(f"{name}.wav", data) for name, (data, _) in attacks.items()]
        begun = await s.json(ROOT, 202, method="POST", data=form(*good, *bad))
        async with asyncio.timeout(200):
            while (told := await s.json(f"{ROOT}/{begun['id']}/enrolment"))["state"] not in (
                "done",
                "refused",
                "failed",
            ):
                await asyncio.sleep(0.1)
        assert told["state"] == "done", told
        reports = {report["name"]: report for report in told["clips"]}
        assert all(not reports[name]["faults"] for name, _ in good), reports
        for name, (_, faults) in attacks.items():
            report = reports[f"{name}.wav"]
            if faults:
                assert faults & set(report["faults"]) and report["advice"], report
            else:
                assert report["good"], report
        profile = await s.json(f"{ROOT}/{begun['id']}")
        assert profile["clips"] == sum(report["good"] for report in told["clips"])
        assert not list((tmp_path / "in").iterdir()), "nothing of what was sent stays"


async def test_empty_and_huge_files_and_no_files_are_refused_at_the_door(tmp_path: Path) -> None:
    async with voices_of(tmp_path) as (_, desk), serving(desk=desk) as s:
        await s.json(ROOT, 422, method="POST", data=form())
        for data, status in (
            (b"", 415),
            (b"RIFF\0\0\0\0WAVE" + bytes(33 << 20), 413),
            (b"MZ" + bytes(100), 415),
            (VIDEO, 415),
        ):
            await s.json(ROOT, status, method="POST", data=form(("a.wav", data), ("b.wav", STEREO), ("c.wav", TURNED)))
        assert (await s.json(ROOT))["profiles"] == []
        async with asyncio.timeout(60):
            while any((tmp_path / "in").iterdir()):
                await asyncio.sleep(0.02)
