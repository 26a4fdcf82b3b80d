"""A pipeline of programs that is kept running: a text in, NUL, the answer out, NUL."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from dragoman.engines.mt.apertium_modes import PROGRAMS
from dragoman.errors import EngineCrashed, EngineTimeout, EngineUnavailable

ANSWER_DEADLINE_S = 2.0
"""Seconds for one answer (measured: 1.5 ms)."""

LOAD_DEADLINE_S = 20.0
"""Seconds for the first answer, for which the dictionaries are loaded (measured: 160 ms; many at once take longer)."""

CLOSE_DEADLINE_S = 2.0
"""Seconds for all stages to end after the first one's input was closed."""


class Pipeline:
    """Stages joined by pipes, as a shell would, but each kept alive by its null-flush option.

    One question at a time; a question that was given up (cancelled) is not waited for: its answer is thrown away when
    it comes. The first stage's input ends with the daemon, and then one after the other ends, so none outlives it.
    """

    def __init__(self, engine: str, name: str, processes: Sequence[asyncio.subprocess.Process]) -> None:
        """Use ``start`` instead."""
        first, last = processes[0].stdin, processes[-1].stdout
        if first is None or last is None:
            raise ValueError("the pipeline needs an input and an output")
        self.name = name
        self._engine = engine
        self._processes = tuple(processes)
        self._in = first
        self._out = last
        self._lock = asyncio.Lock()
        self._stale = 0
        self._deadline_s = LOAD_DEADLINE_S
        self._asked_at = 0.0
        self._closed = False

    @classmethod
    async def start(cls, engine: str, name: str, stages: Sequence[Sequence[str]]) -> Pipeline:
        """Start every stage; ``name`` is what errors call the pipeline.

        Raises:
            EngineUnavailable: a program is not installed.
        """
        processes: list[asyncio.subprocess.Process] = []
        source: int = asyncio.subprocess.PIPE
        try:
            for number, command in enumerate(stages, start=1):
                last = number == len(stages)
                read_end, write_end = (-1, asyncio.subprocess.PIPE) if last else os.pipe()
                try:
                    process = await asyncio.create_subprocess_exec(
                        *command, stdin=source, stdout=write_end, start_new_session=True
                    )
                finally:
                    if source >= 0:
                        os.close(source)
                    if not last:
                        os.close(write_end)
                    source = read_end
                processes.append(process)
        except BaseException as error:
            if source >= 0:
                os.close(source)
            _kill(processes)  # they were asked nothing, and may be loading still
            await _end(processes)
            if isinstance(error, FileNotFoundError):
                program = stages[len(processes)][0]
                package = PROGRAMS.get(program, "apertium")
                raise EngineUnavailable(
                    engine, f"{program} is missing: apt-get install --reinstall {package}"
                ) from None
            raise
        return cls(engine, name, processes)

    @property
    def alive(self) -> bool:
        """Whether every stage runs, as far as is known."""
        return not self._closed and not self._out.at_eof() and all(p.returncode is None for p in self._processes)

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the stages."""
        return tuple(process.pid for process in self._processes)

    async def ask(self, text: str) -> str:
        """One text (no NUL in it) through the pipeline.

        Raises:
            EngineCrashed: a stage died. EngineTimeout: no answer in time. Either way it is closed.
        """
        async with self._lock:
            loop = asyncio.get_running_loop()
            if not self._stale:
                self._asked_at = loop.time()
            try:
                async with asyncio.timeout_at(self._asked_at + self._deadline_s):
                    self._stale += 1
                    # Some stages hold the last character back until the next one comes: the line end.
                    self._in.write(text.encode(errors="replace") + b"\n\0")
                    await self._in.drain()
                    while True:
                        answer = await self._out.readuntil(b"\0")
                        self._stale -= 1
                        self._deadline_s = ANSWER_DEADLINE_S
                        if not self._stale:
                            return answer[:-1].decode(errors="replace")
            except TimeoutError:
                await self.close()
                raise EngineTimeout(self._engine, f"{self.name}: no answer in {self._deadline_s:g} s") from None
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
                await self.close()
                raise EngineCrashed(self._engine, f"{self.name}: a stage of the pipeline died") from None

    async def close(self) -> None:
        """End every stage. Idempotent."""
        self._closed = True
        await _end(self._processes)


async def _end(processes: Sequence[asyncio.subprocess.Process]) -> None:
    """Close the first stage's input and wait until all have ended; kill those that do not."""
    if processes and processes[0].stdin is not None:
        processes[0].stdin.close()
    try:
        async with asyncio.timeout(CLOSE_DEADLINE_S):
            await asyncio.gather(*(process.wait() for process in processes))
    except TimeoutError:
        _kill(processes)
        await asyncio.gather(*(process.wait() for process in processes))


def _kill(processes: Sequence[asyncio.subprocess.Process]) -> None:
    for process in processes:
        if process.returncode is None:
            process.kill()
