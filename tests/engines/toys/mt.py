"""Translators with one defect each; those that the checks of every stage must find are here too."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from tests.engines.toys.kinds import PigLatin, found_by, leftovers
from tests.engines.toys.processes import Cat

from dragoman.engines.base import Stage, Translation, TranslationRequest
from dragoman.errors import EngineCrashed

MT = Stage.MT


@found_by(MT, "test_has_the_shape_of_its_stage")
class Shapeless:
    def __init__(self, options: Mapping[str, object]) -> None:
        self.info = PigLatin(options).info

    async def start(self, languages: Any = ()) -> None: ...

    async def close(self) -> None: ...


@found_by(MT, "test_info_is_sane")
class Unlicensed(PigLatin):
    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        self.info = replace(self.info, licence="unknown")


@found_by(MT, "test_info_is_sane")
class Fickle(PigLatin):
    number = itertools.count()

    @property
    def info(self) -> Any:
        return replace(self._info, purpose=f"Number {next(self.number)}.")

    @info.setter
    def info(self, value: Any) -> None:
        self._info = value


@found_by(MT, "test_is_called_what_its_entry_point_is_called")
class Misnamed(PigLatin):
    """Its test class says ``name = "misnamed"``."""


@found_by(MT, "test_can_be_listed_without_options")
class NeedsItsKey(PigLatin):
    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__({key: value for key, value in options.items() if key != "key"})
        assert options["key"]

    options: ClassVar = {"key": "k"}  # what the toys' fixture builds it with


@found_by(MT, "test_refuses_an_unknown_option")
class TakesAnything(PigLatin):
    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__({})


@found_by(MT, "test_counters_only_grow")
class CountsDown(PigLatin):
    left = 10

    def counts(self) -> Mapping[str, int]:
        self.left -= 1
        return {"left": self.left}


@found_by(MT, "test_counters_only_grow")
class CountsByText(PigLatin):
    def counts(self) -> Mapping[str, int]:
        return {f"at_{time.monotonic_ns()}": 1}


@found_by(MT, "test_works")
class Moody(PigLatin):
    calls = 0

    async def translate(self, request: TranslationRequest) -> Translation:
        self.calls += 1
        answer = await super().translate(request)
        return replace(answer, text=answer.text * self.calls)


@found_by(MT, "test_does_not_block_the_loop")
class Blocks(PigLatin):
    async def translate(self, request: TranslationRequest) -> Translation:
        time.sleep(0.25)
        return await super().translate(request)


@found_by(MT, "test_cancelled_work_ends_at_once_and_answers_nobody_else", "test_a_deadline_of_the_caller_holds")
class Deaf(PigLatin):
    """Goes on for 5 s after it was cancelled."""

    async def translate(self, request: TranslationRequest) -> Translation:
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            await asyncio.sleep(5)
        return await super().translate(request)


@found_by(MT, "test_cancelled_work_ends_at_once_and_answers_nobody_else")
class Swallows(PigLatin):
    """Answers as if it had not been cancelled."""

    async def translate(self, request: TranslationRequest) -> Translation:
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            pass
        return await super().translate(request)


@found_by(MT, "test_may_be_started_twice")
class StartsOnce(PigLatin):
    started = False

    async def start(self, languages: Any = ()) -> None:
        if self.started:
            raise RuntimeError("started")
        self.started = True


@found_by(MT, "test_may_be_closed_twice")
class ClosesOnce(PigLatin):
    closed = False

    async def close(self) -> None:
        if self.closed:
            raise RuntimeError("closed")
        self.closed = True


@found_by(MT, "test_may_be_closed_unstarted")
class ClosesWhatItStarted(PigLatin):
    async def start(self, languages: Any = ()) -> None:
        self.model: object = object()

    async def close(self) -> None:
        self.model = type(self.model)


@found_by(MT, "test_closed_it_fails_cleanly_and_starts_nothing")
class FallsOverWhenClosed(PigLatin):
    model: Any = "model"

    async def translate(self, request: TranslationRequest) -> Translation:
        self.model.upper()
        return await super().translate(request)

    async def close(self) -> None:
        self.model = None


class Worker(PigLatin):
    """Has a task, as it should be done: begun when it is needed, ended by ``close``."""

    task: asyncio.Task[None] | None = None
    closed = False

    async def translate(self, request: TranslationRequest) -> Translation:
        if self.task is None:
            if self.closed:
                raise EngineCrashed("piglatin", "closed")
            self.task = asyncio.create_task(asyncio.sleep(3000))
        return await super().translate(request)

    async def close(self) -> None:
        self.closed = True
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait({self.task})
            self.task = None


@found_by(MT, "test_closed_it_fails_cleanly_and_starts_nothing")
class WakesAgain(Worker):
    async def close(self) -> None:
        await super().close()
        self.closed = False


@found_by(MT, "test_leaves_nothing_running")
class LeavesATask(Worker):
    async def close(self) -> None: ...


@found_by(MT, "test_may_be_started_twice")
class DoublesItsTask(Worker):
    """A second start forgets the first one's task."""

    async def start(self, languages: Any = ()) -> None:
        self.task = asyncio.create_task(asyncio.sleep(3000))


@found_by(MT, "test_leaves_nothing_running")
class LeavesAThread(PigLatin):
    async def start(self, languages: Any = ()) -> None:
        end = threading.Event()
        leftovers.append(end.set)
        threading.Thread(target=end.wait, daemon=True).start()


