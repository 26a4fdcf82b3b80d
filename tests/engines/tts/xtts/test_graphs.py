"""The decoder's step as CUDA graphs, with a stand-in that records without computing, and computes when replayed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog.testing

torch = pytest.importorskip("torch")
pytest.importorskip("TTS")

from dragoman.engines.tts.xtts import graphs as module  # noqa: E402  # torch must be there
from dragoman.engines.tts.xtts.gpt import BatchedDecoder, Seat  # noqa: E402
from dragoman.engines.tts.xtts.graphs import Graphs, sizes  # noqa: E402
from dragoman.engines.tts.xtts.load import load  # noqa: E402
from dragoman.engines.tts.xtts.sampling import Sampling  # noqa: E402

SLOTS, POSITIONS, TOKENS = 5, 600, 12
SEEDS = (3, 1, 4, 1, 5, 9, 2)
JOINS = (0, 0, 2, 3, 3, 9, 14)


class Cuda:
    """What ``graphs`` uses of torch.cuda."""

    def __init__(self) -> None:
        self.recording: Any = None
        self.replayed: list[tuple[int, int]] = []
        self.fails: Exception | None = None
        self.lost: Exception | None = None
        self.modes: set[tuple[object, str]] = set()

    def graph_pool_handle(self) -> object:
        return "the pool"

    def synchronize(self) -> None:
        if self.lost is not None:
            raise self.lost

    def current_stream(self) -> Any:
        return SimpleNamespace(wait_stream=lambda other: None)

    Stream = current_stream

    @contextmanager
    def stream(self, stream: object) -> Iterator[None]:
        yield

    def CUDAGraph(self) -> Any:
        return SimpleNamespace(replay=lambda: pytest.fail("nothing was recorded"))

    @contextmanager
    def graph(self, graph: Any, pool: object, capture_error_mode: str) -> Iterator[None]:
        self.modes.add((pool, capture_error_mode))
        if self.fails is not None:
            raise self.fails
        self.recording = graph
        try:
            yield
        finally:
            self.recording = None

    def recordable(self, step: Callable[[int, int], None]) -> Callable[[int, int], None]:
        """A step that, while it is recorded, computes nothing."""

        def run(rows: int, reach: int) -> None:
            if self.recording is None:
                step(rows, reach)
                return

            def replay() -> None:
                self.replayed.append((rows, reach))
                step(rows, reach)

            self.recording.replay = replay

        return run


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Cuda:
    made = Cuda()
    monkeypatch.setattr(module.torch, "cuda", made)
    return made


@pytest.fixture(scope="module")
def gpt(plain: Path) -> Any:
    from tests.engines.tts.xtts import tiny

    with tiny.narrow():
        return load(plain).xtts.gpt


def decoder(gpt: Any, cuda: Cuda | None, top_k: int = 50) -> BatchedDecoder:
    made = BatchedDecoder(gpt, SLOTS, POSITIONS, Sampling(top_k=top_k, suppress=(int(gpt.stop_audio_token),)))
    if cuda is not None:
        made._graphs = Graphs(SLOTS, made._keys.shape[3])
        made._step = cuda.recordable(made._step)  # type: ignore[method-assign]  # a stand-in for what CUDA does
    return made


def says(decoder: BatchedDecoder) -> list[list[tuple[int, Any]]]:
    """What seven clauses say that come and go."""
    random = torch.Generator().manual_seed(0)
    prefixes = [decoder.prefix(torch.randn(32, 64, generator=random), range(1, 5 + 30 * n)) for n in range(len(JOINS))]
    said: list[list[tuple[int, Any]]] = [[] for _ in JOINS]
    seats: dict[Seat, int] = {}
    waiting, step = list(range(len(JOINS))), 0
    while waiting or seats:
        due = [n for n in waiting if JOINS[n] <= step][: decoder.free]
        seats.update(zip(decoder.join([prefixes[n] for n in due], [SEEDS[n] for n in due]), due, strict=True))
        waiting = [n for n in waiting if n not in due]
        for each in decoder.step():
            number = seats[each.seat]
            said[number].append((each.token, each.latent))
            if len(said[number]) == TOKENS:
                decoder.leave(each.seat)
                del seats[each.seat]
        step += 1
    return said


@pytest.mark.parametrize("top_k", [1, 50])
def test_replayed_steps_say_what_the_steps_themselves_say(gpt: Any, cuda: Cuda, top_k: int) -> None:
    plain, graphed = decoder(gpt, None, top_k), decoder(gpt, cuda, top_k)
    assert graphed.capture() == ""
    assert graphed.graphs == len(sizes(SLOTS)) * 3
    tried = len(cuda.replayed)
    assert tried == graphed.graphs, "each is tried before it is used"
    for one, other in zip(says(plain), says(graphed), strict=True):
        assert [token for token, _ in one] == [token for token, _ in other]
        assert all(torch.allclose(a, b, atol=1e-5) for (_, a), (_, b) in zip(one, other, strict=True))
    used = set(cuda.replayed[tried:])
    assert {rows for rows, _ in used} <= set(sizes(SLOTS)) and len({rows for rows, _ in used}) > 1
    assert {reach for _, reach in used} == {256}, "short clauses do not read all of the cache"
    assert cuda.modes == {("the pool", "thread_local")}, "one pool, and no other thread is disturbed"


def test_recording_leaves_no_trace(gpt: Any, cuda: Cuda) -> None:
    made = decoder(gpt, cuda)
    before = [tensor.clone() for tensor in made._state]
    made.capture()
    assert all(torch.equal(tensor, was) for tensor, was in zip(made._state, before, strict=True))
    assert made.free == SLOTS


def test_cudnns_attention_serves_recorded_steps_alone(gpt: Any, cuda: Cuda, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its plan for each shape is made while a step is recorded, and never while anybody speaks."""
    allowed, seen = [False], []
    monkeypatch.setattr(torch.backends.cuda, "cudnn_sdp_enabled", lambda: allowed[0])
    monkeypatch.setattr(torch.backends.cuda, "enable_cudnn_sdp", lambda on: allowed.__setitem__(0, on))
    made = decoder(gpt, cuda)
    step = made._step

    def watched(rows: int, reach: int) -> None:
        seen.append(allowed[0])
        step(rows, reach)

    made._step = watched  # type: ignore[method-assign]  # as above
    assert made.capture() == ""
    assert seen and all(seen) and not allowed[0]
    cuda.lost = RuntimeError("CUDA error: an illegal memory access")
    cuda.fails = RuntimeError("capture failed")
    made = decoder(gpt, cuda)
    with pytest.raises(RuntimeError):
        made.capture()
    assert not allowed[0]


