"""Asks espeak-ng, in a process of its own, where in its text a piece that broke off is.

A process, because espeak-ng is GPL, and because the work (0.1 s of one core for 5 s of speech) would hold Python's lock
before the tick. It waits from the model's start on: a new one would be too late for a clause that is being heard.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, cast

import structlog

from dragoman.engines import wire
from dragoman.engines.tts.xtts.align import Sound, Track
from dragoman.engines.tts.xtts.following import Kind, Question, decode_answer
from dragoman.engines.tts.xtts.settings import NAME
from dragoman.languages import LANGUAGES

ANSWER_S = 2.0
"""Seconds that an answer may take, those before it included; whoever asks guesses when nothing is left to be played."""

UNREAD = frozenset({"ja"})
"""Languages of which espeak-ng reads only a part of the script (of Japanese: no kanji)."""

log = structlog.get_logger(__name__)

Then = Callable[[Track | None], None]


class Follower:
    """One question after the other, each asked by a thread, which steps back behind the loop's as its maker does."""

    def __init__(self) -> None:
        self._one = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def start(self) -> None:
        """Have the process start, which takes 0.3 s beside all else."""
        with self._one, suppress(OSError):
            self._running()

    def close(self) -> None:
        """End it. Idempotent."""
        self._closed = True
        if self._one.acquire(timeout=ANSWER_S):
            self._end()
            self._one.release()

    def __call__(self, sound: Sound, text: str, language: str, then: Then) -> None:
        """Let ``then`` know where the sound (24 kHz) is in its text; None: it cannot be told. Called in some thread.

        ``text``: as it is read; ``language``: as ISO 639-1.
        """
        known = LANGUAGES.get(language)
        if known is None or language in UNREAD:
            then(None)
            return
        question, until = Question(text, known.espeak, sound), time.monotonic() + ANSWER_S
        # As many as there are slots at most, each of which ends within ANSWER_S.
        threading.Thread(target=self._follow, args=(question, until, then), name="xtts seam", daemon=True).start()

    def _follow(self, question: Question, until: float, then: Then) -> None:
        found = None
        if self._one.acquire(timeout=max(0.0, until - time.monotonic())):
            try:
                found = self._asked(question, until)
            except Exception as error:  # without it the sound alone has to tell
                log.info("not followed by espeak-ng", engine=NAME, error=f"{type(error).__name__}: {error}")
                self._end()
            finally:
                self._one.release()
        then(found)

    def _asked(self, question: Question, until: float) -> Track | None:
        process = self._running()
        if process.stdin is None or process.stdout is None:
            raise AssertionError("the process needs both pipes")
        process.stdin.write(wire.pack(Kind.QUESTION, question.encode()))
        process.stdin.flush()
        if not select.select([process.stdout], [], [], max(0.0, until - time.monotonic()))[0]:
            raise TimeoutError(f"no answer within {ANSWER_S:g} s")
        answer = wire.read_blocking(cast("BinaryIO", process.stdout))
        if answer is None or answer[0] not in (Kind.ANSWER, Kind.NONE):
            raise RuntimeError(answer[1].decode(errors="replace") if answer else "the process ended")
        return decode_answer(answer[1]) if answer[0] == Kind.ANSWER else None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._closed:
            raise RuntimeError("closed")
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "dragoman.engines.tts.xtts.following"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was not sent any more
                    pipe.close()
