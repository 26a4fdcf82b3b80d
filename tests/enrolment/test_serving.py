"""Enrolment as a part of the daemon: with a store and without, and what it counts."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from pydantic import SecretStr

from dragoman.config.voices import VoicesSettings
from dragoman.enrolment.serving import Enrolling, clips_folder
from dragoman.telephony.ari.talking import TalkingClient
from dragoman.voices.voicing import Voicing


async def test_without_a_store_there_is_no_desk_and_nobody_is_talked_with(tmp_path: Path) -> None:
    part = Enrolling(Voicing(VoicesSettings()), lambda language: (), tmp_path)
    assert part.desk is None
    await part.run()  # at once over
    assert set(part.counts().values()) == {0} and not any("enrolment" in name for name in part.counts())


async def test_with_a_store_everything_that_can_end_is_counted_from_the_start(tmp_path: Path) -> None:
    settings = VoicesSettings(store=SecretStr(str(tmp_path / "voices.sqlite")))
    part = Enrolling(Voicing(settings), lambda language: (), tmp_path)
    assert part.desk is not None
    client = TalkingClient("http://127.0.0.1:1", "a", "b")
    reception = part.reception(client, None, ("127.0.0.1", 1))  # type: ignore[arg-type]  # nobody calls
    reception.outcomes["kept"] += 1
    part.desk.refused += 1
    part.desk.slow += 1
    part.codes.redeem("1", 0.0)
    counts = part.counts()
    assert {name for name, count in counts.items() if count} == {
        "call_kept", "enrolment_turned_away", "enrolment_too_slow", "wrong_codes",
    }  # fmt: skip
    assert {"enrolment_done", "enrolment_refused", "enrolment_failed", "enrolment_cancelled"} <= set(counts)


def test_daemons_of_two_asterisks_do_not_share_a_folder() -> None:
    one, other = clips_folder("http://a:8088", "dragoman"), clips_folder("http://b:8088", "dragoman")
    assert one != other and one == clips_folder("http://a:8088", "dragoman")


async def test_codes_are_there_again_when_the_daemon_starts_again(tmp_path: Path) -> None:
    settings = VoicesSettings(store=SecretStr(str(tmp_path / "voices.sqlite")), small_identity=False)
    digits = ""
    for run in range(2):
        voices = Voicing(settings)
        await voices.start()
        part = Enrolling(voices, lambda language: (), tmp_path / "in")
        running = asyncio.ensure_future(part.run())
        if run == 0:
            digits = part.codes.make("Ann", "en", ("7",), time.time()).digits
            assert voices.store is not None
            async with asyncio.timeout(60):
                while await voices.store.notes.get("codes:in") is None:
                    await asyncio.sleep(0.01)
        else:
            async with asyncio.timeout(60):
                while (found := part.codes.redeem(digits, time.time())) is None:
                    part.codes._tries.clear()  # asking too soon is no guessing
                    await asyncio.sleep(0.01)
            assert found.name == "Ann" and found.callers == ("7",)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await voices.close()
