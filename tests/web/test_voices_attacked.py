"""Enrolment over the real REST into the real store, attacked with bad files: it names what is wrong, and stands."""

from __future__ import annotations

import asyncio
from pathlib import Path

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


@pytest.mark.timeout(300)
async def test_each_bad_file_is_named_and_the_good_ones_make_the_profile(tmp_path: Path) -> None:
    good = [("stereo.wav", STEREO), ("turned.wav", TURNED), ("mono.wav", encoded(voiced(5.0, seed=3)))]
    async with voices_of(tmp_path) as (_, desk), serving(desk=desk) as s:
        bad = [(f"{name}.wav", data) for name, (data, _) in ATTACKS.items()]
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
        for name, (_, faults) in ATTACKS.items():
            report = reports[f"{name}.wav"]
            assert faults & set(report["faults"]) and report["advice"], report
        profile = await s.json(f"{ROOT}/{begun['id']}")
        assert profile["clips"] == 3
        assert not list((tmp_path / "in").iterdir()), "nothing of what was sent stays"


async def test_empty_and_huge_files_and_no_files_are_refused_at_the_door(tmp_path: Path) -> None:
    async with voices_of(tmp_path) as (_, desk), serving(desk=desk) as s:
        await s.json(ROOT, 422, method="POST", data=form())
        for data, status in ((b"", 415), (b"RIFF\0\0\0\0WAVE" + bytes(33 << 20), 413), (b"MZ" + bytes(100), 415)):
            await s.json(ROOT, status, method="POST", data=form(("a.wav", data), ("b.wav", STEREO), ("c.wav", TURNED)))
        assert (await s.json(ROOT))["profiles"] == []
        async with asyncio.timeout(60):
            while any((tmp_path / "in").iterdir()):
                await asyncio.sleep(0.02)
