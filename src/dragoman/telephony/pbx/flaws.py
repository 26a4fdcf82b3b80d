"""Faults of known Asterisk builds that the configuration must go around. Pure."""

from __future__ import annotations

import re

_DEBIAN = re.compile(r"[+~]dfsg.*~cs")
"""Debian's and Ubuntu's package: freed of what is not free, with codecs of others (opus) added."""


def forgets_callers(version: str) -> bool:
    """Whether this build goes deaf to callers whose RTP sequence numbers go back.

    Debian's patch ``2016_opus_plc.patch`` (of asterisk-opus, for all codecs) has ``ast_translate`` drop frames whose
    RTP sequence number is behind that of the frame before. Two things make them go back:

    - A frame that the jitter buffer of a channel makes up for a lost one has number 0. Behind it every frame from 32768
      on counts as late: nobody hears the caller until his numbers wrap, up to 11 minutes later. Hence callers have no
      jitter buffer there.
    - A Local channel hands on the numbers of whoever speaks on it, and after a transfer by keys that is another phone.
      Hence the daemon has such a leg enter its conference anew (attacher, handover).

    Asterisk as it is released has no such check.

    Args:
        version: what ``asterisk -V`` or ``GET /asterisk/info`` says.
    """
    return _DEBIAN.search(version) is not None
