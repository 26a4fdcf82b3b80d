"""Pins finals asked at a pause inside an utterance: nothing is lost or pushed twice, each utterance ends once."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pipeline.test_feed import CHUNK, HANGOVER_TICKS, ONSET_TICKS, Stream

from dragoman.media.format import FRAME_SAMPLES, ms_to_samples
from dragoman.pipeline.feed import PREROLL, TAIL, FeedPlan, Finalize, Push

EARLY = ms_to_samples(200)
EARLY_TICKS = EARLY // FRAME_SAMPLES


@dataclass
class Line:
    """Stretches of speech with pauses between them, as the VAD and a recogniser see them."""

    plan: FeedPlan
    speech: list[tuple[int, int]]
    """(first tick, tick behind the last) of each stretch."""
    answer_after: int = 5
    tick: int = 0
    heard: int = 0
    stream: Stream = field(default_factory=lambda: Stream(0))
    ends: list[int] = field(default_factory=list)
    """Ticks at which an utterance was over and all of it final."""
    inside: int = 0
    """Finals inside an utterance."""
    utterances: list[tuple[int, int]] = field(default_factory=list)
    """As the VAD found them, in ticks."""
    _speaking: bool = False
    _first: int = 0
    _answers: list[int] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.tick * FRAME_SAMPLES

    def run(self, ticks: int) -> None:
        for _ in range(ticks):
            self.tick += 1
            for first, behind in self.speech:
                if first + ONSET_TICKS <= self.tick <= behind:
                    if not self._speaking:
                        self._speaking = True
                        self._first = first
                        self.plan.speech_start(first * FRAME_SAMPLES)
                    self.heard = self.end
            if self._speaking and self.end - self.heard >= HANGOVER_TICKS * FRAME_SAMPLES:
                self._speaking = False
                self.utterances.append((self._first, self.heard // FRAME_SAMPLES))
                self.plan.speech_end(self.heard)
            self.take()

    def take(self) -> None:
        while self._answers and self._answers[0] <= self.tick:
            self._answers.pop(0)
            if self.plan.answered():
                self.ends.append(self.tick)
            else:
                self.inside += 1
        if self.plan.take_over() is not None:
            self.ends.append(self.tick)
        while (step := self.plan.step(self.end, self.heard)) is not None:
            self.stream.steps.append(step)
            if isinstance(step, Finalize):
                self._answers.append(self.tick + self.answer_after)

    @property
    def finals(self) -> list[int]:
        return [step.at // FRAME_SAMPLES for step in self.stream.steps if isinstance(step, Finalize)]


def early(**kwargs: bool) -> FeedPlan:
    plan = FeedPlan(CHUNK, early=EARLY, **kwargs)
    plan.replay(0, 0)
    return plan


def test_a_final_is_asked_at_the_pause_and_the_utterance_ends_with_the_hangover() -> None:
    line = Line(early(), [(0, 50)])
    line.run(65)
    assert line.finals == [50]
    assert line.inside == 1 and line.ends == []  # its final came, and he may go on
    line.run(20)
    assert line.ends == [50 + HANGOVER_TICKS]
    assert line.finals == [50]
    assert not line.plan.active


def test_a_final_that_comes_behind_the_hangover_ends_it() -> None:
    line = Line(early(), [(0, 50)], answer_after=30)
    line.run(120)
    assert (line.inside, line.ends) == (0, [50 + EARLY_TICKS + 30])


def test_who_goes_on_behind_his_pause_is_heard_in_full() -> None:
    line = Line(early(), [(0, 50), (64, 100)])
    line.run(200)
    assert line.finals == [50, 100]
    assert (line.inside, len(line.ends)) == (2, 1)
    line.stream.check()
    assert line.stream.samples.issuperset(range(0, 100 * FRAME_SAMPLES + TAIL, 20))


def test_a_partial_that_holds_all_and_is_in_the_middle_of_a_sentence_keeps_the_final_waiting() -> None:
    line = Line(early(), [(0, 50)])
    line.run(52)
    line.plan.interim(50 * FRAME_SAMPLES, unfinished=True)
    line.run(15)
    assert line.finals == []
    line.run(20)
    assert line.finals == [50]
    line = Line(early(), [(0, 50)])
    line.run(52)
    line.plan.interim(30 * FRAME_SAMPLES, unfinished=True)  # older than what he said last: it proves nothing
    line.run(15)
    assert line.finals == [50]


def test_the_leg_wakes_for_the_pause() -> None:
    plan = early()
    plan.speech_start(PREROLL)
    end = PREROLL + 10 * FRAME_SAMPLES
    while isinstance(plan.step(end, end), Push):
        pass
    assert plan.wake_at == min(end + EARLY, plan._cursor + CHUNK)
    near = FeedPlan(ms_to_samples(1000), early=EARLY)
    near.replay(0, 0)
    near.speech_start(PREROLL)
    assert near.step(end, end) is None
    assert near.wake_at == end + EARLY


def test_a_stream_that_dies_behind_the_pause_is_given_all_again() -> None:
    line = Line(early(), [(0, 50)], answer_after=1000)
    line.run(65)
    assert line.finals == [50]
    line.plan.replay(0, line.end)
    line.stream = Stream(0)
    line._answers.clear()
    line.answer_after = 5
    line.take()
    assert line.finals == [50]
    line.run(60)
    assert len(line.ends) == 1
    assert not line.plan.active


def test_an_utterance_that_is_given_up_ends_all_the_same() -> None:
    line = Line(early(), [(0, 50)], answer_after=1000)
    line.run(65)
    line.plan.give_up_oldest(line.end)
    line._answers.clear()
    line.run(60)
    assert len(line.ends) == 1


def test_what_nobody_wants_any_more_has_no_end() -> None:
    line = Line(early(), [(0, 50)])
    line.run(69)
    line.plan.forget(line.end)
    line._answers.clear()
    line.run(60)
    assert line.ends == []


@st.composite
def lines(draw: st.DrawFn) -> list[tuple[int, int]]:
    speech, at = [], draw(st.integers(0, 30))
    for _ in range(draw(st.integers(1, 8))):
        behind = at + draw(st.integers(ONSET_TICKS, 60))
        speech.append((at, behind))
        at = behind + draw(st.integers(1, 40))
    return speech


@settings(deadline=None)
@given(lines(), st.booleans(), st.integers(0, 40), st.lists(st.booleans(), max_size=50))
def test_every_sample_is_pushed_once_and_every_utterance_ends_once_behind_all_its_finals(
    speech: list[tuple[int, int]], continuous: bool, answer_after: int, unfinished: list[bool]
) -> None:
    line = Line(early(continuous=continuous), speech, answer_after)
    for guess in unfinished:
        line.run(7)
        line.plan.interim(line.heard, unfinished=guess)
    line.run(speech[-1][1] + 150)
    line.stream.check()
    assert line.plan.dropped == 0
    assert not line.plan.active
    for first, behind in line.utterances:
        wanted = range(max(first * FRAME_SAMPLES - PREROLL, 0), behind * FRAME_SAMPLES, 20)
        assert line.stream.samples.issuperset(wanted)
        assert behind in line.finals
    assert len(line.ends) == len(line.utterances)
    assert len(line.finals) >= len(line.utterances)
    for (_, behind), end in zip(line.utterances, line.ends, strict=True):
        assert end >= behind + HANGOVER_TICKS


def test_a_replay_is_finalized_though_the_vad_finds_meanwhile_that_nobody_went_on() -> None:
    plan = early()
    plan.speech_start(PREROLL)
    spoken = 40 * FRAME_SAMPLES
    while not isinstance(plan.step(spoken + EARLY, spoken), Finalize):
        pass
    plan.replay(0, spoken + EARLY)  # its stream died before the final came
    assert isinstance(plan.step(spoken + EARLY, spoken), Push)
    plan.speech_end(spoken)
    steps = [plan.step(spoken + EARLY, spoken) for _ in range(3)]
    assert any(isinstance(step, Finalize) for step in steps)
    assert plan.answered()
