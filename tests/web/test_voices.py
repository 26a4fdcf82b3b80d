"""Voice profiles over REST: what each route answers, and that no clip, form or sender does harm."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from tests.enrolment.clips import encoded, voiced, wav
from tests.enrolment.fakes import FakeVoices
from tests.web.serving import Reader, Serving, serving

from dragoman.enrolment.codes import CodeBook
from dragoman.enrolment.desk import EnrolmentDesk
from dragoman.web import server, upload

BOUNDED = "multipart/form-data; boundary=x"
ROOT = "/api/voice-profiles"
TEXTS = {"name": "Ann", "language": "en", "consent_who": "Ann", "consent_text": "You may use my voice."}


@dataclass
class Site:
    s: Serving
    desk: EnrolmentDesk
    voices: FakeVoices
    folder: Path
    codes: CodeBook

    async def enrol(self, *clips: bytes | tuple[str, bytes], status: int = 202, **texts: Any) -> Any:
        return await self.s.json(ROOT, status, method="POST", data=form(*clips, **texts))

    async def ended(self, profile_id: str) -> Any:
        """The last event of an enrolment."""
        async with self.s.session.get(f"{ROOT}/{profile_id}/progress") as response:
            assert response.content_type == "text/event-stream"
            reader, last = Reader(response), None
            try:
                while True:
                    last = await reader.event()
            except EOFError:
                assert last is not None and last.name == last.data["state"]
                return last.data

    async def profile(self, **texts: Any) -> str:
        """A profile, enrolled."""
        begun = await self.enrol(wav(), wav(seed=2), wav(seed=3), **texts)
        assert (await self.ended(begun["id"]))["state"] == "done"
        return str(begun["id"])


@asynccontextmanager
async def site(folder: Path, http: dict[str, Any] | None = None, **changes: Any) -> AsyncIterator[Site]:
    voices, codes = FakeVoices(), CodeBook()
    desk = EnrolmentDesk(voices, folder / "in", **changes)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(desk.run())
        async with serving(http, desk=desk, codes=codes) as s:
            yield Site(s, desk, voices, folder / "in", codes)
            async with asyncio.timeout(60):
                while any(folder.glob("in/*")):  # enrolments that a test left behind; the desk is quick
                    await asyncio.sleep(0.02)
        running.cancel()


def form(*clips: bytes | tuple[str, bytes], **texts: Any) -> aiohttp.FormData:
    made = aiohttp.FormData(default_to_multipart=True)
    for name, value in (TEXTS | texts).items():
        for each in value if isinstance(value, list) else [value]:
            if each is not None:
                made.add_field(name, each)
    for number, clip in enumerate(clips):
        name, data = clip if isinstance(clip, tuple) else (f"{number}.wav", clip)
        made.add_field("clip", data, filename=name, content_type="audio/wav")
    return made


async def test_three_clips_make_a_profile(tmp_path: Path) -> None:
    async with site(tmp_path) as web:
        async with web.s.session.post(ROOT, data=form(wav(), wav(), wav(), caller=["100", "+34600"])) as response:
            assert response.status == 202
            begun = await response.json()
            assert response.headers["Location"] == f"{ROOT}/{begun['id']}/enrolment"
        assert begun["state"] == "queued"
        last = await web.ended(begun["id"])
        assert last["state"] == "done" and all(clip["good"] for clip in last["clips"])
        assert await web.s.json(f"{ROOT}/{begun['id']}/enrolment") == last
        profile = await web.s.json(f"{ROOT}/{begun['id']}")
        assert profile["callers"] == ["100", "+34600"] and profile["consent"]["text"] == TEXTS["consent_text"]
        assert [head["id"] for head in (await web.s.json(ROOT))["profiles"]] == [begun["id"]]
        assert (await web.s.json(ROOT, params={"offset": 1}))["profiles"] == []


async def test_names_are_written_as_people_write_them(tmp_path: Path) -> None:
    async with site(tmp_path) as web:
        path = f"{ROOT}/{await web.profile()}"
        for name in ("Łukasz 😀", "👩\u200d🔬 Zoë", "می\u200cخواهم", "क्\u200dष", "王"):
            assert (await web.s.json(path, method="PATCH", json={"name": name}))["name"] == name


async def test_every_kind_of_file_at_once(tmp_path: Path) -> None:
    clip = voiced(3.0, 48_000)
    files = (
        ("a.flac", encoded(clip, 48_000, "FLAC")),
        ("b.ogg", encoded(clip, 48_000, "OGG")),
        ("c.mp3", encoded(clip, 48_000, "MP3")),
        ("d.wav", encoded(np.stack([clip, clip], axis=1), 48_000)),
        ("e.wav", encoded(voiced(3.0, 8_000), 8_000, "WAV", "ULAW")),
        ("renamed.txt", wav()),
    )
    async with site(tmp_path) as web:
        last = await web.ended((await web.enrol(*files))["id"])
        assert [(clip["name"], clip["faults"]) for clip in last["clips"]] == [(name, []) for name, _ in files]


async def test_what_is_wrong_with_each_clip_is_told(tmp_path: Path) -> None:
    loud = encoded(np.clip(30 * voiced(3.0), -1, 1))
    bad = (
        ("short.wav", wav(seconds=1.0)),
        ("silent.wav", encoded(np.zeros(48_000, np.float32))),
        ("clipped.wav", loud),
        ("other.wav", wav(pitch=230.0)),
        ("cut.flac", encoded(voiced(3.0), 16_000, "FLAC")[:60]),
    )
    async with site(tmp_path) as web:
        last = await web.ended((await web.enrol(wav(), *bad, wav(seed=2), wav(seed=3), ("x.wav", wav())))["id"])
        assert last["state"] == "done"
        assert [clip["faults"] for clip in last["clips"][1:6]] == [
            ["too_short"], ["silent"], ["clipped"], ["another_speaker"], ["unreadable"],
        ]  # fmt: skip
        assert all(clip["advice"] for clip in last["clips"][1:6])
        last = await web.ended((await web.enrol(wav(), *bad))["id"])
        assert last["state"] == "refused" and "1 of 6 clips can be used" in last["detail"]
        await web.s.json(f"{ROOT}/{last['id']}", 404)


@pytest.mark.parametrize(
    ("clip", "status", "why"),
    [
        (("a.wav", b""), 415, "a.wav: it is empty"),
        (("a.wav", b"RI"), 415, "a.wav: it is not WAV"),
        (("cat.wav", b"\x89PNG\r\n\x1a\n" + bytes(100)), 415, "cat.wav: it is not WAV"),
        (("a.exe", b"MZ" + bytes(100_000)), 415, "a.exe: it is not WAV"),
        (("../../etc/passwd", b"root:x:0:0:root"), 415, "passwd: it is not WAV"),
        (("a.wav", b"RIFF\x00\x00\x00\x00WAVE" + bytes(upload.CLIP_BYTES)), 413, "a.wav: larger than"),
    ],
)
async def test_files_that_are_no_clips_are_refused_at_once(
    tmp_path: Path, clip: tuple[str, bytes], status: int, why: str
) -> None:
    async with site(tmp_path) as web:
        problem = await web.enrol(wav(), clip, status=status)
        assert why in problem["detail"]
        assert not any(web.folder.iterdir())


async def test_a_form_beyond_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    async with site(tmp_path) as web:
        reader, writer = await asyncio.open_connection(*web.s.server.address)
        head = (
            f"POST {ROOT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            f"Content-Length: {upload.TOTAL_BYTES + 1}\r\n\r\n"
        )
        writer.write(head.encode())
        assert b"413" in await reader.readline()
        writer.close()


async def test_a_chunked_form_beyond_the_limit_is_refused_while_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "TOTAL_BYTES", 200_000)
    async with site(tmp_path) as web:
        problem = await web.s.json(ROOT, 413, method="POST", data=form(wav(), wav(), wav()), chunked=True)
        assert "larger than 200000 bytes" in problem["detail"]


@pytest.mark.parametrize(
    ("texts", "where"),
    [
        ({"consent_who": None}, "body.consent_who"),
        ({"consent_text": " "}, "body.consent_text"),
        ({"name": "x" * 101}, "body.name"),
        ({"name": "Ann\nlevel=error"}, "body.name: should have no control characters"),
        ({"name": "a\u202eb"}, "body.name: should have no control characters"),
        ({"name": " "}, "body.name: should not be blank"),
        ({"name": ["a", "b"]}, "body.name"),
        ({"speed": "9"}, "body.speed"),
        ({"pitch": "nan"}, "body.pitch"),
        ({"language": "xx"}, "body.language"),
        ({"caller": ["a b"]}, "body.caller"),
        ({"colour": "red"}, "body.colour"),
    ],
)
async def test_consent_and_the_other_fields_are_checked(tmp_path: Path, texts: dict[str, Any], where: str) -> None:
    async with site(tmp_path) as web:
        assert where in (await web.enrol(wav(), wav(), wav(), status=422, **texts))["detail"]


@pytest.mark.parametrize("count", [0, 2, 21])
async def test_the_number_of_clips_is_checked(tmp_path: Path, count: int) -> None:
    async with site(tmp_path) as web:
        small = encoded(voiced(0.1))
        assert "clips; 3 to 20" in (await web.enrol(*[small] * count, status=422))["detail"]


async def test_clips_of_one_name_are_told_apart(tmp_path: Path) -> None:
    async with site(tmp_path) as web:
        last = await web.ended((await web.enrol(*[("a.wav", wav())] * 3))["id"])
        assert [clip["name"] for clip in last["clips"]] == ["a.wav", "a.wav (2)", "a.wav (3)"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{}", "application/json", 415),
        (b"name=Ann", "application/x-www-form-urlencoded", 415),
        (b"", "multipart/form-data", 422),
        (b"", BOUNDED, 422),
        (b"garbage", BOUNDED, 422),
        (b"--x\r\n\r\n\r\n--x--", BOUNDED, 422),
        (b'--x\r\nContent-Disposition: form-data; name="clip"\r\n\r\nRIFF1234WAVE', BOUNDED, 422),
        (b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xff\r\n--x--', BOUNDED, 422),
        (b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y--\r\n--x--", BOUNDED, 422),
        (b"--x\r\n" + b"A" * 100_000 + b"\r\n--x--", BOUNDED, 422),
    ],
)  # fmt: skip
async def test_broken_forms_are_the_senders_fault(tmp_path: Path, body: bytes, content_type: str, status: int) -> None:
    async with site(tmp_path) as web:
        await web.s.json(ROOT, status, method="POST", data=body, headers={"Content-Type": content_type})
        assert not any(web.folder.iterdir())


@pytest.mark.parametrize("header", ["Content-Transfer-Encoding: base64", "Content-Encoding: gzip"])
async def test_encoded_files_are_not_unpacked(tmp_path: Path, header: str) -> None:
    body = f'--x\r\nContent-Disposition: form-data; name="clip"; filename="a"\r\n{header}\r\n\r\nUklGRg==\r\n--x--'
    async with site(tmp_path) as web:
        kind = {"Content-Type": BOUNDED}
        await web.s.json(ROOT, 415, method="POST", data=body.encode(), headers=kind)


async def test_who_leaves_while_sending_leaves_nothing_behind(tmp_path: Path) -> None:
    async with site(tmp_path) as web:
        _, writer = await asyncio.open_connection(*web.s.server.address)
        writer.write(
            f"POST {ROOT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            "Content-Length: 1000000\r\n\r\n--x\r\n"
            'Content-Disposition: form-data; name="clip"; filename="a"\r\n\r\n'.encode()
            + wav()[:50_000]
        )
        async with asyncio.timeout(60):
            while not any(web.folder.glob("*/*")):
                await asyncio.sleep(0.01)
        writer.transport.abort()
        async with asyncio.timeout(60):
            while any(web.folder.iterdir()):
                await asyncio.sleep(0.01)


async def test_a_full_desk_says_when_to_come_back(tmp_path: Path) -> None:
    async with site(tmp_path, receiving=1) as web:
        place = await web.desk.admit()
        async with web.s.session.post(ROOT, data=form(wav(), wav(), wav())) as response:
            assert response.status == 503 and int(response.headers["Retry-After"]) > 0
        await place.release()
        await web.profile()


async def test_deleting_while_it_is_made_cancels_it(tmp_path: Path) -> None:
    gate, loop, making = threading.Event(), asyncio.get_running_loop(), asyncio.Event()
    async with site(tmp_path) as web:
        web.voices.in_make = lambda: (loop.call_soon_threadsafe(making.set), gate.wait(60)) and None
        begun = await web.enrol(wav(), wav(), wav())
        async with asyncio.timeout(60):
            await making.wait()
        gone = await web.s.json(f"{ROOT}/{begun['id']}", method="DELETE")
        assert gone["deleted"] == ["the enrolment under way, with its clips"]
        gate.set()
        await web.s.json(f"{ROOT}/{begun['id']}/enrolment", 404)
        await web.s.json(f"{ROOT}/{begun['id']}", 404, method="DELETE")
        assert not web.voices.stored


async def test_delete_says_what_went(tmp_path: Path) -> None:
    async with site(tmp_path) as web:
        profile_id = await web.profile(caller=["100"])
        gone = await web.s.json(f"{ROOT}/{profile_id}", method="DELETE")
        assert gone == {"id": profile_id, "deleted": ["the profile", "its clips"]}
        assert (await web.s.json("/api/caller-ids"))["callers"] == []
        for path in ("", "/enrolment", "/progress", "/export"):
            await web.s.json(f"{ROOT}/{profile_id}{path}", 404)


async def test_patch_changes_what_is_given(tmp_path: Path) -> None:
    async with site(tmp_path) as web:
        profile_id = await web.profile(speed="0.9", caller=["100"])
        path = f"{ROOT}/{profile_id}"
        changed = await web.s.json(path, method="PATCH", json={"defaults": {"pitch": 2}})
        assert changed["defaults"] == {"speed": 0.9, "pitch": 2.0, "gain_db": 0.0}
        assert (changed["name"], changed["callers"], changed["version"]) == ("Ann", ["100"], 2)
        changed = await web.s.json(path, method="PATCH", json={"name": "Bea", "callers": ["7", "7", "8"]})
        assert (changed["name"], changed["callers"]) == ("Bea", ["7", "8"])
        for body in (
            {"speed": 1},
            {"defaults": {"speed": 5}},
            {"defaults": {"gain_db": False}},
            {"name": " "},
            [],
            {"callers": ["a/b"]},
        ):
            await web.s.json(path, 422, method="PATCH", json=body)
        await web.s.json(path, 415, method="PATCH", data=b"{}", headers={"Content-Type": "text/plain"})
        await web.s.json(path, 413, method="PATCH", json={"name": "x" * 70_000})
        await web.s.json(f"{ROOT}/v_{'x' * 22}", 404, method="PATCH", json={})


async def test_verify_tells_the_owner_from_another(tmp_path: Path) -> None:
    async with site(tmp_path) as web:
        path = f"{ROOT}/{await web.profile()}/verify"

        async def ask(*clips: bytes, status: int = 200) -> Any:
            data = aiohttp.FormData(default_to_multipart=True)
            for clip in clips:
                data.add_field("clip", io.BytesIO(clip), filename="a.wav")
            return await web.s.json(path, status, method="POST", data=data)

        own, other = await ask(wav(seed=9)), await ask(wav(pitch=230.0))
        assert own["same"] and not other["same"] and own["similarity"] > other["similarity"]
        await ask(status=422)
        await ask(wav(), wav(), status=422)
        assert "a.wav: " in (await ask(encoded(voiced(3.0), 16_000, "FLAC")[:60], status=422))["detail"]
        web.voices.identity = False
        assert "set voices.ecapa" in (await ask(wav(), status=503))["detail"]


async def test_preview_is_a_wav_that_comes_as_it_is_made(tmp_path: Path) -> None:
    async with site(tmp_path) as web:
        profile_id = await web.profile()
        path = f"{ROOT}/{profile_id}/preview"
        async with web.s.session.post(path, json={"text": "Hello", "language": "es"}) as response:
            assert (response.status, response.content_type) == (200, "audio/wav")
            data = await response.read()
        assert data[:4] == b"RIFF" and data[8:16] == b"WAVEfmt " and len(data) == 44 + 10 * 3200
        assert np.all(np.frombuffer(data[44:], "<i2") == 1000)
        nothing = await web.s.json(path, 422, method="POST", json={"text": "...", "language": "es"})
        assert "nothing in it that can be spoken" in nothing["detail"]
        assert web.voices.spoken == [(profile_id, "Hello", "es")]
        assert (
            "no Catalan" in (await web.s.json(path, 422, method="POST", json={"text": "a", "language": "ca"}))["detail"]
        )
        for body in (
            {"text": "", "language": "es"},
            {"text": "x" * 301, "language": "es"},
            {"text": "a", "language": "xx"},
            {"text": "a\0b", "language": "es"},
        ):
            await web.s.json(path, 422, method="POST", json=body)
        await web.s.json(f"{ROOT}/v_{'x' * 22}/preview", 404, method="POST", json={"text": "a", "language": "es"})


async def test_a_preview_is_spoken_without_the_marks_that_copied_text_has(tmp_path: Path) -> None:
    async with site(tmp_path) as web:
        path = f"{ROOT}/{await web.profile()}/preview"
        for text, spoken in (
            ("\ufeffHel\xadlo \u2066Ann\u2069\u200e", "Hello Ann"),
            ("\u200fשלום דוד\u200f", "שלום דוד"),
            ("\u2067مرحبا ۵ من ۱۰\u2069", "مرحبا ۵ من ۱۰"),
            ("می\u200cخواهم کتاب\u200cها", "می\u200cخواهم کتاب\u200cها"),
            ("क्\u200dष 👩\u200d🔬", "क्\u200dष 👩\u200d🔬"),
            ("ثم \u06dd۷", "ثم \u06dd۷"),
        ):
            async with web.s.session.post(path, json={"text": text, "language": "es"}) as response:
                assert response.status == 200, await response.text()
                await response.read()
            assert web.voices.spoken[-1][1] == spoken
        for text in ("\u200e", " \u2066\u2069\ufeff", "a\x1b[2Jb"):
            await web.s.json(path, 422, method="POST", json={"text": text, "language": "es"})


async def test_export_and_import(tmp_path: Path) -> None:
    async with site(tmp_path) as web:
        profile_id = await web.profile()
        async with web.s.session.get(f"{ROOT}/{profile_id}/export") as response:
            assert response.status == 200 and profile_id in response.headers["Content-Disposition"]
            data = await response.read()

        async def put(content: bytes, status: int) -> Any:
            made = aiohttp.FormData(default_to_multipart=True)
            made.add_field("profile", content, filename="p.zip")
            return await web.s.json("/api/voice-profile-imports", status, method="POST", data=made)

        assert profile_id in (await put(data, 409))["detail"]
        await web.s.json(f"{ROOT}/{profile_id}", method="DELETE")
        assert (await put(data, 201))["id"] == profile_id
        await put(b"PK\x03\x04 nonsense", 422)
        await put(b"nonsense", 415)
        await web.s.json(f"{ROOT}/v_{'x' * 22}/export", 404)


async def test_caller_ids(tmp_path: Path) -> None:
    async with site(tmp_path) as web:
        profile_id = await web.profile()
        path = "/api/caller-ids/%2B34600"
        assert await web.s.json(path, method="PUT", json={"profile": profile_id}) == {
            "caller": "+34600", "profile": profile_id,
        }  # fmt: skip
        assert (await web.s.json("/api/caller-ids"))["callers"] == [{"caller": "+34600", "profile": profile_id}]
        await web.s.json(path, 404, method="PUT", json={"profile": "v_" + "x" * 22})
        async with web.s.session.delete(path) as response:
            assert response.status == 204 and not await response.read()
        await web.s.json(path, 404, method="DELETE")
        await web.s.json("/api/caller-ids/a%20b", 422, method="DELETE")


async def test_codes(tmp_path: Path) -> None:
    async with site(tmp_path) as web:
        made = await web.s.json("/api/enrolment-codes", 201, method="POST", json={"name": "Ann", "language": "es"})
        assert len(made["code"]) == 8 and made["code"].isdigit()
        await web.s.json("/api/enrolment-codes", 422, method="POST", json={"name": "Ann", "language": "xx"})


async def test_a_daemon_without_voices_says_so(tmp_path: Path) -> None:
    async with serving() as s:
        assert "voices.store" in (await s.json(ROOT, 503))["detail"]
        await s.json(ROOT, 503, method="POST", data=form(wav()))
        await s.json("/api/enrolment-codes", 503, method="POST", json={"name": "Ann", "language": "es"})


async def test_the_token_guards_all_of_it(tmp_path: Path) -> None:
    async with site(tmp_path, {"token": "s3cret-s3cret-s3cret"}) as web:
        await web.s.json(ROOT, 401)
        await web.s.json(ROOT, 401, method="POST", data=form(wav(), wav(), wav()))
        headers = {"Authorization": "Bearer s3cret-s3cret-s3cret", "Origin": "https://console.example"}
        begun = await web.s.json(ROOT, 202, method="POST", data=form(wav(), wav(), wav()), headers=headers)
        await web.s.json(f"{ROOT}/{begun['id']}", method="DELETE", headers=headers)


async def test_without_a_token_no_page_of_another_origin_may_send(tmp_path: Path) -> None:
    async with site(tmp_path) as web:
        for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
            headers = {"Origin": origin}
            await web.s.json(ROOT, 403, method="POST", data=form(wav(), wav(), wav()), headers=headers)
        host, port = web.s.server.address
        begun = await web.s.json(
            ROOT, 202, method="POST", data=form(wav(), wav(), wav()), headers={"Origin": f"http://{host}:{port}"}
        )
        await web.ended(begun["id"])


async def test_stopping_ends_progress_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CLOSE_S", 600.0)  # its patience with requests under way, which is not to be needed
    gate = threading.Event()
    async with site(tmp_path) as web:
        web.voices.in_make = lambda: gate.wait(60) and None
        begun = await web.enrol(wav(), wav(), wav())
        async with web.s.session.get(f"{ROOT}/{begun['id']}/progress") as response:
            reader = Reader(response)
            await reader.event()
            async with asyncio.TaskGroup() as group:
                closing = group.create_task(web.s.server.close())
                with pytest.raises((EOFError, aiohttp.ClientError)):
                    while True:
                        await reader.event()
                async with asyncio.timeout(30):
                    await closing
        gate.set()


@pytest.mark.parametrize("last_id", ["3", "0"])
async def test_a_reader_who_comes_back_gets_the_rest(tmp_path: Path, last_id: str) -> None:
    async with site(tmp_path) as web:
        profile_id = await web.profile()
        path = f"{ROOT}/{profile_id}/progress"
        async with web.s.session.get(path, headers={"Last-Event-ID": last_id}) as response:
            assert (await Reader(response).event()).id == int(last_id) + 1
        await web.s.json(path, 422, headers={"Last-Event-ID": "x"})
