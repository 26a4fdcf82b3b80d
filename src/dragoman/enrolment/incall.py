"""Voices that are learnt in the call, from ``*7`` to hanging up or keeping (docs/enrolment.md).

The dialplan asks and plays; it tells by DRAGOMAN_OWN what the caller did, and is answered in a global variable: ARI
sets none of a channel that is not in its application. What he says in a room is heard on his tap. Nothing of it is on
disk until he keeps it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

import structlog

from dragoman.enrolment.consent import agreed
from dragoman.enrolment.keeping import Keeping
from dragoman.enrolment.learner import Heard, Learner
from dragoman.enrolment.live import Stretch
from dragoman.errors import DragomanError, VoiceError
from dragoman.media.format import SAMPLE_RATE
from dragoman.pipeline.captions import CaptionHub, CaptionKind, CaptionSubscription
from dragoman.telephony.ari.events import ChannelDestroyed, ChannelVarset, Event
from dragoman.telephony.model import Leg
from dragoman.telephony.recipes import FAILURES
from dragoman.telephony.voice_texts import text_in
from dragoman.voices.voicing import Voicing

log = structlog.get_logger(__name__)

TOLD: Final = "DRAGOMAN_OWN"
"""Channel variable in which the dialplan says what a caller did: ``pressed``, ``answered KEY``, ``decided KEY``."""

ANSWER: Final = "DRAGOMAN_OWN_"
"""Global variable in which we answer, with the digits of the channel's id: a Reply. The dialplan empties it."""

LOOK_S: Final = 0.25
"""Seconds between looks at what was said."""

ANSWER_S: Final = 3.0
"""Seconds after the question in which the recogniser may still bring the answer; the dialplan waits for five."""

CONSENT_S: Final = 15.0
"""Seconds kept of question and answer; the audio of a leg reaches back for 20."""

AWAY_S: Final = 120.0
"""Seconds that somebody may be out of all rooms, choosing another language, before his voice is forgotten."""

LEARNERS: Final = 32
"""Callers whose voices are learnt at once; each holds up to 2 MB of his speech."""


class Reply(StrEnum):
    """What the dialplan does next; it plays ``voice-`` and this, but for the first two."""

    ASK = "ask"
    KEEP = "keep"
    YES = "yes"
    NO = "no"
    HAS = "has"
    """He has a voice of his own already."""
    AWAY = "away"
    KEPT = "kept"
    LATER = "later"
    """It is kept when the database answers again (enrolment.keeping)."""
    DROPPED = "dropped"


class Present(Protocol):
    """Somebody in a room (pipeline.conference.LegState)."""

    @property
    def leg(self) -> Leg:
        """Who."""

    @property
    def audio(self) -> Heard:
        """What he says."""


class Client(Protocol):
    """ARI, as far as we answer."""

    async def set_global(self, variable: str, value: str) -> None:
        """Set a global variable of the dialplan."""


@dataclass(slots=True, eq=False)
class _Question:
    """Somebody is being asked."""

    leg: Leg
    began: int
    """Audio time."""
    answers: CaptionSubscription
    said: list[str] = field(default_factory=list)


