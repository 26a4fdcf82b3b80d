from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pipeline.fakes import GAP, WORD, Ears, FakeAudio, FakeMedia, FakeRecognizer, crashed, rejected, spoken
from tests.virtual_time import run, settled, virtual_time

from dragoman.engines.base import Hypothesis, StreamRequest
from dragoman.engines.faults import CLOSE_DEADLINE
from dragoman.errors import EngineCrashed, EngineError, EngineRejected, EngineTimeout
from dragoman.media.format import SAMPLE_RATE, ms_to_samples
from dragoman.pipeline.clause import Clause, ClauseSegmenter
from dragoman.pipeline.feed import PREROLL
from dragoman.pipeline.finals import FINAL_DEADLINE
from dragoman.pipeline.latency import ClauseTimes
from dragoman.pipeline.ledger import JITTER
from dragoman.pipeline.recognition import OPEN_DEADLINE, PUSH_DEADLINE, RESTART_DELAYS, Recognition

pytestmark = virtual_time


class Listening:
    """One leg's recognition, between a ringing audio and the clauses that its hypotheses make."""

    def __init__(self, recognizer: FakeRecognizer, media: FakeMedia) -> None:
        loop = asyncio.get_running_loop()
        self.recognizer = recognizer
        self.segmenter = ClauseSegmenter("leg", "en")
        self.clauses: list[Clause] = []
        self.asked: list[tuple[float, float]] = []
        self.errors: list[EngineError] = []
        self.recognition = Recognition(
            StreamRequest("leg", "1000", "en"), (recognizer,), self.segmenter.ledger, self._heard, loop.time
        )
        self.recognition.on_error = self.errors.append
        self.audio: FakeAudio = media.add_leg("leg", ("::", 1), self.recognition)
        self.recognition.attach(self.audio)

    def _heard(self, hypothesis: Hypothesis, asked: float, now: float) -> None:
        if hypothesis.end_of_utterance:
            self.asked.append((asked, now))
        self.clauses += self.segmenter.feed(hypothesis)

    @property
    def texts(self) -> list[str]:
        return [clause.text for clause in self.clauses]

    @property
    def opened(self) -> int:
        return len(self.recognizer.streams)

    def say(self, text: str) -> None:
        self.audio.coming = spoken(text)

    async def hear(self, text: str, pause: float = 1.0) -> None:
        """Somebody says this, and then nothing for a while."""
        self.say(text)
        await asyncio.sleep(len(self.audio.coming) / SAMPLE_RATE + pause)


@asynccontextmanager
async def listening(*ears: Ears, wanted: bool = True, continuous: bool = False) -> AsyncIterator[Listening]:
    """Ends with ``close``, which must end ``run`` and leave no stream open."""
    media = FakeMedia()
    heard = Listening(FakeRecognizer(*ears, continuous=continuous), media)
    heard.recognition.want(wanted)
    running = asyncio.create_task(heard.recognition.run())
    ticking = asyncio.create_task(media.run())
    try:
        yield heard
        heard.recognition.close()
        async with asyncio.timeout(60):
            await running
    finally:
        running.cancel()
        ticking.cancel()
        await asyncio.wait((running, ticking))
    assert heard.recognizer.open_streams == []


async def test_a_stream_is_opened_on_the_first_speech_and_kept() -> None:
    async with listening() as heard:
        await asyncio.sleep(1)
        assert heard.opened == 0
        await heard.hear("good morning")
        await heard.hear("good evening")
        assert heard.texts == ["good morning", "good evening"]
        assert heard.opened == 1


async def test_without_demand_nothing_is_opened_and_what_was_said_is_not_told_later() -> None:
    async with listening(wanted=False) as heard:
        await heard.hear("nobody listens")
        heard.recognition.want(True)
        await asyncio.sleep(2)
        assert heard.opened == 0
        await heard.hear("now they do")
        assert heard.texts == ["now they do"]
        heard.recognition.want(False)
        await settled()
        assert heard.recognizer.open_streams == []
        await heard.hear("gone again")
        assert heard.texts == ["now they do"]


