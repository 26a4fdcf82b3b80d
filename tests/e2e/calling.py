"""Many calls from SIPp: they dial a room, are silent or talk for a while, and hang up."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

from tests.tonewords.channel import resample
from tests.tonewords.encode import encode

from dragoman.media.codec import mulaw_encode
from dragoman.media.format import SAMPLE_RATE
from dragoman.telephony.pbx import Pbx
from dragoman.telephony.pbx.ports import free_port

AT_ONCE = 8
"""Calls that are up at the same time, at most."""

DEADLINE_S = 100.0
"""Seconds for all calls, beside what they stay."""

NO_PORT = "Unable to bind"
"""What SIPp says before its first call when somebody, mostly Asterisk for some call's sound, was quicker to take the
port: nothing was begun."""

TRIES = 5
"""Ports that are tried then."""

SCENARIO = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="dial a room, stay, hang up">
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
  [talk]<pause milliseconds="[stay]"/>
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

TALK = '<nop><action><exec rtp_stream="speech.ulaw,1,0,PCMU/8000"/></action></nop>'


async def place_calls(
    pbx: Pbx,
    directory: Path,
    count: int,
    *,
    languages: Iterable[str] = ("44", "34", "376"),
    stay_s: float = 1.0,
    say: str = "",
    at_once: int = AT_ONCE,
) -> None:
    """``count`` calls to room 1000, by calling code in turn, so long each; with ``say`` they say these tone words.

    Raises:
        AssertionError: a call did not go as it should.
    """
    directory.mkdir(exist_ok=True)
    scenario, table = directory / "calls.xml", directory / "languages.csv"
    text = SCENARIO.replace("[talk]", TALK if say else "").replace("[stay]", str(round(stay_s * 1000)))
    scenario.write_text(text)
    table.write_text("\n".join(("SEQUENTIAL", *languages)) + "\n")
    if say:
        (directory / "speech.ulaw").write_bytes(mulaw_encode(resample(encode(say), SAMPLE_RATE, 8000)))
    command = (
        "sipp", f"127.0.0.1:{pbx.sip_port}", "-sf", scenario.name, "-inf", table.name, "-i", "127.0.0.1",
        "-m", str(count), "-l", str(at_once), "-r", str(at_once), "-nostdin",
    )  # fmt: skip
    for left in reversed(range(TRIES)):
        status, output = await _sipp(command, directory, DEADLINE_S + count / at_once * stay_s)
        if status == 0 or not (left and NO_PORT in output):
            break
    assert status == 0, output[:1000] + output[-3000:]


async def _sipp(command: Iterable[str], directory: Path, deadline_s: float) -> tuple[int, str]:
    """Run it on a port of its own: its exit status, and what it said."""
    process = await asyncio.create_subprocess_exec(
        *command, "-p", str(free_port()),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=directory,
    )  # fmt: skip
    try:
        async with asyncio.timeout(deadline_s):
            output, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return process.returncode or 0, output.decode(errors="replace")


def descriptors(pid: int) -> int:
    """Files that a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_kib(pid: int) -> int:
    """Memory that it has, KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))