@pytest.mark.parametrize(
    "error",
    [RuntimeError("CUDA error: operation not permitted when stream is capturing"), torch.OutOfMemoryError("no")],
)
def test_where_recording_fails_each_step_is_launched_as_it_is(gpt: Any, cuda: Cuda, error: Exception) -> None:
    made = decoder(gpt, cuda)
    cuda.fails = error
    assert str(error) in made.capture()
    assert made.graphs == 0
    assert [[token for token, _ in one] for one in says(made)] == [
        [token for token, _ in one] for one in says(decoder(gpt, None))
    ]
    assert cuda.replayed == []


def test_where_the_device_itself_is_lost_that_is_raised(gpt: Any, cuda: Cuda) -> None:
    made = decoder(gpt, cuda)
    cuda.fails, cuda.lost = RuntimeError("capture failed"), RuntimeError("CUDA error: an illegal memory access")
    with pytest.raises(RuntimeError, match="illegal memory"):
        made.capture()


@pytest.mark.parametrize("wrong", ["_token", "_latent"])
def test_a_graph_that_gives_something_else_is_not_used(gpt: Any, cuda: Cuda, wrong: str) -> None:
    made = decoder(gpt, cuda)
    step = made._step

    def spoilt(rows: int, reach: int) -> None:
        replays = len(cuda.replayed)
        step(rows, reach)
        if cuda.recording is not None:
            replay = cuda.recording.replay
            cuda.recording.replay = lambda: (replay(), getattr(made, wrong)[:rows].add_(1))
        assert len(cuda.replayed) == replays

    made._step = spoilt  # type: ignore[method-assign]  # as above
    assert "something else" in made.capture()
    assert made.graphs == 0


