"""Enrolment by phone, as a conversation: what is said, recorded and asked, in which order, and what is left behind.

It knows the caller by a protocol (telephony.reception is the one with Asterisk behind it) and needs no event loop of
its own. Of one who hangs up before he kept his voice nothing stays, and his code is good again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from dragoman.enrolment.codes import Code, CodeBook
from dragoman.enrolment.model import Consent, Enrolment, Order, SentClip, State
from dragoman.enrolment.ports import Voices
from dragoman.errors import EngineError, EnrolmentBusy, ProfileInvalid, StoreUnavailable
from dragoman.media.format import Pcm

SENTENCE_S = 15.0
"""Seconds that one may take for a sentence of 4 to 6 s."""

SILENCE_S = 3.0
"""Seconds of silence that end a sentence without the hash key."""

KEY_S = 8.0
"""Seconds to press a key in."""

ATTEMPTS = 2
"""Times that the sentences are read when the voice was not clear enough."""

ASKED = 3
"""Times that it is asked whether to keep the voice; who answers nothing keeps nothing."""


class Outcome(StrEnum):
    """How a call to the enrolment extension ended; the label of its counter."""

    KEPT = "kept"
    DISCARDED = "discarded"
    DECLINED = "declined"
    """He did not agree."""
    WRONG_CODE = "wrong_code"
    """The dialplan may ask for the code again."""
    REFUSED = "refused"
    """His voice was not clear enough, ATTEMPTS times."""
    UNAVAILABLE = "unavailable"
    """The desk was full, or it failed on our side; the dialplan says so."""
    HUNG_UP = "hung_up"


class Caller(Protocol):
    """Somebody on the phone, whom we can talk with. Every method raises AriChannelGone once he has hung up.

    It is told to us only there, so that what is being stored when he hangs up is stored whole.
    """

    @property
    def number(self) -> str:
        """His caller id; empty: hidden."""

    @property
    def language(self) -> str:
        """ISO 639-1; the prompts are spoken in it."""

    async def say(self, *prompts: str) -> None:
        """Play prompts by name, to their end."""

    async def key(self, keys: str, seconds: float) -> str:
        """The next of these keys that he presses, from the beginning of the last prompt on; empty: none in time."""

    async def record(self, to: Path, seconds: float, silence: float) -> bool:
        """Record what he says until the hash key, ``silence`` or ``seconds``; False: nothing could be had."""

    async def hear(self, speech: AsyncIterator[Pcm]) -> None:
        """Play audio as it comes, to its end."""


class Place(Protocol):
    """A place at the desk (enrolment.desk.Place)."""

    id: str
    folder: Path

    def submit(self, order: Order) -> Enrolment:
        """Queue the order."""

    async def release(self) -> None:
        """Give the place back."""


class Desk(Protocol):
    """The desk (enrolment.desk.EnrolmentDesk)."""

    voices: Voices

    async def admit(self) -> Place:
        """Take a place."""

    def watch(self, profile_id: str, after: int = 0) -> AsyncIterator[tuple[int, Enrolment]]:
        """Every step."""

    async def cancel(self, profile_id: str) -> bool:
        """End an enrolment."""

    async def discard(self, profile_id: str) -> None:
        """Delete a profile, if not now, then when the database answers."""


class PhoneEnrolment:
    """One call to the enrolment extension; ``run`` once.

    Args:
        caller: who is on the phone.
        desk: where profiles are made.
        codes: the codes in force.
        text: a text of the prompts in a language: what was agreed to, and what the new voice says.
        sentences: names of the prompts that are read aloud; the first is the consent.
        beep: name of the prompt after which one speaks.
        now: unix time, s.
    """

    def __init__(
        self,
        caller: Caller,
        desk: Desk,
        codes: CodeBook,
        text: Callable[[str, str], str],
        sentences: Sequence[str],
        beep: str,
        now: Callable[[], float],
    ) -> None:
        self._caller = caller
        self._desk = desk
        self._codes = codes
        self._text = text
        self._sentences = sentences
        self._beep = beep
        self._now = now
        self._made = ""
        """Id of the profile that is being made, or is made and not kept yet."""
        self._kept = False

    async def run(self, digits: str) -> Outcome:
        """Talk with him until he keeps his voice or goes; ``digits`` is the code that he entered."""
        code = self._codes.redeem(digits, self._now())
        if code is None:
            await self._caller.say("enrol-wrong")
            return Outcome.WRONG_CODE
        try:
            return await self._enrol(code)
        except (EnrolmentBusy, StoreUnavailable):
            return Outcome.UNAVAILABLE
        finally:
            if not self._kept:
                self._codes.restore(code, self._now())
                await self._undo()

    async def _enrol(self, code: Code) -> Outcome:
        await self._caller.say("enrol-consent")
        if await self._caller.key("1234567890*#", KEY_S) != "1":
            await self._caller.say("enrol-discarded")
            return Outcome.DECLINED
        consent = Consent(code.name, self._agreed(), self._now())
        for attempt in range(ATTEMPTS):
            if attempt:
                await self._caller.say("enrol-refused")
            match await self._attempt(code, consent):
                case State.DONE:
                    return await self._decide(code)
                case State.REFUSED:
                    continue
                case _:
                    return Outcome.UNAVAILABLE
        await self._caller.say("enrol-discarded")
        return Outcome.REFUSED

    def _agreed(self) -> str:
        """The words of the consent, and how it was given."""
        number = self._caller.number or "a hidden number"
        return f"{self._text(self._caller.language, 'enrol-consent')} [Pressed 1, calling from {number}.]"

    async def _attempt(self, code: Code, consent: Consent) -> State:
        place = await self._desk.admit()
        try:
            clips = []
            for number, sentence in enumerate(self._sentences, 1):
                await self._caller.say(*(("enrol-read",) if number == 1 else ()), sentence, self._beep)
                path = place.folder / f"{number:02d}"
                if await self._caller.record(path, SENTENCE_S, SILENCE_S):
                    clips.append(SentClip(clip_name(number), path))
            self._made = place.id
            place.submit(Order(code.name, code.language, consent, tuple(clips), consent_clip=clip_name(1)))
        finally:
            await place.release()
        await self._caller.say("enrol-wait")
        state = State.QUEUED
        async for _, step in self._desk.watch(place.id):
            state = step.state
        return state

    async def _decide(self, code: Code) -> Outcome:
        """Let him hear his voice, and decide."""
        answer = ""
        for _ in range(ASKED):
            if answer in ("", "2"):
                await self._play()
            await self._caller.say("enrol-keep")
            answer = await self._caller.key("123", KEY_S)
            if answer == "1":
                await self._keep(code)
                await self._caller.say("enrol-kept")
                return Outcome.KEPT
            if answer == "3":
                break
        await self._undo()
        await self._caller.say("enrol-discarded")
        return Outcome.DISCARDED

    async def _play(self) -> None:
        sample = self._text(self._caller.language, "enrol-sample")
        try:
            await self._caller.hear(self._desk.voices.speak(self._made, sample, self._caller.language))
        except EngineError:
            return  # he decides without; the profile is none the worse

    async def _keep(self, code: Code) -> None:
        for number in (self._caller.number, *code.callers):
            try:
                await self._desk.voices.assign(number, self._made)
            except ProfileInvalid:
                continue  # a hidden number: anybody may call so
        self._made, self._kept = "", True

    async def _undo(self) -> None:
        """Leave nothing of what was made and not kept."""
        made, self._made = self._made, ""
        if made:
            await self._desk.cancel(made)
            await self._desk.discard(made)


def clip_name(number: int) -> str:
    """What a caller's recording of this sentence is called in reports."""
    return f"sentence {number}"