@pytest.mark.parametrize("continuous", [True, False])
async def test_who_comes_into_a_monologue_gets_it_from_there_on(continuous: bool) -> None:
    text = [f"m{i}" for i in range(60)]  # 19 s in one breath
    async with listening(wanted=False, continuous=continuous) as heard:
        heard.say(" ".join(text))
        for wanted, seconds in ((False, 5.0), (True, 4.0), (False, 4.0), (True, 0.0)):
            heard.recognition.want(wanted)
            await asyncio.sleep(seconds)
        first = heard.audio.end
        await asyncio.sleep(10)
        at = [[start // (WORD + GAP) for start, _ in stream.pushes] for stream in heard.recognizer.streams]
        assert [words[0] for words in at] == [
            (5 * SAMPLE_RATE - PREROLL) // (WORD + GAP),
            (first - PREROLL) // (WORD + GAP),
        ]
        assert at[0][-1] <= 9 * SAMPLE_RATE // (WORD + GAP)
        said = " ".join(heard.texts).split()
        assert said == text[60 - len(said) :]
        assert len(said) in range(60 - at[1][0] - 1, 60 - at[1][0] + 1)


async def test_who_comes_when_he_has_just_stopped_gets_no_empty_words() -> None:
    async with listening(wanted=False) as heard:
        heard.say("one two three")
        await asyncio.sleep(0.96 + 0.35)  # within the hangover
        assert heard.recognition.speaking
        heard.recognition.want(True)
        await asyncio.sleep(2)
        assert heard.texts == []
        await heard.hear("four")
        assert heard.texts == ["four"]


async def test_demand_that_comes_back_at_once_loses_nothing() -> None:
    async with listening() as heard:
        heard.say("one two three")
        await asyncio.sleep(0.5)
        heard.recognition.want(False)
        heard.recognition.want(True)  # one listener's tap was repaired
        await asyncio.sleep(3)
        assert heard.texts == ["one two three"]


async def test_the_final_names_the_moment_it_was_asked_for() -> None:
    async with listening() as heard:
        await heard.hear("one")
        await heard.hear("two")
        assert [round(now - asked, 6) for asked, now in heard.asked] == [0.25, 0.25]


async def test_pushes_bring_a_chunk_each_while_one_speaks() -> None:
    async with listening() as heard:
        await heard.hear("one two three four")
        (stream,) = heard.recognizer.streams
        assert {stop - start for start, stop in stream.pushes[1:-1]} == {ms_to_samples(60)}
        assert all(before[1] == after[0] for before, after in pairwise(stream.pushes))


async def test_a_continuous_recogniser_gets_the_silence_too() -> None:
    async with listening(continuous=True) as heard:
        await heard.hear("one", pause=3)
        await heard.hear("two", pause=3)
        (stream,) = heard.recognizer.streams
        assert all(before[1] == after[0] for before, after in pairwise(stream.pushes))
        assert stream.pushes[-1][1] > heard.audio.end - ms_to_samples(100)
        assert heard.texts == ["one", "two"]


@pytest.mark.parametrize("crash", ["push", "reader", "final", "end", "silence"])
@pytest.mark.parametrize("continuous", [True, False])
@pytest.mark.parametrize("shift_ms", [60, -60])
async def test_a_stream_that_dies_costs_no_word_and_doubles_none(crash: str, continuous: bool, shift_ms: int) -> None:
    second = 4 * WORD
    dying = {
        "push": Ears(crash_push_at=second),
        "reader": Ears(crash_reader_at=second),
        "final": Ears(crash_on_finalize=True),
        "end": Ears(end_on_finalize=True),
        "silence": Ears(never_final=True),
    }[crash]
    async with listening(dying, Ears(shift=ms_to_samples(shift_ms)), continuous=continuous) as heard:
        await heard.hear("one two three four five six", pause=FINAL_DEADLINE + 2)
        await heard.hear("seven eight", pause=2)
        assert heard.texts == ["one two three four five six", "seven eight"]
        assert heard.recognition.restarts == len(heard.errors) == 1
        assert heard.opened == 2
        assert heard.recognition.dropped == 0
        assert isinstance(heard.errors[0], EngineTimeout if crash == "silence" else EngineCrashed)


async def test_finals_that_come_twice_are_heard_once() -> None:
    async with listening(Ears(final_twice=True)) as heard:
        await heard.hear("one two")
        await heard.hear("three")
        assert heard.texts == ["one two", "three"]
        assert heard.segmenter.ledger.repeats == 3


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from((0.45, 0.8, 2.0))), min_size=1, max_size=4),
    st.lists(
        st.builds(
            Ears,
            crash_push_at=st.none() | st.integers(1, 160_000),
            crash_reader_at=st.none() | st.integers(1, 160_000),
            crash_on_finalize=st.booleans(),
            open_error=st.none() | st.just(crashed()) | st.just(rejected("ears")),
            final_twice=st.booleans(),
            shift=st.sampled_from((0, 500, -500)),
        ),
        max_size=4,
    ),
    st.booleans(),
)
def test_whatever_dies_when_every_word_comes_once_and_in_order(
    talk: list[tuple[int, float]], ears: list[Ears], continuous: bool
) -> None:
    async def play() -> list[str]:
        async with listening(*ears, continuous=continuous) as heard:
            for i, (count, pause) in enumerate(talk):
                await heard.hear(" ".join(f"t{i}w{j}" for j in range(count)), pause)
            await asyncio.sleep(10)
        return heard.texts

    said = [f"t{i}w{j}" for i, (count, _) in enumerate(talk) for j in range(count)]
    assert " ".join(run(play())).split() == said


