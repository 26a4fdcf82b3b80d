"""What secrets look like, to be taken out of texts by their form where nobody knows their value. Pure."""

from __future__ import annotations

import re

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


def without_secrets(text: str) -> str:
    """The text with REDACTED in place of what has the form of a secret."""
    for pattern, replacement in _SECRET_FORMS:
        text = pattern.sub(replacement, text)
    return text
