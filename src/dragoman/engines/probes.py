"""A cheap real request to an engine, to find out whether it works."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Sequence
from itertools import permutations
from typing import cast

from dragoman.engines.base import (
    Engine,
    Recognizer,
    SpeechRequest,
    Stage,
    StreamRequest,
    Synthesizer,
    TranslationRequest,
    Translator,
)
from dragoman.engines.faults import let_go, sound_of
from dragoman.errors import EngineCrashed
from dragoman.languages import LANGUAGES
from dragoman.media.format import Pcm

NUMBERS = 1_000_000
"""A probe for translators is the word "Test" and a number below this: a dozen billed characters, much the same in every
language, and another text each time, so that no cache answers in the engine's place."""

PROBE = "probe"
"""What a recogniser is told for leg and room."""


async def probe(engine: Engine, languages: Sequence[str]) -> None:
    """Ask ``engine`` for something small in one of the languages offered, or else in any that we know.

    Returns at once where it takes none: whoever asks it next will see. The caller sets the deadline.

    Raises:
        EngineError: it does not work.
    """
    languages = (*languages, *(code for code in LANGUAGES if code not in languages))
    number = random.randrange(NUMBERS)
    match engine.info.stage:
        case Stage.ASR:
            recognizer = cast("Recognizer", engine)
            for language in filter(recognizer.supports, languages):
                stream = await recognizer.open(StreamRequest(PROBE, PROBE, language))
                await let_go(engine.info.name, stream.aclose)
                return
        case Stage.MT:
            translator = cast("Translator", engine)
            for source, target in permutations(languages, 2):
                if translator.supports(source, target):
                    await translator.translate(TranslationRequest(f"Test {number}.", source, target))
                    return
        case Stage.TTS:
            synthesizer = cast("Synthesizer", engine)
            for language in filter(synthesizer.supports, languages):
                await _speak(synthesizer, SpeechRequest(str(number % 100), language, PROBE))
                return


async def _speak(engine: Synthesizer, request: SpeechRequest) -> None:
    """Wait for the first sound.

    Raises:
        EngineError: there was none.
    """
    name = engine.info.name
    pieces = cast("AsyncGenerator[Pcm, None]", engine.synthesize(request))
    try:
        async for pcm in pieces:
            if len(sound_of(name, pcm)):
                return
        raise EngineCrashed(name, "gave no audio for a probe")
    finally:
        await let_go(name, lambda: pieces.aclose())
