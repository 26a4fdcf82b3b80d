from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.media.speech import spoken

from dragoman.media.ring import RingBank
from dragoman.media.speech import LOUD_PEAK, MAX_LAG, WINDOWS_PER_TICK, SpeechDetector, SpeechEvent, SpeechGate
from dragoman.media.stats import MediaStats
from dragoman.media.vad import SileroVad

WINDOW = 512
HANGOVER = 4 * WINDOW


def gated(probabilities: list[float], gate: SpeechGate | None = None) -> list[SpeechEvent]:
    gate = gate or SpeechGate(2, WINDOW, HANGOVER)
    events = []
    for number, probability in enumerate(probabilities):
        events += gate.update(np.array([1]), np.array([number * WINDOW]), np.array([probability], np.float32))
    return events


def test_speech_starts_with_the_first_of_two_windows_and_ends_after_the_last() -> None:
    events = gated([0.1, 0.9, 0.9, 0.6, 0.1, 0.1, 0.1, 0.1, 0.1])
    assert events == [SpeechEvent(1, True, WINDOW), SpeechEvent(1, False, 4 * WINDOW)]


def test_it_tells_at_any_time_where_speech_was_last_heard() -> None:
    gate = SpeechGate(2, WINDOW, HANGOVER)
    gated([0.1, 0.9], gate)
    assert gate.heard_until[1] == 0  # one window is a click
    gated([0.1, 0.9, 0.9, 0.6, 0.1], gate)
    assert gate.heard_until.tolist() == [0, 4 * WINDOW]
    gate.reset(1)
    assert gate.heard_until[1] == 0


def test_a_click_is_no_speech() -> None:
    assert gated([0.9, 0.1, 0.9, 0.4, 0.9, 0.2]) == []


def test_a_pause_shorter_than_the_hangover_does_not_end_it() -> None:
    assert gated([0.9, 0.9, 0.0, 0.0, 0.0, 0.9, 0.0]) == [SpeechEvent(1, True, 0)]


def test_between_the_thresholds_nothing_changes() -> None:
    assert gated([0.45] * 20) == []
    assert gated([0.9, 0.9, *[0.4] * 20]) == [SpeechEvent(1, True, 0)]


def test_a_reset_leg_is_silent() -> None:
    gate = SpeechGate(2, WINDOW, HANGOVER)
    gated([0.9, 0.9], gate)
    gate.reset(1)
    assert gated([0.0] * 10, gate) == []


@given(st.lists(st.floats(0, 1, width=32), max_size=80))
def test_events_alternate_and_never_overlap(probabilities: list[float]) -> None:
    events = gated(probabilities)
    assert [event.started for event in events] == [number % 2 == 0 for number in range(len(events))]
    assert all(a.at < b.at for a, b in zip(events[::2], events[1::2], strict=False))
    assert all(a.at <= b.at for a, b in itertools.pairwise(events))


class Counting:
    """A VAD that says what a sample's value says, and notes what it was shown."""

    window, context = WINDOW, 64

    def __init__(self) -> None:
        self.shown: list[int] = []
        self.contexts: list[np.ndarray] = []
        self.resets: list[int] = []

    def probabilities(self, rows: np.ndarray, samples: np.ndarray) -> np.ndarray:
        assert samples.shape == (len(rows), 64 + WINDOW)
        self.shown += rows.tolist()
        self.contexts += list(samples[:, :64])
        return (samples[:, -1] > 1000).astype(np.float32)

    def reset(self, rows: np.ndarray) -> None:
        self.resets += rows.tolist()


class Detector:
    def __init__(self, rows: int = 4) -> None:
        self.vad, self.ring, self.stats = Counting(), RingBank(rows), MediaStats()
        self.detector = SpeechDetector(self.vad, self.ring, rows, 128, self.stats)

    def say(self, row: int, value: int, windows: int = 1) -> None:
        self.ring.extend(row, np.full(windows * WINDOW, value, np.int16))


def test_a_silent_leg_costs_nothing() -> None:
    heard = Detector()
    heard.detector.open(2)
    heard.say(2, 50, windows=20)
    assert heard.detector.step() == []
    assert heard.vad.shown == []
    assert heard.stats.vad_windows == 0


