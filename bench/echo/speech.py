"""What is said in the simulation: sentences of several voices, made once and kept."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import numpy as np

from dragoman.demo.voices import Voice, render
from dragoman.media.format import Pcm

CACHE = Path(tempfile.gettempdir()) / "dragoman-bench-echo"

PEOPLE = ("flite:slt", "flite:rms", "flite:awb", "flite:kal16", "espeak:en-us+f3", "espeak:en-gb+m3")
"""Who speaks into phones."""

BOOTHS = {"en": ("flite:kal16", 1.1), "es": ("flite:rms", 1.12)}
"""Who speaks at the booths, and how much faster and higher than the synthesizer has it, to be nobody of ``PEOPLE``. Not
espeak-ng: of what it says by G.711 the recogniser (``recognise``) gets half of the words wrong, of these one of 20."""

SAID = (
    "good morning everybody and welcome to the meeting",
    "let us look at the numbers of the last quarter",
    "the new office opens on monday at nine",
    "can you hear me well, or shall I call again",
    "we should send the invoice before the end of the week",
    "yes, of course",
    "I am not sure that this is what the customer asked for",
    "no, wait, please say that again",
    "the second shipment left the harbour of Bilbao on Thursday evening",
    "what does it cost, and who pays for the transport",
)
TRANSLATED = {
    "en": (
        "good evening and thank you for joining this call",
        "our factory sold more engines in march than ever before",
        "they will move into the other building after the summer",
        "the microphone seems to work, please go on",
        "nobody paid the last bill, so we wrote to them again",
        "that is right",
        "perhaps he wanted something else from us",
        "sorry, could you repeat the name",
        "a third truck arrives in Hamburg early tomorrow morning",
        "how much money did they ask for the journey",
    ),
    "es": (
        "hello to all of you and let us begin",
        "these figures show how the spring went for our shop",
        "a larger room has been found near the station",
        "is the line any better now, or should we try later",
        "remember to answer the letter from the bank",
        "of course not",
        "the client never spoke about this problem with me",
        "stop, I did not understand the question",
        "two boxes came back from Lisbon without a label",
        "who signed the contract, and when was that",
    ),
}
"""What booths say. All of it English, whatever its language is called: there is one recogniser for all of it."""


async def _all(wanted: list[tuple[str, str]]) -> list[Pcm]:
    gate = asyncio.Semaphore(2)

    async def one(voice: str, text: str) -> Pcm:
        async with gate:
            return await render(Voice.parse(voice), text, CACHE)

    return list(await asyncio.gather(*(one(voice, text) for voice, text in wanted)))


def clips(voices: tuple[str, ...], texts: tuple[str, ...]) -> dict[str, list[Pcm]]:
    """Every voice's reading of every text, about -20 dBFS.

    Raises:
        DemoError: flite or espeak-ng is not installed, or failed.
    """
    wanted = [(voice, text) for voice in voices for text in texts]
    made = asyncio.run(_all(wanted))
    found: dict[str, list[Pcm]] = {voice: [] for voice in voices}
    for (voice, _), pcm in zip(wanted, made, strict=True):
        found[voice].append(pcm)
    return found


def booth(language: str) -> list[Pcm]:
    """Its reading of ``TRANSLATED``.

    Raises:
        DemoError: as ``clips``.
    """
    voice, faster = BOOTHS[language]
    return [_faster(clip, faster) for clip in clips((voice,), TRANSLATED[language])[voice]]


def _faster(clip: Pcm, times: float) -> Pcm:
    at = np.arange(int(len(clip) / times)) * times
    return np.interp(at, np.arange(len(clip)), clip).astype(np.int16)
