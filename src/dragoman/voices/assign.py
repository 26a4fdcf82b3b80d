"""Which caller is who: numbers as they come from SIP, the dialplan and people's address books, in one form."""

from __future__ import annotations

import re

from dragoman.errors import ProfileInvalid

MAX_CALLER = 80
"""Characters of a caller id: E.164 has 15 digits; names of SIP accounts are longer."""

_ANONYMOUS = frozenset({"", "anonymous", "unknown", "restricted", "unavailable", "private", "withheld", "asterisk"})
"""What a hidden number is called by those who carry calls (RFC 3323, Asterisk): nobody's own."""

_SEPARATORS = re.compile(r"[\s().\-/\u00a0]+")
_NUMBER = re.compile(r"\+?[0-9]+", re.ASCII)
_ACCOUNT = re.compile(r"[A-Za-z0-9_.+~!*'%-]+", re.ASCII)


def normalize_caller(text: str) -> str:
    """One form for what is one caller: ``sip:+34 600-123-456@host`` and ``0034600123456`` become ``+34600123456``.

    Digits without + or 00 stay as they are (an extension, or a national number: which country it is of, nobody says);
    names of accounts keep their letters, in lower case.

    Raises:
        ProfileInvalid: empty, hidden ("anonymous") or no caller id at all.
    """
    value = text.strip()
    if len(value) > MAX_CALLER * 2:
        raise ProfileInvalid(f"a caller id of {len(value)} characters")
    value = re.sub(r"^.*<|>.*$", "", value) if "<" in value else value
    value = re.sub(r"^(sips?|tel):", "", value, flags=re.IGNORECASE).split("@")[0].split(";")[0].strip()
    digits = _SEPARATORS.sub("", value)
    if _NUMBER.fullmatch(digits):
        value = f"+{digits[2:]}" if digits.startswith("00") and len(digits) > 2 else digits
    else:
        value = value.lower()
        if value in _ANONYMOUS:
            raise ProfileInvalid("a hidden number cannot be given a voice: anybody may call so")
        if not _ACCOUNT.fullmatch(value):
            raise ProfileInvalid(
                f"{text[:40]!r} is no caller id: a number such as +34600123456, or the name of an account"
            )
    if len(value) > MAX_CALLER:
        raise ProfileInvalid(f"a caller id of {len(value)} characters; {MAX_CALLER} at most")
    return value
