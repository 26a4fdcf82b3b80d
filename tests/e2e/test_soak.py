"""Many calls, one after the other: what every call takes it must give back."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.calling import descriptors, place_calls, resident_kib
from tests.e2e.conftest import DaemonFactory, until
from tests.e2e.daemon import Daemon

from dragoman.telephony.pbx import Pbx

CALLS = 200


async def gone(pbx: Pbx, daemon: Daemon) -> None:
    """Wait until nobody is in any room, and nothing of ours in Asterisk."""
    await daemon.until("/api/rooms", lambda answer: not answer["rooms"])
    await until(pbx, "core show channels", lambda listed: "0 active channels" in listed)
    await until(pbx, "bridge show all", lambda listed: "dragoman." not in listed)


async def test_two_hundred_calls_leave_nothing_behind(pbx: Pbx, daemon_factory: DaemonFactory, tmp_path: Path) -> None:
    daemon = await daemon_factory()
    await place_calls(pbx, tmp_path, 24)  # what is made once and kept is made now
    await gone(pbx, daemon)
    before = descriptors(daemon.pid), resident_kib(daemon.pid)
    await place_calls(pbx, tmp_path, CALLS)
    await gone(pbx, daemon)
    # Connections to Asterisk that wait for the next request are closed after ``KEEPALIVE_S``.
    await daemon.until("/api/rooms", lambda answer: descriptors(daemon.pid) <= before[0] + 2)
    after = resident_kib(daemon.pid)
    assert after <= before[1] + 16 * 1024, f"resident KiB: {before[1]} before, {after} after"
    for name in ("dragoman_legs", "dragoman_booths", "dragoman_recognizer_streams", "dragoman_rooms"):
        assert await daemon.metric(name) == 0, name
    assert await daemon.metric("dragoman_leg_crashes_total") == 0
    assert "Traceback" not in daemon.log.read_text()
