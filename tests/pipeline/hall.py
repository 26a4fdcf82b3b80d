"""A whole Conference between the fakes: people join, speak and leave; what each booth and reader got is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from tests.pipeline.fakes import FakeEngines, FakeMeasures, FakeMedia, FakeRecognizer, Skipping, spoken

from dragoman.media.format import Pcm
from dragoman.observe.trace import TraceBook
from dragoman.pipeline.captions import Caption, CaptionHub, CaptionKind, CaptionSubscription
from dragoman.pipeline.conference import Conference
from dragoman.pipeline.options import DEFAULTS, PipelineOptions
from dragoman.pipeline.ports import NO_TERMS, Terms
from dragoman.pipeline.reports import Reporter
from dragoman.telephony.model import Booth, Leg, Tap

ROOM = "1000"


class Reader:
    """Somebody who reads captions."""

    def __init__(self, subscription: CaptionSubscription) -> None:
        self.subscription = subscription
        self.captions: list[Caption] = []

    async def read(self) -> None:
        async for _, caption in self.subscription:
            self.captions.append(caption)

    def of(self, kind: CaptionKind) -> list[Caption]:
        return [caption for caption in self.captions if caption.kind is kind]

    def texts(self, kind: CaptionKind = CaptionKind.CLAUSE) -> list[str]:
        return [caption.text for caption in self.of(kind)]


class Hall:
    """See the module."""

    def __init__(
        self,
        engines: FakeEngines,
        options: PipelineOptions,
        terms: Terms,
        prompts: Callable[[str, str], Pcm | None] = lambda language, name: None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.engines = engines
        self.media = FakeMedia()
        self.measures = FakeMeasures()
        self.traces = TraceBook()
        self.captions = CaptionHub(lambda: self.conference.refresh_demand())
        self.reporter = Reporter(self.captions, self.measures, loop.time, 1_000_000.0, self.traces)
        self.conference = Conference(
            self.media,
            engines,
            self.captions,
            self.reporter,
            loop.time,
            floor_db=-18.0,
            options=options,
            terms=lambda _: terms,
            stretcher=Skipping,
            voiced=lambda speaker: speaker in self.voiced,
            prompts=prompts,
        )
        self.voiced: set[str] = set()
        """Speakers (channels) with a voice profile."""
        self.group: asyncio.TaskGroup | None = None
        self.readers: list[Reader] = []
        self._epoch = 0

    @property
    def ears(self) -> FakeRecognizer:
        return self.engines.ears

    def join(self, name: str, language: str, room: str = ROOM, *, muted: bool = False, booth: bool = True) -> Tap:
        """A caller comes; with ``booth``, his language's booth too, where there is none."""
        self._epoch += 1
        tap = Tap(Leg(name, self._epoch, room, language, name.title(), muted), f"tap-{name}-{self._epoch}", ("::", 1))
        self.conference.tap_ready(tap)
        if booth and self.booth_id(language, room) not in self.conference.booths:
            self.conference.booth_ready(Booth(room, language, self.booth_id(language, room), ("::", 2)))
        return tap

    async def repair(self, tap: Tap, seconds: float = 0.0) -> Tap:
        """The tap is lost, and made again after so long."""
        self.conference.tap_closed(tap, lost=True)
        await self.passes(seconds)
        again = Tap(tap.leg, f"{tap.channel_id}-again", ("::", 3))
        self.conference.tap_ready(again)
        return again

    def leave(self, tap: Tap) -> None:
        self.conference.tap_closed(tap)

    def read(self, language: str, room: str = ROOM) -> Reader:
        reader = Reader(self.captions.subscribe(room, language))
        self.readers.append(reader)
        assert self.group is not None
        self.group.create_task(reader.read())
        return reader

    def say(self, tap: Tap, text: str) -> None:
        """He begins to speak now."""
        self.media.legs[tap.channel_id].coming = spoken(text)

    async def passes(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def heard(self, language: str, room: str = ROOM) -> list[str]:
        """The words that this language's booth said."""
        return self.media.heard(self.booth_id(language, room))

    @staticmethod
    def booth_id(language: str, room: str = ROOM) -> str:
        return f"booth-{room}-{language}"


@asynccontextmanager
async def hall(
    engines: FakeEngines | None = None,
    options: PipelineOptions = DEFAULTS,
    terms: Terms = NO_TERMS,
    prompts: Callable[[str, str], Pcm | None] = lambda language, name: None,
) -> AsyncIterator[Hall]:
    """Open a hall; at its end the conference is stopped, and nothing of it may be left."""
    place = Hall(engines or FakeEngines(), options, terms, prompts)
    before = asyncio.all_tasks()
    async with asyncio.TaskGroup() as group:
        place.group = group
        conference = group.create_task(place.conference.run())
        ticking = group.create_task(place.media.run())
        await asyncio.sleep(0)
        yield place
        place.conference.stop()
        await conference
        for reader in place.readers:
            reader.subscription.close()
        ticking.cancel()
    assert asyncio.all_tasks() == before
    assert place.media.legs == {}
    assert place.ears.open_streams == []
    assert place.engines.mouth.closed == len(place.engines.mouth.requests)


def translated(language: str, *texts: str) -> list[str]:
    """What FakeTranslator makes of these texts, word by word."""
    return [f"{language}:{word}" for text in texts for word in text.split()]


def words(captions: Iterable[str]) -> list[str]:
    return " ".join(captions).split()
