"""Takes secrets out of texts: those of the settings by their value, others by their form."""

from __future__ import annotations

import re
from collections.abc import Iterable

REDACTED = "[redacted]"

SECRET_KEY = re.compile(
    r"(?:^|[_-])(?:password|passwd|secret|token|authorization|ticket|api[_-]?key|auth[_-]?key|pin|cookie)$",
    re.IGNORECASE,
)
"""Names under which a secret stands, in settings, options, headers and logged events."""

_SECRET_FORMS = (
    # RFC 9110 section 11.6.2, as a header and as a bare scheme with its credentials.
    (re.compile(r"(authorization['\"]?\s*[:=]\s*)[^\r\n,}]+", re.IGNORECASE), rf"\1{REDACTED}"),
    (re.compile(r"\b(Bearer|Basic|Token|DeepL-Auth-Key)\s+[A-Za-z0-9._~+/=:-]{6,}", re.IGNORECASE), rf"\1 {REDACTED}"),
    # Tokens of our REST interface, wherever they stand (admin.tokens).
    (re.compile(r"\bdgm_[0-9a-f]{12}_[0-9a-f]{64}\b"), REDACTED),
    # Keys of ElevenLabs, and of DeepL's free plan: a proxy's error page may show them without their name.
    (re.compile(r"\bsk_[0-9a-f]{16,}\b"), REDACTED),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:fx\b", re.IGNORECASE), REDACTED),
    # key=value in a query (ARI's WebSocket takes api_key=user:password), key: value in a repr or in JSON.
    (
        re.compile(
            r"((?:password|passwd|secret|token|ticket|api[_-]?key|auth[_-]?key|pin)['\"]?\s*[=:]\s*)(?!SecretStr)['\"]?[^\s'\",&})]+['\"]?",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
    # RFC 3986 section 3.2.1, user:password@ before a host.
    (re.compile(r"(://)[^/\s@]*:[^/\s@]*@"), rf"\1{REDACTED}@"),
)


LITERAL_LENGTH = 8
"""Least length of a secret that is looked for by its value: a PIN of four digits is also a room's number."""


class Known:
    """Secrets that are looked for by their value, in capitals or not: an engine may write them as it likes."""

    def __init__(self) -> None:
        self._pattern: re.Pattern[str] | None = None

    def set(self, secrets: Iterable[str]) -> None:
        """These, in place of those before; short ones cannot be looked for."""
        found = sorted({secret for secret in secrets if len(secret) >= LITERAL_LENGTH}, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, found)), re.IGNORECASE) if found else None

    def without(self, text: str) -> str:
        """The text with REDACTED in their place, and all else as it is."""
        return text if self._pattern is None else self._pattern.sub(REDACTED, text)


KNOWN = Known()
"""This process's, set with its log (observe.log.configure): what is served, told and logged has none of them."""


def without_secrets(text: str) -> str:
    """The text with REDACTED in place of what is known for a secret, or has the form of one."""
    text = KNOWN.without(text)
    for pattern, replacement in _SECRET_FORMS:
        text = pattern.sub(replacement, text)
    return text
