"""Why a test call was not answered, in words that say where to look. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

ACCOUNT: Final = frozenset({401, 403, 407})
NUMBER: Final = frozenset({404, 484, 604})
CODEC: Final = frozenset({415, 488, 606})
BUSY: Final = frozenset({486, 600, 603})
"""SIP statuses (RFC 3261, section 21) that mean one thing to whoever looks after a test call."""


def why_unanswered(
    events: Sequence[tuple[str, str]], where: str, account: str | None, codec: str, within: float
) -> str:
    """Why the call was not established.

    Args:
        events: (type, parameter) of what baresip told of it, in order.
        where: host and port that were called.
        account: the SIP account that called; None: as anybody.
        codec: the one that the phone offers, as ``--codec`` names it.
        within: seconds that were waited.
    """
    refusal = next((text for kind, text in reversed(events) if kind == "CALL_CLOSED"), None)
    if refusal is not None:
        return f"the call was refused: {refusal}{_hint(refusal, account, codec)}"
    if any(kind in ("CALL_RINGING", "CALL_PROGRESS") for kind, _ in events):
        return f"it rings, but is not answered within {within:g} s: is this number a room's?"
    return (
        f"no answer from {where} within {within:g} s: does the PBX run and listen for SIP over UDP there, "
        "and does a firewall let this host in?"
    )


def _hint(refusal: str, account: str | None, codec: str) -> str:
    word = refusal.split(" ", 1)[0]
    status = int(word) if word.isascii() and word.isdigit() else 0
    if status in ACCOUNT:
        if account is None:
            return ": the PBX wants an account (--user, --password-file)"
        return f": the PBX does not take the account {account} with this password (--user, --password-file)"
    if status in NUMBER:
        return (
            ": no such number, or it may not be dialled from here (include => dragoman-rooms, in this phone's context)"
        )
    if status in CODEC:
        return f": the PBX does not take {codec} from this phone (--codec, or allow= of its endpoint)"
    if status in BUSY:
        return ": is this number a room's?"
    return ""
