"""One step of the decoder as CUDA graphs: recorded before anybody speaks, tried against the step itself, replayed.

A step of few rows is some 600 small operations, whose launches take longer than the operations do; a graph is one
launch. It has fixed shapes: there is one for each batch size that is a power of two, and for some lengths of the cache,
so that short clauses do not read all of it.

On an H200 a step of one row takes 8 ms launched, 2 replayed. Graphs are only used where they gave what the step gives,
on the device at hand; else each step is launched as it is, and the log says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

REACHES = (256, 512)
"""Positions of the cache that graphs look at, beside all of them: a clause of a conversation, with its voice (32), its
text (40) and 6 s of audio (130 tokens), has some 200."""

WARM_UPS = 3
"""Steps before one is recorded: libraries choose and allocate at their first calls, which a graph must not hold."""

ALIKE = 0.02
"""Of the largest latent: how much a replayed step may differ. In float16 another order of sums makes 0.005; what
was recorded wrongly is nowhere near."""

Step = Callable[[int, int], None]
"""Computes the first rows of the batch, looking at so many positions."""

Made = tuple[Tensor, ...]
"""The token of each row, and then numbers: its latents, what it put into the cache."""


class Graphs:
    """Those of one decoder, and of one thread."""

    def __init__(self, slots: int, room: int) -> None:
        """``slots``: the largest batch; ``room``: positions of the cache."""
        self._sizes = sizes(slots)
        self._reaches = [*(reach for reach in REACHES if reach < room), room]
        self._graphs: dict[tuple[int, int], torch.cuda.CUDAGraph] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._graphs)

    def of(self, rows: int, reach: int) -> tuple[int, Callable[[], None]] | None:
        """The smallest that serves: the rows that it computes, and what replays it."""
        size = next((size for size in self._sizes if size >= rows), 0)
        room = next((room for room in self._reaches if room >= reach), 0)
        graph = self._graphs.get((size, room))
        return None if graph is None else (size, graph.replay)

    def capture(
        self, step: Step, state: Sequence[Tensor], rehearse: Callable[[int, int], None], made: Callable[[int], Made]
    ) -> str:
        """Record all, and try each; in the thread that replays them.

        Args:
            step: what is recorded.
            state: tensors that a step changes; they are as before afterwards.
            rehearse: brings state, cache and noise into what they may be when so many rows have as much as so many
                positions between them, each as many as another clause.
            made: what a step left of so many rows.

        Returns:
            Why there are none after all; empty: there are.

        Raises:
            RuntimeError: the device itself failed.
        """
        before = [tensor.clone() for tensor in state]
        try:
            # One pool for all of them: they never run at the same time, and leave nothing in it. The largest first, so
            # that the others find room in what it took.
            pool = torch.cuda.graph_pool_handle()
            # And one stream to warm up on: cuBLAS keeps a workspace (32 MB on Hopper) for each that it ever saw.
            stream = torch.cuda.Stream()
            for size in reversed(self._sizes):
                for reach in reversed(self._reaches):
                    self._graphs[size, reach] = recorded(partial(step, size, reach), pool, stream)
            for (size, reach), graph in self._graphs.items():
                rehearse(size, reach)
                begun = [tensor.clone() for tensor in state]
                step(size, reach)
                wanted = tuple(tensor.clone() for tensor in made(size))
                _restore(state, begun)
                graph.replay()
                if not _same(made(size), wanted):
                    self._graphs.clear()
                    return (
                        f"replayed for {size} rows and {reach} positions it gives something else than the step itself"
                    )
        except Exception as error:
            self._graphs.clear()
            torch.cuda.synchronize()  # raises where the device is lost, and not only what was being recorded
            return f"{type(error).__name__}: {error}"
        finally:
            _restore(state, before)
        return ""


def sizes(slots: int) -> list[int]:
    """Batch sizes that have a graph: powers of two, and all slots."""
    return [*(1 << n for n in range(slots.bit_length()) if 1 << n < slots), slots]


def recorded(run: Callable[[], None], pool: object, stream: Any) -> torch.cuda.CUDAGraph:
    """What ``run`` launches, as a graph of this memory pool; warmed up on ``stream``."""
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UPS):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    # thread_local: another thread (ECAPA, a recogniser) may allocate meanwhile, and neither fails for the other.
    with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
        run()
    return graph


def _restore(state: Sequence[Tensor], before: Sequence[Tensor]) -> None:
    for tensor, was in zip(state, before, strict=True):
        tensor.copy_(was)


def _same(made: Made, wanted: Made) -> bool:
    """All but tokens is nearly the same; where it is quite so, tokens are too (else a draw may fall on another one)."""
    (token, *rest), (other_token, *others) = made, wanted
    pairs = list(zip(rest, others, strict=True))
    if all(bool((one == other).all()) for one, other in pairs):
        return bool((token == other_token).all())
    # Written so that numbers that are none are unlike everything.
    return all(bool((one - other).abs().max() <= ALIKE * other.abs().max()) for one, other in pairs)
