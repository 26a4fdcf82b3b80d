"""A PostgreSQL that goes away in the middle of real calls, and comes back: nobody has to restart anything.

Who speaks in his own voice goes on in it; who comes meanwhile has the neutral one, until the database answers; and what
was to be written is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from tests.e2e.conftest import DaemonFactory, PhoneFactory, conference_of, room_uri
from tests.e2e.daemon import Daemon
from tests.e2e.talking import stop
from tests.e2e.test_voices import said, toml
from tests.postgres import PASSWORD, Postgres, running

from dragoman.demo.scenario import Person
from dragoman.demo.tiny_xtts import enrol
from dragoman.telephony.pbx import Pbx

pytest.importorskip("TTS")

pytestmark = [pytest.mark.timeout(400), pytest.mark.beside]


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A PostgreSQL of this test's own: it is stopped under it."""
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from dragoman.demo.tiny_weights import talkative

    return talkative(tmp_path_factory.mktemp("xtts"), chirping=True)


async def count(daemon: Daemon, what: str) -> float:
    """A counter of what happened to voices."""
    return await metric(daemon, f'dragoman_voices_total{{what="{what}"}}')


async def metric(daemon: Daemon, series: str) -> float:
    async with aiohttp.ClientSession() as session, session.get(f"{daemon.url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(series + " "))


async def answers(daemon: Daemon, up: bool) -> None:
    """Wait until the daemon knows how both stores are."""
    async with asyncio.timeout(30):
        while {await metric(daemon, f'dragoman_store_up{{store="{name}"}}') for name in ("voices", "admin")} != {up}:
            await asyncio.sleep(0.2)


async def audited(daemon: Daemon, profile: str = "") -> list[str]:
    """What the audit log says was done."""
    path = f"/api/audit?profile={profile}" if profile else "/api/audit"
    return [entry["action"] for entry in (await daemon.get(path))["entries"]]


DONE = ["change a leg", "hang up a leg", "drain", "resume"]
"""What operators do with calls while the database is away."""


async def put_out_a_stranger(pbx: Pbx, daemon: Daemon, phone_factory: PhoneFactory) -> None:
    """Mute who came last into room 1000, hang him up, and have the daemon drain for a moment."""
    known = {leg["id"] for leg in await daemon.legs("1000", 3)}
    stranger = await phone_factory("Bob", number="2004")
    await stranger.dial(room_uri(pbx, "1000*34"))
    await stranger.wait_established()
    (leg,) = [leg for leg in await daemon.legs("1000", 4) if leg["id"] not in known]
    path = f"/api/rooms/1000/legs/{leg['channel']}"
    async with aiohttp.ClientSession(daemon.url) as rest:
        async with rest.patch(path, json={"muted": True}) as answer:
            assert answer.status == 200 and (await answer.json())["muted"]
        async with rest.delete(path) as answer:
            assert answer.status == 204
        await daemon.legs("1000", 3)
        async with rest.post("/api/drain") as answer:
            assert answer.status == 202
        async with rest.delete("/api/drain") as answer:
            assert answer.status == 200


async def test_who_speaks_in_his_own_voice_goes_on_and_who_comes_gets_it_when_the_database_is_back(
    pbx: Pbx, daemon_factory: DaemonFactory, phone_factory: PhoneFactory, model: Path, server: Postgres
) -> None:
    url = await asyncio.to_thread(server.database)
    settings = toml(model, url, follow_style=False, small_identity=False) + f'[admin]\nstore = "{url}"\n'
    daemon = await daemon_factory(settings, tone=False)
    people = (
        (Person(name="Ann", language="en", voice="flite:rms"), "2001"),
        (Person(name="Sally", language="en", voice="flite:slt"), "2003"),
    )
    async with aiohttp.ClientSession(daemon.url) as rest:
        ids = {person.name: await enrol(rest, person, number) for person, number in people}
    ann, ines = await phone_factory("Ann", number="2001"), await phone_factory("Inés", number="2002")
    for phone, extension in ((ann, "44"), (ines, "34")):
        await phone.dial(room_uri(pbx, f"1000*{extension}"))
        await phone.wait_established()
    await conference_of(pbx, "1000-en", 2)  # with its booth
    await daemon.legs("1000", 2)
    await said(daemon, ann, "en011a en012a en013a en014a", 1)
    assert (await count(daemon, "cloned"), await count(daemon, "neutral")) == (1, 0)

    await asyncio.to_thread(server.stop)
    await answers(daemon, False)
    await said(daemon, ann, "en015a en016a en017a en018a", 2)
    assert (await count(daemon, "cloned"), await count(daemon, "neutral")) == (2, 0), "his voice is in memory"
    sally = await phone_factory("Sally", number="2003")
    await sally.dial(room_uri(pbx, "1000*44"))
    await sally.wait_established()
    await daemon.legs("1000", 3)
    await said(daemon, sally, "en031c en032c en033c en034c", 3)
    assert (await count(daemon, "cloned"), await count(daemon, "neutral")) == (2, 1)
    assert await count(daemon, "broken") == 1
    async with aiohttp.ClientSession(daemon.url) as rest:
        for method, path, body in (
            ("PATCH", f"/api/voice-profiles/{ids['Ann']}", {"name": "Annie"}),
            ("DELETE", f"/api/voice-profiles/{ids['Ann']}", None),
        ):
            async with rest.request(method, path, json=body) as answer:
                problem = await answer.json()
                assert answer.status == 503 and "Retry-After" in answer.headers, problem
                assert PASSWORD not in problem["detail"]
    await put_out_a_stranger(pbx, daemon, phone_factory)

    await asyncio.to_thread(server.restart)
    await answers(daemon, True)
    async with asyncio.timeout(30):
        while await count(daemon, "assigned") < 2:
            await asyncio.sleep(0.2)
    await said(daemon, sally, "en035c en036c en037c en038c", 4)
    await said(daemon, ann, "en019a en020a en021a en022a", 5)
    assert (await count(daemon, "cloned"), await count(daemon, "neutral")) == (4, 1)
    await stop(ann, ines, sally)
    async with asyncio.timeout(30):
        while "voice unusable" not in await audited(daemon):
            await asyncio.sleep(0.2)
    assert await audited(daemon, ids["Sally"]) == ["enrol a person", "voice used"]
    names = {profile["name"] for profile in (await daemon.get("/api/voice-profiles"))["profiles"]}
    assert names == {"Ann", "Sally"}, "what was refused was not done later"
    assert [action for action in await audited(daemon) if action in DONE] == DONE
