"""Bearer tokens with scopes: how one is made, kept as a hash, and known again. Pure.

A token is ``dgm_ID_SECRET``. The secret is 256 random bits, so a plain SHA-256 of it is safe to keep: a slow, salted
hash protects what people choose and others can guess, and here it would only make each request slow.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

SECRET_BYTES = 32
"""Of a token: more than anybody can try."""

_FORM = re.compile(r"dgm_([0-9a-f]{12})_([0-9a-f]{64})", re.ASCII)


class Scope(StrEnum):
    """What a token may be used for."""

    READ = "read"
    """To look: rooms, captions, transcripts, figures, metrics. Nothing of voice profiles."""
    ENROL = "enrol"
    """To enrol people and to look at voice profiles; neither to change, export nor delete them."""
    ADMIN = "admin"
    """Everything."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept: what it is for, never what it is."""

    id: str
    name: str
    """Whose it is, in words: it stands in the audit log."""
    scopes: frozenset[Scope]
    digest: bytes
    """SHA-256 of the secret's bytes."""
    created: float
    """Unix time, s."""
    expires: float | None = None
    revoked: float | None = None

    def good(self, now: float) -> bool:
        """Whether it is in force at unix time ``now``."""
        return self.revoked is None and (self.expires is None or now < self.expires)


def allows(scopes: Collection[Scope], needed: Scope) -> bool:
    """Whether these scopes are enough; admin is enough for everything."""
    return needed in scopes or Scope.ADMIN in scopes


def mint(name: str, scopes: Iterable[Scope], now: float, life_s: float | None = None) -> tuple[Token, str]:
    """A new token, and its text, which is shown once and kept nowhere.

    Args:
        name: whose it is.
        scopes: what it may be used for.
        now: unix time, s.
        life_s: seconds until it expires; None: never.
    """
    key, secret = secrets.token_hex(6), secrets.token_bytes(SECRET_BYTES)
    expires = None if life_s is None else now + life_s
    token = Token(key, name, frozenset(scopes), hashlib.sha256(secret).digest(), now, expires)
    return token, f"dgm_{key}_{secret.hex()}"


def is_token(shown: str) -> bool:
    """Whether a text has the form of a token, good or not."""
    return _FORM.fullmatch(shown) is not None


class TokenBook:
    """All tokens there are, those that are no longer good too."""

    def __init__(self, tokens: Iterable[Token] = ()) -> None:
        self._by_id = {token.id: token for token in tokens}

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, shown: str, now: float) -> Token | None:
        """The token of this text, if it is in force; compared in a time that tells nothing of the secret."""
        match = _FORM.fullmatch(shown)
        token = None if match is None else self._by_id.get(match[1])
        if match is None or token is None:
            return None
        same = hmac.compare_digest(hashlib.sha256(bytes.fromhex(match[2])).digest(), token.digest)
        return token if same and token.good(now) else None
