"""The phones' RTP: what happened between two looks is observed, in Asterisk's own units; nobody is named."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry
from tests.virtual_time import START, virtual_time

from dragoman.errors import AriMalformed, AriUnavailable
from dragoman.observe.phones import EVERY_S, PhoneMetrics
from dragoman.telephony.ari.model import RtpStatistics, parse_rtp_statistics

FIRST = RtpStatistics(1000, 5, 0.001, 900, 1, 0.002, None)


def values(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    """(name, direction) of every sum and count that is not 0."""
    return {
        (sample.name.removeprefix("dragoman_phone_"), sample.labels.get("direction", "")): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name.endswith(("_sum", "_count")) and sample.value
    }


def seen(*counts: RtpStatistics) -> dict[tuple[str, str], float]:
    registry = CollectorRegistry(auto_describe=True)
    phones = PhoneMetrics(registry)
    for each in counts:
        phones.seen("1.1", each)
    return values(registry)


def test_what_happened_between_two_looks_counts() -> None:
    assert seen(FIRST) == {}
    found = seen(FIRST, RtpStatistics(1490, 15, 0.004, 1400, 1, 0.003, 0.08))
    assert found[("loss_ratio_sum", "from_phone")] == pytest.approx(0.02)
    assert found[("jitter_seconds_sum", "from_phone")] == 0.004
    assert ("loss_ratio_sum", "to_phone") not in found and found[("loss_ratio_count", "to_phone")] == 1
    assert found[("round_trip_seconds_sum", "")] == 0.08


def test_nothing_that_came_and_counts_that_began_anew_say_nothing() -> None:
    assert seen(FIRST, FIRST) == {}
    assert seen(FIRST, RtpStatistics(3, 0, 0.0, 2, 0, 0.0, None)) == {}
    late = seen(FIRST, RtpStatistics(1500, 3, 0.001, 900, 1, 0.002, None))  # two came after all
    assert ("loss_ratio_sum", "from_phone") not in late and late[("loss_ratio_count", "from_phone")] == 1


REAL = {
    "txcount": 696,
    "rxcount": 701,
    "txploss": 2,
    "rxploss": 1,
    "txjitter": 0.001375,
    "rxjitter": 0.001,
    "txmes": 88,
}


@pytest.mark.parametrize(("rtt", "known"), [(65535.999786, None), (0.0, None), (0.042, 0.042)])
def test_asterisks_answer(rtt: float, known: float | None) -> None:
    assert parse_rtp_statistics(REAL | {"rtt": rtt}) == RtpStatistics(701, 1, 0.001375, 696, 2, 0.001, known)


def test_jitter_that_asterisk_found_itself_is_that_of_what_it_receives() -> None:
    # A real answer, shortened, of a phone behind 40 ms of jitter that sends Asterisk no RTCP.
    answer = {"txcount": 2238, "rxcount": 2248, "txjitter": 0.008, "rxjitter": 0.0, "local_maxjitter": 0.017375}
    assert parse_rtp_statistics(answer) == RtpStatistics(2248, 0, 0.008, 2238, 0, 0.0, None)


def test_the_poorest_answer_that_asterisk_promises() -> None:
    assert parse_rtp_statistics({"txcount": 1, "rxcount": 2}) == RtpStatistics(2, 0, 0.0, 1, 0, 0.0, None)


@pytest.mark.parametrize("answer", [None, [], {"txcount": 1}, REAL | {"rxjitter": "1"}, REAL | {"rxcount": True}])
def test_what_is_no_answer(answer: object) -> None:
    with pytest.raises(AriMalformed):
        parse_rtp_statistics(answer)


@virtual_time
async def test_every_phone_is_asked_about_in_turn_and_those_that_left_are_forgotten() -> None:
    registry = CollectorRegistry(auto_describe=True)
    phones, loop = PhoneMetrics(registry), asyncio.get_running_loop()
    asked: list[tuple[float, str]] = []
    present: Sequence[str] = ()

    async def ask(channel: str) -> RtpStatistics | None:
        asked.append((loop.time() - START, channel))
        if channel == "broken":
            raise AriUnavailable("GET: away")
        if channel == "odd":
            raise AriMalformed("RTPstat.rxcount: a number is required, not str")
        return None if channel == "gone" else RtpStatistics(50 * len(asked), 0, 0.001, 50, 0, 0.0, None)

    running = asyncio.ensure_future(phones.watch(lambda: present, ask))
    await asyncio.sleep(EVERY_S / 2)
    present = ("ann", "broken", "gone", "odd")
    await asyncio.sleep(3 * EVERY_S)
    running.cancel()
    quarter = EVERY_S / 4
    assert asked[:5] == [(EVERY_S + quarter * n, name) for n, name in enumerate((*present, "ann"))]
    assert values(registry)[("loss_ratio_count", "from_phone")] >= 2
    phones.keep(["ann"])
    phones.seen("bea", RtpStatistics(10**6, 0, 0.001, 50, 0, 0.0, None))  # the first look at her: only begins
    before = values(registry)
    phones.seen("ann", RtpStatistics(10**6, 0, 0.001, 50, 0, 0.0, None))
    assert values(registry) != before