def test_an_unlistened_leg_is_not_looked_at() -> None:
    heard = Detector()
    heard.detector.open(2)
    heard.say(1, 5000, windows=5)
    heard.detector.close(2)
    heard.say(2, 5000, windows=5)
    assert heard.detector.step() == []


def test_speech_is_found_with_its_context_and_ends() -> None:
    heard = Detector()
    heard.detector.open(2)
    events = []
    for value, windows in ((0, 3), (5000, 4), (0, 15), (0, 15)):
        heard.say(2, value, windows)
        events += heard.detector.step()
    assert events == [SpeechEvent(2, True, 3 * WINDOW), SpeechEvent(2, False, 7 * WINDOW)]
    assert heard.vad.resets == [2]
    assert not heard.vad.contexts[0].any()
    assert (heard.vad.contexts[1] == 5000).all()
    assert 4 < len(heard.vad.shown) < 25  # it lingers over a pause, and then it rests


def test_part_of_a_window_waits_for_the_rest() -> None:
    heard = Detector()
    heard.detector.open(0)
    heard.ring.extend(0, np.full(WINDOW - 1, 5000, np.int16))
    heard.detector.step()
    assert heard.vad.shown == []
    heard.ring.extend(0, np.full(1, 5000, np.int16))
    heard.detector.step()
    assert heard.vad.shown == [0]


def test_work_per_tick_is_bounded_and_who_waited_longest_comes_first() -> None:
    heard = Detector(rows=WINDOWS_PER_TICK + 40)
    for row in range(WINDOWS_PER_TICK + 40):
        heard.detector.open(row)
        heard.say(row, 5000)
    heard.detector.step()
    assert len(heard.vad.shown) == WINDOWS_PER_TICK
    heard.detector.step()
    assert sorted(heard.vad.shown) == list(range(WINDOWS_PER_TICK + 40))


def test_what_is_over_a_second_behind_is_not_shown_to_the_vad_but_what_is_loud_in_it_is_speech() -> None:
    heard = Detector()
    for row in (0, 1, 2):
        heard.detector.open(row)
    heard.say(0, 0, windows=5)
    heard.say(0, 5000, windows=10)
    heard.say(0, 0, windows=MAX_LAG // WINDOW)
    heard.say(1, LOUD_PEAK - 1, windows=MAX_LAG // WINDOW + 2)
    heard.say(2, 0, windows=MAX_LAG // WINDOW)
    heard.say(2, -5000, windows=3)
    assert heard.detector.step() == [
        SpeechEvent(0, True, 5 * WINDOW),
        SpeechEvent(0, False, 15 * WINDOW),
        SpeechEvent(2, True, MAX_LAG // WINDOW * WINDOW),
    ]
    assert heard.vad.shown == []
    assert heard.stats.vad_skipped == 3 * (MAX_LAG // WINDOW) + 20
    heard.say(2, 5000)
    heard.say(2, 0, windows=4)
    assert heard.detector.step() == [SpeechEvent(2, False, (MAX_LAG // WINDOW + 4) * WINDOW)]
    assert heard.vad.resets == [2], "it begins anew where it listens again"


def test_what_left_the_ring_before_anybody_looked_is_skipped_without_a_word() -> None:
    heard = Detector()
    heard.detector.open(0)
    windows = heard.ring.samples // WINDOW
    heard.say(0, 5000, windows=10)
    heard.say(0, 0, windows=windows)
    assert heard.detector.step() == []
    assert heard.stats.vad_skipped == windows + 10


@pytest.mark.parametrize("start", [0.0, 0.731])
def test_real_speech_is_bracketed(start: float) -> None:
    said = spoken()
    lead = round(start * 16000)
    ring, stats = RingBank(1), MediaStats()
    detector = SpeechDetector(SileroVad(1), ring, 1, 400, stats)
    detector.open(0)
    events = []
    whole = np.concatenate([np.zeros(lead, np.int16), said, np.zeros(16000, np.int16)])
    for at in range(0, len(whole) - 319, 320):
        ring.extend(0, whole[at : at + 320])
        events += detector.step()
    assert [event.started for event in events] == [True, False]
    assert abs(events[0].at - lead) < 16000 * 0.1
    assert abs(events[1].at - (lead + len(said))) < 16000 * 0.15
