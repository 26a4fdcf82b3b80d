"""What all three kinds of engine have in common: how they are made, left, closed, and what they may raise."""

from __future__ import annotations

import asyncio
import inspect
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from importlib.metadata import entry_points
from typing import Any, ClassVar, TypeVar

import pytest
import pytest_asyncio

from dragoman.engines import registry
from dragoman.engines.base import Counting, Engine, Stage
from dragoman.engines.conformance.info import complaints
from dragoman.engines.conformance.running import (
    ASYNC,
    Running,
    children,
    done_within,
    ended_within,
    nothing_beyond,
    send,
    start,
    turns,
)
from dragoman.engines.faults import CLOSE_DEADLINE
from dragoman.errors import ConfigError, EngineCrashed, EngineError, EngineRejected

T = TypeVar("T")

DEADLINE_S = 60.0
"""Seconds for one piece of work: far more than any engine takes, so that only one that hangs is late."""

CLOSE_ENGINE_S = 5.0
"""Seconds for ``close`` of a whole engine: the daemon closes all of them when it stops, and whoever stops it
(systemd, docker) kills it after ten or more."""

BLOCKED_S = 0.2
"""Seconds without a turn of the loop, after which an engine blocks it. A conference wants a turn every 20 ms; this is
generous for the sake of a busy test machine, and what blocks (an HTTP request, a model) takes longer."""

LEAVE_AFTER = (0, 1, 2, 5, 20)
"""Turns of the loop after which work is cancelled: before it began, and at its first waits."""

ODD_LANGUAGES = ("", "xx", "EN-", "e", "🙂", "\0", "x" * 1000)

BAD_TEXTS = {
    "empty": "",
    "blank": " \t\n ",
    "nul": "\0",
    "control characters": "a\x00b\x07c\x1b[31md\x7f\u200e\u202ee\r\n\x85f",
    "huge": "x" * 100_000,
    "many words": "word " * 20_000,
    "emoji": "👩‍👩‍👧‍👦 ok 🇪🇸 👍🏽",
    "other scripts": "مرحبا Привет 你好 こんにちは 안녕 שלום नमस्ते",
    "combining": "e" + "\u0301" * 200,
    "surrogate": "half a \ud83d pair",
    "markup": "<speak>&lt;</speak> [[x]] {0} %s ^a/b$ @@ \\ <script>",
    "punctuation": "...?!… — «»",
}
"""Texts that reach an engine when a recogniser or another translator fails oddly: by what is wrong with them."""

Fresh = Callable[[], Engine]
"""Builds another engine like the one under test; not started."""

Work = Callable[[Any], Coroutine[Any, Any, Any]]
"""One whole piece of an engine's work; gives what came of it, for ``agree``."""


def given(looked_at: Callable[[str, object], T], call: str, value: object) -> T:
    """What ``call`` gave, if it is of its protocol's type, by the daemon's own look at it (``engines/faults.py``).

    Raises:
        AssertionError: it is not. No EngineError: that an engine may raise.
    """
    try:
        return looked_at(call, value)
    except EngineCrashed as error:
        raise AssertionError(f"{error}: the daemon would take it for a crash") from None


def promised(doing: Awaitable[T], call: str) -> Awaitable[T]:
    """What ``call`` gave, if it can be awaited."""
    assert inspect.isawaitable(doing), f"{call} gives {type(doing).__name__}, nothing to be awaited: {ASYNC}"
    return doing


@pytest_asyncio.fixture(name="engine")
async def _engine(self: EngineConformance, options: Mapping[str, object]) -> AsyncIterator[Engine]:
    (engine,) = registry.build(self.stage, [self.name], {self.name: options})
    await done_within(DEADLINE_S, engine.start(), "start()")
    yield engine
    await done_within(CLOSE_ENGINE_S, engine.close(), "close()")


