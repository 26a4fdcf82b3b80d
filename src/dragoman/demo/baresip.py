"""baresip 1.0.0 from outside: its configuration, and its control socket (module ctrl_tcp: JSON in netstrings)."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from dragoman.errors import DemoError
from dragoman.media.format import SAMPLE_RATE

RTP_PORTS = 20
"""With a range of fewer ports baresip finds no pair now and then."""

JITTER_BUFFER = (2, 4)
"""Packets (20 ms) that a phone holds at least and at most: what does for a local network."""

_COMMAND_DEADLINE = 5.0
"""s for the answer to one command."""

_MAX_MESSAGE = 1 << 20
"""bytes of one control message; more is no baresip."""

_CONFIG = """\
sip_listen {listen}:{sip_port}
{interface}rtp_ports {rtp_start}-{rtp_end}
jitter_buffer_delay {buffered}
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
module_path /usr/lib/baresip/modules
module g722.so
module g711.so
module aufile.so
module aubridge.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control_port}
"""

_RECORDER = """\
snd_path {recordings}
module sndfile.so
"""

_ACCOUNT = '"{display}" <sip:{address}>{auth};regint=0;answermode=auto;audio_codecs={codec};ptime=20\n'

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Line:
    """A SIP account to call with. Without it a phone calls as anybody, from this machine to this machine."""

    user: str
    host: str
    password: SecretStr
    listen: str = "0.0.0.0"
    """IPv4 address to call from; the default leaves it to the routing table."""

    def account(self) -> tuple[str, str]:
        """(address, parameters) as baresip has them.

        Raises:
            DemoError: a part has a sign that ends a parameter in baresip's file, which knows no escapes.
        """
        password = self.password.get_secret_value()
        if set(self.user + self.host + password) & set(';"<>\r\n '):
            raise DemoError("user, host and password of a SIP account may have no blank, semicolon, quote or bracket")
        return f"{self.user}@{self.host}", f";auth_user={self.user};auth_pass={password}"


_SECURE = """\
module srtp.so
sip_cafile {authority}
sip_verify_server yes
"""

_REGISTERED = (
    '"{display}" <sip:{user}@{server};transport=tls>;auth_user={user};auth_pass={password};regint=60;'
    "answermode=auto;audio_codecs={codec};ptime=20{encryption}\n"
)


@dataclass(frozen=True, slots=True)
class Registration:
    """Where a phone registers, over TLS: ``server`` is a host and port; ``authority`` the file of whom it trusts.

    ``encrypted``: whether it speaks SRTP, and nothing else.
    """

    server: str
    user: str
    password: str
    authority: Path
    encrypted: bool = True


def write_config(
    directory: Path,
    *,
    display: str,
    number: str,
    codec: str,
    sip_port: int,
    control_port: int,
    rtp_start: int,
    mic: str,
    recordings: str | None,
    jitter_buffer: tuple[int, int] = JITTER_BUFFER,
    line: Line | None = None,
    registration: Registration | None = None,
) -> None:
    """Write the two files that baresip reads from its folder: ``config`` and ``accounts``.

    ``mic`` and ``recordings``, a file and a folder, are seen from the folder that it is started in. Without
    ``recordings`` it records nothing, without ``registration`` it registers nowhere.
    """
    listen = LOOPBACK if line is None else line.listen
    config = _CONFIG.format(
        listen=listen,
        interface=f"net_interface {listen}\n" if listen != "0.0.0.0" else "",
        sip_port=sip_port,
        control_port=control_port,
        rtp_start=rtp_start,
        rtp_end=rtp_start + RTP_PORTS - 1,
        mic=mic,
        buffered="{}-{}".format(*jitter_buffer),
        rate=SAMPLE_RATE,
    )
    if recordings is not None:
        config += _RECORDER.format(recordings=recordings)
    address, auth = (f"{number}@{LOOPBACK}:{sip_port}", "") if line is None else line.account()
    account = _ACCOUNT.format(display=display, address=address, auth=auth, codec=codec)
    if registration is not None:
        config += _SECURE.format(authority=registration.authority)
        account = _REGISTERED.format(
            display=display,
            user=registration.user,
            password=registration.password,
            server=registration.server,
            codec=codec,
            encryption=";mediaenc=srtp-mand" if registration.encrypted else "",
        )
    (directory / "config").write_text(config, "utf-8")
    accounts = directory / "accounts"
    accounts.touch(mode=0o600)  # it may hold a password
    accounts.write_text(account, "utf-8")


class Control:
    """The connection to one baresip. Its events go to ``on_event``, its end to ``on_gone``, in order."""

    def __init__(self, name: str, on_event: Callable[[dict[str, Any]], None], on_gone: Callable[[], None]) -> None:
        """``name`` is what errors call the phone."""
        self._name = name
        self._on_event = on_event
        self._on_gone = on_gone
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._count = 0

    async def connect(self, port: int, process: asyncio.subprocess.Process) -> None:
        """Connect to ``port``, asking again until the new ``process`` listens there.

        Raises:
            DemoError: the process ends first.
        """
        while True:
            try:
                reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except ConnectionRefusedError:
                pass
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.02):  # until the next question, unless it has ended
                    raise DemoError(f"{self._name}: baresip ended with exit status {await process.wait()}")
        self._reading = asyncio.create_task(self._read(reader), name=f"baresip of {self._name}")

    async def command(self, command: str, parameters: str = "") -> str:
        """Run one of baresip's commands (``help`` lists them) and return what it says.

        Raises:
            DemoError: baresip refuses it, does not answer, or is gone.
        """
        if self._writer is None or self._reading is None or self._reading.done():
            raise DemoError(f"{self._name}: baresip is not running")
        self._count += 1
        token = str(self._count)
        answer = self._answers[token] = asyncio.get_running_loop().create_future()
        message = json.dumps({"command": command, "params": parameters, "token": token}).encode()
        self._writer.write(b"%d:%s," % (len(message), message))
        try:
            async with asyncio.timeout(_COMMAND_DEADLINE):
                fields = await answer
        except TimeoutError:
            raise DemoError(f"{self._name}: no answer to {command!r}") from None
        finally:
            del self._answers[token]
        if not fields.get("ok"):
            raise DemoError(f"{self._name}: {command} {parameters}: {fields.get('data')}")
        return str(fields.get("data", ""))

    async def close(self) -> None:
        """Close the connection. Idempotent."""
        if self._writer is not None:
            self._writer.close()
        if self._reading is not None:
            await self._reading

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Take messages until the connection ends."""
        try:
            while True:
                length = int((await reader.readuntil(b":"))[:-1])
                if length > _MAX_MESSAGE:
                    raise DemoError(f"{self._name}: a control message of {length} bytes")
                message = json.loads((await reader.readexactly(length + 1))[:-1])
                if not message.get("response"):
                    self._on_event(message)
                elif (answer := self._answers.get(message.get("token", ""))) is not None and not answer.done():
                    answer.set_result(message)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # it has quit, or died: on_gone tells
        finally:
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(DemoError(f"{self._name}: baresip is gone"))
            self._on_gone()
