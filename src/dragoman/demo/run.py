"""``dragoman demo``: a PBX, the daemon and phones are started, a meeting is held, and what was heard is judged."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from dragoman.config.engines import EnginesSettings
from dragoman.demo.daemon import Daemon
from dragoman.demo.judge import Verdict, judge
from dragoman.demo.meeting import REPEAT_S, Held, Meeting
from dragoman.demo.minutes import Minutes
from dragoman.demo.occasion import Engines, Occasion
from dragoman.demo.picture import draw
from dragoman.demo.profiles import DEFAULT, profile
from dragoman.demo.references import speak_again
from dragoman.demo.report import captions, file_names, write_captions, write_recordings
from dragoman.demo.scenario import Scenario, load
from dragoman.demo.table import View
from dragoman.demo.voices import Voice, check_voices, render
from dragoman.engines.phrases import default_path
from dragoman.errors import DemoError, DragomanError
from dragoman.languages import LANGUAGES
from dragoman.media.format import SAMPLE_RATE, Pcm
from dragoman.resources import shared
from dragoman.signals import ended_by_signals
from dragoman.telephony.pbx import Pbx, Site, ensure_asterisk
from dragoman.telephony.pbx.ports import free_port
from dragoman.telephony.prompts import cache_dir

GONE_WITHIN = 1.0
"""s in which the end of a process is known of; it takes a few ms."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it (128 + SIGINT)."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line says. ``script`` and ``phrases`` None: those that come with Dragoman."""

    script: Path | None = None
    phrases: Path | None = None
    out: Path = Path("demo-out")
    keep: bool = False
    engines: str = DEFAULT
    """Name of a profile (``demo/profiles.py``)."""


async def run_demo(options: DemoOptions) -> int:
    """Hold the meeting; 0 if everybody heard everything, in order, once; 1 if not, with the reasons told.

    Raises:
        DragomanError: the demo could not be held; the message says why.
    """
    task = asyncio.current_task()
    assert task is not None
    with ended_by_signals(task.cancel):
        try:
            with tempfile.TemporaryDirectory(prefix="dragoman-demo-") as work:
                return await _Demo(options, Path(work)).run()
        except asyncio.CancelledError:
            Console(stderr=True).print("stopped")
            return INTERRUPTED
        except BaseExceptionGroup as group:
            ours = group.subgroup(DragomanError)
            if ours is None:
                raise
            raise _first(ours) from group


class _Demo:
    def __init__(self, options: DemoOptions, work: Path) -> None:
        self._options = options
        self._out = options.out
        self._work = work
        self._console = Console(highlight=False, soft_wrap=not Console().is_terminal)
        self._engines = Engines({})

    async def run(self) -> int:
        chosen = profile(self._options.engines)
        script = self._options.script or shared("config/demo.toml")
        scenario = load(script)
        self._say(f"script {script}: {len(scenario.people)} people, {len(scenario.turns)} turns")
        phrases = self._options.phrases
        turns = await self._voices(scenario)
        durations = tuple(len(turns[number]) / SAMPLE_RATE for number in range(len(turns)))
        occasion = Occasion(scenario, phrases or default_path(), phrases is not None, durations, self._work, self._say)
        async with chosen.start(occasion) as self._engines:
            for remark in self._engines.remarks:
                self._say(remark)
            self._out.mkdir(parents=True, exist_ok=True)
            asterisk = await asyncio.to_thread(ensure_asterisk, self._say)
            async with Pbx(Site(scenario.languages, scenario.room, notice=False), asterisk=asterisk) as pbx:
                self._say(f"PBX ready: {asterisk.version}, SIP on 127.0.0.1:{pbx.sip_port}")
                return await self._interpreted(scenario, turns, pbx)

    async def _interpreted(self, scenario: Scenario, turns: Mapping[int, Pcm], pbx: Pbx) -> int:
        daemon = Daemon(self._settings(scenario, pbx), self._work, free_port(socket.SOCK_STREAM))
        try:
            async with daemon:
                await daemon.wait_ready()
                self._say(f"daemon ready: {daemon.url}")
                await self._engines.prepare(daemon.url)
                held = await self._hold(scenario, turns, daemon, pbx)
                status = await self._judge(scenario, turns, held)
                if self._options.keep:
                    await self._keep(scenario, turns, daemon, pbx)
                return status
        finally:
            shutil.copyfile(daemon.log_path, self._out / "dragoman.log")

    async def _voices(self, scenario: Scenario) -> dict[int, Pcm]:
        voices = {person.name: Voice.parse(person.voice) for person in scenario.people if person.voice}
        await check_voices(set(voices.values()))
        cache = cache_dir() / "demo-voices"
        return {i: await render(voices[turn.speaker], turn.text, cache) for i, turn in enumerate(scenario.turns)}

    def _settings(self, scenario: Scenario, pbx: Pbx) -> dict[str, Any]:
        """The daemon's settings file, section by section; its HTTP port is set by Daemon."""
        return {
            "asterisk": {"url": pbx.ari_url, "username": pbx.ari_username, "password": pbx.ari_password},
            "rooms": {"languages": list(scenario.languages)},
            "engines": self._engines.settings,
            **self._engines.sections,
        }

    async def _hold(self, scenario: Scenario, turns: Mapping[int, Pcm], daemon: Daemon, pbx: Pbx) -> Held:
        with (
            tempfile.TemporaryDirectory(prefix="meeting-", dir=self._work) as folder,
            View(self._console, scenario, Minutes(), bool(self._engines.simulation)) as view,
        ):
            return await Meeting(scenario, turns, daemon, pbx.sip_port, Path(folder), view, self._engines.seated).hold()

    async def _judge(self, scenario: Scenario, turns: Mapping[int, Pcm], held: Held) -> int:
        """Listen to the recordings, write ``out``, tell the verdict; the exit status."""
        self._say("listening to what everybody heard ...")
        translations = await speak_again(held.minutes, EnginesSettings(**self._engines.settings), self._engines.dress)
        verdict = await asyncio.to_thread(
            judge, scenario, held.played, turns, held.minutes, held.recordings, translations
        )
        await asyncio.to_thread(self._write, scenario, held, verdict)
        self._tell(scenario, held, verdict)
        return 0 if verdict.good else 1

    def _write(self, scenario: Scenario, held: Held, verdict: Verdict) -> None:
        write_recordings(self._out, scenario, held.recordings, held.begin)
        content = captions(
            scenario, held.played, held.minutes, verdict, held.stats, held.begin, self._engines.simulation
        )
        write_captions(self._out / "captions.json", content)
        span = (held.begin, held.end)
        draw(self._out / "timeline.png", scenario, held.played, held.minutes, held.recordings, verdict, span)

    def _tell(self, scenario: Scenario, held: Held, verdict: Verdict) -> None:
        content = captions(
            scenario, held.played, held.minutes, verdict, held.stats, held.begin, self._engines.simulation
        )
        for place, what in (("wire", "on the wire"), ("ear", "at the ear")):
            found = content["ear_voice_span_ms"][place]
            if found["count"]:
                self._say(
                    f"ear-voice span {what}: p50 {found['p50']:.0f} ms, p95 {found['p95']:.0f} ms, "
                    f"longest {found['longest']:.0f} ms ({found['count']} translations)"
                )
        tick = held.stats.get("tick") or {}
        if tick.get("p99_ms") is not None:
            self._say(
                f"tick lateness: p50 {tick['p50_ms']:.2f} ms, p99 {tick['p99_ms']:.2f} ms over {tick['ticks']} ticks"
            )
        if self._engines.simulation:
            self._say(self._engines.simulation)
        names = ", ".join(file_names(scenario).values())
        self._say(f"in {self._out}: {names}, captions.json, timeline.png, dragoman.log")
        if verdict.good:
            text = f"GOOD: {len(verdict.heard)} of {verdict.expected} translations heard, in order, each once"
            self._console.print(Text(text, style="bold green"))
            return
        text = f"NOT GOOD: {len(verdict.heard)} of {verdict.expected} translations heard; what is wrong:"
        self._console.print(Text(text, style="bold red"))
        for finding in verdict.findings:
            self._console.print(Text(f"  {finding.fault}: {finding.message}", style="red"))

    async def _keep(self, scenario: Scenario, turns: Mapping[int, Pcm], daemon: Daemon, pbx: Pbx) -> None:
        """Stay in the room with everybody, for whoever dials in, until a signal ends it."""
        room, at = scenario.room, f"127.0.0.1:{pbx.sip_port}"
        uris = {code: f"sip:{room}*{LANGUAGES[code].calling_code}@{at}" for code in scenario.languages}
        captions_url = f"{daemon.url}/api/rooms/{room}/captions?lang={scenario.languages[0]}"
        self._say("")
        self._say("It stays up. Call it with a softphone on this machine: no account, no registration, no password;")
        self._say("G.722 or G.711; with headphones, or the phone hears itself.")
        for code, uri in uris.items():
            self._say(f"  {uri}   to speak and hear {LANGUAGES[code].name}")
        self._say(f"  sip:{room}@{at}   to be asked for the language")
        self._say("Keys: *6 mutes you, *3 changes your language, *0 tells the keys.")
        names = ", ".join(f"{person.name} ({LANGUAGES[person.language].name})" for person in scenario.people)
        self._say(f"{names} stay on the phone and listen: speak, and see below what they hear.")
        self._say(f"When nobody has spoken for {REPEAT_S:.0f} s they hold their meeting again, for you to listen to.")
        self._say(f"Captions: curl -N '{captions_url}'")
        self._say(f"Metrics:  curl {daemon.url}/metrics")
        self._say("Ctrl-C ends it.")
        task = asyncio.current_task()
        assert task is not None
        try:
            with View(self._console, scenario, Minutes(), bool(self._engines.simulation)) as view:
                view.footer = (f"dial {'  '.join(uris.values())}", f"captions {captions_url}  Ctrl-C ends it")
                while True:
                    await self._stay(scenario, turns, daemon, pbx, view)
                    view.say("the PBX ended, and with it every call: it is started again, and everybody dials anew")
                    await pbx.start()
                    await daemon.wait_ready()
        except asyncio.CancelledError:
            task.uncancel()
            self._say("ending")

    async def _stay(self, scenario: Scenario, turns: Mapping[int, Pcm], daemon: Daemon, pbx: Pbx, view: View) -> None:
        """Stay in the room until the PBX ends."""
        with tempfile.TemporaryDirectory(prefix="meeting-", dir=self._work) as folder:
            meeting = Meeting(scenario, turns, daemon, pbx.sip_port, Path(folder), view, self._engines.seated)
            try:
                async with asyncio.TaskGroup() as group:
                    staying = group.create_task(meeting.stay())
                    await pbx.ended()
                    staying.cancel()
            except* DemoError:
                if not await _gone(pbx):
                    raise

    def _say(self, line: str) -> None:
        self._console.print(Text(line))


async def _gone(pbx: Pbx) -> bool:
    """Whether it ended: a phone that lost its call tells of it before the process is known to be gone."""
    try:
        async with asyncio.timeout(GONE_WITHIN):
            await pbx.ended()
    except TimeoutError:
        return False
    return True


def _first(group: BaseExceptionGroup[DragomanError]) -> DragomanError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, DragomanError)
    return error
