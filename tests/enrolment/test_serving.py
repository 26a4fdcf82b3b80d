"""Enrolment as a part of the daemon: with a store and without, and what it counts."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from dragoman.config_voices import VoicesSettings
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
    part.codes.redeem("1", 0.0)
    counts = part.counts()
    assert {name for name, count in counts.items() if count} == {"call_kept", "enrolment_turned_away", "wrong_codes"}
    assert {"enrolment_done", "enrolment_refused", "enrolment_failed", "enrolment_cancelled"} <= set(counts)


def test_daemons_of_two_asterisks_do_not_share_a_folder() -> None:
    one, other = clips_folder("http://a:8088", "dragoman"), clips_folder("http://b:8088", "dragoman")
    assert one != other and one == clips_folder("http://a:8088", "dragoman")
