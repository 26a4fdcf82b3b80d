"""A SIP phone for tests and the demo: baresip 1.0.0 in a process of its own, driven over its control socket.

Its microphone is a WAV file, and it records what it says and what it hears. What was found about baresip 1.0.0:

- the microphone's file ends the call when it ends, so it is padded with silence here;
- there is no attended transfer in it (a PBX can offer one by keys, see ``asterisk/features.conf``);
- a recording is whole only after the process has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import time
import wave
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Self

from dragoman.errors import DemoError
from dragoman.media.format import SAMPLE_RATE
from dragoman.telephony.pbx.ports import free_port


class Codec(Enum):
    """What the phone offers, in baresip's words."""

    G722 = "G722/16000/1"
    PCMU = "PCMU/8000/1"


@dataclass(frozen=True, slots=True)
class PhoneEvent:
    """Something that happened to a call: ``type`` is baresip's (CALL_ESTABLISHED, CALL_RTPESTAB, CALL_CLOSED ...)."""

    type: str
    monotonic: float
    wall: float
    fields: dict[str, Any] = field(default_factory=dict)


_CONFIG = """\
sip_listen 127.0.0.1:{sip_port}
net_interface 127.0.0.1
rtp_ports {rtp_start}-{rtp_end}
jitter_buffer_delay 2-4
call_max_calls 4
call_local_timeout 120
audio_source aufile,{mic}
audio_player aubridge,nul{sip_port}
audio_alert aubridge,alert{sip_port}
ausrc_srate {rate}
auplay_srate {rate}
ausrc_channels 1
auplay_channels 1
ausrc_format s16
auplay_format s16
audio_level no
statmode_default off
ring_aufile none
ringback_aufile none
busy_aufile none
error_aufile none
notfound_aufile none
callwaiting_aufile none
snd_path {recordings}
module_path /usr/lib/baresip/modules
module g722.so
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{ctrl_port}
"""

_ACCOUNT = '"{display}" <sip:phone@127.0.0.1:{sip_port}>;regint=0;answermode=auto;audio_codecs={codec};ptime=20\n'

_START_DEADLINE = 10.0
"""s until baresip's control socket answers; it takes about 0.1."""

_COMMAND_DEADLINE = 5.0
"""s for the answer to one command."""

_STOP_DEADLINE = 3.0
"""s from quit to SIGKILL: with an INVITE unanswered baresip hangs in quit."""

_RTP_PORTS = 20
"""A range of fewer than 20 ports makes baresip fail now and then."""

_MAX_MESSAGE = 1 << 20
"""bytes of one control message; more is no baresip."""


