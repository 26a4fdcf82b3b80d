"""Which voice is asked next for a clause, and how often. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Voice = TypeVar("Voice")

TRIES = 2
"""Times that one voice is asked for a clause: a second time costs at most the deadline again, and what broke it is
mostly over by then; a third time would cost more than another voice does."""


class Turns(Generic[Voice]):
    """One clause before its voices, the preferred one first; false when none is left."""

    def __init__(self, voices: Iterable[Voice], tries: int = TRIES) -> None:
        """Each of ``voices`` is asked ``tries`` times at the most."""
        self._left = deque(voices)
        self._tries = tries
        self._asked = 0

    def __bool__(self) -> bool:
        return bool(self._left)

    @property
    def now(self) -> Voice:
        """Whom to ask.

        Raises:
            IndexError: none is left.
        """
        return self._left[0]

    def failed(self, *, may_help: bool) -> None:
        """It gave no sound; ``may_help``: whether it may give one if it is asked again."""
        self._asked += 1
        if not may_help or self._asked >= self._tries:
            self._left.popleft()
            self._asked = 0

    def without(self, broken: Callable[[Voice], bool]) -> None:
        """These broke off in the middle of the clause: others go on."""
        now = self._left[0] if self._left else None
        self._left = deque(voice for voice in self._left if not broken(voice))
        if not self._left or self._left[0] is not now:
            self._asked = 0
