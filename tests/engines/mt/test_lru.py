"""The store of the cache: both bounds hold at all times, and the least recently used goes first (against a model)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.mt.lru import Lru

KEYS = st.sampled_from([b"a", b"bb", b"ccc", b"dddd", b"e" * 30])
STEPS = st.lists(st.one_of(st.tuples(KEYS, st.binary(max_size=40)), KEYS), max_size=60)


@given(st.integers(0, 4), st.integers(0, 80), STEPS)
def test_bounds_and_order(entries: int, size: int, steps: list[tuple[bytes, bytes] | bytes]) -> None:
    lru = Lru(entries, size)
    model: list[tuple[bytes, bytes]] = []  # the least recently used first
    for step in steps:
        key = step if isinstance(step, bytes) else step[0]
        held = next((pair for pair in model if pair[0] == key), None)
        if isinstance(step, bytes):
            assert lru.get(key) == (held[1] if held else None)
            if held:
                model.remove(held)
                model.append(held)
        else:
            if held:
                model.remove(held)
            model.append(step)
            lru.put(*step)
        while len(model) > entries or sum(map(len, [part for pair in model for part in pair])) > size:
            model.pop(0)
        assert len(lru) == len(model) <= entries
        assert lru.size == sum(len(key) + len(value) for key, value in model) <= size
        assert [pair for pair in model if lru.get(pair[0]) != pair[1]] == []  # asked in order: the order stays
