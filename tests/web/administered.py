"""An administration as the daemon has it: a store in a file, and legs of a conference that a test makes up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from pydantic import SecretStr

from dragoman.admin.legs import Legs
from dragoman.admin.serving import Administration
from dragoman.admin.tokens import Scope, TokenBook, mint
from dragoman.config.admin import AdminSettings, AdmissionSettings
from dragoman.pipeline.conference import Conference
from dragoman.telephony.errands import Errands


@dataclass
class Pbx:
    """What is asked of Asterisk, and what it does: a caller who is moved is back at once, as another leg."""

    legs: dict[str, Any] = field(default_factory=dict)
    hung_up: list[str] = field(default_factory=list)
    loses_callers: bool = False
    fails: Exception | None = None
    takes: float = 0.0
    """Seconds until Asterisk has begun to move somebody."""

    def seat(self, channel: str, language: str, epoch: int = 1, room: str = "1000", muted: bool = False) -> None:
        leg = SimpleNamespace(
            id=f"{channel}.{epoch}", channel_id=channel, room=room, language=language, name="Ann", caller="+34600111222"
        )
        self.legs[leg.id] = SimpleNamespace(leg=leg, muted=muted)

    async def move(self, channel_id: str, room: str, language: str, *, muted: bool) -> bool:
        if self.fails is not None:
            raise self.fails
        await asyncio.sleep(self.takes)
        before = next(state for state in self.legs.values() if state.leg.channel_id == channel_id)
        del self.legs[before.leg.id]
        if self.loses_callers:
            return False
        self.seat(channel_id, language, int(before.leg.id.rpartition(".")[2]) + 1, room, muted)
        return True

    async def hang_up(self, channel_id: str) -> bool:
        self.hung_up.append(channel_id)
        return True


@asynccontextmanager
async def administered(place: Path | str, pbx: Pbx | None = None, **admission: Any) -> AsyncIterator[Administration]:
    """One whose store is open, in a folder or a database; with ``pbx`` its legs can be acted on."""
    store = place if isinstance(place, str) else str(place / "admin.sqlite")
    admin = Administration(AdminSettings(store=SecretStr(store)), AdmissionSettings(**admission))
    await admin.start()
    assert admin.trouble == ""
    writing = asyncio.ensure_future(admin.journal.run())
    if pbx is not None:
        conference = cast(Conference, SimpleNamespace(legs=pbx.legs))
        admin.legs = Legs(conference, cast(Errands, pbx), pbx)
    try:
        yield admin
    finally:
        writing.cancel()
        await admin.close()


async def token(admin: Administration, *scopes: Scope, name: str = "test") -> dict[str, str]:
    """Headers with a new token of these scopes, as ``dragoman token create`` makes it."""
    made, text = mint(name, scopes, admin.clock())
    store = admin.open_store()
    await store.add_token(made)
    admin.tokens = TokenBook(await store.tokens())
    return {"Authorization": f"Bearer {text}"}
