from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.media.format import FRAME_SAMPLES, ms_to_samples
from dragoman.pipeline.feed import BACKLOG, KEEP, MAX_PUSH, PREROLL, REPLAY, TAIL, FeedPlan, Finalize, Push

CHUNK = ms_to_samples(60)
HANGOVER_TICKS = 20
ONSET_TICKS = 2


@dataclass
class Stream:
    """What one recogniser stream was given."""

    committed: int
    steps: list[Push | Finalize] = field(default_factory=list)

    @property
    def pushes(self) -> list[Push]:
        return [step for step in self.steps if isinstance(step, Push)]

    @property
    def samples(self) -> set[int]:
        """Frames' worth of audio that was pushed, by 100 samples (everything in these tests is a multiple of it)."""
        return {at for push in self.pushes for at in range(push.start, push.stop, 20)}

    def check(self) -> None:
        """Audio time never goes back, no sample comes twice, no push is larger than it may be."""
        cursor = 0
        for push in self.pushes:
            assert cursor <= push.start < push.stop <= push.start + MAX_PUSH
            cursor = push.stop
        ends = [step.at for step in self.steps if isinstance(step, Finalize)]
        assert ends == sorted(set(ends))


@dataclass
class Player:
    """Plays speech into a FeedPlan tick by tick, as the media plane and a recogniser would."""

    plan: FeedPlan
    speech: list[tuple[int, int]]
    """(first tick, tick behind the last) of each stretch of speech."""
    answer_after: int = 5
    """Ticks from a finalize to its final."""
    end: int = 0
    tick: int = 0
    streams: list[Stream] = field(default_factory=lambda: [Stream(0)])
    answered: list[tuple[Stream, int]] = field(default_factory=list)
    _answers: list[tuple[int, int]] = field(default_factory=list)

    def run(self, ticks: int, *, stalled: bool = False) -> None:
        for _ in range(ticks):
            self.tick += 1
            self.end += FRAME_SAMPLES
            for first, behind in self.speech:
                if self.tick == first + ONSET_TICKS:
                    self.plan.speech_start(first * FRAME_SAMPLES)
                if self.tick == behind + HANGOVER_TICKS:
                    self.plan.speech_end(behind * FRAME_SAMPLES)
            if not stalled:
                self.take()

    def take(self) -> None:
        while self._answers and self._answers[0][0] <= self.tick:
            self.answered.append((self.streams[-1], self._answers.pop(0)[1]))
            self.plan.answered()
        while (step := self.plan.step(self.end)) is not None:
            self.streams[-1].steps.append(step)
            if isinstance(step, Finalize):
                self._answers.append((self.tick + self.answer_after, step.at))

    def restart(self, committed: int) -> None:
        self._answers.clear()
        self.streams.append(Stream(committed))
        self.plan.replay(committed, self.end)


def utterances(speech: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(max(a * FRAME_SAMPLES - PREROLL, 0), b * FRAME_SAMPLES + TAIL) for a, b in speech]


@st.composite
def speeches(draw: st.DrawFn) -> list[tuple[int, int]]:
    speech, at = [], 0
    for _ in range(draw(st.integers(1, 5))):
        first = at + draw(st.integers(0, 60))
        behind = first + draw(st.integers(ONSET_TICKS, 80))
        speech.append((first, behind))
        at = behind + HANGOVER_TICKS + 1
    return speech


@settings(deadline=None)
@given(speeches(), st.booleans(), st.integers(1, 8))
def test_one_stream_gets_every_sample_once_and_every_finalize_once(
    speech: list[tuple[int, int]], continuous: bool, chunk: int
) -> None:
    player = Player(FeedPlan(chunk * FRAME_SAMPLES, continuous=continuous), speech)
    player.plan.replay(0, 0)
    player.run(speech[-1][1] + 60)
    (stream,) = player.streams
    stream.check()
    for start, stop in utterances(speech):
        assert stream.samples.issuperset(range(start, stop, 20))
    assert [step.at for step in stream.steps if isinstance(step, Finalize)] == [b * FRAME_SAMPLES for _, b in speech]
    assert not player.plan.active
    assert player.plan.dropped == 0
    if continuous:  # no hole from the first speech on: the recogniser's own clock must not slip
        assert all(a.stop == b.start for a, b in zip(stream.pushes, stream.pushes[1:], strict=False))


@settings(deadline=None)
@given(speeches(), st.booleans())
def test_a_finalize_comes_behind_its_audio_and_before_that_of_the_next(
    speech: list[tuple[int, int]], continuous: bool
) -> None:
    player = Player(FeedPlan(CHUNK, continuous=continuous), speech)
    player.plan.replay(0, 0)
    player.run(speech[-1][1] + 60)
    cursor, due = 0, utterances(speech)
    for step in player.streams[0].steps:
        if isinstance(step, Push):
            cursor = step.stop
        else:
            _, stop = due.pop(0)
            assert cursor >= stop
            assert not due or cursor <= due[0][1]


