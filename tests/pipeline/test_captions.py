from __future__ import annotations

import asyncio

from tests.virtual_time import settled, virtual_time

from dragoman.pipeline.captions import (
    HISTORY_DEPTH,
    SUBSCRIBER_DEPTH,
    Caption,
    CaptionHub,
    CaptionKind,
    CaptionSubscription,
)

pytestmark = virtual_time


def caption(text: str, kind: CaptionKind = CaptionKind.CLAUSE, room: str = "1000", language: str = "es") -> Caption:
    return Caption(kind, room, language, "leg/1", "Ann", "en", text, text, 0.0, 1.0)


async def rest(subscription: CaptionSubscription) -> list[str]:
    """What lies ready for a reader who then leaves."""
    subscription.close()
    return [event.text async for _, event in subscription]


async def test_every_reader_gets_what_is_of_his_room_and_language() -> None:
    hub = CaptionHub()
    one, two = hub.subscribe("1000", "es"), hub.subscribe("1000", "es")
    other, elsewhere = hub.subscribe("1000", "en"), hub.subscribe("2000", "es")
    hub.publish(caption("hola"))
    assert await rest(one) == await rest(two) == ["hola"]
    assert await rest(other) == await rest(elsewhere) == []


async def test_a_waiting_reader_is_woken_by_an_event_and_by_the_end() -> None:
    hub = CaptionHub()
    subscription = hub.subscribe("1000", "es")
    got: list[tuple[int, str]] = []

    async def read() -> None:
        async for number, event in subscription:
            got.append((number, event.text))

    reader = asyncio.create_task(read())
    await settled()
    hub.publish(caption("uno"))
    await settled()
    hub.publish(caption("dos"))
    hub.publish(caption("tres"))
    await settled()
    assert got == [(1, "uno"), (2, "dos"), (3, "tres")]
    subscription.close()
    subscription.close()
    await reader


async def test_a_slow_reader_loses_the_oldest_and_it_is_counted() -> None:
    hub = CaptionHub()
    slow = hub.subscribe("1000", "es")
    for i in range(SUBSCRIBER_DEPTH + 3):
        hub.publish(caption(str(i)))
    assert slow.dropped == 3
    assert (await rest(slow))[0] == "3"
    assert hub.dropped == 3


async def test_who_comes_back_gets_what_he_missed_but_no_partials() -> None:
    hub = CaptionHub()
    for i in range(3):
        hub.publish(caption(f"clause {i}"))
        hub.publish(caption(f"partial {i}", CaptionKind.PARTIAL))
    assert await rest(hub.subscribe("1000", "es", after=1)) == ["clause 1", "clause 2"]
    assert await rest(hub.subscribe("1000", "es")) == []


async def test_history_is_bounded_and_ends_with_the_room() -> None:
    hub = CaptionHub()
    for i in range(HISTORY_DEPTH + 5):
        hub.publish(caption(str(i)))
    hub.publish(caption("elsewhere", room="2000"))
    assert (await rest(hub.subscribe("1000", "es", after=0)))[0] == "5"
    hub.close_room("1000")
    assert await rest(hub.subscribe("1000", "es", after=0)) == []
    assert await rest(hub.subscribe("2000", "es", after=0)) == ["elsewhere"]


async def test_demand_is_told_when_readers_come_and_go() -> None:
    seen: list[frozenset[str]] = []
    hub = CaptionHub(lambda: seen.append(hub.languages("1000")))
    first, second = hub.subscribe("1000", "es"), hub.subscribe("1000", "es")
    first.close()
    first.close()
    assert hub.languages("1000") == {"es"}
    second.close()
    assert seen == [{"es"}, {"es"}, {"es"}, frozenset()]
    assert hub.languages("2000") == frozenset()


async def test_a_recorder_is_told_of_everything_whoever_reads() -> None:
    hub, told = CaptionHub(), []
    hub.record = told.append
    hub.publish(caption("hola"))
    hub.publish(caption("ho", CaptionKind.PARTIAL))
    assert [event.text for event in told] == ["hola", "ho"]


async def test_what_is_missing_is_told_in_the_languages_that_are_read_or_were_spoken() -> None:
    hub = CaptionHub()
    reader = hub.subscribe("1000", "ca")
    hub.publish(caption("hola"))
    hub.publish(caption("bonjour", room="2000", language="fr"))
    assert hub.audience("1000") == {"ca", "es"} and hub.audience("2000") == {"fr"}
    reader.close()
    hub.close_room("1000")
    assert hub.audience("1000") == set()
