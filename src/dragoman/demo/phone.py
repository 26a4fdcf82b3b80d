"""A SIP phone for tests and the demo: baresip 1.0.0 in a process of its own.

Its microphone is a WAV file, and it records what it says and what it hears. What was found about baresip 1.0.0:

- the microphone's file ends the call when it ends, so it is padded with silence here;
- it has no command for an attended transfer, but sends any Refer-To that it is given, one with a Replaces (RFC 3891)
  too; the tags which that takes are in its SIP trace (``-s``);
- what it hears is not recorded any more once it was on hold: it makes its player anew, without the recorder;
- a recording is whole once the call is over, and lacks the time in which no RTP came (:mod:`dragoman.demo.timeline`).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import numpy as np

from dragoman.demo.baresip import JITTER_BUFFER, RTP_PORTS, Control, Line, Registration, write_config
from dragoman.demo.mic import HEADER_BYTES, read_mic, write_padded
from dragoman.demo.timeline import GrowthWatch, Timeline
from dragoman.errors import DemoError
from dragoman.telephony.pbx.ports import free_port

_START_DEADLINE = 10.0
"""s until baresip's control socket answers; it takes about 0.1."""

_STOP_DEADLINE = 3.0
"""s from the last hang-up to SIGKILL: with an INVITE unanswered baresip hangs in quit."""

_MIC, _RECORDINGS = "mic.wav", "recordings"
"""Where baresip finds the one and leaves the other, in the phone's folder, in which it runs."""

_OPENING = ("CALL_INCOMING", "CALL_RINGING", "CALL_PROGRESS", "CALL_ESTABLISHED")


class Codec(Enum):
    """What the phone offers, in baresip's words."""

    G722 = "G722/16000/1"
    PCMU = "PCMU/8000/1"
    PCMA = "PCMA/8000/1"

    @property
    def rate(self) -> int:
        """Hz of the recordings."""
        return 16_000 if self is Codec.G722 else 8_000


@dataclass(frozen=True, slots=True)
class PhoneEvent:
    """Something that happened to a call: ``type`` is baresip's (CALL_ESTABLISHED, CALL_RTPESTAB, CALL_CLOSED ...).

    ``monotonic`` is this process's clock when the event came, in s. ``fields`` is all that baresip said:
    ``id`` is the SIP Call-ID, ``param`` the reason of a CALL_CLOSED.
    """

    type: str
    monotonic: float
    fields: Mapping[str, Any]


