"""A store on each kind of database: SQLite in a file, and a PostgreSQL of our own on a free port."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from dragoman.telephony.pbx.ports import free_port
from dragoman.voices.store.store import VoiceStore

KEY = SecretStr("5b" * 32)
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

    def database(self) -> str:
        """URL of a new, empty database."""
        self._databases += 1
        name = f"voices{self._databases}"
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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [
        Path(found) for found in [shutil.which("initdb")] if found
    ]
    if not programs:
        pytest.skip("no PostgreSQL here (scripts/packages.sh test)")
    server = Postgres(programs[-1].parent)
    try:
        server.start()
        yield server
        server.stop()
    finally:
        server.remove()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> SecretStr:
    if request.param == "sqlite":
        return SecretStr(str(tmp_path / "kept" / "voices.sqlite"))
    return SecretStr(request.getfixturevalue("postgres").database())


@pytest.fixture(params=["plain", "encrypted"])
def key(request: pytest.FixtureRequest) -> SecretStr | None:
    return KEY if request.param == "encrypted" else None


@pytest.fixture
async def store(url: SecretStr, key: SecretStr | None) -> AsyncIterator[VoiceStore]:
    store = VoiceStore(url, key=key)
    await store.start()
    yield store
    await store.close()
    await asyncio.sleep(0)  # asyncpg's transports tell of their end in the next turn
