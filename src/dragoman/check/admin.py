"""Can rooms, tokens, transcripts and the audit log be kept?"""

from __future__ import annotations

import asyncio

from dragoman.admin.serving import Administration
from dragoman.check.finding import Finding, ok, warn
from dragoman.config.admin import AdminSettings, AdmissionSettings

WHAT = "admin"
STORE_S = 10.0
"""Seconds that the store may take to open."""


async def check_admin(settings: AdminSettings) -> list[Finding]:
    """Open the store as the daemon would; without it calls go on, and nothing can be set up over REST."""
    if settings.store is None:
        return [ok(WHAT, "no store is set: no rooms, tokens or transcripts are kept (docs/admin.md)")]
    admin = Administration(settings, AdmissionSettings())
    remedy = "see [admin] in the settings, and docs/admin.md: until then nothing can be set up over REST"
    try:
        async with asyncio.timeout(STORE_S):
            await admin.start()
        if admin.trouble or admin.store is None or admin.rooms is None:
            return [warn(WHAT, admin.trouble, remedy)]
        rooms = f"{len(admin.rooms)} room{'s' if len(admin.rooms) != 1 else ''} set up"
        encrypted = "encrypted" if settings.key is not None else "not encrypted (admin.key_file encrypts it)"
        return [ok(WHAT, f"{rooms} in {admin.store.where}, {encrypted}")]
    except TimeoutError:
        return [warn(WHAT, f"the store does not open within {STORE_S:g} s", remedy)]
    finally:
        if admin.store is not None:
            await admin.store.close()