async def test_a_monologue_that_was_cut_goes_on_behind_the_cut_when_its_stream_dies() -> None:
    text = " ".join(f"m{i}" for i in range(60))  # 19 s in one breath
    async with listening(Ears(crash_push_at=ms_to_samples(16_000))) as heard:
        await heard.hear(text, pause=2)
        assert len(heard.texts) >= 2
        assert " ".join(heard.texts).split() == text.split()
        _, second = heard.recognizer.streams
        # Of what was committed the last word at most, so that it is heard whole.
        assert second.pushes[0][0] >= heard.clauses[0].end - WORD - 2 * JITTER


async def test_what_a_stream_that_died_took_is_its_own_time_and_waited_for_since_it_was_asked() -> None:
    async with listening(Ears(never_final=True)) as heard:
        await heard.hear("one two three", pause=FINAL_DEADLINE + 2)
        ((asked, now),) = heard.asked
        said = heard.recognition.waited.began - FINAL_DEADLINE  # when the second stream was asked for
        assert asked < said + RESTART_DELAYS[0] + 0.01
        (attempt,) = heard.recognition.waited.tried(asked)
        assert (attempt.engine, attempt.end) == ("ears", heard.recognition.waited.began)
        times = ClauseTimes(asked - 0.4, asked, now, now, tried={"asr": [attempt]})
        ((engine, lost),) = times.copy().lost("asr")
        assert (engine, lost) == ("ears", pytest.approx(attempt.end - asked))
        assert FINAL_DEADLINE <= lost < now - asked


async def test_a_recogniser_that_refuses_is_asked_again_ever_more_slowly() -> None:
    refusals = [Ears(open_error=EngineRejected("ears", "no stream is free"))] * 8
    async with listening(*refusals) as heard:
        times: list[float] = []
        heard.recognition.on_error = lambda error: times.append(asyncio.get_running_loop().time())
        await heard.hear("hello", pause=0.5)
        await heard.hear("are you there", pause=15)
        waited = [round(after - before, 3) for before, after in pairwise(times)]
        assert waited == [*RESTART_DELAYS, RESTART_DELAYS[-1]]
        assert heard.texts == ["hello", "are you there"]
        assert heard.recognition.dropped == 0


async def test_a_healthy_stream_that_dies_after_hours_is_opened_again_at_once() -> None:
    ears = [Ears(crash_reader_at=(2 * i + 1) * 3 * SAMPLE_RATE) for i in range(10)]
    async with listening(*ears) as heard:
        for i in range(20):
            await heard.hear(f"first{i} second{i}", pause=2.36)  # 3 s each
        assert heard.recognition.restarts == 10
        assert " ".join(heard.texts).split() == [f"{nth}{i}" for i in range(20) for nth in ("first", "second")]
        delays = [now - asked for asked, now in heard.asked]
        assert max(delays) < 0.5


