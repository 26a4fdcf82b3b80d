"""A PostgreSQL of our own on a free port, for tests: started, stopped, frozen, and gone with its test."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from dragoman.telephony.pbx.ports import free_port

PASSWORD = "hush-hush"


class Postgres:
    """A cluster in a folder of its own, run by an ordinary user; every database in it belongs to one test."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="dragoman-pg-"))
        self.data = self._folder / "data"
        self._user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:  # it refuses to run as root
            shutil.chown(self._folder, self._user)
        self.port = free_port(socket.SOCK_STREAM)
        self._databases = 0

    def start(self) -> None:
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run("initdb", "-D", self.data, "-U", "dragoman", "-A", "scram-sha-256", "--pwfile", secret, "-E", "UTF8")
        self.restart()

    def restart(self, *settings: str) -> None:
        """Start what was stopped, with these settings as well (``max_connections=5``)."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        options += "".join(f" -c {setting}" for setting in settings)
        self._run("pg_ctl", "-D", self.data, "-l", self._folder / "log", "-w", "-o", options, "start")

    def program(self, name: str) -> Path:
        """One of its programs, of the same version."""
        return self._programs / name

    def database(self, name: str = "") -> str:
        """URL of a new, empty database; of a name of its own, if none is given."""
        self._databases += 1
        name = name or f"voices{self._databases}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "dragoman", name)
        return f"postgresql://dragoman:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str | Path) -> None:
        prefix = ["runuser", "-u", self._user, "--"] if os.geteuid() == 0 else []
        subprocess.run(
            [*prefix, self._programs / program, *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            # Not captured by a pipe: the server would hold it open.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            env={**os.environ, "PGPASSWORD": PASSWORD},
            timeout=60,
        )

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """All of its processes stand still, with their connections open."""
        first = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(first, signal.SIGSTOP)  # before its children are listed: the list may lack some while one of them ends
        stopped = [first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]
        try:
            for pid in stopped:
                self._send(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in stopped:
                self._send(pid, signal.SIGCONT)

    @staticmethod
    def _send(pid: int, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):  # it was about to end as the postmaster was stopped
            os.kill(pid, number)


@contextmanager
def running() -> Iterator[Postgres]:
    """A server for as long as it is needed; the test is skipped where there is none to be had."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [
        Path(found) for found in [shutil.which("initdb")] if found
    ]
    if not programs:
        pytest.skip("no PostgreSQL here (scripts/packages.sh test)")
    server = Postgres(programs[-1].parent)
    try:
        server.start()
        yield server
        with suppress(subprocess.CalledProcessError):  # the test stopped it
            server.stop()
    finally:
        server.remove()
