"""One engine does one piece of work, live: does it load with its options, what comes, and how long does it take?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import cast

import numpy as np

from dragoman.check.finding import Finding, fail, ok
from dragoman.config import Settings
from dragoman.engines import registry
from dragoman.engines.base import (
    Counting,
    Engine,
    Recognizer,
    RecognizerStream,
    SpeechRequest,
    Stage,
    StreamRequest,
    Synthesizer,
    TranslationRequest,
    Translator,
)
from dragoman.engines.faults import crashes_of, let_go, loading, sound_of, text_of, words_of
from dragoman.engines.phrases import default_path, load_table
from dragoman.engines.tts.espeak import EspeakSynthesizer, render
from dragoman.errors import ConfigError, EngineCrashed, EngineDenied, EngineError, EngineTimeout, EngineUnavailable
from dragoman.media.format import SAMPLE_RATE, Pcm, ms_to_samples, samples_to_ms
from dragoman.writing import joined

LOAD_DEADLINE = 600.0
"""Seconds for loading: a large model from a slow disk takes minutes."""

WORK_DEADLINE = 30.0
"""Seconds for one piece of work; the daemon would have given up long before, but here one wants to know."""

LEAD_MS, TAIL_MS = 300, 100
"""Silence around speech, as the daemon's feed gives it to a recogniser."""

WHO = "engine test"
"""Leg and room that a provider is told."""


async def smoke(settings: Settings, name: str, language: str | None = None) -> AsyncIterator[Finding]:
    """Findings as they are known; the engine is freed at the end.

    ``language`` is ISO 639-1 (of a translator the target, or both as ``en-es``); None: one that the site offers.
    """
    try:
        engine = registry.build_one(name, settings.engines.options.get(name, {}))
        languages = choose(engine, settings.rooms.languages, language)
    except ConfigError as error:
        yield fail(name, str(error), "see [engines] in the settings, and dragoman engines")
        return
    try:
        began = time.monotonic()
        async with _limit(name, LOAD_DEADLINE, "loaded"):
            with loading(name):
                await engine.start(languages)
        yield ok("loaded", f"{name} ({engine.info.stage}) in {_ms(began)}")
        async with _limit(name, WORK_DEADLINE, "done"):
            async with aclosing(_work(engine, languages)) as findings:
                async for finding in findings:
                    yield finding
        if isinstance(engine, Counting):
            yield ok("counted", ", ".join(f"{key} {value}" for key, value in engine.counts().items()) or "nothing")
    except EngineError as error:
        yield fail(name, str(error).removeprefix(f"{name}: "), _remedy(error))
    began = time.monotonic()
    problem = await let_go(name, engine.close)
    yield fail("closed", str(problem), "the engine's bug") if problem else ok("closed", f"in {_ms(began)}")


def _remedy(error: EngineError) -> str:
    if isinstance(error, EngineUnavailable | EngineDenied):
        return "install or set what it says; its options are read from the settings file"
    if isinstance(error, EngineCrashed):
        return (
            "if it asks a service, can that be reached from here? Else it is the engine's bug: the suite of "
            "docs/engines.md finds it"
        )
    return "can its service be reached from here?"


def choose(engine: Engine, offered: Sequence[str], wanted: str | None) -> tuple[str, ...]:
    """The language to try it in; for a translator source and target.

    Raises:
        ConfigError: it does not know the one that is wanted, or none that is offered.
    """
    info = engine.info
    pairs: list[tuple[str, ...]]
    if isinstance(engine, Translator):
        source, _, target = (wanted or "").rpartition("-")
        known = [tuple(pair.split("-")) for pair in info.languages]
        pairs = [(a, b) for a in offered for b in offered if a != b] + known
        if wanted is not None:
            sources = [source] if source else [*offered, *(pair[0] for pair in known)]
            pairs = [(each, target) for each in sources if each != target]
        found = next((pair for pair in pairs if engine.supports(*pair)), None)
    else:
        languages = [wanted] if wanted is not None else [*offered, *info.languages]
        found = next(((each,) for each in languages if engine.supports(each)), None)
    if found is None:
        what = f"language {wanted!r}" if wanted else f"any of the languages offered ({', '.join(offered)})"
        raise ConfigError(
            f"{info.name} does not know {what}; it knows {' '.join(info.languages) or 'not which itself'}"
        )
    return found


def sentence(language: str) -> str:
    """Something to say: the first sentence of the phrase list, or figures, which every language has."""
    table = load_table(default_path())
    texts = table.column(language).texts if language in table.languages else ()
    return texts[0] if texts else "1, 2, 3, 4, 5."


