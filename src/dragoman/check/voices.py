"""Can voice profiles be kept and listened to, and does anything speak in them?"""

from __future__ import annotations

import asyncio

from dragoman.check.finding import Finding, ok, warn
from dragoman.config.voices import VoicesSettings
from dragoman.errors import ConfigError, EngineError, VoiceError
from dragoman.voices.voicing import Voicing

WHAT = "voices"
STORE_S = 10.0
"""Seconds that the store may take to open."""


async def check_voices(settings: VoicesSettings, synthesizers: tuple[str, ...]) -> list[Finding]:
    """Open the store as the daemon would, and load the encoders; none of what may be wrong keeps it from running.

    ``synthesizers``: names of those that are set.
    """
    if settings.store is None:
        return [ok(WHAT, "no store is set: everybody is spoken for by a neutral voice")]
    try:
        voices = Voicing(settings)
    except (ConfigError, VoiceError, EngineError) as error:
        return [warn(WHAT, str(error), "see [voices] in the settings, and docs/voices.md")]
    try:
        async with asyncio.timeout(STORE_S):
            await voices.start()
        if voices.store is None or voices.live is None:
            return [warn(WHAT, voices.trouble, "until then everybody is spoken for by a neutral voice")]
        count = await voices.store.count()
        where = f"{count} profile{'s' if count != 1 else ''} in {voices.store.where}"
        encrypted = ", encrypted" if voices.store.encrypted else ", not encrypted (voices.key_file encrypts them)"
        found = [ok(WHAT, where + encrypted)]
        encoders = voices.encoders
    except TimeoutError:
        return [warn(WHAT, f"the store does not open within {STORE_S:g} s", "see whether the database answers")]
    except VoiceError as error:
        return [warn(WHAT, str(error), "until then everybody is spoken for by a neutral voice")]
    finally:
        await voices.close()
    if encoders.identity is None:
        found.append(
            warn(WHAT, "no identity encoder: a stranger on somebody's phone is not noticed", "set voices.ecapa")
        )
    elif settings.ecapa is None:
        text = f"identities come from {encoders.identity.name}, which only knows synthetic voices"
        found.append(warn(WHAT, text, "set voices.ecapa to a folder with the public ECAPA weights (docs/voices.md)"))
    if not any("xtts" in name.lower() for name in synthesizers):
        text = "no synthesizer that is set speaks in people's own voices"
        found.append(warn(WHAT, text, 'put "xtts" first in engines.synthesizers (docs/xtts.md)'))
    return found
