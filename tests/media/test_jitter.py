"""The jitter bank: whatever the network does, the right samples at the right audio time, and none twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.media.clock import PERIOD
from dragoman.media.format import FRAME_SAMPLES
from dragoman.media.jitter import MAX_DROPOUT, WAIT_S, WINDOW, JitterBank
from dragoman.media.ring import RING_SAMPLES, RingBank
from dragoman.media.stats import MediaStats

START = 100.0
SSRC = 7


@dataclass(frozen=True)
class Packet:
    """The ``index``-th packet of a stream; its samples say which it is and where they stand in it."""

    index: int
    sequence: int
    timestamp: int
    ssrc: int = SSRC

    @property
    def frame(self) -> np.ndarray:
        return samples(self.index)


def samples(index: int) -> np.ndarray:
    """320 samples that occur nowhere else among the first 100 packets, none of them zero."""
    return np.arange(1 + index * FRAME_SAMPLES, 1 + (index + 1) * FRAME_SAMPLES).astype(np.int16)


def stream(count: int, sequence: int = 1000, timestamp: int = 5000, ssrc: int = SSRC, step: int = 320) -> list[Packet]:
    return [Packet(i, (sequence + i) % 2**16, (timestamp + i * step) % 2**32, ssrc) for i in range(count)]


class Bank:
    """A bank of four legs with row 2 opened, fed one packet at a time on a virtual clock."""

    def __init__(self, row: int = 2) -> None:
        self.row = row
        self.stats = MediaStats()
        self.ring = RingBank(4)
        self.bank = JitterBank(4, self.ring, self.stats)
        self.bank.open(row, START)

    def feed(self, *packets: Packet, at: float, row: int | None = None) -> None:
        rows = np.full(len(packets), self.row if row is None else row)
        self.bank.insert(
            rows,
            np.array([p.ssrc for p in packets], np.uint32),
            np.array([p.sequence for p in packets], np.uint16),
            np.array([p.timestamp for p in packets], np.uint32),
            np.full(len(packets), START + at),
            np.array([p.frame for p in packets], np.int16).reshape(-1, FRAME_SAMPLES),
        )

    def tick(self, at: float) -> None:
        self.bank.tick(START + at)

    @property
    def end(self) -> int:
        return int(self.ring.end[self.row])

    def frame(self, index: int) -> np.ndarray:
        return self.ring.read(self.row, index * FRAME_SAMPLES, (index + 1) * FRAME_SAMPLES)


def test_packets_in_order_are_there_at_once() -> None:
    leg = Bank()
    for number, packet in enumerate(stream(5)):
        leg.feed(packet, at=number * PERIOD)
        assert leg.end == (number + 1) * FRAME_SAMPLES
    assert all((leg.frame(i) == samples(i)).all() for i in range(5))
    assert leg.stats == MediaStats()


def test_audio_time_is_mapped_to_the_first_arrival() -> None:
    leg = Bank()
    leg.feed(stream(1)[0], at=3.0)
    assert leg.bank.origin[leg.row] + FRAME_SAMPLES / 16000 == pytest.approx(START + 3.0)


def test_a_swapped_pair_costs_nothing_but_the_wait() -> None:
    leg = Bank()
    a, b, c, d = stream(4)
    leg.feed(a, c, at=0.0)
    assert leg.end == FRAME_SAMPLES
    leg.feed(b, at=0.01)
    assert leg.end == 3 * FRAME_SAMPLES
    leg.feed(d, at=0.02)
    assert (leg.stats.reordered, leg.stats.lost, leg.stats.late) == (1, 0, 0)


def test_a_missing_packet_is_waited_for_60_ms_and_then_concealed() -> None:
    leg = Bank()
    a, _, c = stream(3)
    leg.feed(a, at=0.0)
    leg.feed(c, at=0.04)
    leg.tick(0.08)
    assert leg.end == FRAME_SAMPLES
    leg.tick(0.1)
    assert leg.end == 3 * FRAME_SAMPLES
    hole = leg.frame(1)
    assert hole[0] == samples(0)[-1]  # no edge: the fade begins where the audio broke off
    assert not hole[160:].any()
    assert (leg.frame(2) == samples(2)).all()
    assert (leg.stats.lost, leg.stats.concealed) == (1, 1)


def test_three_frames_behind_a_hole_end_the_wait() -> None:
    leg = Bank()
    packets = stream(6)
    leg.feed(packets[0], *packets[2:5], at=0.0)
    assert leg.end == FRAME_SAMPLES
    leg.feed(packets[5], at=0.0)
    assert leg.end == 6 * FRAME_SAMPLES
    assert leg.stats.lost == 1


def test_late_and_duplicate_are_told_apart() -> None:
    leg = Bank()
    packets = stream(6)
    leg.feed(packets[0], *packets[2:6], at=0.0)
    leg.feed(packets[1], at=0.1)
    leg.feed(packets[1], packets[3], at=0.1)
    assert (leg.stats.lost, leg.stats.late, leg.stats.duplicate) == (1, 1, 2)
    assert leg.end == 6 * FRAME_SAMPLES


def test_silence_keeps_pace_when_nothing_comes() -> None:
    leg = Bank()
    leg.feed(stream(1)[0], at=0.0)
    for tick in range(1, 101):
        leg.tick(tick * PERIOD)
        behind = (tick + 1) * FRAME_SAMPLES - leg.end
        assert 0 <= behind <= 3 * FRAME_SAMPLES + 1
    assert not leg.ring.read(leg.row, 2 * FRAME_SAMPLES, leg.end).any()
    late_but_on_time = stream(102)[101]
    leg.feed(late_but_on_time, at=101 * PERIOD)
    leg.tick(101 * PERIOD + 0.06)
    assert (leg.frame(101) == samples(101)).all()


def test_a_leg_that_never_sent_has_no_timeline() -> None:
    leg = Bank()
    leg.tick(50.0)
    assert leg.end == 0


def test_a_burst_held_up_on_the_way_does_not_shift_the_timeline() -> None:
    leg = Bank()
    packets = stream(41)
    leg.feed(packets[0], at=0.0)
    for tick in range(1, 31):
        leg.tick(tick * PERIOD)
    leg.feed(*packets[1:31], at=30 * PERIOD)
    for tick in range(31, 41):
        leg.feed(packets[tick], at=tick * PERIOD)
    assert leg.end == 41 * FRAME_SAMPLES
    assert all((leg.frame(i) == samples(i)).all() for i in range(31, 41))
    assert leg.stats.resyncs == 0


def test_timestamps_that_stood_still_are_taken_up_again_after_a_while() -> None:
    leg = Bank()
    packets = stream(60)
    leg.feed(packets[0], at=0.0)
    for tick in range(1, 25):
        leg.tick(tick * PERIOD)
    for tick in range(25, 60):
        leg.feed(packets[tick - 24], at=tick * PERIOD)  # it resumes as if no time had passed
        leg.tick(tick * PERIOD)
    assert leg.stats.resyncs == 1
    assert abs(leg.end - 60 * FRAME_SAMPLES) <= FRAME_SAMPLES
    assert (leg.ring.read(leg.row, leg.end - 320, leg.end) == samples(35)).all()


@pytest.mark.parametrize("jump", [1, 100, 320, 1000, 16000])
def test_a_timestamp_jump_is_silence_of_equal_length(jump: int) -> None:
    leg = Bank()
    a, b = stream(2)
    leg.feed(a, at=0.0)
    leg.feed(Packet(1, b.sequence, b.timestamp + jump), at=PERIOD + jump / 16000)
    assert leg.end == 2 * FRAME_SAMPLES + jump
    assert not leg.ring.read(leg.row, FRAME_SAMPLES, FRAME_SAMPLES + jump).any()
    assert (leg.ring.read(leg.row, FRAME_SAMPLES + jump, leg.end) == samples(1)).all()


def test_an_overlap_is_cut() -> None:
    leg = Bank()
    a, b = stream(2)
    leg.feed(a, Packet(1, b.sequence, b.timestamp - 100), at=0.0)
    assert leg.end == 2 * FRAME_SAMPLES - 100
    assert (leg.ring.read(leg.row, FRAME_SAMPLES, leg.end) == samples(1)[100:]).all()


def test_an_absurd_timestamp_follows_the_wall_clock_instead() -> None:
    leg = Bank()
    a, b = stream(2)
    leg.feed(a, Packet(1, b.sequence, b.timestamp + 10**9), at=0.0)
    assert leg.end == 2 * FRAME_SAMPLES
    assert leg.stats.resyncs == 1


def test_a_new_ssrc_begins_a_sequence_on_the_same_timeline() -> None:
    leg = Bank()
    leg.feed(*stream(2), at=0.0)
    leg.feed(*stream(2, sequence=60000, timestamp=9, ssrc=8), at=WAIT_S)
    assert leg.end == 5 * FRAME_SAMPLES  # the 20 ms that are missing until then are silence
    assert (leg.frame(3) == samples(0)).all() and (leg.frame(4) == samples(1)).all()
    leg.feed(stream(3)[2], at=WAIT_S)  # a straggler of the old one
    assert leg.end == 5 * FRAME_SAMPLES
    assert (leg.stats.resyncs, leg.stats.late, leg.stats.unknown_source) == (1, 1, 0)


def test_nobody_elses_packets_get_in_beside_a_callers() -> None:
    """From his very address, in any number, and even where they agree with each other: his own go on unharmed."""
    leg = Bank()
    for number, packet in enumerate(stream(20)):
        leg.feed(packet, at=number * PERIOD)
        leg.feed(*stream(3, sequence=packet.sequence + 1, timestamp=packet.timestamp + 320, ssrc=8), at=number * PERIOD)
    assert leg.end == 20 * FRAME_SAMPLES
    assert all((leg.frame(index) == samples(index)).all() for index in range(20))
    assert (leg.stats.unknown_source, leg.stats.resyncs, leg.stats.lost) == (60, 0, 0)


def test_what_waits_is_not_lost_when_the_ssrc_changes() -> None:
    leg = Bank()
    a, _, c = stream(3)
    leg.feed(a, c, at=0.0)
    leg.feed(*stream(1, sequence=60000, timestamp=9, ssrc=8), at=0.06)
    assert (leg.frame(2) == samples(2)).all()


def test_the_former_owner_of_the_address_is_not_heard() -> None:
    leg = Bank()
    leg.bank.open(leg.row, START, retired_ssrc=SSRC)
    leg.feed(*stream(3), at=0.0)
    assert leg.end == 0
    leg.feed(*stream(3, ssrc=8), at=0.0)
    assert leg.end == 3 * FRAME_SAMPLES


def test_a_restarted_sequence_needs_two_packets_that_agree() -> None:
    leg = Bank()
    leg.feed(stream(1)[0], at=0.0)
    far = stream(3, sequence=1000 + MAX_DROPOUT + 5, timestamp=5320)
    leg.feed(far[0], at=0.0)
    assert leg.end == FRAME_SAMPLES
    leg.feed(far[1], far[2], at=0.0)
    assert leg.end == 3 * FRAME_SAMPLES
    assert leg.stats.resyncs == 1


def test_one_stray_sequence_number_changes_nothing() -> None:
    leg = Bank()
    packets = stream(3)
    leg.feed(packets[0], Packet(50, 40000, 99), packets[1], packets[2], at=0.0)
    assert leg.end == 3 * FRAME_SAMPLES
    assert leg.stats.resyncs == 0


def test_a_gated_leg_is_silence_even_if_it_came_before_the_gate() -> None:
    leg = Bank()
    a, b, c, d = stream(4)
    leg.feed(a, c, at=0.0)
    leg.bank.gated[leg.row] = True
    leg.feed(b, d, at=0.0)
    assert leg.end == 4 * FRAME_SAMPLES
    assert not leg.ring.read(leg.row, FRAME_SAMPLES, leg.end).any()


def test_legs_do_not_touch_each_other() -> None:
    leg = Bank()
    leg.bank.open(0, START)
    packets = stream(3)
    leg.feed(packets[0], packets[2], at=0.0)
    for packet in packets:
        leg.feed(packet, at=0.0, row=0)
    assert leg.ring.end.tolist() == [3 * FRAME_SAMPLES, 0, FRAME_SAMPLES, 0]


def test_many_packets_of_many_legs_in_one_batch() -> None:
    leg = Bank()
    for row in (0, 1, 3):
        leg.bank.open(row, START)
    packets = stream(30)
    rows = [row for packet in packets for row in range(4)]
    every = [packet for packet in packets for _ in range(4)]
    leg.bank.insert(
        np.array(rows),
        np.full(len(every), SSRC, np.uint32),
        np.array([p.sequence for p in every], np.uint16),
        np.array([p.timestamp for p in every], np.uint32),
        np.full(len(every), START),
        np.array([p.frame for p in every]),
    )
    whole = np.concatenate([p.frame for p in packets])
    assert all((leg.ring.read(row, 0, whole.size) == whole).all() for row in range(4))
    assert leg.stats == MediaStats()


@st.composite
def journeys(draw: st.DrawFn) -> tuple[int, int, list[int]]:
    """First sequence and timestamp (wraps likely), and the order in which packets 0.. come, each at most WINDOW late.

    Packet 0 comes first: what came before a leg's first packet has no place on its timeline.
    """
    count = draw(st.integers(2, 60))
    lateness = draw(st.lists(st.integers(0, WINDOW), min_size=count, max_size=count))
    lost = draw(st.sets(st.integers(1, count - 1), max_size=count // 3))
    twice = draw(st.sets(st.integers(0, count - 1), max_size=5))
    keys = [(i + lateness[i] + 0.5 * (lateness[i] > 0), i) for i in range(1, count) if i not in lost]
    keys += [(i + draw(st.integers(0, 10)) + 0.7, i) for i in twice if i not in lost]
    order = [0, *(i for _, i in sorted(keys))]
    return draw(st.sampled_from([0, 65500, 65535, 30000])), draw(st.sampled_from([0, 2**32 - 3200, 2**32 - 1])), order


@settings(max_examples=120, deadline=None)
@given(journeys())
def test_any_order_within_the_window_gives_the_right_samples_at_the_right_time(
    journey: tuple[int, int, list[int]],
) -> None:
    sequence, timestamp, order = journey
    leg = Bank()
    packets = stream(max(order) + 1, sequence, timestamp)
    for index in order:
        leg.feed(packets[index], at=0.0)
    leg.tick(1.0)
    there = set(order)
    assert leg.end >= (max(order) + 1) * FRAME_SAMPLES
    for index in range(max(order) + 1):
        if index in there:
            assert (leg.frame(index) == samples(index)).all()
        else:
            assert not leg.frame(index)[160:].any()
    assert leg.stats.lost == max(order) + 1 - len(there)
    assert leg.stats.late == 0
    assert leg.stats.duplicate == len(order) - len(there)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1), st.integers(0, 3), st.integers(0, 100), st.booleans()
        ),
        max_size=60,
    )
)
def test_no_packet_whatsoever_breaks_the_bank(junk: list[tuple[int, int, int, int, bool]]) -> None:
    leg = Bank()
    at = 0.0
    for sequence, timestamp, ssrc, wait, ticks in junk:
        at += wait / 1000
        before = leg.end
        leg.feed(Packet(0, sequence, timestamp, ssrc), at=at)
        if ticks:
            leg.tick(at)
        assert leg.end >= before
        assert leg.end <= (at + 1.2) * 16000 * 2 + RING_SAMPLES
    leg.tick(at + 1.0)
    assert not leg.bank._held.any()
