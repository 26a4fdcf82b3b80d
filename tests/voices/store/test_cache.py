"""The cache keeps to its size, drops the least recently used, and never holds what was deleted or is older."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.voices.vectors import a_profile

from dragoman.voices.profile import Models, VoiceProfile
from dragoman.voices.store.cache import ProfileCache, size_of

SMALL = [
    replace(
        p,
        models=Models(),
        identity=None,
        style=None,
        clips=tuple(replace(c, identity=None, style=None, latents=None) for c in p.clips),
    )
    for p in (a_profile(1, seed) for seed in range(6))
]
SIZE = size_of(SMALL[0])


def kept(cache: ProfileCache, profiles: list[VoiceProfile]) -> list[int]:
    return [number for number, profile in enumerate(profiles) if profile.id in cache.versions]


def test_the_size_is_that_of_the_vectors() -> None:
    assert 3 * (32 * 1024 + 512 + 192 + 64) * 4 < size_of(a_profile(3)) < 3 * (32 * 1024 + 512 + 192 + 64) * 4 + 9000


def test_the_least_recently_used_leaves() -> None:
    cache = ProfileCache(3 * SIZE)
    for profile in SMALL[:3]:
        cache.put(profile, cache.epoch)
    assert cache.get(SMALL[0].id) is SMALL[0]
    cache.put(SMALL[3], cache.epoch)
    assert kept(cache, SMALL) == [0, 2, 3]
    assert (cache.counts.hits, cache.counts.misses, cache.counts.evictions) == (1, 0, 1)


def test_what_is_too_large_is_not_kept() -> None:
    cache = ProfileCache(SIZE)
    cache.put(SMALL[0], cache.epoch)
    cache.put(a_profile(3), cache.epoch)
    assert kept(cache, SMALL) == [0]


def test_an_older_version_does_not_replace_a_newer() -> None:
    cache = ProfileCache(9 * SIZE)
    cache.put(replace(SMALL[0], version=3), cache.epoch)
    cache.put(SMALL[0], cache.epoch)
    assert cache.versions == {SMALL[0].id: 3}


def test_what_was_read_before_something_was_forgotten_is_not_kept() -> None:
    cache = ProfileCache(9 * SIZE)
    epoch = cache.epoch
    assert not cache.forget(SMALL[0].id)
    cache.put(SMALL[0], epoch)
    assert len(cache) == 0


@given(st.lists(st.tuples(st.sampled_from(["put", "get", "forget", "clear"]), st.integers(0, 5)), max_size=60))
def test_it_never_exceeds_its_size_and_counts_right(steps: list[tuple[str, int]]) -> None:
    cache = ProfileCache(3 * SIZE)
    for step, number in steps:
        profile = SMALL[number]
        if step == "put":
            cache.put(profile, cache.epoch)
            assert cache.get(profile.id) is profile
        elif step == "get":
            assert cache.get(profile.id) in (None, profile)
        elif step == "forget":
            cache.forget(profile.id)
            assert cache.get(profile.id) is None
        else:
            cache.clear()
        assert cache.bytes == sum(size_of(SMALL[i]) for i in kept(cache, SMALL)) <= 3 * SIZE
