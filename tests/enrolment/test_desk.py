"""The desk: every step is told, the queue is bounded, and whatever happens no clip stays on disk."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.enrolment.clips import voiced
from tests.enrolment.fakes import FakeVoices

from dragoman.enrolment.decode import Unreadable
from dragoman.enrolment.desk import DECODING, REMEMBERED, EnrolmentDesk, Place
from dragoman.enrolment.model import ENDED, Clip, Consent, Enrolment, Order, SentClip, State
from dragoman.errors import EnrolmentBusy, VoiceError
from dragoman.voices.fault import FaultKind

CONSENT = Consent("Ann", "Yes.", 1.0)


async def reader(name: str, path: Path, scratch: Path) -> Clip | Unreadable:
    """Clips here are named by what they are."""
    if name.startswith("broken"):
        return Unreadable(name, "it is broken")
    if name.startswith("crash"):
        raise RuntimeError("a bug")
    pitch = 220.0 if name.startswith("other") else 120.0
    samples = (voiced(1.0 if name.startswith("short") else 3.0, pitch=pitch) * 32767).astype(np.int16)
    return Clip(name, samples, 16_000, len(samples) / 16_000, 0.0)


@asynccontextmanager
async def desk_of(voices: FakeVoices, folder: Path, **changes: Any) -> AsyncIterator[EnrolmentDesk]:
    desk = EnrolmentDesk(voices, folder, **{"reader": reader} | changes)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(desk.run())
        await asyncio.sleep(0)
        try:
            yield desk
        finally:
            running.cancel()
    assert not folder.exists() or not list(folder.iterdir()), "clips stayed on disk"


async def submit(desk: EnrolmentDesk, *names: str) -> Enrolment:
    place = await desk.admit()
    return fill(place, *names)


def fill(place: Place, *names: str) -> Enrolment:
    clips = []
    for number, name in enumerate(names):
        (place.folder / str(number)).write_bytes(b"clip")
        clips.append(SentClip(name, place.folder / str(number)))
    return place.submit(Order("Ann", "en", CONSENT, tuple(clips), callers=("100",)))


async def steps(desk: EnrolmentDesk, enrolment: Enrolment) -> list[Enrolment]:
    async with asyncio.timeout(60):
        return [step async for _, step in desk.watch(enrolment.id)]


async def test_an_enrolment_goes_through_every_state_and_makes_a_profile(tmp_path: Path) -> None:
    voices = FakeVoices()
    async with desk_of(voices, tmp_path / "in") as desk:
        begun = await submit(desk, "a", "b", "c")
        seen = await steps(desk, begun)
        assert list(dict.fromkeys(step.state for step in seen)) == [
            State.QUEUED, State.DECODING, State.EXAMINING, State.MAKING, State.STORING, State.DONE,
        ]  # fmt: skip
        assert seen[-1].warnings == ("no cloning engine is here",)
        assert [clip.name for clip in seen[-1].clips] == ["a", "b", "c"]
        assert voices.mapped == {"100": begun.id}
        assert voices.threads == {"enrolment_0"}, "what computes must not run on the loop's thread"
        assert threading.current_thread().name not in voices.threads


async def test_bad_clips_are_named_and_the_good_ones_suffice(tmp_path: Path) -> None:
    voices = FakeVoices()
    async with desk_of(voices, tmp_path / "in") as desk:
        last = (await steps(desk, await submit(desk, "a", "broken", "b", "short", "other", "c")))[-1]
        assert last.state is State.DONE
        assert [clip.faults for clip in last.clips] == [
            (), (FaultKind.UNREADABLE,), (), (FaultKind.TOO_SHORT,), (FaultKind.ANOTHER_SPEAKER,), (),
        ]  # fmt: skip
        assert voices.stored[last.id].detail.head.clips == 3


async def test_too_few_good_clips_make_no_profile_and_the_reasons_are_told(tmp_path: Path) -> None:
    voices = FakeVoices()
    async with desk_of(voices, tmp_path / "in") as desk:
        last = (await steps(desk, await submit(desk, "a", "broken", "b", "short")))[-1]
        assert last.state is State.REFUSED
        assert last.detail == (
            "2 of 4 clips can be used, 3 are needed. broken: it is broken; short: too short: 2 s or more"
        )
        assert not voices.stored


async def test_clips_none_of_which_can_be_read_are_refused(tmp_path: Path) -> None:
    async with desk_of(FakeVoices(), tmp_path / "in") as desk:
        last = (await steps(desk, await submit(desk, "broken1", "broken2", "broken3")))[-1]
        assert last.state is State.REFUSED


async def test_a_bug_ends_one_enrolment_and_not_the_desk(tmp_path: Path) -> None:
    voices = FakeVoices()
    async with desk_of(voices, tmp_path / "in") as desk:
        last = (await steps(desk, await submit(desk, "crash", "a", "b")))[-1]
        assert last.state is State.FAILED and "bug" not in last.detail
        voices.in_put = lambda: _fail()
        last = (await steps(desk, await submit(desk, "a", "b", "c")))[-1]
        assert (last.state, last.detail) == (State.FAILED, "the disk is full")
        voices.in_put = lambda: None
        assert (await steps(desk, await submit(desk, "a", "b", "c")))[-1].state is State.DONE


def _fail() -> None:
    raise VoiceError("the disk is full")


async def test_more_than_fit_are_told_when_to_come_back(tmp_path: Path) -> None:
    async with desk_of(FakeVoices(), tmp_path / "in", receiving=2) as desk:
        one, two = await desk.admit(), await desk.admit()
        with pytest.raises(EnrolmentBusy, match="2 senders") as refused:
            await desk.admit()
        assert refused.value.retry_after > 0 and desk.refused == 1
        await one.release()
        await one.release()
        three = await desk.admit()
        two.arrived()
        four = await desk.admit()
        for place in (two, three, four):
            await place.release()


async def test_who_began_to_send_is_queued_however_many_there_are_by_then(tmp_path: Path) -> None:
    go = asyncio.Event()

    async def slow(name: str, path: Path, scratch: Path) -> Clip | Unreadable:
        await go.wait()
        return Unreadable(name, "it is broken")

    async with desk_of(FakeVoices(), tmp_path / "in", waiting=2, reader=slow) as desk:
        late = await desk.admit()
        for _ in range(2):
            await submit(desk, "a")
        with pytest.raises(EnrolmentBusy, match="2 enrolments are under way"):
            await desk.admit()
        last = fill(late, "a")
        go.set()
        assert (await steps(desk, last))[-1].state is State.REFUSED, "it was looked at"


async def test_few_clips_are_decoded_at_once(tmp_path: Path) -> None:
    busy: set[str] = set()
    most = 0

    async def slow(name: str, path: Path, scratch: Path) -> Clip | Unreadable:
        nonlocal most
        busy.add(name)
        most = max(most, len(busy))
        await asyncio.sleep(0)
        busy.discard(name)
        return Unreadable(name, "it is broken")

    async with desk_of(FakeVoices(), tmp_path / "in", reader=slow) as desk:
        await asyncio.gather(*(desk.read(str(number), tmp_path / "clip") for number in range(9)))
    assert most == DECODING


async def test_who_waits_is_told_how_many_are_before_him(tmp_path: Path) -> None:
    gate = threading.Event()
    voices = FakeVoices(in_make=lambda: gate.wait(60) and None)
    async with desk_of(voices, tmp_path / "in") as desk:
        first = await submit(desk, "a", "b", "c")
        async for _, step in desk.watch(first.id):
            if step.state is State.MAKING:
                break
        second, third = await submit(desk, "a", "b", "c"), await submit(desk, "a", "b", "c")
        assert (second.ahead, third.ahead) == (1, 2)
        gate.set()
        seen = await steps(desk, third)
        assert [step.ahead for step in seen if step.state is State.QUEUED] == [2, 1]


@pytest.mark.parametrize("state", [State.QUEUED, State.DECODING, State.EXAMINING, State.MAKING, State.STORING])
async def test_cancelling_in_any_state_leaves_nothing(tmp_path: Path, state: State) -> None:
    gate, stored = threading.Event(), asyncio.Event()
    voices = FakeVoices()
    holding = asyncio.Event()

    async def slow(name: str, path: Path, scratch: Path) -> Clip | Unreadable:
        if state is State.DECODING:
            holding.set()
            await asyncio.Event().wait()
        return await reader(name, path, scratch)

    loop = asyncio.get_running_loop()

    def held() -> None:
        loop.call_soon_threadsafe(holding.set)
        gate.wait(60)

    async def storing() -> None:
        holding.set()
        await stored.wait()

    if state is State.EXAMINING:
        real = voices.examine
        voices.examine = lambda clips: (held(), real(clips))[1]  # type: ignore[method-assign]
    elif state in (State.MAKING, State.QUEUED):
        voices.in_make = held
    elif state is State.STORING:
        voices.in_put = storing
    async with desk_of(voices, tmp_path / "in", reader=slow) as desk:
        first = await submit(desk, "a", "b", "c")
        async with asyncio.timeout(60):
            await holding.wait()
        target = await submit(desk, "a", "b", "c") if state is State.QUEUED else first
        found = desk.status(target.id)
        assert found is not None and found.state is state
        async with asyncio.TaskGroup() as group:
            cancelling = group.create_task(desk.cancel(target.id))
            await asyncio.sleep(0)
            stored.set()
            assert await cancelling
        found = desk.status(target.id)
        assert found is not None and found.state is State.CANCELLED
        assert target.id not in voices.stored
        assert not (tmp_path / "in" / target.id).exists()
        assert not await desk.cancel(target.id)
        gate.set()
        voices.in_put = lambda: None
        voices.in_make = lambda: None
        if state is not State.DECODING:
            assert (await steps(desk, await submit(desk, "a", "b", "c")))[-1].state is State.DONE


async def test_a_database_that_goes_away_while_it_stores_keeps_nothing_in_the_end(tmp_path: Path) -> None:
    voices = FakeVoices()

    async def lost() -> None:
        voices.away = True

    voices.in_put = lost
    async with desk_of(voices, tmp_path / "in") as desk:
        last = (await steps(desk, await submit(desk, "a", "b", "c")))[-1]
        assert (last.state, last.detail) == (State.FAILED, "the database does not answer")
        assert len(desk.leftovers) == 1, "it may be stored: nobody said that it is not"


async def test_what_an_earlier_daemon_left_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "in" / "old").mkdir(parents=True)
    (tmp_path / "in" / "old" / "clip").write_bytes(b"x")
    async with desk_of(FakeVoices(), tmp_path / "in") as desk:
        await steps(desk, await submit(desk, "a", "b", "c"))
        assert not (tmp_path / "in" / "old").exists()


async def test_stopping_ends_what_is_under_way(tmp_path: Path) -> None:
    async with desk_of(FakeVoices(), tmp_path / "in") as desk:
        place = await desk.admit()
        begun = await submit(desk, "a", "b", "c")
    found = desk.status(begun.id)
    assert found is None or found.state in ENDED
    with pytest.raises(EnrolmentBusy, match="shutting down"):
        await desk.admit()
    with pytest.raises(EnrolmentBusy, match="shutting down"):
        place.submit(Order("Ann", "en", CONSENT, ()))
    await place.release()


async def test_old_reports_are_forgotten(tmp_path: Path) -> None:
    async with desk_of(FakeVoices(), tmp_path / "in") as desk:
        begun = [await submit(desk, "broken") for _ in range(1)]
        await steps(desk, begun[0])
        for _ in range(REMEMBERED):
            await steps(desk, await submit(desk, "broken"))
        assert desk.status(begun[0].id) is None
        assert [step async for step in desk.watch(begun[0].id)] == []


async def test_a_reader_who_comes_back_gets_what_he_missed(tmp_path: Path) -> None:
    async with desk_of(FakeVoices(), tmp_path / "in") as desk:
        begun = await submit(desk, "a", "b", "c")
        everything = [found async for found in desk.watch(begun.id)]
        assert [number for number, _ in everything] == list(range(1, len(everything) + 1))
        assert [found async for found in desk.watch(begun.id, after=3)] == everything[3:]


async def test_what_is_forgotten_is_not_told_while_its_clips_are_being_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, delete = threading.Event(), shutil.rmtree

    def slow(folder: Path, *, ignore_errors: bool) -> None:
        release.wait(60)
        delete(folder, ignore_errors=ignore_errors)

    async with desk_of(FakeVoices(), tmp_path / "in") as desk:
        monkeypatch.setattr(shutil, "rmtree", slow)
        try:
            begun = await submit(desk, "a", "b", "c")
            assert [step async for _, step in desk.watch(begun.id)][-1].state is State.DONE
            desk.forget(begun.id)
            assert desk.status(begun.id) is None
        finally:
            release.set()
