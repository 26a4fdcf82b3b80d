"""Transcripts: only of rooms that keep them, only what belongs there, written later if the store is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from tests.virtual_time import virtual_time
from tests.web.serving import caption

from dragoman.admin import recorder
from dragoman.admin.model import Line
from dragoman.admin.recorder import FLUSH_S, PURGE_S, Recorder, line_of
from dragoman.errors import AdminStoreDown
from dragoman.pipeline.captions import CaptionKind

pytestmark = virtual_time


class Kept:
    def __init__(self) -> None:
        self.lines: list[tuple[Line, float]] = []
        self.purged: list[float] = []
        self.down = False
        self.known = True
        self.recorder = Recorder(self.hours, self.keep, self.purge, self.clock)

    def hours(self, room: str) -> float | None:
        if not self.known:
            return None
        return 2.0 if room == "1000" else 0.0

    def clock(self) -> float:
        return asyncio.get_running_loop().time()

    async def keep(self, lines: Sequence[tuple[Line, float]]) -> None:
        if self.down:
            raise AdminStoreDown("away")
        self.lines += lines

    async def purge(self, now: float) -> int:
        self.purged.append(now)
        return 0


async def test_a_clause_is_kept_for_the_rooms_hours_and_nothing_of_other_rooms() -> None:
    kept = Kept()
    kept.recorder.take(caption("hola"))
    kept.recorder.take(caption("adiós", room="2000"))
    await kept.recorder.flush()
    ((line, until),) = kept.lines
    assert (line.text, line.speaker, line.start, until) == ("hola", "Ann", 1.0, 1.0 + 7200)


@pytest.mark.parametrize(
    ("kind", "text", "note", "kept"),
    [
        (CaptionKind.PARTIAL, "ho", None, None),
        (CaptionKind.CLAUSE, "hola", None, ("hola", "")),
        (CaptionKind.CLAUSE, "hola", "merged with 3", ("hola", "merged with 3")),
        (CaptionKind.SPOKEN, "hola", None, None),
        (CaptionKind.DROPPED, "hola", "stale", None),  # it was read all the same
        (CaptionKind.DROPPED, "", "no translator", ("", "no translator")),
        (CaptionKind.GAP, "", "away", ("", "away")),
    ],
)
async def test_what_belongs_into_a_transcript(
    kind: CaptionKind, text: str, note: str | None, kept: tuple[str, str] | None
) -> None:
    line = line_of(caption(text, kind, note=note))
    assert (None if line is None else (line.text, line.note)) == kept


async def test_a_store_that_is_away_gets_it_later_and_purging_goes_on() -> None:
    kept = Kept()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(kept.recorder.run())
        kept.down = True
        kept.recorder.take(caption("hola"))
        await asyncio.sleep(FLUSH_S * 3)
        assert kept.lines == []
        kept.down = False
        await asyncio.sleep(FLUSH_S * 2)
        assert [line.text for line, _ in kept.lines] == ["hola"]
        await asyncio.sleep(PURGE_S * 2)
        assert len(kept.purged) >= 2
        running.cancel()


async def test_what_is_said_before_the_rooms_are_known_is_kept_of_those_that_keep_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorder, "DEPTH", 3)
    kept = Kept()
    kept.known = False
    for text, room in (("too old", "1000"), ("hola", "1000"), ("adiós", "2000"), ("bueno", "1000")):
        kept.recorder.take(caption(text, room=room))
    await kept.recorder.flush()
    assert (len(kept.recorder), kept.recorder.dropped, kept.lines) == (3, 1, [])
    kept.known = True
    await kept.recorder.flush()
    assert [(line.text, until) for line, until in kept.lines] == [("hola", 7201.0), ("bueno", 7201.0)]
    assert len(kept.recorder) == 0


async def test_what_is_found_not_to_be_kept_when_it_is_dropped_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "DEPTH", 1)
    kept = Kept()
    kept.known = False
    kept.recorder.take(caption("adiós", room="2000"))
    kept.known = True
    kept.recorder.take(caption("hola"))
    assert (len(kept.recorder), kept.recorder.dropped) == (1, 0)


def slow() -> Kept:
    """A write takes a second."""
    kept = Kept()

    async def write(lines: Sequence[tuple[Line, float]]) -> None:
        await asyncio.sleep(1)
        kept.lines += lines

    kept.recorder = Recorder(kept.hours, write, kept.purge, kept.clock)
    return kept


async def test_two_who_flush_at_once_write_each_line_once() -> None:
    kept = slow()
    kept.recorder.take(caption("hola"))
    await asyncio.gather(kept.recorder.flush(), kept.recorder.flush())
    assert [line.text for line, _ in kept.lines] == ["hola"]


async def test_a_full_queue_loses_the_oldest_and_a_deleted_room_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "DEPTH", 2)
    kept = Kept()
    for text in ("one", "two", "three"):
        kept.recorder.take(caption(text))
    assert kept.recorder.dropped == 1
    kept.recorder.forget("1000")
    await kept.recorder.flush()
    assert kept.lines == []


async def test_what_is_deleted_does_not_come_back_by_a_write_that_was_under_way() -> None:
    kept = slow()
    kept.recorder.take(caption("hola"))
    async with asyncio.TaskGroup() as group:
        group.create_task(kept.recorder.flush())
        await asyncio.sleep(0.5)
        async with kept.recorder.paused():
            kept.recorder.forget("1000")
            kept.lines.clear()
    assert kept.lines == []
