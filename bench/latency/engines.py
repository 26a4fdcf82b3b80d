"""What the daemon listens, translates and speaks with in the bench."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.latency.script import Script

Engines = Callable[[Script, int], AbstractAsyncContextManager[Mapping[str, Any]]]
"""From the script and a seed: brings up what the engines need, and gives the daemon's section ``engines``."""

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


SETUPS = {
    setup.name: setup
    for setup in (
        Setup(
            "tone",
            _tone,
            {"ASR": "tone words, 247 ms", "MT": "tone words, 150 ms", "TTS": "tone words, 120 ms"},
            "Engines within the daemon that answer after a fixed time: to try the bench itself.",
            {"vad": "energy"},
        ),
    )
}
