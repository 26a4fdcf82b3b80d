"""Draining, transcripts and the audit log over REST: what is done, by whom, and that it is written down before."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.enrolment.fakes import FakeVoices
from tests.web.administered import Pbx, administered, token
from tests.web.serving import caption, serving

from dragoman.admin.rooms import Room
from dragoman.admin.serving import Administration
from dragoman.admin.tokens import Scope
from dragoman.enrolment.desk import EnrolmentDesk
from dragoman.errors import AdminStoreDown
from dragoman.voices.source import VoiceEvent, VoiceEventKind
from dragoman.web.auth import PINS

PROFILE = "v_" + "0" * 22


async def test_draining_and_taking_it_back(tmp_path: Path) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        told: list[bool] = []
        admin.on_drain = lambda: told.append(admin.draining)
        assert await s.json("/api/drain") == {"draining": False, "legs": 2}
        assert await s.json("/api/drain", 202, method="POST") == {"draining": True, "legs": 2}
        assert admin.load().draining
        await s.json("/api/drain", 202, method="POST")
        assert await s.json("/api/drain", method="DELETE") == {"draining": False, "legs": 2}
        assert told == [True, True, False] and not admin.load().draining


async def spoken(admin: Administration) -> None:
    await admin.put_room(Room("1000", keep_hours=1e5))
    now = admin.clock()
    for at, text in enumerate(["hola <todos>", "qué tal"]):
        admin.take(caption(text, start_unix=now + at, end_unix=now + at + 1))
    admin.take(caption("good morning", language="en", start_unix=now, end_unix=now + 1))
    admin.take(caption("no", room="2000", start_unix=now, end_unix=now + 1))


async def test_a_transcript_in_each_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        await spoken(admin)
        path = "/api/rooms/1000/transcript?lang=es"
        found = await s.json(path)
        assert [(line["speaker"], line["text"]) for line in found["lines"]] == [
            ("Ann", "hola <todos>"),
            ("Ann", "qué tal"),
        ]
        for form, kind in (("txt", "text/plain"), ("srt", "application/x-subrip"), ("vtt", "text/vtt")):
            async with s.session.get(f"{path}&format={form}") as response:
                assert response.content_type == kind
                assert response.headers["Content-Disposition"] == f'attachment; filename="1000-es.{form}"'
                assert "qué tal" in await response.text()
        since = found["lines"][1]["start"].replace("+", "%2B")
        assert len((await s.json(f"{path}&since={since}"))["lines"]) == 1
        assert len((await s.json(f"{path}&until={since}"))["lines"]) == 1
        monkeypatch.setenv("TZ", "America/New_York")
        time.tzset()
        try:
            naive = since.partition("Z")[0]
            assert len((await s.json(f"{path}&since={naive}"))["lines"]) == 1, "UTC, as all that is shown"
            assert len((await s.json(f"{path}&since=0001-01-01"))["lines"]) == 2, "the host's zone has no year 0"
            assert len((await s.json(f"{path}&until=9999-12-31T23:59:59"))["lines"]) == 2
        finally:
            monkeypatch.undo()
            time.tzset()
        assert (await s.json("/api/rooms/2000/transcript?lang=es"))["lines"] == []
        await s.json("/api/rooms/1000/transcript?lang=xx", 422)
        await s.json(f"{path}&format=pdf", 422)


async def test_a_deleted_transcript_is_gone_also_what_was_not_written_yet(tmp_path: Path) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        await spoken(admin)
        assert len((await s.json("/api/rooms/1000/transcript?lang=es"))["lines"]) == 2
        admin.take(caption("tarde", start_unix=admin.clock()))
        assert await s.json("/api/rooms/1000/transcript", method="DELETE") == {"lines": 3}
        assert (await s.json("/api/rooms/1000/transcript?lang=es"))["lines"] == []


async def test_who_did_what_is_written_down(tmp_path: Path) -> None:
    desk = EnrolmentDesk(FakeVoices(), tmp_path / "in")
    async with administered(tmp_path) as admin, serving(admin=admin, desk=desk) as s:
        boss = await token(admin, Scope.ADMIN, name="boss")
        portal = await token(admin, Scope.ENROL, name="portal")
        await s.json(f"/api/voice-profiles/{PROFILE}/export", 404, headers=boss)
        await s.json("/api/caller-ids/+34600111222", 404, headers=boss, method="DELETE")
        await s.json("/api/enrolment-codes", 201, headers=portal, method="POST", json={"name": "Ann", "language": "es"})
        await s.json(f"/api/voice-profiles/{PROFILE}", 403, headers=portal, method="DELETE")
        await s.json("/api/rooms/1000/transcript?lang=es", headers=boss)
        admin.voice_event(VoiceEvent(VoiceEventKind.ASSIGNED, "17.4", PROFILE))
        await admin.journal.flush()
        log = (await s.json("/api/audit", headers=boss))["entries"]
        assert [(each["actor"], each["action"], each["profile"], each["room"], each["detail"]) for each in log] == [
            ("token boss", "export a profile", PROFILE, "", ""),
            ("token boss", "take a caller's voice away", "", "", "caller=...222"),
            ("token portal", "make an enrolment code", "", "", ""),
            ("token boss", "read a transcript", "", "1000", "lang=es format=json"),
            ("caller unknown", "voice used", PROFILE, "", "channel 17.4"),
        ]
        only = (await s.json(f"/api/audit?profile={PROFILE}&after={log[0]['id']}", headers=boss))["entries"]
        assert [each["action"] for each in only] == ["voice used"]
        await s.json("/api/audit", 403, headers=portal)
        await s.json(f"/api/audit?after={2**31}", 422, headers=boss)  # PostgreSQL has no entry of that number


async def test_a_ticket_does_not_get_into_the_audit_log(tmp_path: Path) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        await token(admin, Scope.ADMIN)
        ticket, _ = s.app[PINS].ticket("1000", admin.clock())
        await s.json(f"/api/rooms/1000/transcript?lang=es&ticket={ticket}")
        (entry,) = await admin.open_store().audit(0, 10)
        assert entry.actor == "pin" and ticket not in str(entry)


async def test_who_made_which_room_is_in_the_audit_log_without_its_pin(tmp_path: Path) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        await s.json("/api/rooms", 201, method="POST", json={"room": "1000", "pin": "90210"})
        (entry,) = await admin.open_store().audit(0, 10)
        assert (entry.action, entry.room, entry.detail) == ("set up a room", "1000", "sets=pin")
        assert "90210" not in str(entry)


async def test_what_was_done_to_whom_is_in_the_audit_log(tmp_path: Path) -> None:
    pbx = Pbx()
    pbx.seat("17.4", "en")
    async with administered(tmp_path, pbx) as admin, serving(admin=admin) as s:
        await s.json("/api/rooms/1000/legs/17.4", 409, method="PATCH", json={"muted": True, "language": "es"})
        async with s.session.delete("/api/rooms/1000/legs/17.4") as response:
            assert response.status == 204
        found = [(entry.action, entry.detail) for entry in await admin.open_store().audit(0, 10)]
        assert found == [("change a leg", "leg=17.4 muted=true language=es"), ("hang up a leg", "leg=17.4")]


async def test_what_cannot_be_written_down_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = EnrolmentDesk(FakeVoices(), tmp_path / "in")
    async with administered(tmp_path) as admin, serving(admin=admin, desk=desk) as s:

        async def down(*_: object, **__: object) -> None:
            raise AdminStoreDown("away")

        monkeypatch.setattr(admin.journal, "_write", down)
        for method, path in (
            ("GET", f"/api/voice-profiles/{PROFILE}/export"),
            ("DELETE", f"/api/voice-profiles/{PROFILE}"),
            ("GET", "/api/rooms/1000/transcript?lang=es"),
        ):
            problem = await s.json(path, 503, method=method)
            assert problem["detail"] == "away"
