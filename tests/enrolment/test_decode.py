"""Decoding: every format and rate that is taken gives the same sound, and no file does harm."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.enrolment.clips import encoded, voiced

from dragoman.enrolment import decode as decoding
from dragoman.enrolment.decode import WORKER, Unreadable, decode
from dragoman.enrolment.decode_worker import Unreadable as Unread
from dragoman.enrolment.decode_worker import read


async def decoded(data: bytes, folder: Path) -> object:
    path = folder / "clip"
    path.write_bytes(data)
    found = await decode("a.wav", path, folder / "clip.pcm")
    assert [each.name for each in folder.iterdir()] == ["clip"], "something was left behind"
    return found


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "ULAW"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("MP3", None)],
)
def test_every_format_gives_the_sound_that_went_in(tmp_path: Path, kind: str, subtype: str | None) -> None:
    clip = voiced(3.0, 16_000)
    (tmp_path / "clip").write_bytes(encoded(clip, 16_000, kind, subtype))
    samples, facts = read(str(tmp_path / "clip"), 60.0)
    assert facts["rate"] == 16_000 and facts["seconds"] == pytest.approx(3.0, abs=0.1)
    length = min(len(samples), len(clip))
    lag = np.argmax(np.correlate(samples[:8000] / 32768, clip[2000:6000]))  # MP3 begins with its encoder's delay
    got, want = samples[lag : lag + 16_000] / 32768, clip[2000:18_000]
    assert length > 40_000 and np.corrcoef(got, want)[0, 1] > 0.98


FORBIDDEN = """\
import ctypes, os, sys
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
if ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0):
    sys.exit("no such thing")
