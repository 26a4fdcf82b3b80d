"""The ladder at real phones: while nobody can translate they hear the speaker himself in full, and are told so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.e2e.conftest import CallerFactory, DaemonFactory
from tests.e2e.daemon import TONE, Daemon
from tests.e2e.listening import load
from tests.e2e.talking import BY_BOOTH, HIMSELF, RATE, heard, into, say_all, stop
from tests.e2e.test_conference import FLOOR_DB
from tests.tonewords.code import words
from tests.tonewords.encode import LEVEL_DB

from dragoman.probe.measure import ALIKE, likeness
from dragoman.telephony.booth_prompts import NAMES, BoothPrompts


async def rung(daemon: Daemon, wanted: str) -> None:
    """Wait until Alice's interpretation into Spanish stands there."""

    def holds(room: Any) -> bool:
        return any((each["language"], each["rung"]) == ("es", wanted) for each in room["interpretations"])

    await daemon.until("/api/rooms/1000", holds)


def prompts(recording: Path) -> set[str]:
    """What of the Spanish booth's own prompts was heard."""
    made = BoothPrompts()
    made.prepare(["es"])
    sound = (load(recording) * 32767).astype(np.int16)
    said = {name: made.get("es", name) for name in NAMES}
    return {name for name, each in said.items() if each is not None and likeness(sound, each, RATE) >= ALIKE}


async def test_who_cannot_be_translated_is_heard_himself_in_full_until_he_can_be(
    daemon_factory: DaemonFactory, caller: CallerFactory
) -> None:
    broken = f'[engines.options."{TONE}Translator"]\nfail_on = [1, 2]\nfail_with = "rejected"\n'
    daemon = await daemon_factory(broken)
    alice, berta = await caller("Alice", "1000*44"), await caller("Berta", "1000*34")
    await daemon.legs("1000", 2)
    lost, between, after = words("a", "en", 8), words("a", "en", 9, first=20), words("a", "en", 3, first=40)
    for clause in (lost[:4], lost[4:]):
        await say_all(alice, clause)
    await rung(daemon, "original")
    for first in (0, 3, 6):
        await say_all(alice, between[first : first + 3])
    await rung(daemon, "stock")
    await daemon.quiet("1000")
    await say_all(alice, after)
    await daemon.spoken("1000", 4)
    await stop(alice, berta)
    found = heard(berta.heard)
    level = {word.text: word.level_db - LEVEL_DB for word in found if word.source == HIMSELF["a"] and word.text}
    for said, gain in ((lost, FLOOR_DB), (between, 0.0), (after, FLOOR_DB)):
        heard_so = [level[word] for word in said if word in level]
        assert len(heard_so) > len(said) / 2, level  # a prompt is spoken over him
        assert heard_so == pytest.approx([gain] * len(heard_so), abs=2.0), said
    translated = [word.text for word in found if word.source == BY_BOOTH["a"]]
    assert translated == into("es", between + after)
    assert prompts(berta.heard) == {"original", "voice-again"}
