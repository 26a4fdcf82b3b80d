"""A conference whose XTTS lacks something, or fails while it speaks: another voice speaks, no word is lost or doubled.

The real engines, chosen and loaded from settings as the daemon does, in a conference between fakes, in real time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog.testing
from tests.engines.missing import without
from tests.pipeline.fakes import FakeEngines, FakeTranslator
from tests.pipeline.hall import Hall, hall

from dragoman.config.engines import EnginesSettings
from dragoman.engines.base import EngineInfo, SpeechRequest, Stage, Synthesizer, Translation, TranslationRequest
from dragoman.engines.selection import EngineSet
from dragoman.engines.tts.xtts.speakers import Conditioning
from dragoman.media.format import Pcm
from dragoman.pipeline import delivery
from dragoman.pipeline.captions import CaptionKind
from dragoman.recovery.kinds import Action, Kind, Status

torch = pytest.importorskip("torch")
pytest.importorskip("TTS")

pytestmark = pytest.mark.usefixtures("narrow", "patient")

LONG = (
    "el tren de la tarde llega hoy con mucho retraso a la ciudad y nadie sabe todavía por qué ha salido tan tarde de "
    "la última estación antes del puente"
)

SENTENCES = ("buenos días a todos los que están aquí", LONG, "muchas gracias y hasta la semana que viene")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no failure."""
    monkeypatch.setattr(delivery, "TTS_DEADLINE", 60.0)


@dataclass
class Spanish(FakeTranslator):
    """Says the next of SENTENCES, whatever it was given."""

    async def translate(self, request: TranslationRequest) -> Translation:
        self.requests.append(request)
        return Translation(SENTENCES[(len(self.requests) - 1) % len(SENTENCES)], self.name)


@dataclass
class Heard:
    """A synthesizer, and what it was asked for."""

    engine: Synthesizer
    requests: list[SpeechRequest] = field(default_factory=list)
    closed: int = 0

    @property
    def info(self) -> EngineInfo:
        return self.engine.info

    def supports(self, language: str) -> bool:
        return self.engine.supports(language)

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        self.requests.append(request)
        pieces: Any = self.engine.synthesize(request)
        try:
            async for piece in pieces:
                yield piece
        finally:
            self.closed += 1
            await pieces.aclose()


class Call:
    """Ann speaks English, Bea hears Spanish."""

    def __init__(self, place: Hall, engines: EngineSet, heard: dict[str, Heard]) -> None:
        self.place, self.engines, self.heard = place, engines, heard
        self.ann, self.bea = place.join("ann", "en"), place.join("bea", "es")
        self.reader = place.read("es")

    async def says(self, sentences: int) -> list[str]:
        """So many sentences, one after the other; who spoke each (last)."""
        for number in range(sentences):
            told = len(self.place.measures.spoken) + len(self.place.measures.dropped)
            self.place.say(self.ann, f"sentence number{number}")
            async with asyncio.timeout(120):
                while len(self.place.measures.spoken) + len(self.place.measures.dropped) == told or self.speaking:
                    await asyncio.sleep(0.05)
        return [engines["tts"] for _, _, _, engines in self.place.measures.spoken]

    @property
    def speaking(self) -> bool:
        return any(heard.closed < len(heard.requests) for heard in self.heard.values())

    def asked(self, engine: str) -> list[str]:
        return [request.text for request in self.heard[engine].requests]

    def nothing_lost(self) -> None:
        """Each clause was read and spoken, once."""
        assert self.reader.texts() == list(SENTENCES[: len(self.place.engines.translator.requests)])
        assert self.reader.of(CaptionKind.DROPPED) == [] and self.place.measures.dropped == []
        assert self.place.measures.crashed == 0


@asynccontextmanager
async def call(
    options: dict[str, Any], use: Callable[[EngineSet], None] = lambda engines: None
) -> AsyncIterator[tuple[Call, list[Any]]]:
    """A conference, and what was logged since its engines were loaded."""
    settings = EnginesSettings(synthesizers=("xtts", "espeak"), options={"xtts": {"device": "cpu", **options}})
    engines = EngineSet.build(settings)
    use(engines)
    with structlog.testing.capture_logs() as logs:
        await engines.start(Stage.TTS, ("es",))
        heard = {engine.info.name: Heard(engine) for engine in engines.synthesizers("es")}
        first, *others = heard.values()
        fakes = FakeEngines(
            translator=Spanish(),
            mouth=first,  # type: ignore[arg-type]  # it is a synthesizer that counts what was closed, which is all
            spare=tuple(others),  # type: ignore[arg-type]
            circuits=engines.circuits,
        )
        try:
            async with hall(fakes) as place:
                yield Call(place, engines, heard), logs
        finally:
            await engines.close()


def logged(logs: Sequence[Any], text: str) -> list[Any]:
    return [entry for entry in logs if text in f"{entry.get('error', '')} {entry.get('reason', '')}"]


@pytest.mark.parametrize("lack", ["the extra", "the model", "the consent", "the weights"])
async def test_where_xtts_cannot_be_loaded_espeak_speaks_and_the_log_says_why_once(
    lack: str, plain: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"model": str(plain), "accept_cpml": True}
    hidden: Any = nullcontext()
    match lack:
        case "the extra":
            hidden, why = without("TTS"), 'pip install "dragoman[xtts]"'
        case "the model":
            options["model"], why = str(tmp_path / "none"), "hf download coqui/XTTS-v2"
        case "the consent":
            options["accept_cpml"], why = False, "accept_cpml = true"
        case _:
            for path in plain.iterdir():
                (tmp_path / path.name).write_bytes(path.read_bytes())
            (tmp_path / "model.pth").write_bytes((plain / "model.pth").read_bytes()[:-1000])
            options["model"], why = str(tmp_path), "cannot be loaded"
    with hidden:
        async with call(options) as (talk, logs):
            assert await talk.says(2) == ["espeak", "espeak"]
            talk.nothing_lost()
            assert list(talk.heard) == ["espeak"]
            assert talk.asked("espeak") == list(SENTENCES[:2])
            assert len(logged(logs, why)) == 1
            assert talk.place.measures.failed == [], "a voice that is not there fails no clause"
            assert why in talk.engines.degraded(Stage.TTS)