os.execv(sys.executable, [sys.executable, "-m", *sys.argv[1:]])
"""
"""As systemd's MemoryDenyWriteExecute, by the kernel's own means (Linux 6.3)."""


@pytest.mark.parametrize(("kind", "subtype"), [("WAV", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("MP3", None)])
def test_it_reads_where_code_may_not_be_written_at_run_time(tmp_path: Path, kind: str, subtype: str | None) -> None:
    (tmp_path / "clip").write_bytes(encoded(voiced(3.0, 16_000), 16_000, kind, subtype))
    command = [sys.executable, "-c", FORBIDDEN, WORKER, str(tmp_path / "clip"), str(tmp_path / "out"), "60"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "no such thing" in done.stderr:
        pytest.skip("this kernel has no PR_SET_MDWE")
    assert json.loads(done.stdout)["seconds"] == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 24_000, 44_100, 48_000, 96_000])
def test_any_rate_comes_out_at_24_khz_or_as_it_is_below(tmp_path: Path, rate: int) -> None:
    (tmp_path / "clip").write_bytes(encoded(voiced(2.0, rate), rate))
    samples, facts = read(str(tmp_path / "clip"), 60.0)
    assert facts["rate"] == min(rate, 24_000)
    assert len(samples) == pytest.approx(2.0 * facts["rate"], abs=2)


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW", "IMA_ADPCM", "DOUBLE", "PCM_24"])
def test_odd_codings_of_wav_are_read(tmp_path: Path, subtype: str) -> None:
    (tmp_path / "clip").write_bytes(encoded(voiced(2.0, 8_000), 8_000, subtype=subtype))
    samples, facts = read(str(tmp_path / "clip"), 60.0)
    assert facts["rate"] == 8_000 and facts["seconds"] == pytest.approx(2.0, abs=0.1) and np.abs(samples).max() > 1000


def test_a_header_that_promises_more_than_there_is_costs_nothing(tmp_path: Path) -> None:
    data = encoded(voiced(2.0))
    (tmp_path / "clip").write_bytes(data[:40] + b"\xf0\xff\xff\x7f" + data[44:])
    samples, facts = read(str(tmp_path / "clip"), 60.0)
    assert facts["seconds"] == pytest.approx(2.0) and len(samples) == 2.0 * facts["rate"]


@pytest.mark.parametrize("order", ["LITTLE", "BIG"])
def test_a_wav_that_was_written_into_a_pipe_is_read_to_its_end(tmp_path: Path, order: str) -> None:
    """Its header says that there are 0 bytes of samples, and of all."""
    out = BytesIO()
    soundfile.write(out, voiced(2.0, 24_000), 24_000, format="WAV", subtype="PCM_16", endian=order)
    data = out.getvalue()
    at = data.index(b"data")
    (tmp_path / "clip").write_bytes(data[:4] + bytes(4) + data[8 : at + 4] + bytes(4) + data[at + 8 :])
    samples, facts = read(str(tmp_path / "clip"), 60.0)
    assert facts["seconds"] == pytest.approx(2.0) and facts["whole"]
    (tmp_path / "clip").write_bytes(data)
    assert np.array_equal(samples, read(str(tmp_path / "clip"), 60.0)[0])
    length = struct.pack("<I" if order == "LITTLE" else ">I", 5)
    for after in (b"", b"LIST" + length + b"notes\0"):
        (tmp_path / "clip").write_bytes(data[: at + 4] + bytes(4) + after)
        with pytest.raises(Unread, match="no sound"):
            read(str(tmp_path / "clip"), 60.0)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_of_several_recordings_is_read_to_its_end(tmp_path: Path, subtype: str) -> None:
    rates = (48_000, 48_000, 16_000)
    made = [
        encoded(voiced(seconds, rate), rate, "OGG", subtype) for seconds, rate in zip((2, 1, 1), rates, strict=True)
    ]
    single = []
    for data in made:
        (tmp_path / "clip").write_bytes(data)
        single.append(read(str(tmp_path / "clip"), 60.0))
    (tmp_path / "clip").write_bytes(b"".join(made))
    samples, facts = read(str(tmp_path / "clip"), 60.0)
    assert facts["seconds"] == pytest.approx(4.0, abs=0.05) and facts["whole"] and facts["rate"] == 16_000
    assert len(samples) == pytest.approx(4.0 * 16_000, rel=0.02)
    (tmp_path / "clip").write_bytes(b"".join(made[:2]))
    assert np.array_equal(read(str(tmp_path / "clip"), 60.0)[0], np.concatenate([each for each, _ in single[:2]]))
    samples, facts = read(str(tmp_path / "clip"), 2.5)
    assert facts["seconds"] == pytest.approx(2.5, abs=0.05) and not facts["whole"]
    assert not read(str(tmp_path / "clip"), 1.0)[1]["whole"]


def test_channels_are_mixed_unless_they_cancel_each_other(tmp_path: Path) -> None:
    clip = voiced(2.0, 48_000)
    for other in (clip, -clip, 0 * clip):
        (tmp_path / "clip").write_bytes(encoded(np.stack([clip, other], axis=1), 48_000))
        samples, facts = read(str(tmp_path / "clip"), 60.0)
        assert facts["channels"] == 2
        assert np.abs(samples).max() > 0.4 * 32768 * np.abs(clip).max()


def test_clipping_is_found_before_mixing_hides_it(tmp_path: Path) -> None:
    loud = np.clip(20 * voiced(2.0, 48_000), -1, 1)
    (tmp_path / "clip").write_bytes(encoded(np.stack([loud, 0 * loud], axis=1), 48_000))
    assert read(str(tmp_path / "clip"), 60.0)[1]["clipped"] > 0.05
    (tmp_path / "clip").write_bytes(encoded(voiced(2.0)))
    assert read(str(tmp_path / "clip"), 60.0)[1]["clipped"] == 0


def test_of_a_long_file_only_the_beginning_is_read(tmp_path: Path) -> None:
    (tmp_path / "clip").write_bytes(encoded(voiced(5.0)))
    samples, facts = read(str(tmp_path / "clip"), 2.0)
    assert len(samples) == 32_000 and not facts["whole"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_a_broken_file(tmp_path: Path, value: float) -> None:
    clip = voiced(1.0)
    clip[300] = value
    (tmp_path / "clip").write_bytes(encoded(clip, 16_000, "WAV", "FLOAT"))
    with pytest.raises(Unread, match="no numbers: export it again"):
        read(str(tmp_path / "clip"), 60.0)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "cannot be read"),
        (b"RIFF\x00\x00\x00\x00WAVE", "cannot be read|no sound"),
        (encoded(np.zeros(0, np.float32)), "no sound"),
        (encoded(voiced(1.0))[:30], "cannot be read|no sound"),
        (encoded(np.zeros((800, 3), np.float32)), "3 channels"),
        (encoded(voiced(0.1, 4_000), 4_000), "4000 Hz"),
        (encoded(voiced(0.1), 16_000, "AIFF"), "AIFF"),
        (b"this is no sound at all" * 100, "cannot be read"),
        (encoded(voiced(6.0, 48_000), 48_000, "FLAC")[:60_000], "cannot be read .*lost sync.*: send it again"),
        (b"PK\x03\x04" + encoded(voiced(1.0)), "cannot be read .*: send it again"),
        (encoded(voiced(1.0))[:24] + bytes(4) + encoded(voiced(1.0))[28:], "cannot be read .*: send it again"),
    ],
)
def test_what_is_no_clip_is_refused_with_the_reason(tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "clip").write_bytes(data)
    with pytest.raises(Unread, match=why):
        read(str(tmp_path / "clip"), 60.0)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    kind=st.sampled_from(["WAV", "FLAC", "OGG", "MP3"]),
    cut=st.integers(0, 4000),
    flips=st.lists(st.tuples(st.integers(0, 3999), st.integers(0, 255)), max_size=20),
)
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, kind: str, cut: int, flips: list[tuple[int, int]]) -> None:
    data = bytearray(encoded(voiced(0.3), 16_000, kind))
    for at, value in flips:
        data[at % len(data)] = value
    (tmp_path / "clip").write_bytes(bytes(data[: max(len(data) - cut, 0)]))
    try:
        samples, facts = read(str(tmp_path / "clip"), 60.0)
    except Unread:
        return
    assert samples.dtype == np.int16 and 0 < facts["seconds"] <= 60.0


async def test_the_process_reads_and_tells(tmp_path: Path) -> None:
    clip = await decoded(encoded(voiced(2.0, 48_000), 48_000), tmp_path)
    assert isinstance(clip, decoding.Clip)
    assert (clip.name, clip.rate, len(clip.samples)) == ("a.wav", 24_000, 48_000)
    refused = await decoded(b"nothing", tmp_path)
    assert isinstance(refused, Unreadable) and "cannot be read" in refused.why


async def test_a_process_that_dies_is_an_unreadable_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "WORKER", "os.no_such_module")
    assert await decoded(b"RIFF", tmp_path) == Unreadable("a.wav", "it is broken: reading it failed")


async def test_a_process_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "DEADLINE_S", 0.0)
    assert await decoded(encoded(voiced()), tmp_path) == Unreadable("a.wav", "it takes too long to read")


async def test_the_process_gets_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_HTTP__TOKEN", "secret")
    (tmp_path / "spy.py").write_text("import json, os\nprint(json.dumps({'unreadable': ' '.join(sorted(os.environ))}))")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(decoding, "WORKER", "spy")
    (tmp_path / "c").mkdir()
    found = await decoded(b"x", tmp_path / "c")
    assert isinstance(found, Unreadable) and "PATH" in found.why and "DRAGOMAN" not in found.why
