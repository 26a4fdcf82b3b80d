"""What an HTTP answer of any provider may say beside what its API describes. Pure."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

from dragoman.redaction import without_secrets

MAX_MESSAGE = 300
"""Characters of a server's message that are kept: its own are one line, a proxy's error page is not worth more."""


def retry_after(value: str | None, unix_now: float) -> float | None:
    """Seconds that a Retry-After header (RFC 9110 section 10.2.3: seconds or a date) asks for; None: nothing usable."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        when = parsedate_to_datetime(value)
        # "-0000" says that the zone is not known (RFC 5322 section 3.3); HTTP dates are always of UTC.
        return max(0.0, (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - unix_now)
    except (ValueError, TypeError, OverflowError):
        return None


def one_line(text: str) -> str:
    """Of a server's or a library's words, what fits into a log and an error: no line ends, no control characters.

    No secret either: a proxy that says back what it was sent would show our key to all who see the error.
    """
    return without_secrets(" ".join("".join(c if c.isprintable() else " " for c in text).split()))[:MAX_MESSAGE]
