"""The XTTS engine when its model fails: clauses under way fail at once, the next ones are spoken, the daemon stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dragoman.engines.base import SpeechRequest
from dragoman.engines.tts.xtts.engine import XttsSynthesizer
from dragoman.errors import EngineCrashed, EngineUnavailable, VoiceUnavailable
from dragoman.recovery.gpu import LOADS, Trouble
from dragoman.recovery.kinds import Action, Kind, Status
from dragoman.recovery.telling import Telling

torch = pytest.importorskip("torch")
pytest.importorskip("TTS")

from dragoman.engines.tts.xtts.trouble import trouble_of  # noqa: E402  # torch must be there

pytestmark = pytest.mark.usefixtures("narrow")

KNOWN = SpeechRequest("Good morning to everybody.", "en", "anna")


class Mended:
    """An engine whose model can be made to fail, and what it told."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.engine = XttsSynthesizer({"model": str(folder), "accept_cpml": True, "device": "cpu", **options})
        self.engine.tell = self.take
        self.told: list[tuple[Kind, Action, Status]] = []
        self.changed = asyncio.Event()

    def take(self, kind: Kind, action: Action, status: Status, component: str, **about: Any) -> None:
        assert component == "tts:xtts"
        self.told.append((kind, action, status))
        self.changed.set()

    async def fails(self, error: Exception, times: int) -> None:
        """Its next steps raise; set in its own thread, between two steps."""
        worker = self.engine._worker
        assert worker is not None

        def break_it(loaded: Any) -> None:
            works, left = type(loaded.decoder).step, [error] * times

            def step() -> Any:
                if left and loaded.decoder.free < loaded.decoder.slots:  # somebody speaks
                    raise left.pop()
                return works(loaded.decoder)

            loaded.decoder.step = step

        await asyncio.wrap_future(worker.ask(break_it))

    async def speak(self) -> np.ndarray:
        return np.concatenate([piece async for piece in self.engine.synthesize(KNOWN)])

    async def speaks_again(self) -> np.ndarray:
        """While the model is loaded anew nobody waits: each is refused at once."""
        async with asyncio.timeout(60):
            while True:
                try:
                    return await self.speak()
                except EngineCrashed:
                    await asyncio.sleep(0.05)


@asynccontextmanager
async def mended(folder: Path, **options: object) -> AsyncIterator[Mended]:
    made = Mended(folder, **options)
    await made.engine.start()
    try:
        yield made
    finally:
        await made.engine.close()


async def test_it_tells() -> None:
    assert isinstance(XttsSynthesizer({}), Telling)


async def test_out_of_memory_fails_the_clause_and_the_next_is_spoken_with_half_as_many_at_once(
    talkative: Path,
) -> None:
    async with mended(talkative, slots=4) as made:
        whole = await made.speak()
        await made.fails(torch.OutOfMemoryError("CUDA out of memory"), 1)
        with pytest.raises(EngineCrashed, match="OutOfMemoryError"):
            await made.speak()
        assert len(await made.speak()) == len(whole)
        at_once = []

        def watch(loaded: Any) -> None:
            step = loaded.decoder.step
            loaded.decoder.step = lambda: (at_once.append(4 - loaded.decoder.free), step())[1]

        assert made.engine._worker is not None
        await asyncio.wrap_future(made.engine._worker.ask(watch))
        await asyncio.gather(*(made.speak() for _ in range(4)))
        assert max(at_once) == 2
        assert made.told == [(Kind.GPU_FAILED, Action.SHED, Status.DEGRADED)]
        assert made.engine.counts()["mended"] == 1


@pytest.mark.parametrize(
    ("error", "times"),
    [(torch.OutOfMemoryError("out of memory"), 1), (RuntimeError("CUDA error: an illegal memory access"), 1)],
    ids=["out of memory with one clause at once", "an error of CUDA"],
)
async def test_what_emptying_does_not_cure_loads_the_model_anew_in_place(
    talkative: Path, error: Exception, times: int
) -> None:
    async with mended(talkative, slots=1) as made:
        whole = await made.speak()
        worker = made.engine._worker
        assert worker is not None
        first = worker.ready.result(0)
        await made.fails(error, times)
        with pytest.raises(EngineCrashed):
            await made.speak()
        assert len(await made.speaks_again()) == len(whole)
        assert worker.ready.result(10) is not first
        assert made.engine._worker is worker
        assert made.told == [(Kind.GPU_FAILED, Action.RESTART, Status.RECOVERING)]


