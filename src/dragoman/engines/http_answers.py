"""What an HTTP answer of any provider may say beside what its API describes. Pure."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, quote_plus

from pydantic import SecretStr

from dragoman.redaction import REDACTED, without_secrets

MAX_MESSAGE = 300
"""Characters of a server's message that are kept: its own are one line, a proxy's error page is not worth more."""

SAID: Final = "[what was said]"
"""Stands in an error in place of speech."""

MOST: Final = 1 << 14
"""Characters of a server's words that are looked through, word by word, in some 10 ms; the rest is left out. It is no
answer of an API that is longer, and of an error page nobody is told more than MAX_MESSAGE."""

RUN: Final = 3
"""Words in a row that are taken for a quotation of what was said; fewer are in any sentence."""

SHORTEST_KEY: Final = 8
"""Characters: what is shorter may stand in an answer by chance, and no provider's key is."""

_WORD: Final = re.compile(
    r"(?:%[0-9A-Fa-f]{2}|&#?\w+;|\\+u[0-9A-Fa-f]{4}|\\+x[0-9A-Fa-f]{2}|\\+[nrt]|\W)*+(?:(\w+)|\Z)"
)
"""A word, and what stands before it in any of those writings; or what stands behind the last word. Possessive, and to
the end: a page of backslashes takes no longer."""


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


def status_of(code: int) -> str:
    """A status with its usual phrase (RFC 9110 section 15): the phrase of an answer is the server's own words."""
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)


def one_line(text: str) -> str:
    """Of a server's or a library's words, what fits into a log and an error: no line ends, no control characters.

    No secret either: a proxy that says back what it was sent would show our key to all who see the error.
    """
    return without_secrets(" ".join("".join(c if c.isprintable() else " " for c in text).split()))[:MAX_MESSAGE]


def unspoken(text: str, said: Iterable[str]) -> str:
    """A server's words without what somebody said, which it was sent: errors are shown to all who watch, and logged.

    Found as a whole, and any RUN words of it in a row, in whatever case, for some servers quote the beginning alone or
    in capitals; however it is written: plain, as JSON, in HTML, in a URL, as bytes. To be asked before ``one_line``
    cuts it off. Of a text beyond MOST characters the rest is left out.
    """
    known = [sorted(_ways(each), key=len, reverse=True) for each in {part for part in said if part.strip()}]
    for way in (way for ways in known for way in ways):
        text = text.replace(way, SAID)  # in all of it: else a short one that is cut in two would not be found
    cut = len(text) > MOST
    text = text[:MOST]
    for ways in known:
        text = _without_runs(text, ways)
    return text.rsplit(maxsplit=RUN)[0] if cut else text  # too few words are left for a run of what is cut in two


def keyless(text: str, *keys: SecretStr | None) -> str:
    """A server's words without our keys, which it was sent; ``one_line`` knows only those that have a form."""
    for key in keys:
        if key is not None and len(secret := key.get_secret_value()) >= SHORTEST_KEY:
            for way in sorted(_ways(secret), key=len, reverse=True):
                text = text.replace(way, REDACTED)
    return text


def _ways(each: str) -> set[str]:
    """How a server may write it."""
    sent = each.encode("utf-8", "replace").decode()
    return {
        each,
        json.dumps(each)[1:-1],
        json.dumps(each, ensure_ascii=False)[1:-1],
        html.escape(each),
        quote(sent),
        quote_plus(sent),
        repr(each)[1:-1],
        repr(sent.encode())[2:-1],
    }


def _without_runs(text: str, ways: Iterable[str]) -> str:
    runs = {run for way in ways for _, run in _runs(way)}
    spans: list[tuple[int, int]] = []
    for (begin, end), run in _runs(text):
        if run in runs:
            if spans and begin <= spans[-1][1]:
                begin = spans.pop()[0]
            spans.append((begin, end))
    for begin, end in reversed(spans):
        text = f"{text[:begin]}{SAID}{text[end:]}"
    return text


def _runs(text: str) -> Iterator[tuple[tuple[int, int], tuple[str, ...]]]:
    """Where each RUN words in a row stand, and which, in small letters."""
    found = [word for word in _WORD.finditer(text) if word[1]]
    for at in range(len(found) - RUN + 1):
        words = found[at : at + RUN]
        yield (words[0].start(1), words[-1].end()), tuple(word[1].casefold() for word in words)
