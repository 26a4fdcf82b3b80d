"""How each translation should sound: the same text, spoken once more by the engine that the daemon speaks with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any, cast

import numpy as np

from dragoman.config.engines import EnginesSettings
from dragoman.demo.minutes import Minutes
from dragoman.engines import registry
from dragoman.engines.base import SpeechRequest, Stage, Synthesizer
from dragoman.errors import DemoError
from dragoman.media.format import Pcm


async def speak_again(
    minutes: Minutes,
    settings: EnginesSettings,
    dress: Callable[[Sequence[Synthesizer], Minutes], None] = lambda synthesizers, minutes: None,
) -> dict[tuple[str, str], Pcm]:
    """Audio of every translated line, by (clause id, language), by the engines that the daemon was set up with.

    It is the sound that was played only with an engine that says the same words the same way each time (espeak-ng
    does), for the same speaker: the daemon names speakers by their channel. ``dress`` gives them the speakers' voices.

    Raises:
        ConfigError, EngineError: the engine cannot be had or fails.
        DemoError: none of the synthesizers speaks a language.
    """
    synthesizers = cast("list[Synthesizer]", registry.build(Stage.TTS, settings.synthesizers, settings.options))
    sounds: dict[tuple[str, str], Pcm] = {}
    dress(synthesizers, minutes)
    try:
        for synthesizer in synthesizers:
            await synthesizer.start()
        for entry in minutes.entries:
            for language, line in entry.lines.items():
                if line.text:
                    request = SpeechRequest(line.text, language, entry.leg)
                    sounds[entry.clause, language] = await _spoken(synthesizers, request)
    finally:
        for synthesizer in synthesizers:
            await synthesizer.close()
    return sounds


async def _spoken(synthesizers: Sequence[Synthesizer], request: SpeechRequest) -> Pcm:
    for synthesizer in synthesizers:
        if synthesizer.supports(request.language):
            async with aclosing(cast("Any", synthesizer.synthesize(request))) as pieces:
                parts = [piece async for piece in pieces]
            return np.concatenate(parts) if parts else np.zeros(0, np.int16)
    raise DemoError(f"none of {', '.join(s.info.name for s in synthesizers)} speaks {request.language}")
