"""A real Asterisk for all end-to-end tests, and as many real SIP phones as a test asks for.

All tests below this folder are marked ``e2e`` and run on one event loop, the session's: the PBX's process belongs to
the loop that started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio
from tests.e2e.daemon import Daemon

from dragoman.demo.baresip import JITTER_BUFFER
from dragoman.demo.phone import Codec, Phone
from dragoman.telephony.pbx import Pbx, Site

HERE = Path(__file__).parent

BREATH_S = 0.05
"""Between two questions to the PBX: each is a process, and what is waited for needs the machine as well."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.e2e)
            if pytest_asyncio.is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pbx() -> AsyncIterator[Pbx]:
    """Languages en, es, ca; no PIN, no notice. Its heartbeat is whatever the last test left: see ``interpreting``."""
    async with Pbx(Site(notice=False)) as running:
        yield running


async def interpreting(pbx: Pbx, alive: bool = True) -> None:
    """Make the PBX believe that the daemon lives (for ever), or has been dead for a minute."""
    beat = 2**40 if alive else round(time.time()) - 60
    await pbx.rx(f"dialplan set global DRAGOMAN_HEARTBEAT {beat}")


class PhoneFactory(Protocol):
    async def __call__(
        self,
        name: str,
        mic: Path | None = None,
        codec: Codec = Codec.G722,
        number: str = "phone",
        jitter_buffer: tuple[int, int] = JITTER_BUFFER,
    ) -> Phone: ...


@pytest_asyncio.fixture(loop_scope="session")
async def phone_factory(tmp_path: Path) -> AsyncIterator[PhoneFactory]:
    """Makes started phones; all are stopped after the test."""
    async with contextlib.AsyncExitStack() as phones:

        async def make(
            name: str,
            mic: Path | None = None,
            codec: Codec = Codec.G722,
            number: str = "phone",
            jitter_buffer: tuple[int, int] = JITTER_BUFFER,
        ) -> Phone:
            directory = tmp_path / f"phone-{len(list(tmp_path.glob('phone-*')))}"
            phone = Phone(name, directory, mic=mic, codec=codec, number=number, jitter_buffer=jitter_buffer)
            return await phones.enter_async_context(phone)

        yield make


class CallerFactory(Protocol):
    async def __call__(self, name: str, extension: str, codec: Codec = Codec.G722) -> Phone: ...


@pytest.fixture
def caller(pbx: Pbx, phone_factory: PhoneFactory) -> CallerFactory:
    """Makes phones that have dialled an extension and were answered; they are silent until ``talking.say``."""

    async def make(name: str, extension: str, codec: Codec = Codec.G722) -> Phone:
        phone = await phone_factory(name, codec=codec)
        await phone.dial(room_uri(pbx, extension))
        await phone.wait_established()
        return phone

    return make


def room_uri(pbx: Pbx, extension: str) -> str:
    return f"sip:{extension}@127.0.0.1:{pbx.sip_port}"


async def until(pbx: Pbx, command: str, holds: Callable[[str], bool], within: float = 15.0) -> str:
    """Ask the PBX until its answer to a console command is as it should be."""
    answer = ""
    try:
        async with asyncio.timeout(within):
            while not holds(answer := await pbx.rx(command)):
                await asyncio.sleep(BREATH_S)
    except TimeoutError:
        pytest.fail(f"{command!r} still says after {within} s:\n{answer}")
    return answer


async def conference_of(pbx: Pbx, name: str, users: int) -> None:
    """Wait until so many channels are in ConfBridge ``name`` and its keys work for them; 0: until there is none."""
    if users == 0:
        await until(pbx, "confbridge list", lambda listed: f"\n{name} " not in listed)
        return

    def inside(channels: str) -> int:
        rows = [line.split("!") for line in channels.splitlines()]
        return sum(row[5] == "ConfBridge" and row[6].startswith(f"{name},") and bool(row[12]) for row in rows)

    await until(pbx, "core show channels concise", lambda channels: inside(channels) == users)


class DaemonFactory(Protocol):
    async def __call__(self, toml: str = "", *, tone: bool = True) -> Daemon: ...


@pytest_asyncio.fixture(loop_scope="session")
async def daemon_factory(pbx: Pbx, tmp_path: Path) -> AsyncIterator[DaemonFactory]:
    """Makes daemons that are ready, beside ``pbx``; all are stopped after the test."""
    made: list[Daemon] = []

    async def make(toml: str = "", *, tone: bool = True) -> Daemon:
        directory = tmp_path / f"daemon-{len(made)}"
        directory.mkdir()
        made.append(Daemon(pbx, directory, toml, tone=tone))
        await made[-1].start()
        return made[-1]

    yield make
    for daemon in made:
        await daemon.stop()
