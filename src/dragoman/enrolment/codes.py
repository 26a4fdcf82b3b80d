"""Enrolment codes: what a person keys in by phone to say that he is the one who was invited. Pure."""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass

from dragoman.errors import EnrolmentBusy

DIGITS = 8
"""Of a code: with WRONG_TRIES guesses in WINDOW_S and CODES in force, guessing one takes half a year on average."""

LIFE_S = 24 * 3600.0
"""Seconds that a code is good."""

CODES = 200
"""In force at once."""

WRONG_TRIES = 20
"""Wrong codes, of all callers together, after which nobody gets in for the rest of the window."""

WINDOW_S = 600.0
"""Seconds over which wrong codes are counted."""


@dataclass(frozen=True, slots=True)
class Code:
    """An invitation."""

    digits: str
    name: str
    language: str
    """ISO 639-1: in which the invited is spoken to and reads."""
    callers: tuple[str, ...]
    """Caller ids that get the voice, beside the one he calls from."""
    expires_at: float
    """Unix time, s."""


class CodeBook:
    """The codes in force. One that was redeemed is gone; ``restore`` puts it back when nothing came of it."""

    def __init__(self, draw: Callable[[], str] | None = None) -> None:
        """``draw``: DIGITS random digits; another one in tests."""
        self.wrong = 0
        """Codes that were refused."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when other codes are in force than before: whoever keeps them should ``dump`` them."""
        self._codes: dict[str, Code] = {}
        self._tries: list[float] = []
        self._draw = draw or (lambda: f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}")

    def make(self, name: str, language: str, callers: tuple[str, ...], now: float) -> Code:
        """A new code.

        Raises:
            EnrolmentBusy: CODES are in force.
        """
        self._expire(now)
        if len(self._codes) >= CODES:
            soonest = min(code.expires_at for code in self._codes.values())
            raise EnrolmentBusy(f"{CODES} codes are in force already.", soonest - now)
        digits = self._draw()
        while digits in self._codes:
            digits = self._draw()
        code = Code(digits, name, language, callers, now + LIFE_S)
        self._codes[digits] = code
        self.on_change()
        return code

    def redeem(self, digits: str, now: float) -> Code | None:
        """The code, which is thereby used up; None if it is wrong, or too many were wrong lately."""
        self._expire(now)
        self._tries = [at for at in self._tries if at > now - WINDOW_S]
        found = None
        if len(self._tries) < WRONG_TRIES:
            for code in self._codes.values():  # all of them, so that the time taken tells nothing
                if hmac.compare_digest(code.digits.encode(), digits.encode("utf-8", "replace")):
                    found = code
        if found is None:
            self.wrong += 1
            if len(self._tries) < WRONG_TRIES:
                self._tries.append(now)
            return None
        del self._codes[found.digits]
        self.on_change()
        return found

    def restore(self, code: Code, now: float) -> None:
        """Nothing came of it: it may be used again, until it expires."""
        if code.expires_at > now:
            self._codes.setdefault(code.digits, code)
            self.on_change()

    def dump(self) -> bytes:
        """The codes in force, to be kept; they are secrets."""
        return json.dumps([asdict(code) for code in self._codes.values()]).encode()

    def load(self, data: bytes, now: float) -> None:
        """Take in what was dumped, of an earlier daemon; what is no such thing is left alone."""
        with suppress(ValueError, TypeError, KeyError):
            for each in json.loads(data):
                code = Code(**{**each, "callers": tuple(each["callers"])})
                if code.expires_at > now and len(self._codes) < CODES:
                    self._codes.setdefault(code.digits, code)

    def _expire(self, now: float) -> None:
        self._codes = {digits: code for digits, code in self._codes.items() if code.expires_at > now}