@pytest.mark.parametrize("what", ["does not read the beginning", "writes beside its place", "numbers that are none"])
def test_what_shows_with_long_clauses_only_is_found_too(gpt: Any, cuda: Cuda, what: str) -> None:
    """Each is tried with rows of all lengths up to its reach, over a cache that is full of numbers."""
    made = decoder(gpt, cuda)
    step = made._step

    def spoilt(rows: int, reach: int) -> None:
        step(rows, reach)
        if cuda.recording is None:
            return
        replay = cuda.recording.replay

        def wrong() -> None:
            longest = int(made._length[:rows].max())
            if what == "does not read the beginning" and longest > 16:
                made._values[:, :rows, :, : longest // 2] = 0.0
            replay()
            if what == "writes beside its place" and longest > 16:
                made._values[:, :rows, :, longest].zero_()
            if what == "numbers that are none" and longest > 500:
                made._latent[0] = float("nan")

        cuda.recording.replay = wrong

    made._step = spoilt  # type: ignore[method-assign]  # as above
    assert "something else" in made.capture()
    assert made.graphs == 0


def test_rows_are_tried_at_all_lengths_the_longest_at_the_last_position(gpt: Any, cuda: Cuda) -> None:
    made = decoder(gpt, None)
    for rows, reach in ((1, 256), (5, 256), (4, POSITIONS + 8)):
        made._rehearse(rows, reach)
        lengths = made._length[:rows].tolist()
        assert lengths[0] == min(reach, POSITIONS) - 1 and (rows == 1 or lengths[-1] == 0)
        assert lengths == sorted(lengths, reverse=True) and len(set(lengths)) == rows
        made._step(rows, reach)
        assert all(torch.isfinite(part.float()).all() for part in made._made(rows))


def test_the_smallest_graph_that_serves_is_chosen() -> None:
    made = Graphs(6, 752)
    assert sizes(6) == [1, 2, 4, 6] and sizes(8) == [1, 2, 4, 8] and sizes(1) == [1]
    made._graphs = {
        (size, reach): SimpleNamespace(replay=(size, reach)) for size in sizes(6) for reach in (256, 512, 752)
    }  # type: ignore[misc]  # stand-ins
    assert made.of(3, 200) == (4, (4, 256))
    assert made.of(6, 257) == (6, (6, 512))
    assert made.of(5, 513) == (6, (6, 752))
    assert made.of(7, 10) is None and made.of(1, 753) is None
    assert Graphs(2, 200)._reaches == [200]


async def test_an_engine_without_graphs_says_so_and_speaks(
    talkative: Path, narrow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dragoman.engines.base import SpeechRequest
    from dragoman.engines.tts.xtts.engine import XttsSynthesizer

    monkeypatch.setattr(BatchedDecoder, "capture", lambda self: "the driver is too old")
    engine = XttsSynthesizer({"model": str(talkative), "accept_cpml": True, "device": "cpu"})
    with structlog.testing.capture_logs() as logs:
        await engine.start()
    try:
        assert [entry["reason"] for entry in logs if "no CUDA graphs" in entry["event"]] == ["the driver is too old"]
        assert [piece async for piece in engine.synthesize(SpeechRequest("Good morning to everybody.", "en", "anna"))]
    finally:
        await engine.close()
