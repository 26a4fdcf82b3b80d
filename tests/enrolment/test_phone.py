"""Enrolling by phone: what a caller is asked and told, and that nothing stays of one who did not keep his voice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.enrolment.clips import wav
from tests.enrolment.fakes import FakeVoices

from dragoman.enrolment.codes import Code, CodeBook
from dragoman.enrolment.desk import EnrolmentDesk
from dragoman.enrolment.phone import ASKED, Outcome, PhoneEnrolment
from dragoman.errors import AriChannelGone, EngineCrashed
from dragoman.telephony.enrolment_texts import BEEP, SENTENCES, text_in

LINES = tuple(f"enrol-sentence-{number}" for number in range(1, SENTENCES + 1))


@dataclass
class Scripted:
    """A caller who presses these keys when asked (empty: none), and says what he is given; hangs up at a prompt."""

    keys: list[str] = field(default_factory=list)
    speech: list[bytes | None] = field(default_factory=lambda: [wav(seed=n) for n in range(SENTENCES)])
    hangs_up_at: str = ""
    number: str = "+34600"
    language: str = "en"
    heard: list[str] = field(default_factory=list)
    samples: int = 0

    async def say(self, *prompts: str) -> None:
        self.heard += [prompt for prompt in prompts if prompt != BEEP]
        if self.hangs_up_at in prompts:
            raise AriChannelGone("he hung up")

    async def key(self, keys: str, seconds: float) -> str:
        pressed = self.keys.pop(0) if self.keys else ""
        assert not pressed or pressed in keys
        return pressed

    async def record(self, to: Path, seconds: float, silence: float) -> bool:
        said = self.speech.pop(0) if self.speech else None
        if said is None:
            return False
        to.write_bytes(said)
        return True

    async def hear(self, speech: AsyncIterator[Any]) -> None:
        async for piece in speech:
            self.samples += len(piece)


@dataclass
class Site:
    desk: EnrolmentDesk
    voices: FakeVoices
    codes: CodeBook
    code: Code

    async def call(self, caller: Scripted, digits: str = "") -> Outcome:
        talk = PhoneEnrolment(caller, self.desk, self.codes, text_in, LINES, BEEP, lambda: 10.0)
        async with asyncio.timeout(100):
            return await talk.run(digits or self.code.digits)

    @property
    def code_is_good(self) -> bool:
        return self.codes.redeem(self.code.digits, 10.0) is not None


@asynccontextmanager
async def site(folder: Path, **changes: Any) -> AsyncIterator[Site]:
    voices, codes = FakeVoices(), CodeBook()
    desk = EnrolmentDesk(voices, folder / "in", **changes)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(desk.run())
        await asyncio.sleep(0)
        yield Site(desk, voices, codes, codes.make("Ann", "en", ("7",), 0.0))
        running.cancel()
    assert not list((folder / "in").iterdir())


async def test_who_agrees_reads_and_keeps_has_a_voice(tmp_path: Path) -> None:
    async with site(tmp_path) as web:
        caller = Scripted(["1", "2", "1"])
        assert await web.call(caller) is Outcome.KEPT
        assert caller.heard == ["enrol-consent", "enrol-read", *LINES, "enrol-wait", *["enrol-keep"] * 2, "enrol-kept"]
        assert caller.samples == 2 * 16_000, "the sample is played, and again on key 2"
        (made,) = web.voices.stored.values()
        assert made.detail.head.name == "Ann" and made.detail.head.clips == SENTENCES
        assert made.detail.consent.text == f"{text_in('en', 'enrol-consent')} [Pressed 1, calling from +34600.]"
        assert set(web.voices.mapped) == {"+34600", "7"}
        assert not web.code_is_good


@pytest.mark.parametrize(
    ("keys", "outcome"), [(["1", "3"], "discarded"), (["1"], "discarded"), (["2"], "declined"), ([], "declined")]
)
async def test_of_one_who_does_not_keep_his_voice_nothing_stays(tmp_path: Path, keys: list[str], outcome: str) -> None:
    async with site(tmp_path) as web:
        caller = Scripted(keys)
        assert await web.call(caller) == outcome
        assert caller.heard[-1] == "enrol-discarded"
        assert caller.heard.count("enrol-keep") in (0, 1, ASKED)
        assert not web.voices.stored and not web.voices.mapped and web.code_is_good


@pytest.mark.parametrize("at", ["enrol-consent", LINES[2], "enrol-wait", "enrol-keep"])
async def test_of_one_who_hangs_up_nothing_stays(tmp_path: Path, at: str) -> None:
    async with site(tmp_path) as web:
        with pytest.raises(AriChannelGone):
            await web.call(Scripted(["1", "1"], hangs_up_at=at))
        assert not web.voices.stored and web.code_is_good


async def test_who_hangs_up_after_keeping_has_kept_it(tmp_path: Path) -> None:
    async with site(tmp_path) as web:
        with pytest.raises(AriChannelGone):
            await web.call(Scripted(["1", "1"], hangs_up_at="enrol-kept"))
        assert web.voices.stored and not web.code_is_good


async def test_a_wrong_code_is_no_code(tmp_path: Path) -> None:
    async with site(tmp_path) as web:
        caller = Scripted()
        wrong = f"{(int(web.code.digits) + 1) % 10**8:08d}"
        assert await web.call(caller, wrong) is Outcome.WRONG_CODE
        assert caller.heard == ["enrol-wrong"] and web.code_is_good


async def test_one_who_is_not_clear_reads_again_and_is_then_told(tmp_path: Path) -> None:
    async with site(tmp_path) as web:
        short = [wav(seconds=0.5)] * SENTENCES
        caller = Scripted(["1", "1"], [*short, *[wav(seed=n) for n in range(SENTENCES)]])
        assert await web.call(caller) is Outcome.KEPT
        assert caller.heard.count("enrol-refused") == 1
    async with site(tmp_path) as web:
        assert await web.call(Scripted(["1"], [None] * 10)) is Outcome.REFUSED
        assert web.code_is_good


async def test_a_full_desk_or_a_failure_is_told_by_the_dialplan(tmp_path: Path) -> None:
    async with site(tmp_path, waiting=0) as web:
        assert await web.call(Scripted(["1"])) is Outcome.UNAVAILABLE
        assert web.code_is_good

    def crash() -> None:
        raise RuntimeError("a bug")

    async with site(tmp_path) as web:
        web.voices.in_make = crash
        assert await web.call(Scripted(["1"])) is Outcome.UNAVAILABLE
        assert web.code_is_good


async def test_a_database_that_goes_away_before_he_keeps_it_leaves_nothing_of_his_when_it_is_back(
    tmp_path: Path,
) -> None:
    async with site(tmp_path) as web:
        caller = Scripted(["1", "1"])
        hear = caller.hear

        async def heard(speech: AsyncIterator[Any]) -> None:
            await hear(speech)
            web.voices.away = True

        caller.hear = heard  # type: ignore[method-assign]
        assert await web.call(caller) is Outcome.UNAVAILABLE
        assert "enrol-kept" not in caller.heard and web.voices.stored and web.code_is_good
        web.voices.away = False
        tidying = asyncio.ensure_future(web.desk.leftovers.run())
        async with asyncio.timeout(20):
            while web.voices.stored:
                await asyncio.sleep(0.01)
        assert not web.voices.mapped
        tidying.cancel()


async def test_a_synthesizer_that_fails_does_not_cost_him_his_voice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def speak(*args: str) -> AsyncIterator[Any]:
        raise EngineCrashed("toy", "gone")
        yield

    async with site(tmp_path) as web:
        monkeypatch.setattr(web.voices, "speak", speak)
        assert await web.call(Scripted(["1", "1"])) is Outcome.KEPT
