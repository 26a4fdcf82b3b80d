"""All of enrolment in one part of the daemon: the desk, the codes, and who talks with callers."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog

from dragoman.engines.base import Synthesizer
from dragoman.enrolment.codes import CodeBook
from dragoman.enrolment.desk import EnrolmentDesk
from dragoman.enrolment.incall import InCall, Present, Reply
from dragoman.enrolment.model import ENDED
from dragoman.enrolment.phone import Outcome, PhoneEnrolment
from dragoman.errors import VoiceError
from dragoman.pipeline.captions import CaptionHub
from dragoman.telephony.ari.talking import TalkingClient
from dragoman.telephony.enrolment_texts import BEEP, SENTENCES, text_in
from dragoman.telephony.model import Address
from dragoman.telephony.prompts import cache_dir
from dragoman.telephony.reception import BoothMedia, GuestCall, Reception
from dragoman.voices.voicing import Voicing

RETRY_S: Final = 5.0
"""Seconds until a store that does not answer is asked again."""

log = structlog.get_logger(__name__)

LINES: Final = tuple(f"enrol-sentence-{number}" for number in range(1, SENTENCES + 1))
"""The prompts that are read aloud."""


class Enrolling:
    """Without a store there is no desk: the interface answers 503, and callers are told so.

    Args:
        voices: the store and the encoders; built, not necessarily started.
        synthesizers: the engines that speak a language, in the order in which they are asked.
        folder: for clips on their way.
    """

    def __init__(self, voices: Voicing, synthesizers: Callable[[str], Sequence[Synthesizer]], folder: Path) -> None:
        self.codes = CodeBook()
        self.desk: EnrolmentDesk | None = None
        self._phone: Counter[str] = Counter()
        self._incall: Counter[str] = Counter()
        self._changed = asyncio.Event()
        self._note = f"codes:{folder.name}"
        self.codes.on_change = self._changed.set
        self._voices = voices
        if voices.store is not None:
            from dragoman.enrolment.stored import StoredVoices  # the store's packages are there: it was built

            stored = StoredVoices(voices.store, lambda: voices.encoders, synthesizers, live=lambda: voices.live)
            self.desk = EnrolmentDesk(stored, folder)

    def reception(self, client: TalkingClient, media: BoothMedia, media_address: Address) -> Reception:
        """Who serves callers in our application."""
        made = Reception(client, media, media_address, None if self.desk is None else self._talk)
        self._phone = made.outcomes
        return made

    def incall(
        self,
        client: TalkingClient,
        captions: CaptionHub,
        present: Callable[[], Mapping[str, Present]],
        clock: Callable[[], float],
    ) -> InCall:
        """Who learns voices in the call; see there."""
        made = InCall(client, self._voices, captions, present, clock, time.time)
        self._incall = made.counts
        return made

    def counts(self) -> Mapping[str, int]:
        """Counters that only grow, by name: how enrolments, calls and dialogues in the call ended."""
        found = {f"call_{outcome}": self._phone[outcome] for outcome in Outcome}
        found |= {f"incall_{reply}": self._incall[reply] for reply in Reply}
        if self.desk is not None:
            found |= {f"enrolment_{state}": self.desk.ended.get(state, 0) for state in sorted(ENDED)}
            found |= {"enrolment_turned_away": self.desk.refused, "enrolment_too_slow": self.desk.slow}
            found["wrong_codes"] = self.codes.wrong
        return found

    async def run(self) -> None:
        """Work on enrolments, until cancelled; at once over where there is no store."""
        if self.desk is not None:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.desk.run())
                group.create_task(self.desk.leftovers.run())
                group.create_task(self._keep_codes())

    async def _keep_codes(self) -> None:
        """Take in the codes that were in force when the daemon stopped, and keep those that are now."""
        store = self._voices.store
        assert store is not None  # there is a desk
        loaded = False
        while True:
            try:
                if not loaded:
                    kept = await store.notes.get(self._note)
                    loaded = True
                    self.codes.load(kept or b"[]", time.time())
                await self._changed.wait()
                self._changed.clear()
                await store.notes.put(self._note, self.codes.dump())
            except VoiceError as error:
                log.warning("enrolment codes not kept", error=str(error))
                self._changed.set()
                await asyncio.sleep(RETRY_S)

    async def _talk(self, call: GuestCall, code: str) -> Outcome:
        assert self.desk is not None
        return await PhoneEnrolment(call, self.desk, self.codes, text_in, LINES, BEEP, time.time).run(code)


def clips_folder(asterisk: str, app: str) -> Path:
    """A folder of this daemon's own, the same when it starts again: one application of one Asterisk has one daemon.

    Not a temporary folder of the system, whose names anybody may take before us.
    """
    owner = hashlib.sha256(f"{asterisk}\0{app}".encode()).hexdigest()[:16]
    return cache_dir() / "enrolment" / owner