@settings(deadline=None)
@given(speeches(), st.booleans(), st.integers(0, 40), st.lists(st.integers(1, 120), max_size=4), st.data())
def test_a_new_stream_gets_again_what_has_no_final_and_nothing_else(
    speech: list[tuple[int, int]], continuous: bool, answer_after: int, lives: list[int], data: st.DataObject
) -> None:
    player = Player(FeedPlan(CHUNK, continuous=continuous), speech, answer_after)
    player.plan.replay(0, 0)
    committed = 0
    for life in lives:
        player.run(life)
        done = max((at for _, at in player.answered), default=0)
        committed = max(committed, done, data.draw(st.integers(committed // 20, max(committed, player.end) // 20)) * 20)
        if player.plan.active:  # no stream is opened without speech
            player.restart(committed)
            assert player.plan.active
            player.take()
    player.run(speech[-1][1] + 60 + 2 * answer_after)
    assert not player.plan.active
    assert player.plan.dropped == 0
    answers = [at for _, at in player.answered]
    assert answers == sorted(set(answers))
    for stream in player.streams:
        stream.check()
    by_end = {at: stream for stream, at in player.answered}
    for (_, behind), (start, stop) in zip(speech, utterances(speech), strict=True):
        heard = by_end.get(behind * FRAME_SAMPLES)
        if heard is not None:
            assert heard.samples.issuperset(range(max(start, heard.committed), stop, 20))
        else:  # all of it was committed before some stream got it
            assert committed >= stop


@settings(deadline=None)
@given(speeches(), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 260)), max_size=6))
def test_what_a_stalled_recogniser_costs_is_counted(
    speech: list[tuple[int, int]], stalls: list[tuple[int, int]]
) -> None:
    player = Player(FeedPlan(CHUNK), speech)
    player.plan.replay(0, 0)
    for sound, stalled in stalls:
        player.run(sound)
        player.run(stalled, stalled=True)
    player.run(speech[-1][1] + 100)
    (stream,) = player.streams
    stream.check()
    wanted = {at for start, stop in utterances(speech) for at in range(start, stop, 20)}
    given_up = wanted - stream.samples
    hangover = HANGOVER_TICKS * FRAME_SAMPLES  # given up while nobody knew that the speech was over
    assert 0 <= player.plan.dropped - 20 * len(given_up) <= hangover * len(speech)
    lost = player.plan.take_lost()
    assert sum(stop - start for start, stop in lost) == player.plan.dropped
    assert given_up <= {at for start, stop in lost for at in range(start // 20 * 20, stop, 20)}
    assert player.plan.take_lost() == []
    assert not player.plan.active
    if sum(stalled for _, stalled in stalls) * FRAME_SAMPLES < BACKLOG - 2 * PREROLL:
        assert not given_up


def test_before_the_first_word_there_is_a_pause_in_which_a_replay_may_begin() -> None:
    plan = FeedPlan(FRAME_SAMPLES)
    assert list(plan.pauses) == []
    plan.speech_start(2 * PREROLL)
    assert list(plan.pauses) == [PREROLL]
    plan.speech_end(3 * PREROLL)
    plan.speech_start(4 * PREROLL)
    assert list(plan.pauses) == [PREROLL]


def test_a_recogniser_that_falls_behind_keeps_the_newest() -> None:
    plan = FeedPlan(CHUNK)
    plan.replay(0, 0)
    plan.speech_start(PREROLL)
    late = BACKLOG + 100 * FRAME_SAMPLES
    assert plan.step(late) == Push(late - KEEP, late)
    assert plan.dropped == late - KEEP


def test_a_replay_is_no_backlog_however_long_it_takes_to_catch_up() -> None:
    plan = FeedPlan(CHUNK)
    plan.replay(0, 0)
    plan.speech_start(PREROLL)
    end = ms_to_samples(15_000)
    plan.replay(0, end)
    covered = 0
    while covered < end:
        step = plan.step(end)
        assert isinstance(step, Push) and step.start == covered
        covered = step.stop
        end += (step.stop - step.start) // 2  # a recogniser at twice real time
        if end - covered < CHUNK:
            break
    assert plan.dropped == 0
    assert isinstance(plan.step(end + BACKLOG // 2), Push)
    assert plan.dropped == 0
    plan.step(end + 3 * BACKLOG)  # it caught up: from now on the ordinary limit holds
    assert plan.dropped > 0


def test_what_left_the_ring_is_not_replayed_as_silence() -> None:
    plan = FeedPlan(CHUNK)
    plan.speech_start(PREROLL)
    plan.speech_end(PREROLL + FRAME_SAMPLES)
    plan.speech_start(2 * PREROLL)
    end = PREROLL + REPLAY + 10 * FRAME_SAMPLES
    plan.replay(0, end)
    step = plan.step(end)
    assert isinstance(step, Push) and step.start == end - REPLAY
    assert plan.dropped == (PREROLL + FRAME_SAMPLES + TAIL) + (end - REPLAY - PREROLL)


def test_speech_without_a_recogniser_is_not_remembered_for_ever() -> None:
    plan = FeedPlan(CHUNK)
    for second in range(0, 3600, 2):
        plan.speech_start(second * 16_000)
        plan.speech_end((second + 1) * 16_000)
    assert len(plan._open) <= REPLAY // 32_000 + 2
    assert plan.dropped > 0


@settings(deadline=None)
@given(speeches(), st.integers(1, 300))
def test_when_the_audio_ends_nothing_is_waited_for(speech: list[tuple[int, int]], ticks: int) -> None:
    player = Player(FeedPlan(CHUNK), speech)
    player.plan.replay(0, 0)
    player.run(ticks)
    player.plan.finish(player.end)
    player.take()
    finals = [step for step in player.streams[0].steps if isinstance(step, Finalize)]
    begun = [first for first, _ in speech if first + ONSET_TICKS <= ticks]
    assert len(finals) == len(begun)
    for _ in finals[len(player.answered) :]:
        player.plan.answered()
    assert not player.plan.active


@pytest.mark.parametrize("goes_on", [True, False])
def test_the_utterance_that_kills_every_stream_is_given_up(goes_on: bool) -> None:
    plan = FeedPlan(CHUNK)
    plan.replay(0, 0)
    plan.speech_start(PREROLL)
    if not goes_on:
        plan.speech_end(PREROLL + FRAME_SAMPLES)
    end = 2 * PREROLL + TAIL
    while plan.step(end) is not None:
        pass
    plan.give_up_oldest(end)
    assert plan.active == goes_on
    assert plan.dropped == (end if goes_on else PREROLL + FRAME_SAMPLES + TAIL)
    plan.replay(0, end)
    step = plan.step(end + CHUNK)
    assert step == (Push(end, end + CHUNK) if goes_on else None)


def test_a_stream_is_not_asked_for_a_final_of_what_it_never_got() -> None:
    plan = FeedPlan(CHUNK)
    plan.replay(0, 0)
    plan.speech_start(PREROLL)
    plan.speech_end(2 * PREROLL)
    end = 3 * PREROLL
    plan.replay(end, end)  # all of it was committed
    assert plan.step(end) is None
    assert not plan.active


def test_it_wakes_for_a_chunk_or_for_the_end_of_the_utterance_whatever_comes_first() -> None:
    plan = FeedPlan(CHUNK)
    assert plan.wake_at is None
    plan.replay(0, 0)
    plan.speech_start(PREROLL)
    end = PREROLL + CHUNK
    assert plan.step(end) == Push(0, end)
    assert plan.step(end) is None
    assert plan.wake_at == end + CHUNK
    plan.speech_end(end - TAIL + FRAME_SAMPLES)
    assert plan.wake_at == end + FRAME_SAMPLES


@pytest.mark.parametrize("continuous", [True, False])
def test_what_nobody_wanted_is_forgotten(continuous: bool) -> None:
    plan = FeedPlan(CHUNK, continuous=continuous)
    plan.replay(0, 0)
    plan.speech_start(PREROLL)
    plan.forget(10 * PREROLL)
    assert not plan.active
    assert plan.step(20 * PREROLL) is None
    assert plan.wake_at is None
    plan.speech_end(10 * PREROLL)  # of what was forgotten
    assert not plan.active


@settings(deadline=None)
@given(speeches(), st.booleans(), st.integers(1, 8), st.text(max_size=8))
def test_pushes_on_a_legs_own_grid_bring_all_speech_and_wait_for_no_more_than_a_chunk(
    speech: list[tuple[int, int]], continuous: bool, chunk: int, leg: str
) -> None:
    plain, own = (
        Player(FeedPlan(chunk * FRAME_SAMPLES, continuous=continuous, leg=whose), speech) for whose in (None, leg)
    )
    for player in (plain, own):
        player.plan.replay(0, 0)
    for _ in range(speech[-1][1] + 60):
        for player in (plain, own):
            player.run(1)
        wake_at = own.plan.wake_at
        assert wake_at is None or wake_at > own.end, "what may be pushed is pushed"
        assert wake_at is None or wake_at - own.end <= chunk * FRAME_SAMPLES
    own.streams[0].check()
    for start, stop in utterances(speech):
        assert own.streams[0].samples.issuperset(range(start, stop, 20))
    finalized = [[step for step in player.streams[0].steps if isinstance(step, Finalize)] for player in (plain, own)]
    assert finalized[0] == finalized[1]


def test_legs_that_begin_in_one_tick_are_not_pushed_in_one() -> None:
    chunk = 5 * FRAME_SAMPLES
    players = [Player(FeedPlan(chunk, continuous=True, leg=f"leg-{n}"), [(0, 200)]) for n in range(100)]
    for player in players:
        player.plan.replay(0, 0)
        player.run(100)
    last = [player.streams[0].pushes[-5:] for player in players]
    assert all(push.stop - push.start == chunk for pushes in last for push in pushes), "then each brings a whole chunk"
    together = [sum(pushes[-1].stop % chunk == at * FRAME_SAMPLES for pushes in last) for at in range(5)]
    assert max(together) <= 35