class Phone:
    """One phone: ``start``, ``dial``, ``stop``, then read ``heard`` and ``spoken``. It answers calls by itself."""

    def __init__(
        self,
        name: str,
        directory: Path,
        *,
        mic: Path | None = None,
        codec: Codec = Codec.G722,
        padding: float = 300.0,
        recorded: bool = True,
        line: Line | None = None,
        registration: Registration | None = None,
        number: str = "phone",
        jitter_buffer: tuple[int, int] = JITTER_BUFFER,
    ) -> None:
        """Prepare, without starting anything.

        Args:
            name: the display name others see; without quotes and backslashes, which SIP would have escaped.
            directory: made if missing; configuration, log and recordings go there.
            mic: what it says from the moment a call is up: WAV, 16 kHz, mono, 16 bit. None: silence.
            codec: the only one it offers.
            padding: s of silence after ``mic``. The call ends when it does.
            recorded: whether there will be ``heard`` and ``spoken``: 230 MB an hour.
            line: the SIP account to call with; None: as anybody, from and to this machine.
            registration: where it registers over TLS; None: nowhere, it only dials.
            number: what it calls from; who calls it has to dial this.
            jitter_buffer: packets of 20 ms that it holds at least and at most.
        """
        if set(name) & set('"\\\r\n'):
            raise DemoError(f"phone name {name!r}: no quotes, backslashes or line ends")
        self.name = name
        self.directory = directory
        self.events: list[PhoneEvent] = []
        self.sip_port = free_port(span=2)  # baresip listens on the next one for TLS
        self._mic = mic
        self._codec = codec
        self._padding = padding
        self._recorded = recorded
        self._line = line
        self._registration = registration
        self._number = number
        self._jitter_buffer = jitter_buffer
        self._process: asyncio.subprocess.Process | None = None
        self._control = Control(name, self._happened, self._ended)
        self._changed = asyncio.Event()  # replaced at every change: whoever waits has the old one
        self._gone = False
        self._dialled = 0
        self._watch: GrowthWatch | None = None
        self._timelines: dict[Path, Timeline] = {}

    @property
    def uri(self) -> str:
        """Where it can be called without a PBX."""
        return f"sip:phone@127.0.0.1:{self.sip_port}"

    @property
    def extension(self) -> str:
        """What to dial on the demo PBX to call it (``asterisk/extensions_demo.conf``)."""
        return f"8{self.sip_port}"

    @property
    def heard(self) -> Path:
        """The recording of what the last call's other side sent: 16-bit WAV, whole after ``stop``."""
        return self._recording("dec")

    @property
    def spoken(self) -> Path:
        """The recording of what it sent in its last call: 16-bit WAV, whole after ``stop``."""
        return self._recording("enc")

    def heard_at(self, sample: int) -> float:
        """Monotonic time in s at which ``sample`` of ``heard`` had come through the phone's jitter buffer.

        Beside a packet capture: 36 to 40 ms after the packet in 90 % of a call, on a loaded machine.
        """
        return self._timeline(self.heard).time_of(sample)

    def spoken_at(self, sample: int) -> float:
        """Monotonic time in s at which ``sample`` of ``spoken`` had been taken from the microphone and was sent.

        Beside a packet capture: 0 to 4 ms before the packet in 90 % of a call, on a loaded machine.
        """
        return self._timeline(self.spoken).time_of(sample)

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up and stop."""
        await self.stop()

    async def start(self) -> None:
        """Start baresip and come back when it takes commands. Once only.

        Raises:
            DemoError: it is not installed, does not come up, or the microphone's file is not of the right format.
        """
        control_port = free_port(socket.SOCK_STREAM)
        await asyncio.to_thread(self._write, control_port)
        self._watch = GrowthWatch(self.directory / _RECORDINGS, self._grown)
        asyncio.get_running_loop().add_reader(self._watch, self._watch.ready)
        try:
            with self._log.open("wb") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *("baresip", "-s", "-4", "-f", "."),
                    cwd=self.directory,  # baresip cuts names of files off at 127 bytes: this keeps them short
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C in our terminal stops us, and we stop it
                )
            async with asyncio.timeout(_START_DEADLINE):
                await self._control.connect(control_port, self._process)
        except BaseException as error:
            await self.stop()
            if isinstance(error, FileNotFoundError):
                raise DemoError("baresip is not installed (Debian, Ubuntu: apt-get install baresip-core)") from None
            if isinstance(error, TimeoutError | DemoError):
                tail = self._log.read_text("utf-8", "replace").splitlines()[-15:]
                raise DemoError("\n".join((f"{self.name}: baresip does not come up: {error}", *tail))) from error
            raise

    async def dial(self, uri: str) -> None:
        """Call ``uri``; ``wait_established`` tells when it is answered."""
        self._dialled = len(self.events)
        await self.command("dial", uri)

    async def wait_established(self, within: float = 10.0) -> PhoneEvent:
        """Wait at most ``within`` s until the call that was last dialled, or one that came in since, is up.

        Raises:
            DemoError: it is not, or is refused; the message has the reason.
        """
        event = await self.wait_for("CALL_ESTABLISHED", "CALL_CLOSED", since=self._dialled, within=within)
        if event.type == "CALL_CLOSED":
            raise DemoError(f"{self.name}: the call was refused: {event.fields.get('param')}")
        return event

    async def dtmf(self, digits: str) -> None:
        """Press keys (RFC 4733 telephone events).

        Raises:
            DemoError: they cannot be pressed, as the call has ended; without the keys, which may be a room's PIN.
        """
        try:
            await self.command("sndcode", digits)
        except DemoError:
            raise DemoError(f"{self.name}: the keys could not be pressed: is the call over?") from None

    async def hold(self) -> None:
        """Put the call on hold (a re-INVITE with sendonly)."""
        await self.command("hold")

    async def resume(self) -> None:
        """Take the call back."""
        await self.command("resume")

    async def transfer(self, uri: str) -> None:
        """Send the other side to ``uri`` (blind: a REFER)."""
        await self.command("transfer", uri)

    async def transfer_attended(self) -> None:
        """Give the other side of the first call this phone's place in the second one, which it has dialled itself.

        Raises:
            DemoError: there is no second call that it dialled and that was answered.
        """
        answered = [event.fields for event in self.events if event.type == "CALL_ESTABLISHED"]
        if len(answered) < 2 or answered[-1].get("direction") != "outgoing":
            raise DemoError(f"{self.name}: an attended transfer takes a second call, dialled and answered")
        call = answered[-1]
        to_tag, from_tag = _dialog_tags(self._log.read_text("utf-8", "replace"), call["id"])
        replaces = quote(f"{call['id']};to-tag={to_tag};from-tag={from_tag}", safe="")
        await self.command("line", "1")
        await self.command("transfer", f"<{call['peeruri']}?Replaces={replaces}>")

    async def hangup(self) -> None:
        """End the call, and wait until it is closed."""
        since = len(self.events)
        await self.command("hangup")
        await self.wait_for("CALL_CLOSED", since=since)

    async def stop(self) -> None:
        """Hang up, end the process, and have the recordings whole on disk. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            try:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_STOP_DEADLINE):
                        with contextlib.suppress(DemoError):
                            while self.in_call:
                                await self.hangup()
                            await self.command("quit")
                        await process.wait()
            finally:  # in time, too late or interrupted
                if process.returncode is None:
                    process.kill()
                await process.wait()
                await self._control.close()
        if self._watch is not None:
            self._watch.ready()  # what was written last
            asyncio.get_running_loop().remove_reader(self._watch)
            self._watch.close()
            self._watch = None

    @property
    def in_call(self) -> bool:
        """Whether a call is up or being set up."""
        opened = {event.fields.get("id") for event in self.events if event.type in _OPENING}
        closed = {event.fields.get("id") for event in self.events if event.type == "CALL_CLOSED"}
        return not self._gone and bool(opened - closed)

    async def wait_for(self, *kinds: str, since: int = 0, within: float = 10.0) -> PhoneEvent:
        """The first event of one of these types from index ``since`` of ``events`` on, at once if it has happened.

        Raises:
            DemoError: it does not come within so many s, or the phone is gone; names what did come.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while True:
                    for event in self.events[since:]:
                        if event.type in kinds:
                            return event
                    if self._gone:
                        break
                    await self._changed.wait()
        seen = ", ".join(f"{event.type} {event.fields.get('param', '')}".strip() for event in self.events[since:])
        state = "any more" if self._gone else f"in {within} s"
        raise DemoError(f"{self.name}: no {' or '.join(kinds)} {state}; seen: {seen}")

    async def command(self, command: str, parameters: str = "") -> str:
        """Run one of baresip's commands (``help`` lists them) and return what it says.

        Raises:
            DemoError: baresip refuses it, does not answer, or is gone.
        """
        return await self._control.command(command, parameters)

    @property
    def _log(self) -> Path:
        return self.directory / "baresip.log"

    def _happened(self, fields: dict[str, Any]) -> None:
        self.events.append(PhoneEvent(fields["type"], time.monotonic(), fields))
        self._wake()

    def _ended(self) -> None:
        self._gone = True
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _grown(self, now: float, sizes: Mapping[Path, int]) -> None:
        for path, size in sizes.items():
            self._timeline(path).observe(now, (size - HEADER_BYTES) // 2)

    def _timeline(self, path: Path) -> Timeline:
        return self._timelines.setdefault(path, Timeline(self._codec.rate))

    def _recording(self, kind: str) -> Path:
        found = sorted((self.directory / _RECORDINGS).glob(f"*-{kind}.wav"))
        if not found:
            raise DemoError(f"{self.name}: nothing was recorded")
        return found[-1]

    def _write(self, control_port: int) -> None:
        (self.directory / _RECORDINGS).mkdir(parents=True, exist_ok=True)
        speech = np.zeros(0, np.int16) if self._mic is None else read_mic(self._mic)
        write_padded(self.directory / _MIC, speech, self._padding)
        write_config(
            self.directory,
            display=self.name,
            number=self._number,
            codec=self._codec.value,
            sip_port=self.sip_port,
            control_port=control_port,
            rtp_start=free_port(socket.SOCK_DGRAM, span=RTP_PORTS),
            mic=_MIC,
            recordings=_RECORDINGS if self._recorded else None,
            jitter_buffer=self._jitter_buffer,
            line=self._line,
            registration=self._registration,
        )


def _dialog_tags(trace: str, call_id: str) -> tuple[str, str]:
    """The To and From tags of the dialog that ``call_id``'s INVITE opened, from a SIP trace."""
    for message in reversed(re.split(r"\n(?=UDP )", trace)):
        if f"Call-ID: {call_id}" in message and re.search(r"^SIP/2\.0 200", message, re.M) and "INVITE" in message:
            to_tag, from_tag = (re.search(rf"^{name}:.*;tag=([^;\s]+)", message, re.M) for name in ("To", "From"))
            if to_tag is not None and from_tag is not None:
                return to_tag[1], from_tag[1]
    raise DemoError(f"call {call_id} is not in the SIP trace")