class Profiles:
    """VoiceSource with one voice, or none."""

    def __init__(self, voice: Conditioning | Exception | None) -> None:
        self.voice = voice

    def conditioning(self, speaker: str, style: Sequence[float] | None) -> Conditioning | None:
        if isinstance(self.voice, Exception) and speaker:
            raise self.voice
        return self.voice if speaker and isinstance(self.voice, Conditioning) else None


GOOD = np.zeros((32, 64), np.float32), np.full(512, 512**-0.5, np.float32)

BROKEN: dict[str, tuple[Conditioning | Exception | None, str]] = {
    "none": (None, ""),
    "of another model": (Conditioning(np.zeros((32, 1024), np.float32), GOOD[1], "profile:v"), "(32, 1024)"),
    "cut off": (Conditioning(GOOD[0][:7], GOOD[1], "profile:v"), "(7, 64)"),
    "embedding of ECAPA": (Conditioning(GOOD[0], GOOD[1][:192], "profile:v"), "(192,)"),
    "corrupt": (Conditioning(GOOD[0] * np.float32("nan"), GOOD[1], "profile:v"), "numbers that are none"),
    "cannot be looked up": (KeyError("v"), "KeyError"),
}


@pytest.mark.parametrize("profile", BROKEN)
async def test_without_a_profile_that_can_be_used_a_stock_voice_speaks_and_the_log_says_why_once(
    profile: str, talkative: Path
) -> None:
    voice, why = BROKEN[profile]

    def use(engines: EngineSet) -> None:
        engines.synthesizers("es")[0].use(Profiles(voice))  # type: ignore[attr-defined]  # XttsSynthesizer

    async with call({"model": str(talkative), "accept_cpml": True}, use) as (talk, logs):
        assert await talk.says(2) == ["xtts", "xtts"]
        talk.nothing_lost()
        assert talk.asked("xtts") == list(SENTENCES[:2]) and talk.asked("espeak") == []
        assert len([entry for entry in logs if "voice not usable" in entry["event"]]) == bool(why)
        if why:
            assert len(logged(logs, why)) == 1
        counts = talk.heard["xtts"].engine.counts()  # type: ignore[attr-defined]  # it is Counting
        assert counts["voice_unusable"] == (2 if why else 0) and counts["own_voice"] == 0


class Breaks:
    """The decoder's step: raises once, in the second sentence, before or after its first sound."""

    def __init__(self, error: Exception, at: int) -> None:
        self.error: Exception | None = error
        self.at = at
        self.told: list[tuple[Kind, Action, Status, str]] = []

    def tell(self, kind: Kind, action: Action, status: Status, component: str, **about: Any) -> None:
        self.told.append((kind, action, status, component))

    async def break_it(self, engine: Any) -> None:
        def patch(loaded: Any) -> None:
            works = loaded.decoder.step

            def step() -> Any:
                if self.error is not None and any(seat.spoken >= self.at for seat in loaded.decoder._seats):
                    error, self.error = self.error, None
                    raise error
                return works()

            loaded.decoder.step = step

        await asyncio.wrap_future(engine._worker.ask(patch))


@pytest.mark.alone  # the call goes on in real time while torch speaks
@pytest.mark.parametrize("at", [3, 40], ids=["before it is heard", "in the middle"])
@pytest.mark.parametrize(
    ("error", "action", "status"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), Action.SHED, Status.DEGRADED),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), Action.RESTART, Status.RECOVERING),
        (RuntimeError("a bug"), Action.RETRY, Status.RECOVERING),
    ],
    ids=["out of memory", "an error of CUDA", "a bug"],
)
async def test_a_gpu_that_fails_while_it_speaks_costs_no_word(
    talkative: Path, error: Exception, action: Action, status: Status, at: int
) -> None:
    breaks = Breaks(error, at)

    def use(engines: EngineSet) -> None:
        engines.synthesizers("es")[0].tell = breaks.tell  # type: ignore[attr-defined]  # it is Telling

    async with call({"model": str(talkative), "accept_cpml": True}, use) as (talk, logs):
        xtts: Any = talk.heard["xtts"].engine
        assert await talk.says(1) == ["xtts"]
        await breaks.break_it(xtts)
        await talk.says(1)
        assert breaks.error is None
        talk.nothing_lost()
        async with asyncio.timeout(60):  # a model that is loaded anew speaks again
            while xtts._worker._mending or not xtts._worker.ready.done():
                await asyncio.sleep(0.05)
        await talk.says(1)
        talk.nothing_lost()
        assert breaks.told == [(Kind.GPU_FAILED, action, status, "tts:xtts")]
        assert xtts.counts()["mended"] == 1
        assert len([entry for entry in logs if entry["event"] == "step failed"]) == 1
        if at == 40:
            assert talk.asked("xtts") == list(SENTENCES)
            (rest,) = talk.asked("espeak")
            assert LONG.endswith(rest) and 20 < len(rest) < len(LONG), "the other voice goes on where it broke off"
            assert talk.place.measures.failed == [] and len(talk.place.measures.gave_way) == 1
        else:
            # Nothing was heard of it: it is said from its beginning, by whoever can.
            assert set(talk.asked("xtts")) | set(talk.asked("espeak")) == set(SENTENCES)
            assert talk.asked("espeak") in ([], [LONG])
