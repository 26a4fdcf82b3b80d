"""The profile ``fake-cloud``: a production set-up in which the providers are played by servers on this machine.

The servers are those of the tests (``tests/fakes``), each in a process of its own on a free loopback port: they speak
Deepgram's, DeepL's and ElevenLabs' protocols, and take as long as design and measurement say of the real ones. The
daemon's engines are the production ones and do not know. What is played: the recogniser is told the script and lays
its sentences over what it hears, the translator reads from a phrase list, the voice is espeak-ng's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

from dragoman.demo.occasion import Engines, Occasion
from dragoman.engines import registry
from dragoman.engines.base import Stage, TranslationRequest, Translator
from dragoman.engines.phrases import load_table, tokens
from dragoman.errors import ConfigError, DemoError, EngineError

LATENCIES = {
    "deepgram": ("--latency", "250/300", "--final", "247/298"),
    "deepl": ("--p50", "150", "--p95", "350"),
    "elevenlabs": ("--p50", "120", "--p95", "200"),
}
"""ms, as docs and measurements of the providers have it: interims behind the audio, a final behind Finalize or the
endpointing pause, a translation, first audio."""

SIMULATION = (
    "This was a simulation: Deepgram, DeepL and ElevenLabs were played by local servers with the real ones' protocols "
    "and latencies (interims 250 ms, finals 247 ms, translation 150 ms, first audio 120 ms, each with its tail). The "
    "recogniser was told the script; the network, the providers' load and their errors were not there."
)

REPEATS = 100
"""How often the meeting may be held (``--keep``) before the fake recogniser is at the end of its script."""

KEY = "fake-key-0000"
"""What the servers take for a key; no secret."""

START_DEADLINE_S = 20.0
"""s until a server says where it is; it takes about one."""

ASK_AGAIN_S = 0.05
"""s between two looks at whether it has said so."""

STOP_DEADLINE_S = 3.0
"""s from SIGTERM to SIGKILL."""

_URL = re.compile(r"(?:http|ws)://(\S+?:\d+)")


def checkout() -> Path:
    """The root of the checkout that this code runs from.

    Raises:
        ConfigError: it is an installed package, which has no tests.
    """
    root = Path(__file__).resolve().parents[3]
    if not (root / "tests" / "fakes" / "deepl.py").exists():
        raise ConfigError(
            "--engines fake-cloud runs the servers of tests/fakes, and this Dragoman is an installed package, which "
            "comes without tests: run it in a checkout of the source (make demo ARGS='--engines fake-cloud')"
        )
    return root


@asynccontextmanager
async def server(module: str, *arguments: str, log: Path) -> AsyncIterator[str]:
    """A server of ``tests/fakes`` in a process of its own; gives ``host:port``.

    Args:
        module: such as ``tests.fakes.deepl``.
        arguments: for its command line; it must choose a free port for ``--port 0``.
        log: takes what it says.

    Raises:
        ConfigError: this is no checkout.
        DemoError: it does not come up, or ended before it was to; with what it said.
    """
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, "--port", "0", *arguments),
            cwd=checkout(),
            env={
                **os.environ,
                "OPENBLAS_NUM_THREADS": "1",
            },  # see cli.serve: threads that spin cost more than they give
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # Ctrl-C in our terminal stops us, and we stop it
        )
    try:
        yield await _address(module, process, log)
        if process.returncode is not None:
            said = await asyncio.to_thread(log.read_text, "utf-8", "replace")
            raise DemoError(f"{module} ended by itself: exit status {process.returncode}\n{said[-2000:]}")
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(STOP_DEADLINE_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
        await process.wait()


async def _address(module: str, process: asyncio.subprocess.Process, log: Path) -> str:
    """Ask its log until it names its address: a pipe would have to be read for as long as it runs."""
    said, why = "", f"it says nothing for {START_DEADLINE_S:.0f} s"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_DEADLINE_S):
            while True:
                ended = process.returncode  # before its log is read, which is then all there is
                said = await asyncio.to_thread(log.read_text, "utf-8", "replace")
                if ended is not None:
                    why = f"exit status {ended}"
                    break
                if found := _URL.search(said):
                    return found[1]
                await asyncio.sleep(ASK_AGAIN_S)
    raise DemoError(f"{module} does not come up: {why}\n{said[-2000:]}")


@asynccontextmanager
async def fake_cloud(occasion: Occasion) -> AsyncIterator[Engines]:
    """See the module."""
    phrases = occasion.folder / "fake-deepl.tsv"
    phrases.write_text(await _phrase_list(occasion), "utf-8")
    hearing = occasion.folder / "fake-deepgram.json"
    hearing.write_text(json.dumps({}), "utf-8")

    def seated(legs: Mapping[str, str]) -> None:
        """The fake recogniser knows a stream by its leg, and reads this when one is opened."""
        hearing.write_text(json.dumps(script(occasion, legs), ensure_ascii=False), "utf-8")

    async with AsyncExitStack() as servers:

        async def start(name: str, *arguments: str) -> str:
            running = server(
                f"tests.fakes.{name}", *LATENCIES[name], *arguments, log=occasion.folder / f"fake-{name}.log"
            )
            address = await servers.enter_async_context(running)
            occasion.say(f"fake {name} at {address}")
            return address

        deepgram = await start("deepgram", "--hearing", f"script:{hearing}")
        deepl = await start("deepl", "--phrases", str(phrases))
        elevenlabs = await start("elevenlabs")
        yield Engines(settings(deepgram, deepl, elevenlabs), simulation=SIMULATION, seated=seated)


def script(occasion: Occasion, legs: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """What each leg (by its id; ``legs`` has them by name) says, as the fake recogniser wants it."""
    turns = list(zip(occasion.scenario.turns, occasion.durations, strict=True))
    return {
        leg: [{"text": turn.text, "seconds": round(s, 3)} for turn, s in turns if turn.speaker == name] * REPEATS
        for name, leg in legs.items()
    }


def settings(deepgram: str, deepl: str, elevenlabs: str) -> dict[str, Any]:
    """The daemon's section ``engines`` for servers at these addresses (``host:port``)."""
    return {
        "recognizers": ["deepgram", "pocketsphinx"],
        "translators": ["deepl", "phrasebook", "apertium"],
        "synthesizers": ["elevenlabs", "espeak"],
        "options": {
            "deepgram": {"api_key": KEY, "base_url": f"http://{deepgram}"},
            "deepl": {"auth_key": KEY, "server_url": f"http://{deepl}"},
            "elevenlabs": {"api_key": "sk_fake", "url": f"http://{elevenlabs}"},
        },
    }


async def _phrase_list(occasion: Occasion) -> str:
    """The phrase file, and of the script's sentences that it lacks what the embedded translator makes of them."""
    table = load_table(occasion.phrases)
    languages = tuple(dict.fromkeys((*table.languages, *occasion.scenario.languages)))
    rows = [[phrase.texts.get(code, "") for code in languages] for phrase in table.phrases]
    columns = {code: table.column(code) for code in languages}
    (translator,) = cast("list[Translator]", registry.build(Stage.MT, ("apertium",), {}))
    try:
        await translator.start(languages)
        for turn in occasion.scenario.turns:
            source = occasion.scenario.person(turn.speaker).language
            if columns[source].parse(tokens(turn.text)) is None:
                rows.append([await _translated(translator, turn.text, source, code) for code in languages])
    finally:
        await translator.close()
    return "\n".join("\t".join(row) for row in (languages, *rows)) + "\n"


async def _translated(translator: Translator, text: str, source: str, target: str) -> str:
    """Empty where it cannot be translated."""
    if source == target or not translator.supports(source, target):
        return text if source == target else ""
    try:
        return (await translator.translate(TranslationRequest(text, source, target))).text
    except EngineError:
        return ""