@pytest.mark.parametrize("ears", [Ears(open_hangs=True), Ears(push_hangs=True)])
async def test_a_recogniser_that_hangs_is_given_up_and_the_next_one_gets_the_words(ears: Ears) -> None:
    async with listening(ears) as heard:
        await heard.hear("is anybody there", pause=OPEN_DEADLINE + PUSH_DEADLINE)
        assert heard.texts == ["is anybody there"]
        assert [type(error) for error in heard.errors] == [EngineTimeout]


@pytest.mark.parametrize(
    "ears", [Ears(close_hangs=True), Ears(close_error=KeyError("a bug")), Ears(close_error=crashed())]
)
async def test_a_stream_that_does_not_let_go_is_counted_and_holds_nobody_up(ears: Ears) -> None:
    async with listening(ears) as heard:
        await heard.hear("one two")
        heard.recognition.want(False)
        await asyncio.sleep(CLOSE_DEADLINE + 0.1)
        heard.recognition.want(True)
        await heard.hear("three four")
        assert heard.texts == ["one two", "three four"]
        assert [type(error) for error in heard.errors] == [EngineTimeout if ears.close_hangs else EngineCrashed]
        assert heard.recognition.restarts == 0


async def test_an_utterance_of_which_every_stream_dies_is_given_up_in_the_end() -> None:
    deaths = len(RESTART_DELAYS) + 1
    async with listening(*[Ears(crash_on_finalize=True)] * deaths) as heard:
        await heard.hear("poison", pause=10)
        await heard.hear("good morning", pause=2)
        assert heard.recognition.restarts == deaths
        assert heard.texts == ["good morning"]
        assert heard.recognition.dropped > 0


async def test_after_a_long_outage_the_last_of_it_is_heard_and_the_rest_counted() -> None:
    async with listening(*[Ears(open_error=crashed())] * 15) as heard:
        for i in range(20):
            await heard.hear(f"minute{i}", pause=1.68)
        await asyncio.sleep(10)
        assert heard.texts
        assert heard.texts == [f"minute{i}" for i in range(20 - len(heard.texts), 20)]
        assert heard.recognition.dropped > 0
        (stream,) = heard.recognizer.streams
        assert stream.pushes[0][0] > 0


@pytest.mark.parametrize("seconds", [0.33, 0.65, 1.3])
async def test_close_in_mid_sentence_brings_out_what_was_said(seconds: float) -> None:
    async with listening() as heard:
        heard.say("one two three four")
        await asyncio.sleep(seconds)
    assert heard.texts == [" ".join("one two three four".split()[: int(seconds / 0.32)])]
    assert not heard.recognition.speaking


async def test_speech_that_only_comes_up_behind_the_close_keeps_nothing_waiting() -> None:
    async with listening() as heard:
        await heard.hear("bye")
        heard.recognition.close()
        heard.recognition.on_speech_start(heard.audio.end)
        await asyncio.sleep(1)
        assert not heard.recognition.speaking
        assert heard.recognizer.open_streams == []


async def test_a_recogniser_that_is_gone_does_not_hold_one_who_left() -> None:
    began = asyncio.get_running_loop().time()
    async with listening(*[Ears(open_error=crashed())] * 1000) as heard:
        await heard.hear("last words", pause=0)
    assert heard.texts == []
    assert asyncio.get_running_loop().time() - began < sum(RESTART_DELAYS) + 2


async def test_streams_that_never_opened_did_not_die_of_what_they_heard() -> None:
    away = [Ears(open_error=crashed())] * len(RESTART_DELAYS)
    async with listening(Ears(crash_reader_at=1600), *away, Ears(crash_reader_at=1600)) as heard:
        await heard.hear("are you there", pause=15)
        assert heard.texts == ["are you there"]
        assert heard.recognition.dropped == 0


async def test_an_outage_without_another_recogniser_is_told_once_and_a_short_one_never() -> None:
    async with listening(Ears(open_error=crashed()), *[Ears(open_error=crashed())] * 2) as heard:
        missing: list[EngineError] = []
        heard.recognition.on_missing = missing.append
        await heard.hear("hello", pause=8)
        assert (heard.texts, missing) == (["hello"], [])
    async with listening(*[Ears(open_error=crashed())] * 8) as heard:
        missing = []
        heard.recognition.on_missing = missing.append
        await heard.hear("hello", pause=15)
        assert heard.texts == ["hello"]
        assert len(missing) == 1
