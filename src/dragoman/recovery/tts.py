"""Which voice is asked next for a clause, and how often. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Voice = TypeVar("Voice")

TRIES = 2
"""Times that one voice is asked for a clause: a second time costs at most the deadline again, and what broke it is
mostly over by then; a third time would cost more than another voice does."""

AGAIN_S = 0.3
"""s from asking a voice to asking it again: as translators (``recovery.mt``). One that refuses a connection does so in
a millisecond, and a millisecond later it would do so again."""

LAST_S = 3.0
"""s for which the last voice is asked, each time after twice the pause: a clause that comes late is better than one
that is lost, and by then the speaker is a sentence further (as ``engines.mt.chain.BUDGET``)."""


class Turns(Generic[Voice]):
    """One clause before its voices, the preferred one first; false when none is left."""

    def __init__(self, voices: Iterable[Voice], tries: int = TRIES) -> None:
        """Each of ``voices`` is asked ``tries`` times at the most, the last one for LAST_S."""
        self._left = deque(voices)
        self._tries = tries
        self._asked = 0
        self._spent = 0.0  # s, at the voice that is asked now

    def __bool__(self) -> bool:
        return bool(self._left)

    @property
    def now(self) -> Voice:
        """Whom to ask.

        Raises:
            IndexError: none is left.
        """
        return self._left[0]

    @property
    def last(self) -> bool:
        """Whether nobody is left behind whom to ask now."""
        return len(self._left) == 1

    def failed(self, *, may_help: bool, took_s: float = 0.0) -> float:
        """It gave no sound, ``took_s`` s after it was asked: seconds to wait before ``now`` is asked.

        ``may_help``: whether it may give one if it is asked again.
        """
        self._asked += 1
        pause = max(AGAIN_S * 2.0 ** max(self._asked - self._tries + 1, 0) - took_s, 0.0)
        self._spent += took_s + pause
        if may_help and (self._asked < self._tries or (self.last and self._spent < LAST_S)):
            return pause
        self._left.popleft()
        self._asked, self._spent = 0, 0.0
        return 0.0

    def without(self, broken: Callable[[Voice], bool]) -> None:
        """These broke off in the middle of the clause: others go on."""
        now = self._left[0] if self._left else None
        self._left = deque(voice for voice in self._left if not broken(voice))
        if not self._left or self._left[0] is not now:
            self._asked, self._spent = 0, 0.0
