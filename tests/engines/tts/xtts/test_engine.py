"""The XTTS engine on a tiny model, through the real loading code: what every synthesizer must do, what it refuses."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.engines.conformance import SynthesizerConformance
from tests.engines.missing import without

from dragoman.engines.base import SpeechRequest
from dragoman.engines.tts.loudness import StreamShaper, VoiceLevels
from dragoman.engines.tts.xtts.engine import XttsSynthesizer
from dragoman.engines.tts.xtts.follower import Follower
from dragoman.engines.tts.xtts.seam import Cut
from dragoman.engines.tts.xtts.speakers import Conditioning, StockVoices
from dragoman.errors import (
    ConfigError,
    EngineBusy,
    EngineCrashed,
    EngineCutShort,
    EngineRejected,
    EngineUnavailable,
    VoiceUnavailable,
)
from dragoman.media.format import ms_to_samples

torch = pytest.importorskip("torch")
pytest.importorskip("TTS")

KNOWN = SpeechRequest("Good morning to everybody who is in this meeting.", "en", "anna")

LONG = replace(KNOWN, text=" ".join([KNOWN.text] * 6))


@pytest.mark.usefixtures("narrow")
class TestConformance(SynthesizerConformance):
    name = "xtts"
    crashes = False

    @pytest.fixture
    def options(self, talkative: Path) -> Mapping[str, object]:
        return {"model": str(talkative), "accept_cpml": True, "device": "cpu", "slots": 4}

    @pytest.fixture
    def known(self) -> SpeechRequest:
        return replace(KNOWN, text="Good morning to everybody.")


@asynccontextmanager
async def running(folder: Path, **options: object) -> AsyncIterator[XttsSynthesizer]:
    engine = XttsSynthesizer({"model": str(folder), "accept_cpml": True, "device": "cpu", "slots": 2, **options})
    await engine.start()
    yield engine
    await engine.close()


async def speak(engine: XttsSynthesizer, request: SpeechRequest) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.int16), *[piece async for piece in engine.synthesize(request)]])


def loaded(engine: XttsSynthesizer) -> Any:
    assert engine._worker is not None
    return engine._worker.ready.result(0)


async def free(engine: XttsSynthesizer) -> int:
    """Free slots, seen between two steps."""
    assert engine._worker is not None
    return await asyncio.wrap_future(engine._worker.ask(lambda loaded: loaded.decoder.free))


# What it refuses


async def test_the_licence_has_to_be_accepted_before_anything_is_loaded(plain: Path) -> None:
    for options in ({}, {"accept_cpml": False}):
        engine = XttsSynthesizer({"model": str(plain), **options})
        with pytest.raises(EngineUnavailable, match=r"used commercially.*accept_cpml = true"):
            await engine.start()
        await engine.close()
    assert not XttsSynthesizer({}).info.commercial_use


async def test_without_the_package_it_says_what_to_install(plain: Path) -> None:
    engine = XttsSynthesizer({"model": str(plain), "accept_cpml": True})
    with without("torch", "TTS"), pytest.raises(EngineUnavailable, match=r'pip install "dragoman\[xtts\]"'):
        await engine.start()


async def test_without_a_model_it_says_how_to_get_it(tmp_path: Path) -> None:
    for options in ({}, {"model": str(tmp_path)}, {"model": str(tmp_path / "none")}):
        engine = XttsSynthesizer({"accept_cpml": True, **options})
        with pytest.raises(EngineUnavailable, match="hf download coqui/XTTS-v2"):
            await engine.start()
        await engine.close()


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.pth", b"no checkpoint"),
        ("model.pth", None),
        ("config.json", b"{"),
        ("vocab.json", b"[]"),
        ("speakers_xtts.pth", b"\0" * 100),
    ],
)
async def test_a_broken_model_is_named(plain: Path, tmp_path: Path, file: str, content: bytes | None) -> None:
    for path in plain.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    whole = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(whole[: len(whole) // 2] if content is None else content)
    engine = XttsSynthesizer({"model": str(tmp_path), "accept_cpml": True})
    with pytest.raises(EngineUnavailable, match="cannot be loaded"):
        await engine.start()
    await engine.close()


@pytest.mark.usefixtures("narrow")
async def test_a_model_of_another_size_is_named(plain: Path, tmp_path: Path) -> None:
    for path in plain.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config["model_args"]["gpt_layers"] = 3
    (tmp_path / "config.json").write_text(json.dumps(config))
    engine = XttsSynthesizer({"model": str(tmp_path), "accept_cpml": True})
    with pytest.raises(EngineUnavailable, match="cannot be loaded"):
        await engine.start()


@pytest.mark.parametrize("options", [{"slots": 0}, {"device": "tpu"}, {"top_p": 1.5}, {"accept_cpml": "yes"}])
def test_wrong_options_are_named(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        XttsSynthesizer(options)


async def test_unstarted_it_fails_cleanly() -> None:
    engine = XttsSynthesizer({})
    with pytest.raises(EngineCrashed, match="not started"):
        await speak(engine, KNOWN)
    with pytest.raises(EngineCrashed, match="not started"):
        await engine.condition(np.zeros(100, np.float32), 16_000)


@pytest.mark.usefixtures("narrow")
async def test_closed_while_it_loads_it_is_left_to_its_thread(talkative: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dragoman.engines.tts.xtts import engine as module
    from dragoman.engines.tts.xtts import loading

    gate = threading.Event()
    original = loading.load
    monkeypatch.setattr(loading, "load", lambda folder: gate.wait(60) and original(folder))
    monkeypatch.setattr(module, "CLOSE_DEADLINE_S", 0.05)
    engine = XttsSynthesizer({"model": str(talkative), "accept_cpml": True})
    starting = asyncio.ensure_future(engine.start())
    while engine._worker is None:
        await asyncio.sleep(0)
    worker = engine._worker
    await engine.close()
    assert not worker.ended.done()
    gate.set()
    await starting
    await asyncio.wrap_future(worker.ended)
    with pytest.raises(EngineCrashed, match="closed"):
        await speak(engine, KNOWN)


# Speaking


@pytest.mark.usefixtures("narrow")
async def test_what_waits_beyond_the_bound_is_refused(talkative: Path) -> None:
    async with running(talkative, slots=1, max_waiting=1) as engine:
        first, second = engine.synthesize(KNOWN), engine.synthesize(KNOWN)
        reading = asyncio.gather(anext(first), anext(second))
        await asyncio.sleep(0)
        with pytest.raises(EngineBusy, match="1 clauses wait for one of 1 slots"):
            await speak(engine, KNOWN)
        await reading
        await first.aclose()  # type: ignore[attr-defined]  # it is a generator
        await second.aclose()  # type: ignore[attr-defined]
        assert len(await speak(engine, KNOWN))


@pytest.mark.usefixtures("narrow")
async def test_cancelling_frees_the_slot_for_who_waits(talkative: Path) -> None:
    async with running(talkative, slots=1) as engine:
        for _ in range(3):
            async with aclosing(engine.synthesize(LONG)) as pieces:  # type: ignore[type-var]  # it is a generator
                await anext(pieces)
            assert len(await speak(engine, KNOWN))
        assert engine.counts()["cancelled"] == 3
        assert engine.counts()["clauses"] == 6
        assert 0 < engine.counts()["steps"] <= engine.counts()["batched"]
        assert await free(engine) == 1


@pytest.mark.usefixtures("narrow")
async def test_clauses_beyond_the_slots_wait_and_are_all_spoken(talkative: Path) -> None:
    async with running(talkative, slots=2) as engine:
        alone = await speak(engine, KNOWN)
        for audio in await asyncio.gather(*(speak(engine, KNOWN) for _ in range(7))):
            assert np.array_equal(audio, audio) and len(audio) == len(alone)


@pytest.mark.usefixtures("narrow")
async def test_sound_comes_long_before_the_end(talkative: Path) -> None:
    async with running(talkative) as engine:
        sizes = [len(piece) async for piece in engine.synthesize(LONG)]
        assert sizes[0] <= ms_to_samples(400)
        assert len(sizes) > 5
        assert max(sizes) <= ms_to_samples(1200)


@pytest.fixture
def mute(plain: Path, tmp_path: Path) -> Path:
    """A model that stops at once."""
    for path in plain.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    checkpoint = torch.load(plain / "model.pth", weights_only=True)
    checkpoint["model"]["gpt.mel_head.bias"][65] = 100.0
    torch.save(checkpoint, tmp_path / "model.pth")
    return tmp_path


@pytest.mark.usefixtures("narrow")
async def test_speech_that_fails_its_self_check_is_tried_again_then_left_to_the_next_voice(mute: Path) -> None:
    async with running(mute) as engine:
        with pytest.raises(EngineRejected, match="failed its self-check 3 times, the last time: too short"):
            await speak(engine, LONG)
        counts = engine.counts()
        assert (counts["self_check_retries"], counts["self_check_failures"]) == (2, 1)
        assert await free(engine) == 2
    async with running(mute, self_check=False) as engine:
        await speak(engine, LONG)
        assert engine.counts()["self_check_retries"] == 0


@pytest.mark.usefixtures("narrow")
async def test_speech_that_fails_when_it_is_heard_fades_and_says_what_is_left(plain: Path) -> None:
    heard: list[np.ndarray] = []
    async with running(plain) as engine:  # random weights stop after a word or two
        with pytest.raises(EngineCutShort, match="broke off by its self-check") as caught:
            async for piece in engine.synthesize(LONG):
                heard.append(piece)
        assert engine.counts()["self_check_cut_short"] == 1
        assert await free(engine) == 2
    said = len(np.concatenate(heard)) / 16_000
    rest = caught.value.rest
    spelled = LONG.text.lower()
    assert rest and spelled.endswith(rest)
    assert abs(len(spelled) - len(rest) - said * 15) < 15, "it goes on where this one broke off"


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("answers", [True, False], ids=["somebody knows", "nobody answers"])
async def test_a_clause_that_broke_off_ends_where_it_is_known_to_be_and_waits_for_that_no_longer_than_its_booth(
    plain: Path, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    class Known:
        def cut(self, played: int) -> Cut:
            return Cut(played, "what is known to be left", 1.0)

    def follow(self: Follower, sound: object, text: str, language: str, then: Callable[[object], None]) -> None:
        if answers:
            then(Known())

    monkeypatch.setattr(Follower, "__call__", follow)
    async with running(plain) as engine:
        with pytest.raises(EngineCutShort) as caught:
            await speak(engine, LONG)
        assert caught.value.rest.startswith("what is known to be left") is answers
        assert await free(engine) == 2


@pytest.mark.usefixtures("narrow")
async def test_another_seed_says_it_otherwise(talkative: Path) -> None:
    said = []
    for seed in (0, 0, 1):
        async with running(talkative, seed=seed) as engine:
            said.append(await speak(engine, KNOWN))
    assert np.array_equal(said[0], said[1])
    assert len(said[0]) != len(said[2]) or not np.array_equal(said[0], said[2])


OWN = Conditioning(np.zeros((32, 64), np.float32), np.full(512, 512**-0.5, np.float32), "profile:anna.1", own=True)


class Source:
    """A VoiceSource: what each speaker has; an exception is raised."""

    def __init__(self, **voices: Conditioning | Exception) -> None:
        self.voices = voices

    def conditioning(self, speaker: str, style: Sequence[float] | None) -> Conditioning | None:
        found = self.voices.get(speaker)
        if isinstance(found, Exception):
            raise found
        return found


@asynccontextmanager
async def with_voices(folder: Path, source: Source, **options: object) -> AsyncIterator[XttsSynthesizer]:
    engine = XttsSynthesizer({"model": str(folder), "accept_cpml": True, "device": "cpu", **options})
    engine.use(source)
    await engine.start()
    yield engine
    await engine.close()


UNUSABLE = {
    "unknown": None,
    "broken": KeyError("no such profile"),
    "wide": replace(OWN, latents=np.zeros((32, 1024), np.float32)),
    "short": replace(OWN, latents=np.zeros((31, 64), np.float32)),
    "other": replace(OWN, embedding=np.zeros(256, np.float32)),
    "nan": replace(OWN, latents=np.full((32, 64), np.nan, np.float32)),
}
"""Speakers without a voice that the model could speak in."""


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("speaker", UNUSABLE)
async def test_who_has_no_voice_that_can_be_used_is_spoken_for_by_a_stock_voice(talkative: Path, speaker: str) -> None:
    """No profile, a broken one, one made for another model: the clause is heard, in the voice he has without any."""
    heard: list[str] = []
    source = Source(**{name: voice for name, voice in UNUSABLE.items() if voice is not None})
    async with running(talkative) as plain:
        neutral = await speak(plain, replace(KNOWN, speaker=speaker))
    async with with_voices(talkative, source) as engine:
        engine.on_own_voice = lambda speaker, pcm: heard.append(speaker)
        assert np.array_equal(await speak(engine, replace(KNOWN, speaker=speaker)), neutral)
        assert engine.counts()["own_voice"] == 0 and not heard


@pytest.mark.usefixtures("narrow")
async def test_a_person_is_spoken_for_in_his_own_voice_from_the_clause_on_in_which_he_has_one(talkative: Path) -> None:
    heard: list[tuple[str, np.ndarray]] = []
    source = Source()
    async with with_voices(talkative, source) as engine:
        engine.on_own_voice = lambda speaker, pcm: heard.append((speaker, pcm))
        worker = engine._worker
        assert worker is not None
        before = await speak(engine, KNOWN)
        kept = await asyncio.wrap_future(worker.ask(lambda loaded: set(loaded.decoder._voices)))
        source.voices["anna"] = OWN
        during = await speak(engine, KNOWN)
        assert kept == await asyncio.wrap_future(worker.ask(lambda loaded: set(loaded.decoder._voices))), (
            "stock voices are kept from clause to clause, nothing of a person's own"
        )
        assert not np.array_equal(before, during)
        assert [speaker for speaker, _ in heard] == ["anna"] and np.array_equal(heard[0][1], during)
        del source.voices["anna"]
        after = await speak(engine, KNOWN)
        assert len(after) == len(before) and len(heard) == 1 and engine.counts()["own_voice"] == 1


@pytest.mark.usefixtures("narrow")
async def test_speed_pitch_and_gain_of_a_voice_are_heard(talkative: Path) -> None:
    changed = {
        "plain": OWN,
        "fast": replace(OWN, speed=1.2),
        "low": replace(OWN, pitch=-6.0),
        "loud": replace(OWN, gain_db=6.0),
        "soft": replace(OWN, gain_db=-6.0),
    }
    made = {}
    for name, voice in changed.items():
        async with with_voices(talkative, Source(anna=voice)) as engine:
            made[name] = await speak(engine, KNOWN)
    levels = {name: float(np.sqrt(np.mean(audio.astype(float) ** 2))) for name, audio in made.items()}
    assert levels["loud"] > 1.5 * levels["plain"] > 2.2 * levels["soft"]
    assert max(abs(int(each)) for each in made["loud"]) <= 29_000
    assert np.isclose(len(made["plain"]) / len(made["fast"]), 1.2, rtol=0.03)
    assert np.isclose(len(made["plain"]) / len(made["low"]), 1.0, rtol=0.03)


def test_a_shifted_pitch_changes_the_rate_and_is_made_up_for_by_the_stretch() -> None:
    assert (OWN.rate, OWN.stretch) == (24_000, 1.0)
    assert (replace(OWN, speed=1.25).rate, replace(OWN, speed=1.25).stretch) == (24_000, 0.8)
    for semitones in range(-6, 7):
        voice = replace(OWN, pitch=float(semitones), speed=1.1)
        assert voice.rate % 50 == 0 and abs(12 * np.log2(voice.rate / 24_000) - semitones) < 0.08
        assert np.isclose(voice.stretch * 24_000 / voice.rate, 1 / 1.1)
        tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000)).astype(np.int16)
        heard = StreamShaper(voice.rate, "tone", VoiceLevels()).push(tone).astype(float)
        found = np.argmax(np.abs(np.fft.rfft(heard[1600:], 1 << 17))) * 16_000 / (1 << 17)
        assert np.isclose(found, 440 * 2 ** (semitones / 12), rtol=0.005)


@pytest.mark.usefixtures("narrow")
async def test_a_voice_is_made_of_a_clip_in_another_thread_and_named_by_its_weights(
    talkative: Path, tmp_path: Path
) -> None:
    from tests.engines.tts.xtts import tiny

    clip = (np.random.default_rng(1).standard_normal(3 * 24_000) * 0.1).astype(np.float32)
    engine = XttsSynthesizer({"model": str(talkative), "accept_cpml": True, "device": "cpu"})
    assert engine.encoder is None
    await engine.start()
    encoder = engine.encoder
    assert encoder is not None and encoder.name.startswith("xtts-")
    made = await asyncio.to_thread(encoder.latents, clip, 24_000)
    gpt, speaker = await engine.condition(clip, 24_000)
    assert np.array_equal(made.gpt, gpt) and np.array_equal(made.speaker, speaker)
    with pytest.raises(VoiceUnavailable, match="too short"):
        await asyncio.to_thread(encoder.latents, clip[:1000], 24_000)
    async with running(talkative) as again, running(tiny.make(tmp_path, seed=1)) as other:
        assert again.encoder is not None and other.encoder is not None
        assert again.encoder.name == encoder.name != other.encoder.name
    await engine.close()
    with pytest.raises(VoiceUnavailable, match="closed"):
        await asyncio.to_thread(encoder.latents, clip, 24_000)


@pytest.mark.usefixtures("narrow")
async def test_who_waits_for_a_voice_when_it_is_closed_is_told(talkative: Path) -> None:
    busy, gate = threading.Event(), threading.Event()
    engine = XttsSynthesizer({"model": str(talkative), "accept_cpml": True, "device": "cpu"})
    await engine.start()
    assert engine._worker is not None
    engine._worker.ask(lambda loaded: (busy.set(), gate.wait(60)))
    await asyncio.to_thread(busy.wait, 60)
    waiting = asyncio.ensure_future(engine.condition(np.zeros(24_000, np.float32), 24_000))
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(engine.close())
    await asyncio.sleep(0)
    gate.set()
    with pytest.raises(EngineCrashed, match="closed"):
        await waiting
    await closing


@pytest.mark.usefixtures("narrow")
async def test_a_failing_step_crashes_those_who_speak_and_nobody_after(
    talkative: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(talkative) as engine:
        with monkeypatch.context() as patch:
            patch.setattr(loaded(engine).decoder, "step", lambda: 1 / 0)
            both = await asyncio.gather(speak(engine, KNOWN), speak(engine, LONG), return_exceptions=True)
        assert [type(each) for each in both] == [EngineCrashed, EngineCrashed]
        assert len(await speak(engine, KNOWN))
        assert await free(engine) == 2


@pytest.mark.usefixtures("narrow")
async def test_a_clip_conditions_it_as_it_does_coqui(plain: Path) -> None:
    clip = (np.random.default_rng(1).standard_normal(7 * 16_000) * 0.1).astype(np.float32)
    async with running(plain) as engine:
        latents, embedding = await engine.condition(clip, 16_000)
        with pytest.raises(EngineRejected, match="too short"):
            await engine.condition(clip[:1000], 16_000)
    from tests.engines.tts.xtts import tiny

    theirs, sound = tiny.by_coqui(plain), torch.from_numpy(clip)[None]
    assert np.allclose(latents, theirs.get_gpt_cond_latents(sound, 16_000, 30, 4)[0].numpy(), atol=1e-5)
    assert np.allclose(embedding, theirs.get_speaker_embedding(sound, 16_000).reshape(-1).numpy(), atol=1e-5)


def test_speakers_keep_a_stock_voice_of_their_own() -> None:
    names = ["Ana Florence", "Luis Moray", "Tammie Ema"]
    stock = StockVoices({name: (np.zeros((32, 4), np.float32), np.zeros(512, np.float32)) for name in names})
    voices = [stock.conditioning(speaker, None).voice for speaker in ("a", "b", "c")]
    assert len(set(voices)) == 3
    assert [stock.conditioning(speaker, None).voice for speaker in ("a", "b", "c")] == voices
    assert stock.conditioning("Luis Moray", None).voice == "stock:Luis Moray"
