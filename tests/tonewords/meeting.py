"""A meeting in tone words without Asterisk, phones and time: a conference whose frames are handed over.

Everything between a leg's samples and a booth's is the production's; a loop whose clock jumps to the next timer
(tests/virtual_time) takes the place of time. Who holds a meeting brings the script, the engines' settings and, where he
wants that, what breaks meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from bench.latency.figures import Sound
from bench.latency.script import LANGUAGE_OF, WORD_S, Script
from tests.engines.asr.audio import GrowingAudio
from tests.pipeline.fakes import FakeMeasures, FakeMedia
from tests.tonewords.code import GAP_MS, Source
from tests.tonewords.decode import decode

from dragoman.config.engines import EnginesSettings
from dragoman.engines.base import Stage
from dragoman.engines.selection import EngineSet
from dragoman.pipeline.captions import Caption, CaptionHub, CaptionKind
from dragoman.pipeline.chain import keep_tempo
from dragoman.pipeline.conference import Conference
from dragoman.pipeline.options import DEFAULTS, PipelineOptions
from dragoman.pipeline.ports import LegAudioListener, Stretcher
from dragoman.pipeline.reports import Reporter
from dragoman.telephony.model import Address, Booth, Leg, Tap

ROOM = "1000"


class ToneMedia(FakeMedia):
    """Legs whose speech is found by level, with a ring of 20 s."""

    def add_leg(self, leg_id: str, remote: Address, listener: LegAudioListener | None) -> GrowingAudio:  # type: ignore[override]  # another LegAudio
        """See FakeMedia."""
        assert listener is not None
        audio = GrowingAudio(asyncio.get_running_loop().time(), listener)
        self.legs[leg_id] = audio  # type: ignore[assignment]  # see above
        return audio


@dataclass(slots=True)
class Meeting:
    """One that is held, and what came of it when it is over; times are the loop's seconds."""

    conference: Conference
    engines: EngineSet
    media: ToneMedia
    begun: float
    """When everybody had called."""
    captions: list[tuple[float, str, Caption]] = field(default_factory=list)
    """When it was read, by a reader of which language; no partials."""
    totals: Mapping[str, int] = field(default_factory=dict)
    """The conference's own counts."""

    async def until(self, seconds: float) -> None:
        """Let it go on until so many seconds after it began."""
        await asyncio.sleep(max(self.begun + seconds - asyncio.get_running_loop().time(), 0.0))

    def heard(self) -> dict[tuple[str, str], list[Sound]]:
        """By (voice, target), the words that the target's booth said of that voice."""
        heard = {}
        for target in LANGUAGE_OF.values():
            found = decode(np.concatenate(self.media.said[f"booth-{target}"]))
            for voice, own in LANGUAGE_OF.items():
                if own != target:
                    heard[voice, target] = [
                        Sound(word.text, self.begun + word.start_s, self.begun + word.end_s)
                        for word in found
                        if word.source == Source(voice, True)
                    ]
        return heard


@asynccontextmanager
async def meeting(
    script: Script,
    settings: Mapping[str, Any],
    measures: FakeMeasures,
    *,
    options: PipelineOptions = DEFAULTS,
    stretcher: Callable[[], Stretcher | None] = keep_tempo,
) -> AsyncIterator[Meeting]:
    """Everybody calls, and says what the script has; the meeting is over when the body ends.

    Args:
        script: who says what when.
        settings: the daemon's section ``engines``.
        measures: takes what the conference measures.
        options: of its pipeline.
        stretcher: makes what changes the tempo of its voices.
    """
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        engines = EngineSet.build(EnginesSettings(**settings))
        for stage in Stage:
            await engines.start(stage, tuple(LANGUAGE_OF.values()))
        stack.push_async_callback(engines.close)
        media = ToneMedia()
        hub = CaptionHub(lambda: conference.refresh_demand())
        reporter = Reporter(hub, measures, loop.time, unix_offset=0.0)
        reporter.on_engine_change = engines.circuits.moved
        conference = Conference(
            media, engines, hub, reporter, loop.time, floor_db=-18.0, options=options, stretcher=stretcher
        )
        held = Meeting(conference, engines, media, loop.time())

        async def read(language: str) -> None:
            async for _, caption in readers[language]:
                if caption.kind is not CaptionKind.PARTIAL:
                    held.captions.append((loop.time(), language, caption))

        async with asyncio.TaskGroup() as group:
            running = [group.create_task(work) for work in (conference.run(), engines.circuits.run(), media.run())]
            await asyncio.sleep(0)
            readers = {language: hub.subscribe(ROOM, language) for language in LANGUAGE_OF.values()}
            running += [group.create_task(read(language)) for language in readers]
            for number, (voice, language) in enumerate(LANGUAGE_OF.items(), 1):
                leg = Leg(voice, number, ROOM, language, voice.upper(), False)
                conference.tap_ready(Tap(leg, f"tap-{voice}", ("::", 1)))
                conference.booth_ready(Booth(ROOM, language, f"booth-{language}", ("::", 2)))
                media.legs[f"tap-{voice}"].coming = script.microphone(voice)
            held.begun = loop.time()
            yield held
            held.totals = dict(conference.totals())
            for reader in readers.values():
                reader.close()
            conference.stop()
            for task in running[1:]:
                task.cancel()


def said_of(script: Script, begun: float) -> dict[str, list[Sound]]:
    """When each word sounds in its speaker's own recording, by voice."""
    found: dict[str, list[Sound]] = {voice: [] for voice in LANGUAGE_OF}
    for sentence in script.sentences:
        at = begun + sentence.start_s
        for number, word in enumerate(sentence.words, 1):
            found[sentence.voice].append(Sound(word, at, at + WORD_S - GAP_MS / 1000))
            at += WORD_S + sentence.breaths.get(number, 0.0)
    return found
