"""One running Asterisk of our own, on free loopback ports, in a folder of its own: several run side by side."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import shutil
import signal
import socket
from pathlib import Path
from typing import Self

from dragoman.errors import PbxError
from dragoman.telephony.pbx.bootstrap import Asterisk, ensure_asterisk
from dragoman.telephony.pbx.flaws import forgets_callers
from dragoman.telephony.pbx.folder import PROMPTS, Ports, write_folder
from dragoman.telephony.pbx.ports import free_port
from dragoman.telephony.pbx.templates import Site

START_DEADLINE = 30.0
"""s. It takes about one; a loaded machine gets time."""

STOP_DEADLINE = 5.0
"""s from "core stop now" to SIGKILL. It takes well under one."""

RX_DEADLINE = 10.0
"""s for one console command."""

_RTP_PORTS = 200
"""RTP ports of one instance: 2 a call."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Pbx:
    """An Asterisk with Dragoman's dialplan; ``async with Pbx() as pbx`` starts and stops it.

    Ports, password and folder stay the same over ``restart`` and ``kill`` + ``start``, as with a real PBX.
    """

    def __init__(
        self, site: Site | None = None, *, asterisk: Asterisk | None = None, jitter_buffer: bool | None = None
    ) -> None:
        """Choose ports; nothing runs yet.

        ``asterisk`` None: found or made by :func:`ensure_asterisk` at the start. ``jitter_buffer`` None: callers have
        one unless this Asterisk goes deaf behind it (:mod:`~dragoman.telephony.pbx.flaws`).
        """
        self.site = site or Site()
        self.sip_port = free_port(socket.SOCK_DGRAM)
        self.http_port = free_port(socket.SOCK_STREAM)
        self.rtp_start = free_port(socket.SOCK_DGRAM, span=_RTP_PORTS)
        self.ari_url = f"http://127.0.0.1:{self.http_port}"
        self.ari_username = "dragoman"
        self.ari_password = secrets.token_urlsafe(16)
        self._asterisk = asterisk
        self._jitter_buffer = jitter_buffer
        self._run_dir: Path | None = None
        self._process: asyncio.subprocess.Process | None = None

    @property
    def run_dir(self) -> Path:
        """The instance's folder, as a path of this machine."""
        if self._run_dir is None:
            raise PbxError("this PBX has not been started yet")
        return self._run_dir

    @property
    def log_path(self) -> Path:
        """Asterisk's log: notices, warnings and errors."""
        return self.run_dir / "log" / "messages.log"

    @property
    def prompts_dir(self) -> Path:
        """The folder of the prompts."""
        return self.run_dir / PROMPTS

    @property
    def pid(self) -> int | None:
        """Asterisk's process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop and remove the folder."""
        await self.close()

    async def start(self) -> None:
        """Write the configuration, start Asterisk and come back when it takes calls.

        Raises:
            PbxError: it does not come up; the message has the end of its log.
        """
        if self.pid is not None:
            return
        if self._asterisk is None:
            self._asterisk = await asyncio.to_thread(ensure_asterisk)
        if self._run_dir is None:
            self._run_dir = self._asterisk.make_run_dir()
            await asyncio.to_thread(self._write)
        with (self._run_dir / "log" / "console.log").open("ab") as console:
            self._process = await asyncio.create_subprocess_exec(
                *self._asterisk.command("-f", "-C", self._conf),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,  # Ctrl-C in our terminal stops us, and we stop it
            )
        try:
            async with asyncio.timeout(START_DEADLINE):
                await self._booted(self._process)
                await self._check_ports()
        except TimeoutError:
            await self.stop()
            raise PbxError(f"Asterisk is not up after {START_DEADLINE:.0f} s\n{self._log_tail()}") from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End it, hanging up every call: asked first, killed after a deadline. The folder stays. Idempotent."""
        process = self._process
        if process is None:
            return
        try:
            if process.returncode is None:
                with contextlib.suppress(PbxError, TimeoutError):
                    async with asyncio.timeout(STOP_DEADLINE):
                        await self.rx("core stop now")
                        await process.wait()
        finally:  # in time, too late or interrupted
            if process.returncode is None:
                process.kill()
            await process.wait()
            self._process = None

    async def kill(self) -> None:
        """End it as a crash does (SIGKILL): no BYE, no clean-up."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()
        self._process = None

    async def ended(self) -> int:
        """Wait until its process ends by itself, or by somebody else's hand.

        Returns:
            Its exit status; negative: the signal that ended it.

        Raises:
            PbxError: it does not run.
        """
        if self._process is None:
            raise PbxError("this PBX does not run")
        return await self._process.wait()

    async def restart(self) -> None:
        """Stop and start again on the same ports."""
        await self.stop()
        await self.start()

    async def close(self) -> None:
        """Stop and remove the folder. Idempotent."""
        try:
            await self.stop()
        finally:
            if self._run_dir is not None:
                await asyncio.to_thread(shutil.rmtree, self._run_dir, ignore_errors=True)
                self._run_dir = None

    async def rx(self, command: str) -> str:
        """Run a console command and return what it prints, without colours.

        Raises:
            PbxError: Asterisk does not answer.
        """
        status, output = await self._rx(command)
        if status != 0:
            raise PbxError(f"asterisk -rx {command!r}: {output.strip() or f'exit {status}'}")
        return output

    async def _rx(self, command: str) -> tuple[int, str]:
        if self._asterisk is None:
            raise PbxError("this PBX has not been started yet")
        process = await asyncio.create_subprocess_exec(
            *self._asterisk.command("-C", self._conf, "-rx", command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(RX_DEADLINE):
                output, _ = await process.communicate()
        except TimeoutError:
            raise PbxError(f"asterisk -rx {command!r}: no answer in {RX_DEADLINE:.0f} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0, _COLOUR.sub("", output.decode(errors="replace"))

    @property
    def _conf(self) -> str:
        assert self._asterisk is not None
        return self._asterisk.inside(self.run_dir / "etc" / "asterisk.conf")

    def _write(self) -> None:
        assert self._asterisk is not None
        ports = Ports(self.sip_port, self.http_port, self.rtp_start, self.rtp_start + _RTP_PORTS - 1)
        buffered = self._jitter_buffer
        if buffered is None:
            buffered = not forgets_callers(self._asterisk.version)
        inside = self._asterisk.inside(self.run_dir)
        write_folder(self.run_dir, inside, self.site, ports, self.ari_password, jitter_buffer=buffered)

    async def _booted(self, process: asyncio.subprocess.Process) -> None:
        """Ask until it answers, or until its process ends; the console socket is there before the modules are."""
        while True:
            try:
                async with asyncio.timeout(0.05):
                    status = await process.wait()
                raise PbxError(f"Asterisk ended with exit status {status} while starting\n{self._log_tail()}")
            except TimeoutError:
                pass
            status, _ = await self._rx("core waitfullybooted")
            if status == 0:
                return

    async def _check_ports(self) -> None:
        """Asterisk goes on without a port that somebody else took in the meantime; we do not."""
        transports = await self.rx("pjsip show transports")
        if f":{self.sip_port}" not in transports:
            raise PbxError(
                f"SIP port {self.sip_port} was taken meanwhile by another program: start again\n{self._log_tail()}"
            )
        if f":{self.http_port}" not in await self.rx("http show status"):
            raise PbxError(
                f"HTTP port {self.http_port} was taken meanwhile by another program: start again\n{self._log_tail()}"
            )

    def _log_tail(self) -> str:
        lines: list[str] = []
        for path in (self.run_dir / "log" / "console.log", self.log_path):
            if path.exists():
                lines += path.read_text("utf-8", errors="replace").splitlines()[-10:]
        return "\n".join(lines)
