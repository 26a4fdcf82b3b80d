"""The profile ``xtts-tiny``: people speak in voices of their own, from clips to the booth, without the real weights.

XTTS is the daemon's engine with its loading, its batches and its voice profiles; only the weights are random ones of 3
MB, made here, whose speech is no language (``tiny_weights``). All who speak but the last are enrolled over REST before
they call, by clips that their phone's voice reads; the last one shows what the others would have without a profile.
"""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from dragoman.demo.minutes import Minutes
from dragoman.demo.occasion import Engines, Occasion
from dragoman.demo.scenario import Person, Scenario
from dragoman.demo.voices import Voice, render
from dragoman.engines.base import Synthesizer
from dragoman.engines.local_models import require_packages
from dragoman.engines.tts.xtts.engine import PACKAGES, XttsSynthesizer
from dragoman.engines.tts.xtts.profiles import ProfileVoices
from dragoman.engines.tts.xtts.settings import NAME, Settings
from dragoman.errors import DemoError
from dragoman.media.format import SAMPLE_RATE, Pcm
from dragoman.telephony.enrolment_texts import SENTENCES, TEXTS, text_in
from dragoman.telephony.prompts import cache_dir
from dragoman.voices.conditioning import Conditioning, condition
from dragoman.voices.profile import VoiceProfile

if TYPE_CHECKING:
    from dragoman.engines.tts.xtts.loading import Loaded

ENGINE = "dragoman.demo.tiny_xtts:TinyXtts"

SIMULATION = (
    "The voices were a simulation: XTTS ran with random weights of 3 MB, so what it said is no language. Which voice "
    "it said it in, and when, is as with the real ones."
)

ENROL_DEADLINE_S = 120.0
"""s for one person's clips to be a profile; it takes some 5, on a loaded machine more."""

ASK_AGAIN_S = 0.2


class TinyXtts(XttsSynthesizer):
    """XTTS with the weights of ``tiny_weights.talkative(..., chirping=True)``."""

    def _load(self, settings: Settings) -> Loaded:
        from dragoman.demo.tiny_weights import narrow

        with narrow(chirping=True):
            return super()._load(settings)


@asynccontextmanager
async def tiny_xtts(occasion: Occasion) -> AsyncIterator[Engines]:
    """See the module."""
    require_packages(NAME, NAME, PACKAGES)
    require_packages("voices", "voices", ("sqlalchemy",))
    model = occasion.folder / "xtts-tiny"
    occasion.say("making a tiny XTTS ...")
    await asyncio.to_thread(_make, model)
    enrolled = _Enrolled(occasion)
    voices = {"store": str(occasion.folder / "voices.sqlite"), "follow_style": False}
    yield Engines(
        settings(model, str(occasion.phrases.resolve()) if occasion.own_phrases else None),
        simulation=SIMULATION,
        # The references are to sound as the meeting did: how people speak just now is not known afterwards.
        sections={"voices": voices},
        prepare=enrolled.enrol,
        dress=enrolled.dress,
    )


def settings(model: Path, phrases: str | None = None) -> dict[str, Any]:
    """The daemon's section ``engines`` for a model in this folder."""
    options: dict[str, Any] = {ENGINE: {"model": str(model), "accept_cpml": True, "device": "cpu"}}
    if phrases is not None:
        options |= {"phrasebook": {"phrases": phrases}, "pocketsphinx": {"phrases": phrases}}
    return {"synthesizers": [ENGINE, "espeak"], "options": options}


def _make(folder: Path) -> None:
    from dragoman.demo.tiny_weights import talkative

    talkative(folder, chirping=True)


class _Enrolled:
    """Who has a voice of his own."""

    def __init__(self, occasion: Occasion) -> None:
        self._occasion = occasion
        self._profiles: dict[str, VoiceProfile] = {}

    async def enrol(self, url: str) -> None:
        """Enrol all who speak but the last.

        Raises:
            DemoError: the daemon makes no profile of somebody's clips.
        """
        from dragoman.voices.store.archive import unpack

        scenario = self._occasion.scenario
        async with aiohttp.ClientSession(url) as daemon:
            for person in enrolled(scenario):
                profile = await enrol(daemon, person, scenario.caller(person.name))
                async with daemon.get(f"/api/voice-profiles/{profile}/export") as answer:
                    self._profiles[person.name], _ = await asyncio.to_thread(unpack, await answer.read())
                self._occasion.say(f"{person.name} enrolled over REST: {profile}")

    def dress(self, synthesizers: Sequence[Synthesizer], minutes: Minutes) -> None:
        """Give XTTS the voices of those who spoke."""
        speakers = {entry.leg: entry.speaker for entry in minutes.entries}
        voices = {leg: self._profiles[name] for leg, name in speakers.items() if name in self._profiles}
        for synthesizer in synthesizers:
            if isinstance(synthesizer, XttsSynthesizer):
                synthesizer.use(ProfileVoices(lambda: Known(voices)))


class Known:
    """Voices of people who are not in a call, by the names that the daemon had for them (xtts.profiles.Speaking)."""

    def __init__(self, profiles: Mapping[str, VoiceProfile]) -> None:
        self._profiles = profiles

    def voice(self, speaker: str) -> tuple[str, Conditioning] | None:
        """Speaking."""
        profile = self._profiles.get(speaker)
        made = None if profile is None else condition(profile)
        return None if profile is None or made is None else (profile.id, made)


def enrolled(scenario: Scenario) -> tuple[Person, ...]:
    """Who gets a voice of his own: all who speak but the last; the only one, too."""
    return scenario.speakers[:-1] or scenario.speakers


async def enrol(daemon: aiohttp.ClientSession, person: Person, caller: str) -> str:
    """Have a profile made of sentences that this person reads, for who calls from ``caller``; its id.

    Raises:
        DemoError: the daemon refuses; says why.
    """
    form = aiohttp.FormData()
    consent = text_in(person.language, "enrol-consent")
    for name, value in (
        ("name", person.name),
        ("language", person.language),
        ("caller", caller),
        ("consent_who", person.name),
        ("consent_text", consent),
    ):
        form.add_field(name, value)
    assert person.voice is not None  # he speaks
    language = person.language if person.language in TEXTS else "en"
    for number in range(1, SENTENCES + 1):
        text = TEXTS[language][f"enrol-sentence-{number}"]
        spoken = await render(Voice.parse(person.voice), text, cache_dir() / "demo-voices")
        form.add_field("clip", wav(spoken), filename=f"{number}.wav", content_type="audio/wav")
    async with daemon.post("/api/voice-profiles", data=form) as answer:
        told = await answer.json()
        if answer.status != 202:
            raise DemoError(f"{person.name} cannot be enrolled: {told}")
    profile: str = told["id"]
    try:
        async with asyncio.timeout(ENROL_DEADLINE_S):
            while told["state"] not in ("done", "refused", "failed", "cancelled"):
                await asyncio.sleep(ASK_AGAIN_S)
                async with daemon.get(f"/api/voice-profiles/{profile}/enrolment") as answer:
                    told = await answer.json()
    except TimeoutError:
        raise DemoError(f"{person.name} is not enrolled after {ENROL_DEADLINE_S:g} s: {told}") from None
    if told["state"] != "done":
        raise DemoError(f"{person.name} was not enrolled: {told}")
    return profile


def wav(pcm: Pcm) -> bytes:
    """A WAV file of 16 kHz."""
    out = io.BytesIO()
    with wave.open(out, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(SAMPLE_RATE)
        target.writeframes(pcm.astype("<i2").tobytes())
    return out.getvalue()