class Phone:
    """One phone. ``start`` it, ``dial``, ``stop`` it, then read ``heard`` and ``spoken``; it answers calls by itself.

    Times of events are this process's, on arrival of the event: a few ms after the fact at most.
    """

    def __init__(
        self,
        name: str,
        directory: Path,
        *,
        mic: Path | None = None,
        codec: Codec = Codec.G722,
        padding: float = 300.0,
    ) -> None:
        """Prepare, without starting anything.

        Args:
            name: the display name others see.
            directory: made if missing; configuration, log and recordings go there.
            mic: what it says from the moment a call is up: WAV, 16 kHz, mono, 16 bit. None: silence.
            codec: the only one it offers.
            padding: s of silence after ``mic``. The call ends when it does.
        """
        self.name = name
        self.directory = directory
        self.events: list[PhoneEvent] = []
        self._mic = mic
        self._codec = codec
        self._padding = padding
        self.sip_port = free_port(span=2)  # baresip listens on the next one for TLS
        self._ctrl_port = free_port(socket.SOCK_STREAM)
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._gone = False

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

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up and stop."""
        await self.stop()

    async def start(self) -> None:
        """Start baresip and come back when it takes commands.

        Raises:
            DemoError: it is not installed, does not come up, or the microphone's file is not of the right format.
        """
        await asyncio.to_thread(self._write)
        with (self.directory / "baresip.log").open("wb") as log:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    "baresip",
                    "-4",
                    "-f",
                    str(self.directory),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            except FileNotFoundError:
                raise DemoError("baresip is not installed (Debian, Ubuntu: apt-get install baresip-core)") from None
        try:
            async with asyncio.timeout(_START_DEADLINE):
                reader, self._writer = await self._connect(self._process)
        except TimeoutError:
            await self.stop()
            raise DemoError(f"{self.name}: baresip does not answer\n{self._log_tail()}") from None
        except BaseException:
            await self.stop()
            raise
        self._reading = asyncio.create_task(self._read(reader), name=f"phone {self.name}")

    async def dial(self, uri: str) -> None:
        """Call ``uri``; ``wait_established`` tells when it is answered."""
        await self.command("dial", uri)

    async def wait_established(self, within: float = 10.0) -> PhoneEvent:
        """Wait until the newest call is answered."""
        return await self.wait_for("CALL_ESTABLISHED", within=within)

    async def dtmf(self, digits: str) -> None:
        """Press keys (RFC 4733 telephone events)."""
        await self.command("sndcode", digits)

    async def hold(self) -> None:
        """Put the call on hold (a re-INVITE with sendonly)."""
        await self.command("hold")

    async def resume(self) -> None:
        """Take the call back."""
        await self.command("resume")

    async def transfer(self, uri: str) -> None:
        """Send the other side to ``uri`` (blind, REFER)."""
        await self.command("transfer", uri)

    async def hangup(self) -> None:
        """End the call, and wait until it is closed."""
        since = len(self.events)
        await self.command("hangup")
        await self.wait_for("CALL_CLOSED", since=since)

    async def stop(self) -> None:
        """Hang up, end the process, and have the recordings whole on disk. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            async with asyncio.timeout(_STOP_DEADLINE):
                with contextlib.suppress(DemoError):
                    if self.in_call:
                        await self.hangup()
                    await self.command("quit")
                await process.wait()
        except TimeoutError:
            process.kill()
        finally:
            await process.wait()
            if self._writer is not None:
                self._writer.close()
            if self._reading is not None:
                await self._reading  # ends with the connection

    @property
    def in_call(self) -> bool:
        """Whether a call is up or being set up."""
        opened = {event.fields.get("id") for event in self.events if event.type in _OPENING}
        closed = {event.fields.get("id") for event in self.events if event.type == "CALL_CLOSED"}
        return bool(opened - closed)

    async def wait_for(self, kind: str, *, since: int = 0, within: float = 10.0) -> PhoneEvent:
        """The first event of type ``kind`` from index ``since`` of ``events`` on, at once if it has happened.

        Raises:
            DemoError: it does not come ``within`` s, or the phone is gone; names what did come.
        """
        found: PhoneEvent | None = None

        def arrived() -> bool:
            nonlocal found
            found = next((event for event in self.events[since:] if event.type == kind), None)
            return found is not None or self._gone

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within), self._changed:
                await self._changed.wait_for(arrived)
        if found is None:
            seen = ", ".join(f"{event.type} {event.fields.get('param', '')}".strip() for event in self.events[since:])
            raise DemoError(f"{self.name}: no {kind} {'any more' if self._gone else f'in {within} s'}; seen: {seen}")
        return found

    async def command(self, command: str, parameters: str = "") -> str:
        """Run one of baresip's commands (``help`` lists them) and return what it says.

        Raises:
            DemoError: baresip refuses it, or does not answer.
        """
        if self._writer is None or self._gone:
            raise DemoError(f"{self.name}: not running")
        token = str(len(self._answers) + 1)
        answer = self._answers[token] = asyncio.get_running_loop().create_future()
        message = json.dumps({"command": command, "params": parameters, "token": token}).encode()
        self._writer.write(b"%d:%s," % (len(message), message))
        try:
            async with asyncio.timeout(_COMMAND_DEADLINE):
                fields = await answer
        except TimeoutError:
            raise DemoError(f"{self.name}: no answer to {command!r}") from None
        if not fields.get("ok"):
            raise DemoError(f"{self.name}: {command} {parameters}: {fields.get('data')}")
        return str(fields.get("data", ""))

    def _recording(self, kind: str) -> Path:
        found = sorted((self.directory / "recordings").glob(f"*-{kind}.wav"))
        if not found:
            raise DemoError(f"{self.name}: nothing was recorded")
        return found[-1]

    def _write(self) -> None:
        recordings = self.directory / "recordings"
        recordings.mkdir(parents=True, exist_ok=True)
        mic = self.directory / "mic.wav"
        _write_padded(mic, self._mic, self._padding)
        rtp_start = free_port(socket.SOCK_DGRAM, span=_RTP_PORTS)
        config = _CONFIG.format(
            sip_port=self.sip_port,
            ctrl_port=self._ctrl_port,
            rtp_start=rtp_start,
            rtp_end=rtp_start + _RTP_PORTS - 1,
            mic=mic,
            rate=SAMPLE_RATE,
            recordings=recordings,
        )
        (self.directory / "config").write_text(config, "utf-8")
        account = _ACCOUNT.format(display=self.name, sip_port=self.sip_port, codec=self._codec.value)
        (self.directory / "accounts").write_text(account, "utf-8")

    async def _connect(self, process: asyncio.subprocess.Process) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", self._ctrl_port)
            except ConnectionRefusedError:
                pass
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.02):  # ask again soon, unless it has ended
                    status = await process.wait()
                    raise DemoError(f"{self.name}: baresip ended with exit status {status}\n{self._log_tail()}")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Take netstrings until baresip closes the connection."""
        try:
            while True:
                length = int((await reader.readuntil(b":"))[:-1])
                if length > _MAX_MESSAGE:
                    raise ValueError(f"message of {length} bytes")
                message = json.loads((await reader.readexactly(length + 1))[:-1])
                monotonic, wall = time.monotonic(), time.time()
                if message.get("response"):
                    answer = self._answers.get(message.get("token", ""))
                    if answer is not None and not answer.done():
                        answer.set_result(message)
                else:
                    self.events.append(PhoneEvent(message.pop("type"), monotonic, wall, message))
                    async with self._changed:
                        self._changed.notify_all()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # it has quit, or died
        finally:
            self._gone = True
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(DemoError(f"{self.name}: baresip is gone"))
            async with self._changed:
                self._changed.notify_all()

    def _log_tail(self) -> str:
        return "\n".join((self.directory / "baresip.log").read_text("utf-8", "replace").splitlines()[-15:])


_OPENING = ("CALL_RINGING", "CALL_INCOMING", "CALL_PROGRESS", "CALL_ESTABLISHED")


def _write_padded(path: Path, mic: Path | None, padding: float) -> None:
    """``mic`` and so many s of silence as one WAV file; the silence is a hole in the file and takes no disk."""
    speech = b""
    if mic is not None:
        try:
            with wave.open(str(mic), "rb") as source:
                if (source.getframerate(), source.getnchannels(), source.getsampwidth()) != (SAMPLE_RATE, 1, 2):
                    raise DemoError(f"{mic}: a microphone's file is WAV, {SAMPLE_RATE} Hz, mono, 16 bit")
                speech = source.readframes(source.getnframes())
        except (OSError, wave.Error, EOFError) as error:
            raise DemoError(f"{mic}: {error}") from error
    frames = len(speech) // 2 + round(padding * SAMPLE_RATE)
    with path.open("wb") as target:
        target.write(_wav_header(frames))
        target.write(speech)
        target.truncate(_HEADER_BYTES + frames * 2)


_HEADER_BYTES = 44


def _wav_header(frames: int) -> bytes:
    """The header of a 16 kHz mono 16-bit WAV; the wave module leaves no hole, as it corrects the length on closing."""
    data = frames * 2
    fmt = (16, 1, 1, SAMPLE_RATE, SAMPLE_RATE * 2, 2, 16)  # its size, PCM, channels, Hz, bytes/s, bytes/frame, bits
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", _HEADER_BYTES - 8 + data, b"WAVE", b"fmt ", *fmt, b"data", data)
