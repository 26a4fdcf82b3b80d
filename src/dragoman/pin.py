"""What a room's PIN may be: one rule for the settings, the dialplan and the rooms that are set up over REST."""

from __future__ import annotations

import re

PATTERN = r"^[0-9]{3,12}$"
"""Fewer than three digits are guessed in a call, more than twelve are keyed wrong. As a pattern, for REST's schema."""

RULE = "3 to 12 digits"
"""The same in words."""


def is_pin(text: str) -> bool:
    """Whether ``text`` may be a PIN."""
    return re.fullmatch(PATTERN, text) is not None
