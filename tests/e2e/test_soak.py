"""Many calls, one after the other: what every call takes it must give back."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tests.e2e.conftest import DaemonFactory, until
from tests.e2e.daemon import Daemon

from dragoman.telephony.pbx import Pbx
from dragoman.telephony.pbx.ports import free_port

CALLS = 200
AT_ONCE = 8

SCENARIO = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="dial a room, stay a second, hang up">
  <send retrans="500"><![CDATA[
    INVITE sip:1000*[field0]@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: caller [call_number] <sip:caller@[local_ip]:[local_port]>;tag=[pid]soak[call_number]
    To: <sip:1000*[field0]@[remote_ip]:[remote_port]>
    Call-ID: [call_id]
    CSeq: 1 INVITE
    Contact: <sip:caller@[local_ip]:[local_port]>
    Max-Forwards: 70
    Content-Type: application/sdp
    Content-Length: [len]

    v=0
    o=soak 1 1 IN IP[local_ip_type] [local_ip]
    s=-
    c=IN IP[media_ip_type] [media_ip]
    t=0 0
    m=audio [media_port] RTP/AVP 0
    a=rtpmap:0 PCMU/8000
  ]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="183" optional="true"/>
  <recv response="200" rrs="true"/>
  <send><![CDATA[
    ACK sip:1000*[field0]@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: caller [call_number] <sip:caller@[local_ip]:[local_port]>;tag=[pid]soak[call_number]
    [last_To:]
    Call-ID: [call_id]
    CSeq: 1 ACK
    Contact: <sip:caller@[local_ip]:[local_port]>
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>
  <pause milliseconds="1000"/>
  <send retrans="500"><![CDATA[
    BYE sip:1000*[field0]@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: caller [call_number] <sip:caller@[local_ip]:[local_port]>;tag=[pid]soak[call_number]
    [last_To:]
    Call-ID: [call_id]
    CSeq: 2 BYE
    Contact: <sip:caller@[local_ip]:[local_port]>
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>
  <recv response="200" crlf="true"/>
</scenario>
"""


async def place_calls(pbx: Pbx, directory: Path, count: int) -> None:
    """``count`` calls to room 1000, in turn in English, Spanish and Catalan, a second each, AT_ONCE at once."""
    scenario, languages = directory / "soak.xml", directory / "languages.csv"
    scenario.write_text(SCENARIO)
    languages.write_text("SEQUENTIAL\n44\n34\n376\n")
    process = await asyncio.create_subprocess_exec(
        "sipp", f"127.0.0.1:{pbx.sip_port}", "-sf", str(scenario), "-inf", str(languages), "-i", "127.0.0.1",
        "-p", str(free_port()), "-m", str(count), "-l", str(AT_ONCE), "-r", str(AT_ONCE), "-nostdin",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=directory,
    )  # fmt: skip
    try:
        async with asyncio.timeout(100):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, output.decode(errors="replace")[-3000:]


async def gone(pbx: Pbx, daemon: Daemon) -> None:
    """Wait until nobody is in any room, and nothing of ours in Asterisk."""
    await daemon.until("/api/rooms", lambda answer: not answer["rooms"])
    await until(pbx, "core show channels", lambda listed: "0 active channels" in listed)
    await until(pbx, "bridge show all", lambda listed: "dragoman." not in listed)


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


async def test_two_hundred_calls_leave_nothing_behind(pbx: Pbx, daemon_factory: DaemonFactory, tmp_path: Path) -> None:
    daemon = await daemon_factory()
    await place_calls(pbx, tmp_path, 24)  # what is made once and kept is made now
    await gone(pbx, daemon)
    before = descriptors(daemon.pid), resident_kib(daemon.pid)
    await place_calls(pbx, tmp_path, CALLS)
    await gone(pbx, daemon)
    after = descriptors(daemon.pid), resident_kib(daemon.pid)
    assert after[0] <= before[0] + 2, f"file descriptors: {before[0]} before, {after[0]} after"
    assert after[1] <= before[1] + 16 * 1024, f"resident KiB: {before[1]} before, {after[1]} after"
    for name in ("dragoman_legs", "dragoman_booths", "dragoman_recognizer_streams", "dragoman_rooms"):
        assert await daemon.metric(name) == 0, name
    assert await daemon.metric("dragoman_leg_crashes_total") == 0
    assert "Traceback" not in daemon.log.read_text()
