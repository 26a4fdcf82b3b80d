"""Health events over HTTP: as they happen, what was missed, and a limit to who watches."""

from __future__ import annotations

import pytest
from tests.web.serving import Reader, Serving, serving

from dragoman.recovery.kinds import Action, Kind, Status
from dragoman.web.events import EVENTS, WATCHERS

PATH = "/api/events"


def lose_ari(serving: Serving) -> None:
    serving.bus.tell(Kind.ARI_LOST, Action.RECONNECT, Status.RECOVERING, "ari", lag_s=0.4, detail="closed")


async def test_a_watcher_gets_events_as_they_happen() -> None:
    async with serving() as s, s.session.get(PATH) as response:
        assert response.content_type == "text/event-stream"
        reader = Reader(response)
        await reader.begin()
        lose_ari(s)
        event = await reader.event()
        assert (event.id, event.name) == (1, "ari-lost")
        assert event.data == {
            "session": "",
            "component": "ari",
            "kind": "ari-lost",
            "action": "reconnect",
            "status": "recovering",
            "lag_ms": 400.0,
            "detail": "closed",
            "time": 1_700_000_000.0,
        }


async def test_who_comes_again_gets_what_he_missed() -> None:
    async with serving() as s:
        for _ in range(3):
            lose_ari(s)
        async with s.session.get(PATH, headers={"Last-Event-ID": "1"}) as response:
            reader = Reader(response)
            assert [(await reader.event()).id for _ in range(2)] == [2, 3]


@pytest.mark.parametrize("given", ["abc", "-1", "9" * 40])
async def test_a_last_event_id_that_is_none(given: str) -> None:
    async with serving() as s:
        problem = await s.json(PATH, 422, headers={"Last-Event-ID": given})
        assert "Last-Event-ID" in problem["detail"]


async def test_there_is_a_limit_and_the_end_of_the_server_ends_all() -> None:
    async with serving() as s, s.session.get(PATH) as response:
        reader = Reader(response)
        await reader.begin()
        s.app[EVENTS].limit = 1
        assert WATCHERS > 1
        problem = await s.json(PATH, 503)
        assert "1 readers" in problem["detail"]
        s.app[EVENTS].close()
        with pytest.raises(EOFError):
            await reader.event()
        assert "shutting down" in (await s.json(PATH, 503))["detail"]


async def test_it_is_in_the_openapi() -> None:
    async with serving() as s:
        document = await s.json("/api/openapi.json")
        assert "text/event-stream" in document["paths"][PATH]["get"]["responses"]["200"]["content"]
        assert "HealthEvent" in document["components"]["schemas"]
