"""What an HTTP answer of any provider may say beside what its API describes. Pure."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote, quote_plus

from dragoman.redaction import without_secrets

MAX_MESSAGE = 300
"""Characters of a server's message that are kept: its own are one line, a proxy's error page is not worth more."""


SAID: Final = "[what was said]"
"""Stands in an error in place of speech."""


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


def unspoken(text: str, said: Iterable[str]) -> str:
    """A server's words without what somebody said, which it was sent: errors are shown to all who watch, and logged.

    Found as a whole, however it is written: plain, as JSON, in HTML, in a URL, as bytes. To be asked before
    ``one_line`` cuts it off.
    """
    for each in {part for part in said if part.strip()}:
        sent = each.encode("utf-8", "replace").decode()
        ways = {
            each,
            json.dumps(each)[1:-1],
            json.dumps(each, ensure_ascii=False)[1:-1],
            html.escape(each),
            quote(sent),
            quote_plus(sent),
            repr(each)[1:-1],
            repr(sent.encode())[2:-1],
        }
        for way in sorted(ways, key=len, reverse=True):
            text = text.replace(way, SAID)
    return text