@found_by(MT, "test_leaves_nothing_running")
class LeavesAThreadOfThePool(PigLatin):
    async def start(self, languages: Any = ()) -> None:
        end = threading.Event()
        leftovers.append(end.set)
        threading.Timer(20.0, end.set).start()
        leftovers.append(lambda: [thread.cancel() for thread in threading.enumerate() if hasattr(thread, "cancel")])
        self.call = asyncio.get_running_loop().run_in_executor(None, end.wait)


@found_by(MT, "test_leaves_nothing_running")
class LeavesAProcess(PigLatin):
    async def start(self, languages: Any = ()) -> None:
        process = subprocess.Popen(["sleep", "60"])
        leftovers.append(lambda: (process.kill(), process.wait()))


@found_by(MT, "test_leaves_nothing_running")
class LeavesASocket(PigLatin):
    async def translate(self, request: TranslationRequest) -> Translation:
        left = socket.socket()
        leftovers.append(left.close)
        return await super().translate(request)


@found_by(MT, "test_leaves_nothing_running")
class LeavesAFile(PigLatin):
    async def start(self, languages: Any = ()) -> None:
        left = os.open("/dev/null", os.O_RDONLY)
        leftovers.append(lambda: os.close(left))


@found_by(MT, "test_closed_at_work_it_ends_the_work")
class ForgetsWhoWaits(PigLatin):
    """A task answers; when ``close`` ends it, nobody tells those who wait."""

    async def start(self, languages: Any = ()) -> None:
        self.queue: asyncio.Queue[tuple[TranslationRequest, asyncio.Future[Translation]]] = asyncio.Queue()
        if not hasattr(self, "task"):
            self.task = asyncio.create_task(self.answer())

    async def answer(self) -> None:
        while True:
            request, future = await self.queue.get()
            await asyncio.sleep(0.01)
            if not future.done():
                future.set_result(await super().translate(request))

    async def translate(self, request: TranslationRequest) -> Translation:
        future: asyncio.Future[Translation] = asyncio.get_running_loop().create_future()
        self.queue.put_nowait((request, future))
        return await future

    async def close(self) -> None:
        if hasattr(self, "task"):
            self.task.cancel()
            await asyncio.wait({self.task})


@found_by(MT, "test_supports_what_it_says")
class Boasts(PigLatin):
    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        self.info = replace(self.info, languages=("en-la", "en-de"))


@found_by(MT, "test_rejects_an_unknown_pair")
class TranslatesAnything(PigLatin):
    async def translate(self, request: TranslationRequest) -> Translation:
        return await super().translate(replace(request, source="en", target="la"))


@found_by(MT, "test_rejects_an_unknown_pair")
class SupportsAnything(PigLatin):
    def supports(self, source: str, target: str) -> bool:
        return True


@found_by(MT, "test_translates")
class SaysAnotherName(PigLatin):
    async def translate(self, request: TranslationRequest) -> Translation:
        return replace(await super().translate(request), engine="pigeon")


@found_by(MT, "test_takes_context_terms_and_care")
class TripsOverTerms(PigLatin):
    async def translate(self, request: TranslationRequest) -> Translation:
        return await super().translate(replace(request, text=request.text[: None if not request.terms else 0]))


@found_by(MT, "test_bad_text_is_an_engine_error_at_most")
class Encodes(PigLatin):
    async def translate(self, request: TranslationRequest) -> Translation:
        request.text.encode()
        return await super().translate(request)


@found_by(MT, "test_bad_text_is_an_engine_error_at_most")
class TakesTheFirstWord(PigLatin):
    async def translate(self, request: TranslationRequest) -> Translation:
        assert request.text.split()[0]
        return await super().translate(request)


@found_by(MT, "test_bad_text_is_an_engine_error_at_most")
class HangsOnLength(PigLatin):
    async def translate(self, request: TranslationRequest) -> Translation:
        await asyncio.sleep(len(request.text) / 100)
        return await super().translate(request)


@found_by(MT, "test_at_once_each_gets_his_own_answer")
class HasOneDesk(PigLatin):
    async def translate(self, request: TranslationRequest) -> Translation:
        self.request = request
        await asyncio.sleep(0)
        return await super().translate(self.request)


@found_by(
    MT,
    "test_a_cancelled_request_does_not_answer_the_next",
)
class AnswersInLine(PigLatin):
    """The answer to a cancelled request stays in the line, and the next one takes it."""

    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        self.answers: asyncio.Queue[Translation] = asyncio.Queue()

    async def translate(self, request: TranslationRequest) -> Translation:
        self.answers.put_nowait(await super().translate(request))
        await asyncio.sleep(0)
        return await self.answers.get()


class ByCat(PigLatin):
    """Good: the text goes through a process, which is replaced when it dies."""

    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        self.cat = Cat()

    async def translate(self, request: TranslationRequest) -> Translation:
        answer = await super().translate(request)
        await self.cat.ask("x")
        return answer

    async def close(self) -> None:
        await self.cat.close()


@found_by(MT, "test_a_killed_process_is_a_crash_and_replaced")
class RaisesWhatThePipeRaises(ByCat):
    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        self.cat = Cat(crash=ConnectionResetError("pipe"))


@found_by(MT, "test_a_killed_process_is_a_crash_and_replaced")
class NeverReplaces(ByCat):
    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        self.cat = Cat(replaced=False)


@found_by(MT, "test_stalled_it_can_be_left_and_closed")
class WaitsForItsProcess(ByCat):
    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        self.cat = Cat(killed=False)