async def _work(engine: Engine, languages: Sequence[str]) -> AsyncGenerator[Finding, None]:
    if engine.info.stage is Stage.ASR:
        work = _hear(cast("Recognizer", engine), languages[0])
    elif engine.info.stage is Stage.MT:
        work = _translate(cast("Translator", engine), languages[0], languages[1])
    else:
        work = _speak(cast("Synthesizer", engine), languages[0])
    async with aclosing(work):
        async for finding in work:
            yield finding


async def _translate(engine: Translator, source: str, target: str) -> AsyncGenerator[Finding, None]:
    text = sentence(source)
    for what in ("first clause", "again"):
        began = time.monotonic()
        translation = text_of(engine.info.name, await engine.translate(TranslationRequest(text, source, target)))
        yield ok(f"{what}, {source} to {target}", f"{text!r} -> {translation.text!r} in {_ms(began)}")


async def _speak(engine: Synthesizer, language: str) -> AsyncGenerator[Finding, None]:
    text = sentence(language)
    began, first, pieces = time.monotonic(), "", list[Pcm]()
    source = cast("AsyncGenerator[Pcm, None]", engine.synthesize(SpeechRequest(text, language, WHO)))
    async with aclosing(source):
        async for piece in source:
            first = first or (_ms(began) if len(sound_of(engine.info.name, piece)) else "")
            pieces.append(piece)
    audio = np.concatenate([np.zeros(0, np.int16), *pieces])
    if not np.any(audio):
        yield fail(f"spoken, {language}", f"no sound for {text!r}", "try another language; is the voice there?")
        return
    length, level = samples_to_ms(len(audio)) / 1000, 10 * np.log10(np.mean((audio / 32768.0) ** 2))
    yield ok(
        f"spoken, {language}",
        f"{text!r}: first audio after {first}, {length:.1f} s of it after {_ms(began)}, pieces: {len(pieces)}, "
        f"{level:.0f} dBFS with its pauses (about -20 without them is right)",
    )


async def _hear(engine: Recognizer, language: str) -> AsyncGenerator[Finding, None]:
    text = sentence(language)
    speaker = EspeakSynthesizer({})
    try:
        await speaker.start()
        voice = await render(speaker, text, language, WHO)
    finally:
        await speaker.close()
    speech = np.pad(voice, (ms_to_samples(LEAD_MS), ms_to_samples(TAIL_MS)))
    began = time.monotonic()
    stream = await engine.open(StreamRequest(WHO, WHO, language))
    yield ok("stream opened", f"in {_ms(began)}")
    try:
        yield await _listen(engine, stream, speech, f"heard, {language}", text)
    finally:
        await let_go(engine.info.name, stream.aclose)


async def _listen(engine: Recognizer, stream: RecognizerStream, speech: Pcm, what: str, said: str) -> Finding:
    began, ended, partials, first = time.monotonic(), 0.0, 0, ""
    words: list[str] = []

    async def push() -> None:
        nonlocal ended
        chunk = ms_to_samples(engine.info.chunk_ms)
        with crashes_of(engine.info.name):
            for at in range(0, len(speech), chunk):
                piece = speech[at : at + chunk]
                await stream.push(piece, at)
                await asyncio.sleep(began + (at + len(piece)) / SAMPLE_RATE - time.monotonic())  # as it is spoken
            ended = time.monotonic()
            await stream.finalize(len(speech))

    async def read() -> None:
        nonlocal first, partials
        with crashes_of(engine.info.name):
            async for hypothesis in stream:
                words_of(engine.info.name, hypothesis)
                if hypothesis.words and not first:
                    first = _ms(began)
                partials += not hypothesis.is_final
                words.extend(word.text for word in hypothesis.words if hypothesis.is_final)
                if hypothesis.end_of_utterance and ended:
                    return

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(push())
            group.create_task(read())
    except* EngineError as errors:
        raise errors.exceptions[0] from None
    if not words:
        return fail(
            what, f"no words for {said!r} as espeak-ng says it", "it may know better voices; is it the language?"
        )
    heard = joined(words)
    return ok(
        what, f"{said!r} -> {heard!r}: first words after {first}, {partials} partials, final {_ms(ended)} after the end"
    )


@asynccontextmanager
async def _limit(name: str, seconds: float, what: str) -> AsyncIterator[None]:
    """A deadline; whatever breaks inside of it comes out as an EngineError."""
    try:
        async with asyncio.timeout(seconds):
            with crashes_of(name):
                yield
    except TimeoutError as error:
        raise EngineTimeout(name, str(error) or f"not {what} within {seconds:g} s") from None


def _ms(began: float) -> str:
    return f"{(time.monotonic() - began) * 1000:.0f} ms"