async def test_a_model_that_cannot_be_loaded_anew_is_tried_for_ever_and_closes_in_time(
    talkative: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dragoman.engines.tts.xtts import loading

    works, tries = loading.load, []

    def broken(folder: Path) -> Any:
        tries.append(folder)
        if len(tries) < 3:
            raise torch.OutOfMemoryError("still no memory")
        return works(folder)

    async with mended(talkative, slots=1) as made:
        monkeypatch.setattr(loading, "load", broken)
        await made.fails(torch.OutOfMemoryError("out of memory"), 1)
        with pytest.raises(EngineCrashed):
            await made.speak()
        with pytest.raises(EngineCrashed, match="is being loaded anew"):
            await made.speak()
        assert len(await made.speaks_again())
        assert len(tries) == 3
        tries[:] = []
        monkeypatch.setattr(loading, "load", lambda folder: tries.clear() or broken(folder))
        await made.fails(torch.OutOfMemoryError("out of memory"), 1)
        with pytest.raises(EngineCrashed):
            await made.speak()


LOST = RuntimeError("CUDA error: an illegal memory access was encountered")


async def test_a_gpu_that_stays_lost_is_given_up_and_says_what_to_do(
    talkative: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with device = "cuda": nothing else may speak for it but another engine."""
    from dragoman.engines.tts.xtts import loading

    tries = []

    def lost(folder: Path) -> Any:
        tries.append(folder)
        raise LOST

    async with mended(talkative, slots=2) as made:
        worker = made.engine._worker
        assert worker is not None
        monkeypatch.setattr(loading, "load", lost)
        await made.fails(LOST, 1)
        with pytest.raises(EngineCrashed, match="illegal memory access"):
            await made.speak()
        await asyncio.wait_for(asyncio.wrap_future(worker.ended), 60)
        assert len(tries) == LOADS
        with pytest.raises(EngineCrashed, match=r"given up until the daemon is restarted: .*illegal memory access"):
            await made.speak()
        assert made.engine.encoder is None, "nor are voices made"
        await asyncio.sleep(0)
        assert made.told == [
            (Kind.GPU_FAILED, Action.RESTART, Status.RECOVERING),
            (Kind.GPU_FAILED, Action.GIVE_UP, Status.DEGRADED),
        ]
        assert made.engine.counts()["given_up"] == 1


async def test_a_gpu_that_is_found_lost_when_a_clause_is_taken_is_mended(talkative: Path) -> None:
    """CUDA tells of an error at whatever is asked next: it may be the copy of a voice, before anybody speaks."""
    async with mended(talkative, slots=2) as made:
        whole = await made.speak()
        worker = made.engine._worker
        assert worker is not None

        def break_it(loaded: Any) -> None:
            works, left = loaded.voices.conditioning, [LOST]

            def conditioning(*asked: Any) -> Any:
                if left:
                    raise left.pop()
                return works(*asked)

            loaded.voices.conditioning = conditioning

        await asyncio.wrap_future(worker.ask(break_it))
        with pytest.raises(EngineCrashed, match="illegal memory access"):
            await made.speak()
        assert len(await made.speaks_again()) == len(whole)
        assert made.told == [(Kind.GPU_FAILED, Action.RESTART, Status.RECOVERING)]


async def test_a_clip_at_which_the_gpu_fails_makes_no_voice_and_says_why(
    talkative: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dragoman.engines.tts.xtts import cloning

    def lost(*asked: Any, **more: Any) -> Any:
        raise LOST

    async with mended(talkative, slots=1) as made:
        encoder = made.engine.encoder
        assert encoder is not None
        monkeypatch.setattr(cloning, "condition", lost)
        with pytest.raises(VoiceUnavailable, match="illegal memory access"):
            await asyncio.to_thread(encoder.latents, np.zeros(48_000, np.float32), 24_000)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), Trouble.MEMORY),
        (RuntimeError("CUDA error: out of memory"), Trouble.MEMORY),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), Trouble.MEMORY),
        (RuntimeError("CUBLAS_STATUS_EXECUTION_FAILED"), Trouble.DEVICE),
        (RuntimeError("CUDA driver error: unknown error"), Trouble.DEVICE),
        (RuntimeError("cuFFT error: CUFFT_EXEC_FAILED"), Trouble.DEVICE),
        (ValueError("a bug"), Trouble.OTHER),
    ],
)
def test_what_kind_of_trouble_it_is_also_where_it_was_told_in_other_words(error: Exception, kind: Trouble) -> None:
    assert trouble_of(error) is kind
    told = EngineCrashed("xtts", "it does not work")
    told.__cause__ = error
    assert trouble_of(told) is kind


@pytest.mark.parametrize("device", ["cuda", "auto"])
@pytest.mark.parametrize(
    ("error", "says"), [(LOST, "restart the daemon"), (RuntimeError("CUDA error: out of memory"), "")]
)
def test_whether_cuda_works_is_seen_before_a_model_is_loaded(
    monkeypatch: pytest.MonkeyPatch, device: str, error: Exception, says: str
) -> None:
    from dragoman.engines.tts.xtts import loading
    from dragoman.engines.tts.xtts.settings import Settings

    settings = Settings.read({"model": "/x", "accept_cpml": True, "device": device})
    monkeypatch.setattr(loading.torch.cuda, "is_available", lambda: True)

    def zeros(*shape: int, device: str) -> Any:
        raise error

    monkeypatch.setattr(loading.torch, "zeros", zeros)
    if says:
        with pytest.raises(EngineUnavailable, match=says):
            loading.device_of(settings)
    else:
        assert loading.device_of(settings) == "cuda", "how much memory is needed is told when it is"


async def test_other_failures_begin_anew_without_loading(talkative: Path) -> None:
    async with mended(talkative, slots=2) as made:
        await made.fails(ValueError("a bug"), 1)
        results = await asyncio.gather(made.speak(), made.speak(), return_exceptions=True)
        assert any(isinstance(result, EngineCrashed) for result in results)
        assert len(await made.speak())
        assert made.told == [(Kind.GPU_FAILED, Action.RETRY, Status.RECOVERING)]
