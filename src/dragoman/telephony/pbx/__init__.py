"""A PBX of our own: found or made (bootstrap), configured (templates), run (instance)."""

from dragoman.telephony.pbx.bootstrap import Asterisk, ensure_asterisk
from dragoman.telephony.pbx.instance import Pbx
from dragoman.telephony.pbx.templates import Site

__all__ = ["Asterisk", "Pbx", "Site", "ensure_asterisk"]
