from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.media.format import FRAME_SAMPLES
from dragoman.media.ring import RING_SAMPLES, RingBank


def test_the_ring_suits_frames_and_vad_windows() -> None:
    assert RING_SAMPLES % FRAME_SAMPLES == 0
    assert RING_SAMPLES % 512 == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.just(("append", FRAME_SAMPLES)),
            st.tuples(st.just("extend"), st.integers(0, 1000)),
            st.tuples(st.just("silence"), st.sampled_from([0, 1, 500, RING_SAMPLES - 700, 3 * RING_SAMPLES])),
        ),
        max_size=30,
    ),
    st.integers(-1000, 1000),
    st.integers(0, 3000),
)
def test_it_holds_the_last_20_seconds(steps: list[tuple[str, int]], offset: int, length: int) -> None:
    ring = RingBank(3)
    model = np.zeros(0, np.int16)
    rng = np.random.default_rng(4)
    for kind, count in steps:
        new = rng.integers(1, 1000, count).astype(np.int16)
        if kind == "append":
            ring.append(np.array([1]), new[None])
        elif kind == "extend":
            ring.extend(1, new)
        else:
            ring.silence(1, count)
            new[:] = 0
        model = np.concatenate([model, new])
    assert ring.end.tolist() == [0, len(model), 0]
    kept = model.copy()
    kept[: max(len(model) - RING_SAMPLES, 0)] = 0
    padded = np.concatenate([np.zeros(1000, np.int16), kept, np.zeros(5000, np.int16)])
    for start in (offset, len(model) - RING_SAMPLES + offset, len(model) + offset):
        start = max(start, -1000)
        assert (ring.read(1, start, start + length) == padded[start + 1000 : start + 1000 + length]).all()
    assert not ring.read(0, 0, 1000).any() and not ring.read(2, 0, 1000).any()


def test_frames_of_several_legs_are_added_at_once_across_the_end_of_a_row() -> None:
    ring = RingBank(3)
    ring.silence(2, RING_SAMPLES - 100)
    frames = np.arange(2 * FRAME_SAMPLES, dtype=np.int16).reshape(2, -1)
    ring.append(np.array([0, 2]), frames)
    assert (ring.read(0, 0, FRAME_SAMPLES) == frames[0]).all()
    assert (ring.read(2, RING_SAMPLES - 100, RING_SAMPLES + 220) == frames[1]).all()
    assert ring.end.tolist() == [FRAME_SAMPLES, 0, RING_SAMPLES + 220]


def test_a_new_leg_finds_nothing_of_the_last() -> None:
    ring = RingBank(1)
    ring.extend(0, np.ones(RING_SAMPLES + 5, np.int16))
    ring.open(0)
    ring.extend(0, np.zeros(10, np.int16))
    assert not ring.windows(RING_SAMPLES)[0].any()


def test_an_empty_or_backward_span_is_empty() -> None:
    ring = RingBank(1)
    assert len(ring.read(0, 5, 5)) == len(ring.read(0, 5, 2)) == 0
