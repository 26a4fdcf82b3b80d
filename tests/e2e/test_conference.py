from __future__ import annotations

import pytest
from tests.e2e.conftest import CallerFactory, DaemonFactory
from tests.e2e.talking import BY_BOOTH, HIMSELF, check, heard, into, recorded, say, stop
from tests.tonewords.code import Source, words
from tests.tonewords.decode import HeardWord
from tests.tonewords.encode import LEVEL_DB
from tests.tonewords.verdict import timeline

FLOOR_DB = -18.0
"""The default gain of an original under its translation."""

DUCKED_DB = -6.0
"""The gain of the earlier of two who sound at once."""


def spans(heard: list[HeardWord]) -> dict[Source, tuple[float, float]]:
    """From when to when (s) each source sounds."""
    spoken: dict[Source, list[HeardWord]] = {}
    for word in heard:
        spoken.setdefault(word.source, []).append(word)
    return {source: (said[0].start_s, said[-1].end_s) for source, said in spoken.items()}


async def test_everybody_hears_once_and_in_order_what_he_understands(
    daemon_factory: DaemonFactory, caller: CallerFactory
) -> None:
    daemon = await daemon_factory()
    alice, bob = await caller("Alice", "1000*44"), await caller("Bob", "1000*44")
    carla, dora = await caller("Carla", "1000*34"), await caller("Dora", "1000*376")
    await daemon.legs("1000", 4)
    said = {"a": words("a", "en", 6), "b": words("b", "en", 5, first=20), "c": words("c", "es", 5, first=40)}
    again = words("a", "en", 8, first=60)
    await say(alice, said["a"])
    await daemon.spoken("1000", 2)
    await say(carla, said["c"])
    await daemon.spoken("1000", 4)
    await say(bob, said["b"])
    await daemon.until("/api/stats", lambda stats: stats["clauses"]["spoken"] == 6)
    await say(alice, again)  # over the translation of Bob
    await daemon.spoken("1000", 8)
    await stop(alice, bob, carla, dora)

    said["a"] += again
    third = {HIMSELF["c"]: said["c"], BY_BOOTH["c"]: into("en", said["c"])}
    check(alice, {HIMSELF["b"]: said["b"], **third})
    check(bob, {HIMSELF["a"]: said["a"], **third})
    originals = {HIMSELF[voice]: said[voice] for voice in "ab"}
    spanish = check(carla, {**originals, **{BY_BOOTH[voice]: into("es", said[voice]) for voice in "ab"}})
    check(dora, {BY_BOOTH[voice]: into("ca", spoken) for voice, spoken in said.items()}, ignore=HIMSELF.values())
    under = [word for word in spanish if word.text and not word.source.booth]
    assert [word.level_db for word in under] == pytest.approx([LEVEL_DB + FLOOR_DB] * len(under), abs=1.5)
    begin, end = spans(spanish)[BY_BOOTH["b"]]
    assert any(begin < word.start_s < end for word in under), "no original was under a translation"


async def test_of_three_who_speak_over_each_other_two_sound_and_the_earlier_is_ducked(
    daemon_factory: DaemonFactory, caller: CallerFactory
) -> None:
    daemon = await daemon_factory()
    phones = {voice: await caller(voice, "1000*44") for voice in "abc"}
    dora = await caller("Dora", "1000*34")
    await daemon.legs("1000", 4)
    said = {voice: words(voice, "en", 16, first=20 * i) for i, voice in enumerate("abc")}
    for voice, phone in phones.items():
        await say(phone, said[voice])
        async with daemon.captions("1000", "en") as seen:  # the next one begins when this one was heard
            await seen.until(lambda seen, voice=voice: any(w.endswith(voice) for w in seen.words("partial")[-3:]))
    await daemon.spoken("1000", 3)
    await stop(*phones.values(), dora)

    expected = {BY_BOOTH[voice]: into("es", spoken) for voice, spoken in said.items()}
    found = [word for word in check(dora, expected, ignore=HIMSELF.values()) if word.source.booth]
    span = spans(found)
    first, second, third = sorted(span.values())
    assert second[0] < first[1], "the second did not speak over the first:\n" + timeline(found)
    assert third[0] >= min(first[1], second[1]) - 0.05, "the third did not wait:\n" + timeline(found)
    for word in found:
        begin, end, own = word.start_s - 0.05, word.end_s + 0.05, span[word.source]
        beside = [other for other in span.values() if other != own and other[0] < end and begin < other[1]]
        if word.text and all(other[0] <= begin and end <= other[1] for other in beside):  # its gain does not change
            ducked = any(own < other for other in beside)
            assert word.level_db == pytest.approx(LEVEL_DB + ducked * DUCKED_DB, abs=1.0), timeline(found)


async def test_a_room_of_one_language_is_not_recognised_and_who_comes_later_hears_what_is_said_from_then_on(
    daemon_factory: DaemonFactory, caller: CallerFactory
) -> None:
    daemon = await daemon_factory()
    alice, bob = await caller("Alice", "1000*44"), await caller("Bob", "1000*44")
    await daemon.legs("1000", 2)
    said = [words("a", "en", count, first=first) for count, first in ((6, 0), (16, 20), (6, 40))]
    await say(alice, said[0])
    await daemon.speaking("1000")
    assert await daemon.metric("dragoman_recognizer_streams") == 0
    await daemon.quiet("1000")
    assert await daemon.metric("dragoman_recognizer_streams") == 0
    assert await daemon.metric("dragoman_clauses_committed_total") == 0
    await say(alice, said[1])
    await daemon.speaking("1000")
    await recorded(alice.spoken, 1.5)
    carla = await caller("Carla", "1000*34")  # in the middle of it
    await daemon.legs("1000", 3)
    assert (await daemon.speaking("1000"))["name"] == "Alice", "she had said it all before Carla came"
    await daemon.spoken("1000", 1)
    await daemon.quiet("1000")
    await say(alice, said[2])
    await daemon.spoken("1000", 2)
    await stop(alice, bob, carla)
    check(bob, {HIMSELF["a"]: [*said[0], *said[1], *said[2]]})
    middle = into("es", said[1])
    rest = sum(word.source == BY_BOOTH["a"] and word.text in middle for word in heard(carla.heard))
    assert 0 < rest < len(middle)
    check(carla, {BY_BOOTH["a"]: [*middle[-rest:], *into("es", said[2])]}, ignore=[HIMSELF["a"]])


async def test_who_reads_captions_counts_as_a_listener(daemon_factory: DaemonFactory, caller: CallerFactory) -> None:
    daemon = await daemon_factory()
    alice, bob = await caller("Alice", "1000*44"), await caller("Bob", "1000*44")
    await daemon.legs("1000", 2)
    said = [words("a", "en", 5, first=first) for first in (0, 20)]
    async with daemon.captions("1000", "ca") as catalan, daemon.captions("1000", "en") as english:
        await say(alice, said[0])
        await catalan.until(lambda seen: bool(seen.of("clause")))
        await english.until(lambda seen: bool(seen.of("clause")))
    await daemon.quiet("1000")
    await say(alice, said[1])  # nobody reads any more
    await daemon.speaking("1000")
    await daemon.quiet("1000")
    assert await daemon.metric("dragoman_recognizer_streams") == 0
    assert await daemon.metric("dragoman_clauses_committed_total") == 1
    await stop(alice, bob)
    assert catalan.words("clause", "Alice") == into("ca", said[0])
    assert english.words("clause", "Alice") == said[0]
    check(bob, {HIMSELF["a"]: [*said[0], *said[1]]})
