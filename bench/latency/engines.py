"""What the daemon listens, translates and speaks with in the bench."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.latency.script import Script

from dragoman.demo.fake_cloud import LATENCIES, server, settings

Engines = Callable[[Script, int], AbstractAsyncContextManager[Mapping[str, Any]]]
"""From the script and a seed: brings up what the engines need, and gives the daemon's section ``engines``."""

WRONG_INTERIMS = 0.05
"""Share of interims whose last word is put right by the next: guesses that are spoken too soon would be heard."""

TONE = "tests.tonewords.engines:Tone"


@dataclass(frozen=True, slots=True)
class Setup:
    """A choice of engines."""

    name: str
    engines: Engines
    stages: Mapping[str, str]
    """What each stage is, for the report."""
    simulation: str
    """What is not real about it."""
    media: Mapping[str, Any] = field(default_factory=dict)
    """More settings of the daemon's section ``media``."""


@asynccontextmanager
async def _tone(script: Script, seed: int) -> AsyncIterator[Mapping[str, Any]]:
    """Engines within the daemon, each as fast as the clouds' median."""
    latencies = {"Recognizer": 247, "Translator": 150, "Synthesizer": 120}
    yield {
        "recognizers": [f"{TONE}Recognizer"],
        "translators": [f"{TONE}Translator"],
        "synthesizers": [f"{TONE}Synthesizer"],
        "options": {f"{TONE}{stage}": {"latency_ms": latency} for stage, latency in latencies.items()},
    }


@asynccontextmanager
async def _fake_cloud(script: Script, seed: int) -> AsyncIterator[Mapping[str, Any]]:
    """The tests' servers, each in a process of its own, hearing and speaking tone words."""
    with TemporaryDirectory(prefix="dragoman-fakes-") as logs:
        async with AsyncExitStack() as servers:

            async def start(name: str, *arguments: str) -> str:
                running = server(
                    f"tests.fakes.{name}",
                    *(*LATENCIES[name], *arguments, "--seed", str(seed)),
                    log=Path(logs) / f"{name}.log",
                )
                return await servers.enter_async_context(running)

            deepgram = await start("deepgram", "--hearing", "tone-marks", "--wrong-interims", str(WRONG_INTERIMS))
            deepl = await start("deepl", "--translation", "tone")
            elevenlabs = await start("elevenlabs", "--voice", "tone")
            # Nothing to fall back to: a translation that another engine made would be none of tone words.
            engines = settings(deepgram, deepl, elevenlabs)
            yield {**engines, **{stage: names[:1] for stage, names in engines.items() if stage != "options"}}


SETUPS = {
    setup.name: setup
    for setup in (
        Setup(
            "fake-cloud",
            _fake_cloud,
            {
                "ASR": "Deepgram (interims lag 250 ms, p95 300; finals 247, p95 298)",
                "MT": "DeepL (150 ms, p95 350)",
                "TTS": "ElevenLabs (first audio 120 ms, p95 200)",
            },
            "The providers are played by local servers with the real ones' protocols and these latencies; "
            f"{WRONG_INTERIMS:.0%} of the interims have a wrong last word.",
            {"vad": "energy", "echo_guard": False},
        ),
        Setup(
            "tone",
            _tone,
            {"ASR": "tone words, 247 ms", "MT": "tone words, 150 ms", "TTS": "tone words, 120 ms"},
            "Engines within the daemon that answer after a fixed time: to try the bench itself.",
            {"vad": "energy", "echo_guard": False},
        ),
    )
}
