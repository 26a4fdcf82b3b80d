"""Asks espeak-ng, in a process of its own, where in its text a piece that broke off is.

A process, because espeak-ng is GPL and because the work (0.3 s of one core for 5 s of speech) would hold Python's lock
before the tick. It is rare: one is started for each failure.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable

import structlog

from dragoman.engines import wire
from dragoman.engines.tts.xtts.align import Sound, Track
from dragoman.engines.tts.xtts.following import Question, decode_answer
from dragoman.engines.tts.xtts.settings import NAME
from dragoman.engines.worker import FAILED
from dragoman.languages import LANGUAGES

ANSWER_S = 2.0
"""Seconds that it may take: what lies ready of the clause is heard meanwhile, then silence."""

PATIENCE_S = 0.5
"""Seconds that a failure waits for those before it (a GPU's ends all clauses at once): the fallback voice is to go on."""

UNREAD = frozenset({"ja"})
"""Languages of which espeak-ng reads only a part of the script (of Japanese: no kanji)."""

log = structlog.get_logger(__name__)

Then = Callable[[Track | None], None]


class Follower:
    """One failure after the other, each in a thread, which steps back behind the loop's as its maker does."""

    def __init__(self) -> None:
        self._one = threading.Lock()

    def __call__(self, sound: Sound, text: str, language: str, then: Then) -> None:
        """Let ``then`` know where the sound (24 kHz) is in its text; None: it cannot be told. Called in the thread.

        ``text``: as it is read; ``language``: as ISO 639-1.
        """
        known = LANGUAGES.get(language)
        if known is None or language in UNREAD:
            then(None)
            return
        question = Question(text, known.espeak, sound)
        # Not many: at most as many as there are slots, each of which ends within ANSWER_S.
        threading.Thread(target=self._follow, args=(question, then), name="xtts seam", daemon=True).start()

    def _follow(self, question: Question, then: Then) -> None:
        found = None
        if self._one.acquire(timeout=PATIENCE_S):
            try:
                found = asked(question)
            except Exception as error:  # without it the sound alone has to tell
                log.info("not followed by espeak-ng", engine=NAME, error=f"{type(error).__name__}: {error}")
            finally:
                self._one.release()
        then(found)


def asked(question: Question) -> Track | None:
    """The answer of a process.

    Raises:
        OSError, RuntimeError, ValueError, subprocess.SubprocessError: there is none.
    """
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "dragoman.engines.tts.xtts.following"],
        input=question.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=ANSWER_S,
        start_new_session=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    answer = wire.read_blocking(io.BytesIO(ran.stdout))
    if answer is None:
        raise RuntimeError(f"ended with {ran.returncode} (negative: the signal)")
    kind, payload = answer
    if kind == FAILED:
        raise RuntimeError(payload.decode(errors="replace"))
    return decode_answer(payload)