class InCall:
    """Implements telephony.attacher.Guests; ``run`` until cancelled.

    Args:
        client: answers the dialplan.
        voices: the daemon's.
        captions: where spoken answers are read.
        present: the legs that are in rooms, by id.
        clock: monotonic, s.
        now: unix time, s.
    """

    def __init__(
        self,
        client: Client,
        voices: Voicing,
        captions: CaptionHub,
        present: Callable[[], Mapping[str, Present]],
        clock: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self.counts: Counter[str] = Counter()
        """Replies."""
        self._client = client
        self._voices = voices
        self._captions = captions
        self._present = present
        self._clock = clock
        self._now = now
        self._questions: dict[str, _Question] = {}
        self._learners: dict[str, Learner] = {}
        self._keeping = Keeping(lambda: voices.store, self._kept)
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Answer and learn."""
        try:
            async with asyncio.TaskGroup() as self._group:
                self._group.create_task(self._keeping.run())
                while True:
                    await asyncio.sleep(LOOK_S)
                    await self.look()
        finally:
            self._group = None
            for question in self._questions.values():
                question.answers.close()
            self._questions.clear()
            self._learners.clear()

    # ---- Guests

    def see(self, event: Event) -> None:
        """Guests."""
        match event:
            case ChannelVarset(channel, variable, value) if variable == TOLD and channel is not None and self._group:
                self._group.create_task(self._told(channel.id, value))
            case ChannelDestroyed(channel):
                self._forget(channel.id)

    def lost(self) -> None:
        """Guests. Who hangs up meanwhile is missed by ``look``."""

    def synced(self) -> None:
        """Guests."""

    # ---- the dialogue

    async def _told(self, channel_id: str, value: str) -> None:
        word, _, key = value.partition(" ")
        try:
            match word:
                case "pressed":
                    reply = self._pressed(channel_id)
                case "answered":
                    reply = await self._answered(channel_id, key)
                case "decided":
                    reply = await self._decided(channel_id, key)
                case _:
                    return
        except Exception:
            log.exception("a caller's wish for a voice of his own failed", channel=channel_id)
            reply = Reply.AWAY
        self.counts[reply] += 1
        try:
            await self._client.set_global(answer_to(channel_id), reply)
        except FAILURES as error:
            log.info("a caller could not be answered", channel=channel_id, error=str(error))

    def _pressed(self, channel_id: str) -> Reply:
        live = self._voices.live
        state = self._state(channel_id)
        if live is None or state is None or self._voices.encoders.latents is None:
            return Reply.AWAY
        if channel_id in self._learners:
            return Reply.KEEP
        if channel_id in live.speakers:
            return Reply.HAS
        if len(self._learners) >= LEARNERS:
            return Reply.AWAY
        self._end_question(channel_id)
        # Reading captions makes the daemon recognise what he says, if nobody else wants it yet.
        answers = self._captions.subscribe(state.leg.room, state.leg.language)
        self._questions[channel_id] = question = _Question(state.leg, state.audio.end, answers)
        assert self._group is not None  # it is told only while it runs
        self._group.create_task(self._listen(question))
        return Reply.ASK

    async def _listen(self, question: _Question) -> None:
        async for _, caption in question.answers:
            if caption.kind is CaptionKind.CLAUSE and caption.clause.startswith(f"{question.leg.id}/"):
                question.said.append(caption.text)

    async def _answered(self, channel_id: str, key: str) -> Reply:
        question = self._questions.get(channel_id)
        if question is None:
            return Reply.AWAY
        words = ""
        if not key:
            words = await self._spoken(question)
        state = self._state(channel_id)
        if self._questions.get(channel_id) is not question or state is None:
            return Reply.AWAY  # he left
        self._end_question(channel_id)
        if not (key == "1" or words):
            return Reply.NO
        self._learners[channel_id] = self._learner(question, state, words)
        log.info("a caller's voice is learnt", channel=channel_id, agreed="spoken" if words else "key")
        return Reply.YES

    async def _spoken(self, question: _Question) -> str:
        """What he said for yes; empty: nothing of the kind."""
        until = self._clock() + ANSWER_S
        while True:
            found = next((text for text in question.said if agreed(text, question.leg.language)), "")
            if found or self._clock() >= until:
                return found
            await asyncio.sleep(LOOK_S)

    def _learner(self, question: _Question, state: Present, words: str) -> Learner:
        """With the consent: the question, how it was answered, and what was heard of the caller meanwhile."""
        leg, end = state.leg, state.audio.end
        heard = state.audio.read(max(question.began, end - round(CONSENT_S * SAMPLE_RATE)), end)
        how = f"Said: {words}" if words else "Pressed 1"
        text = f"{text_in(leg.language, 'voice-ask')} [{how}; calling from {leg.caller or 'a hidden number'}.]"
        learner = Learner(leg, heard, text, self._now())
        learner.begin(leg.id, end)
        learner.seen = self._clock()
        return learner

    async def _decided(self, channel_id: str, key: str) -> Reply:
        learner = self._learners.get(channel_id)
        if learner is None:
            return Reply.AWAY
        if key == "3":
            self._keeping.withdraw(channel_id)
            self._forget(channel_id)
            return Reply.DROPPED
        if key != "1":
            return Reply.YES  # it goes on as it was
        return await self._keep(channel_id, learner)

    async def _keep(self, channel_id: str, learner: Learner) -> Reply:
        """Store what was learnt so far, with the recording of the consent."""
        kept = learner.to_keep()
        if kept is None:
            return Reply.AWAY
        try:
            # Of a hidden number nothing is kept, which is an error here: anybody may call so.
            now = await self._keeping.keep(channel_id, *kept, learner.leg.caller)
        except VoiceError as error:
            log.warning("a voice could not be kept", profile=kept[0].id, error=str(error))
            return Reply.AWAY
        if not now:
            return Reply.LATER  # he speaks in what was learnt until then
        self._forget(channel_id)
        return Reply.KEPT

    def _kept(self, channel_id: str) -> None:
        """A voice was kept later than its owner asked for."""
        self.counts[Reply.KEPT] += 1
        self._forget(channel_id)

    # ---- learning

    async def look(self) -> None:
        """Once: what was said since, and what can be made of it."""
        present = {state.leg.channel_id: state for state in self._present().values()}
        for channel_id, learner in list(self._learners.items()):
            state = present.get(channel_id)
            if state is None:
                if self._clock() > learner.seen + AWAY_S:
                    self._forget(channel_id)
                continue
            learner.seen = self._clock()
            learner.take(state.leg.id, state.audio)
            if (due := learner.learning.due()) and self._group is not None:
                self._group.create_task(self._make(channel_id, learner, due))
            elif learner.profile is not None and channel_id not in self._speakers():
                self._lend(channel_id, learner)  # he came back from choosing another language

    async def _make(self, channel_id: str, learner: Learner, due: Sequence[Stretch]) -> None:
        clips = learner.clips_of(due)
        try:
            made = await asyncio.to_thread(learner.make, clips, self._voices.encoders, self._now())
        except Exception as error:
            say = log.info if isinstance(error, DragomanError) else log.exception
            say("nothing could be learnt of a voice", channel=channel_id, reason=str(error))
            learner.learning.failed()
            return
        learner.accept(made)
        if self._learners.get(channel_id) is learner:  # else he hung up, or had it forgotten
            self._lend(channel_id, learner)
            clips_now = len(made.profile.clips)
            log.info("a voice was learnt", channel=channel_id, clips=clips_now, version=made.profile.version)

    def _lend(self, channel_id: str, learner: Learner) -> None:
        if (live := self._voices.live) is not None and learner.profile is not None:
            live.lend(channel_id, learner.profile)

    def _speakers(self) -> Mapping[str, str]:
        return {} if self._voices.live is None else self._voices.live.speakers

    # ---- ends

    def _forget(self, channel_id: str) -> None:
        """Nothing that was learnt of him stays here. Idempotent."""
        self._end_question(channel_id)
        if self._learners.pop(channel_id, None) is not None and (live := self._voices.live) is not None:
            live.take_back(channel_id)

    def _end_question(self, channel_id: str) -> None:
        question = self._questions.pop(channel_id, None)
        if question is not None:
            question.answers.close()

    def _state(self, channel_id: str) -> Present | None:
        return next((state for state in self._present().values() if state.leg.channel_id == channel_id), None)


def answer_to(channel_id: str) -> str:
    """The variable in which the dialplan of this channel looks for our answer."""
    return ANSWER + "".join(char for char in channel_id if char in "0123456789")
