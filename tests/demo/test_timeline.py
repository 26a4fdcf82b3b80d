from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.demo.timeline import GrowthWatch, Timeline

RATE = 16_000
FRAME = 320


def test_a_steady_recording_is_one_stretch() -> None:
    timeline = Timeline(RATE)
    for frame in range(1, 100):
        timeline.observe(5 + frame * 0.02, frame * FRAME)
    assert timeline.stretches == [0]
    assert timeline.time_of(0) == pytest.approx(5)
    assert timeline.time_of(16_000) == pytest.approx(6)


def test_time_in_which_nothing_came_is_kept() -> None:
    timeline = Timeline(RATE)
    timeline.observe(1.0, FRAME)
    timeline.observe(3.0, 2 * FRAME)
    assert timeline.stretches == [0, FRAME]
    assert timeline.time_of(FRAME - 1) < 1.0
    assert timeline.time_of(FRAME) == pytest.approx(2.98)


@given(st.lists(st.floats(0, 0.055), min_size=1, max_size=50), st.data())
def test_late_observations_are_taken_back_by_the_least_late(lateness: list[float], data: st.DataObject) -> None:
    timeline = Timeline(RATE)
    for frame, late in enumerate(lateness, 1):
        timeline.observe(frame * 0.02 + late, frame * FRAME)
    sample = data.draw(st.integers(0, len(lateness) * FRAME))
    assert timeline.time_of(sample) == pytest.approx(sample / RATE + min(lateness))


def test_an_empty_recording_has_no_times() -> None:
    timeline = Timeline(RATE)
    timeline.observe(1.0, -22)  # a header half written
    with pytest.raises(ValueError, match="nothing was recorded"):
        timeline.time_of(0)


async def test_a_growing_file_is_reported(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    seen: asyncio.Queue[Mapping[Path, int]] = asyncio.Queue()
    watch = GrowthWatch(tmp_path, lambda _now, sizes: seen.put_nowait(sizes))
    loop.add_reader(watch, watch.ready)
    try:
        path = tmp_path / "x.wav"
        with path.open("wb", buffering=0) as file:
            for size in (10, 20):
                file.write(b"0123456789")
                async with asyncio.timeout(60):
                    while (await seen.get())[path] != size:
                        pass
    finally:
        loop.remove_reader(watch)
        watch.close()
        watch.close()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        GrowthWatch(tmp_path / "missing", lambda _now, _sizes: None)
