"""Can speech that is behind be spoken faster?"""

from __future__ import annotations

from dragoman.check.finding import Finding, ok, warn
from dragoman.media import sonic

WHAT = "tempo"


def check_tempo(fastest: float) -> list[Finding]:
    """Look for libsonic, where the settings ask for more than 1.0x; the daemon runs without."""
    if fastest <= 1.0:
        return []
    if sonic.library() is None:
        told = f"{sonic.LIBRARY} is not installed: translations that are behind the speaker are not spoken faster"
        return [warn(WHAT, told, "apt-get install libsonic0, or set pipeline.max_tempo = 1.0")]
    return [ok(WHAT, f"up to {fastest:g}x where a translation is behind, by {sonic.LIBRARY}")]