class EngineConformance:
    """What holds for every stage. Subclass one of the three classes below it.

    Give ``name`` (an entry point or ``package.module:Class``), or a fixture ``engine`` of your own (started; closed
    after the test). ``options``: a fixture with the engine's option table, where it needs one.
    """

    stage: ClassVar[Stage]
    name: ClassVar[str] = ""
    crashes: ClassVar[bool | None] = None
    """Whether it has processes of its own that can be killed; None: see whether any run."""

    has_options: ClassVar[bool] = True
    """Whether it is built from an option table alone, as everything behind an entry point is. False, for what wraps
    another engine: what builds a second one is left out, unless the fixture ``fresh`` is given."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """A subclass that names its engine is given the fixture, and pytest-asyncio is told of what it is to run."""
        super().__init_subclass__(**kwargs)
        _run_by_asyncio(cls)
        if "name" in vars(cls) and "engine" not in vars(cls):
            setattr(cls, "engine", _engine)  # noqa: B010  # no attribute of the class itself: others override it

    @pytest.fixture
    def options(self) -> Mapping[str, object]:
        """The engine's option table; override it where it needs one."""
        return {}

    @pytest.fixture(autouse=True)
    def strangers(self) -> frozenset[int]:
        """Child processes that were there before the engine."""
        return frozenset(children())

    @pytest.fixture
    def fresh(self, engine: Engine, options: Mapping[str, object]) -> Fresh:
        """See ``Fresh``."""
        self._needs_options()
        return lambda: type(engine)(options)  # type: ignore[call-arg]  # protocols have no __init__

    @pytest.fixture
    def work(self) -> Work:
        """See ``Work``."""
        raise NotImplementedError

    def agree(self, first: Any, again: Any) -> None:
        """The same work came out the same."""
        assert again == first

    async def try_to(self, doing: Coroutine[Any, Any, Any], what: str) -> Any:
        """What came of it, or the error if it is one that an engine may raise."""
        try:
            return await done_within(DEADLINE_S, doing, what)
        except (EngineError, TimeoutError) as error:
            return error
        except Exception as error:
            if isinstance(error, AssertionError):
                raise
            raise AssertionError(f"{what} raises {type(error).__name__}, no EngineError: {error}") from error

    async def refused(self, doing: Coroutine[Any, Any, Any], what: str) -> None:
        """It is rejected, as what ``supports`` denies has to be."""
        try:
            came = await done_within(DEADLINE_S, doing, what)
        except EngineRejected:
            return
        except Exception as error:
            if isinstance(error, AssertionError):
                raise
            raise AssertionError(f"{what} raises {type(error).__name__}, not EngineRejected: {error}") from error
        pytest.fail(f"{what}, which supports() denies, is not refused by EngineRejected but gives {came!r:.200}")

    async def close(self, engine: Engine) -> None:
        """Close it, in time."""
        await done_within(CLOSE_ENGINE_S, engine.close(), "close()")

    async def begin(self, fresh: Fresh) -> Engine:
        """Another engine, started."""
        engine = fresh()
        try:
            await done_within(DEADLINE_S, engine.start(), "start()")
        except EngineError as error:
            await self.close(engine)
            pytest.fail(f'does not start with the fixture "options": give those that "engine" was built with. {error}')
        return engine

    def ours(self, strangers: frozenset[int]) -> set[int]:
        """The engine's processes; skips the test where it has none."""
        found = children() - strangers
        if self.crashes is False or (self.crashes is None and not found):
            pytest.skip("no process of its own")
        assert found, "crashes is True, but it has no process"
        return found

    # What it says

    def test_has_the_shape_of_its_stage(self, engine: Engine) -> None:
        assert isinstance(engine, registry.PROTOCOLS[self.stage])

    def test_info_is_sane(self, engine: Engine) -> None:
        info = engine.info
        assert complaints(info, self.stage) == []
        assert engine.info == info, "says something else each time"

    def test_is_called_what_its_entry_point_is_called(self, engine: Engine) -> None:
        where = f"{type(engine).__module__}:{type(engine).__qualname__}"
        names = {entry.name for entry in entry_points(group=registry.GROUP) if entry.value == where}
        if self.name and ":" not in self.name:
            names.add(self.name)
        assert not names or engine.info.name in names, (
            f"info.name is {engine.info.name!r}, its entry point is called {' or '.join(sorted(names))}: give both one "
            "name, by which settings, metrics and logs call it"
        )

    def test_can_be_listed_without_options(self, engine: Engine) -> None:
        self._needs_options()
        bare = type(engine)({})  # type: ignore[call-arg]  # protocols have no __init__
        assert complaints(bare.info, self.stage) == []
        assert bare.info.name == engine.info.name

    def test_refuses_an_unknown_option(self, engine: Engine, options: Mapping[str, object]) -> None:
        self._needs_options()
        try:
            type(engine)({**options, "no-such-option": 1})  # type: ignore[call-arg]  # protocols have no __init__
        except ConfigError as error:
            assert "no-such-option" in str(error), f"does not name the option that it refuses: {error}"
        else:
            pytest.fail('takes an option that it does not know: read the table by "Options", and call its "done" last')

    async def test_counters_only_grow(self, engine: Engine, work: Work) -> None:
        if not isinstance(engine, Counting):
            pytest.skip("counts nothing")
        before = dict(engine.counts())
        await work(engine)
        after = dict(engine.counts())
        assert before.keys() == after.keys(), "counts() gives other names each time"
        assert all(type(value) is int for value in after.values()), f"counts() gives what is no whole number: {after}"
        assert all(0 <= before[name] <= after[name] for name in after), f"a count went down: {before}, then {after}"

    # Working

    async def test_works(self, engine: Engine, work: Work) -> None:
        first = await done_within(DEADLINE_S, work(engine), "the work")
        self.agree(first, await done_within(DEADLINE_S, work(engine), "the same work again"))

    async def test_does_not_block_the_loop(self, engine: Engine, work: Work) -> None:
        longest = []
        for _ in range(3):  # the machine may be busy once, an engine that blocks does so each time
            watch = start(_longest_turn())
            await turns(1)
            await done_within(DEADLINE_S, work(engine), "the work")
            await turns(2)
            watch.cancel()
            longest.append(await watch)
        assert min(longest) < BLOCKED_S, f"the loop stood still for {longest} s: use a thread or a process"

    async def test_cancelled_work_ends_at_once_and_answers_nobody_else(self, engine: Engine, work: Work) -> None:
        expected = await done_within(DEADLINE_S, work(engine), "the work")
        for after in LEAVE_AFTER:
            left = start(work(engine))
            await turns(after)
            was_done = left.done()
            assert await ended_within(CLOSE_DEADLINE, left), (
                f"goes on {CLOSE_DEADLINE:g} s after it was cancelled, {after} turns into its work: let CancelledError "
                "through, and see to it that no thread is waited for"
            )
            assert was_done or left.cancelled(), (
                f"swallows its cancellation {after} turns into its work: it comes as CancelledError, free what the "
                'request holds in a "finally" and let it through'
            )
            self.agree(expected, await done_within(DEADLINE_S, work(engine), "the work after"))

    async def test_a_deadline_of_the_caller_holds(self, engine: Engine, work: Work) -> None:
        async def hurry() -> None:
            async with asyncio.timeout(0.001):
                await work(engine)

        try:
            await done_within(CLOSE_DEADLINE, hurry(), "work that has a deadline")
        except TimeoutError:
            pass
        await done_within(DEADLINE_S, work(engine), "the work after")

    # Opening and closing

    async def test_may_be_started_twice(self, engine: Engine, fresh: Fresh, work: Work) -> None:
        """It works, and what the first start made is freed too."""
        await self._settle(engine, work)
        before = Running.now()
        other = await self.begin(fresh)
        await self.try_to(other.start(), "start() of a started engine")
        await done_within(DEADLINE_S, work(other), "the work")
        await self.close(other)
        await nothing_beyond(before)

    async def test_may_be_closed_twice(self, engine: Engine, work: Work) -> None:
        await done_within(DEADLINE_S, work(engine), "the work")
        await self.close(engine)
        await self.close(engine)

    async def test_may_be_closed_unstarted(self, fresh: Fresh) -> None:
        before = Running.now()
        engine = fresh()
        await self.close(engine)
        await self.close(engine)
        await nothing_beyond(before)

    async def test_closed_it_fails_cleanly_and_starts_nothing(self, engine: Engine, fresh: Fresh, work: Work) -> None:
        await self._settle(engine, work)
        before = Running.now()
        other = await self.begin(fresh)
        await self.close(other)
        await self.try_to(work(other), "work after close()")
        await nothing_beyond(before)

    async def test_leaves_nothing_running(self, engine: Engine, fresh: Fresh, work: Work) -> None:
        await self._settle(engine, work)
        before = Running.now()
        other = await self.begin(fresh)
        await done_within(DEADLINE_S, work(other), "the work")
        await self.close(other)
        await nothing_beyond(before)

    async def test_closed_at_work_it_ends_the_work(self, engine: Engine, fresh: Fresh, work: Work) -> None:
        await self._settle(engine, work)
        before = Running.now()
        for after in LEAVE_AFTER:
            other = await self.begin(fresh)
            left = start(self.try_to(work(other), "work that close() ends"))
            await turns(after)
            await self.close(other)
            await done_within(CLOSE_ENGINE_S, left, f"work of an engine that was closed {after} turns into it")
            await nothing_beyond(before)

    async def test_stalled_it_can_be_left_and_closed(
        self, engine: Engine, fresh: Fresh, work: Work, strangers: frozenset[int]
    ) -> None:
        """Its processes stand still: deadlines and closing are the caller's, and they hold."""
        if self.crashes is False:
            pytest.skip("no process of its own")
        await self._settle(engine, work)
        before = Running.now()
        stopped: set[int] = set()
        for at_work in (True, False):
            other = await self.begin(fresh)
            await done_within(DEADLINE_S, work(other), "the work")
            send(signal.SIGSTOP, children() - strangers)  # before the work begins, or they might have done it already
            if at_work:
                left = start(work(other))
                await turns(LEAVE_AFTER[-1])
            stopped |= children() - strangers
            send(signal.SIGSTOP, stopped)
            if at_work:
                assert await ended_within(CLOSE_DEADLINE, left), (
                    f"stalled, it does not let go within {CLOSE_DEADLINE:g} s"
                )
                if not left.cancelled():
                    left.exception()
            await self.close(other)
            await nothing_beyond(before)
        if not stopped:
            pytest.skip("no process of its own")

    def _needs_options(self) -> None:
        if not self.has_options:
            pytest.skip("not built from options")

    async def _settle(self, engine: Engine, work: Work) -> None:
        """Close the engine under test, after whatever happens only once in a process has happened."""
        await done_within(DEADLINE_S, work(engine), "the work")
        await self.close(engine)


def _run_by_asyncio(suite: type) -> None:
    """Mark its checks, so that no mode of pytest-asyncio has to be set where the suite is used."""
    for name, check in vars(suite).items():
        if name.startswith("test_") and inspect.iscoroutinefunction(check):
            pytest.mark.asyncio(check)


_run_by_asyncio(EngineConformance)


async def _longest_turn() -> float:
    """The longest time between two turns of the loop until it is cancelled, in seconds."""
    longest, last = 0.0, time.monotonic()
    try:
        while True:
            await asyncio.sleep(0)
            now = time.monotonic()
            longest, last = max(longest, now - last), now
    except asyncio.CancelledError:
        return longest
