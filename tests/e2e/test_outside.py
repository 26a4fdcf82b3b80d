"""Phones and trunks from outside, by the files of asterisk/examples as they stand: TLS, SRTP, passwords, numbers."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from tests.e2e.conftest import conference_of, interpreting, until
from tests.e2e.daemon import Daemon
from tests.e2e.listening import load, tone_file, tone_seconds
from tests.e2e.talking import BY_BOOTH, HIMSELF, check, into, recorded, say, stop
from tests.tonewords.code import words

from dragoman.demo.baresip import Registration
from dragoman.demo.phone import Phone
from dragoman.errors import DemoError
from dragoman.telephony.pbx import Pbx, Site
from dragoman.telephony.pbx.bootstrap import ensure_asterisk
from dragoman.telephony.pbx.ports import free_port

pytestmark = pytest.mark.beside

EXAMPLES = Path(__file__).parents[2] / "asterisk" / "examples"
PASSWORD = "correct-horse-battery"
LOG_HARMLESS = re.compile(r"No response received|registration|PROVIDER|is now Unreachable", re.IGNORECASE)
"""What a PBX says whose providers do not exist."""


class Outside:
    """A PBX with one of the examples in its folder ``site``; whoever calls it from this machine is nobody it knows."""

    def __init__(self, pbx: Pbx) -> None:
        self.pbx = pbx
        self.port = free_port()

    async def restart_with(self, example: str, **filled: str) -> None:
        """Fill in the example's words in capitals, its port too, and start the PBX with it."""
        asterisk, site = ensure_asterisk(), self.pbx.run_dir / "site"
        (site / "tls").mkdir()
        make_certificate(site / "tls")
        text = re.sub(
            r"bind = 0\.0\.0\.0:\d+", f"bind = 127.0.0.1:{self.port}", (EXAMPLES / example).read_text("utf-8")
        )
        for word, value in {"TLS_FOLDER": asterisk.inside(site / "tls"), **filled}.items():
            text = text.replace(word, value)
        (site / "pjsip.conf").write_text(text, "utf-8")
        (site / "extensions.conf").write_text((EXAMPLES / "extensions_trunk.conf").read_text("utf-8"), "utf-8")
        # Who calls from this machine would be the demo's `phone`, whatever he calls: phones outside are elsewhere.
        demo = self.pbx.run_dir / "etc" / "pjsip.conf"
        without, count = re.subn(r"\[phone\]\ntype = identify\n(.+\n)+", "", demo.read_text("utf-8"))
        assert count == 1
        demo.write_text(without, "utf-8")
        await self.pbx.restart()
        await interpreting(self.pbx)

    def complaints(self) -> list[str]:
        lines = self.pbx.log_path.read_text("utf-8").splitlines()
        return [line for line in lines if re.search("ERROR|WARNING", line) and not LOG_HARMLESS.search(line)]

    async def registered(self) -> None:
        # Not by the phone's own event: it may have registered before anybody listens to it.
        await until(self.pbx, "pjsip show contacts", lambda contacts: "alice/sip:alice" in contacts)

    def registration(self, password: str = PASSWORD, encrypted: bool = True) -> Registration:
        authority = self.pbx.run_dir / "site" / "tls" / "cert.pem"
        return Registration(f"127.0.0.1:{self.port}", "alice", password, authority, encrypted)

    def uri(self, extension: str) -> str:
        return f"sip:{extension}@127.0.0.1:{self.port}"


def make_certificate(folder: Path) -> None:
    """By the command that the example gives, for the name that is dialled here."""
    example = (EXAMPLES / "pjsip_tls.conf").read_text("utf-8")
    found = re.search(r"^; +(openssl (?:.*\\\n; +)*.*)$", example, re.MULTILINE)
    assert found is not None
    command = (
        re.sub(r"\\\n; +", "", found[1])
        .replace("DNS:PBX.EXAMPLE.COM", "IP:127.0.0.1")
        .replace("PBX.EXAMPLE.COM", "127.0.0.1")
    )
    subprocess.run(shlex.split(command), cwd=folder, check=True, capture_output=True)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def secure() -> AsyncIterator[Outside]:
    async with Pbx(Site(notice=False)) as pbx:
        made = Outside(pbx)
        await made.restart_with("pjsip_tls.conf", PHONE1_PASSWORD=PASSWORD, PHONE1="alice")
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def trunk() -> AsyncIterator[Outside]:
    """This machine is the provider that is known by its address; the other one does not exist."""
    async with Pbx(Site(notice=False)) as pbx:
        made = Outside(pbx)
        here = {"198.51.100.20": "127.0.0.1", "SIP.PROVIDER1.EXAMPLE": "127.0.0.1:9"}
        await made.restart_with("pjsip_trunk.conf", **here)
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def phones() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def test_the_pbx_takes_the_example_of_tls_as_it_stands(secure: Outside) -> None:
    assert secure.complaints() == []
    transport = await secure.pbx.rx("pjsip show transport tls")
    assert re.search(r"method +: tlsv1_2", transport) and f"127.0.0.1:{secure.port}" in transport
    assert re.search(r"media_encryption +: sdes", await secure.pbx.rx("pjsip show endpoint alice"))


async def test_a_phone_registers_over_tls_and_is_heard_over_srtp(
    secure: Outside, phones: AsyncExitStack, tmp_path: Path
) -> None:
    mic = tone_file(tmp_path / "tone.wav", 700)
    heard = []
    for name, said in (("alice", mic), ("bob", None)):
        phone = Phone(name, tmp_path / name, mic=said, registration=secure.registration())
        await phones.enter_async_context(phone)
        await secure.registered()
        await phone.dial(f"{secure.uri('1000*34')};transport=tls")
        await phone.wait_established()
        ciphers = [event.fields["param"] for event in phone.events if event.type == "CALL_MENC"]
        assert ciphers and all("AES_CM_128_HMAC_SHA1" in cipher for cipher in ciphers)
        heard.append(phone)
    await conference_of(secure.pbx, "1000-es", 2)
    alice, bob = heard
    await recorded(bob.heard, 4.0)
    await bob.stop()
    await alice.stop()
    assert tone_seconds(load(bob.heard), 700) > 1.0


async def test_people_on_encrypted_phones_are_interpreted(
    secure: Outside, phones: AsyncExitStack, tmp_path: Path
) -> None:
    daemon = Daemon(secure.pbx, tmp_path)
    await daemon.start()
    phones.push_async_callback(daemon.stop)
    await interpreting(secure.pbx)
    alice, carla = [
        await phones.enter_async_context(Phone(name, tmp_path / name, registration=secure.registration()))
        for name in ("Alice", "Carla")
    ]
    for phone, extension in ((alice, "1001*44"), (carla, "1001*34")):
        await secure.registered()
        await phone.dial(f"{secure.uri(extension)};transport=tls")
        await phone.wait_established()
        assert [event for event in phone.events if event.type == "CALL_MENC"]
    await daemon.legs("1001", 2)
    said, answered = words("a", "en", 6), words("c", "es", 6, first=20)
    await say(alice, said)
    await daemon.spoken("1001", 1)
    await say(carla, answered)
    await daemon.spoken("1001", 2)
    await stop(alice, carla)
    check(carla, {BY_BOOTH["a"]: into("es", said)}, ignore=[HIMSELF["a"]])
    check(alice, {BY_BOOTH["c"]: into("en", answered)}, ignore=[HIMSELF["c"]])


@pytest.mark.parametrize("password", ["", "wrong"])
async def test_a_wrong_password_neither_registers_nor_calls(
    secure: Outside, phones: AsyncExitStack, tmp_path: Path, password: str
) -> None:
    phone = Phone("Mallory", tmp_path / "phone", registration=secure.registration(password))
    await phones.enter_async_context(phone)
    await phone.dial(f"{secure.uri('1000*34')};transport=tls")
    with pytest.raises(DemoError, match="refused: 401"):
        await phone.wait_established()
    assert "alice/sip:alice" not in await secure.pbx.rx("pjsip show contacts")


async def test_a_phone_that_offers_no_srtp_is_refused(secure: Outside, phones: AsyncExitStack, tmp_path: Path) -> None:
    phone = Phone("Alice", tmp_path / "phone", registration=secure.registration(encrypted=False))
    await phones.enter_async_context(phone)
    await secure.registered()
    await phone.dial(f"{secure.uri('1000*34')};transport=tls")
    with pytest.raises(DemoError, match="refused: 488"):
        await phone.wait_established()


async def test_the_pbx_takes_the_example_of_trunks_as_it_stands(trunk: Outside) -> None:
    assert trunk.complaints() == []
    endpoints = await trunk.pbx.rx("pjsip show endpoints")
    assert re.search(r"Endpoint: +PROVIDER1 ", endpoints) and re.search(r"Endpoint: +PROVIDER2 ", endpoints)
    assert "PROVIDER1/sip:127.0.0.1:9" in await trunk.pbx.rx("pjsip show registrations")


async def test_a_call_from_a_trunk_is_put_where_its_number_says(
    trunk: Outside, phones: AsyncExitStack, tmp_path: Path
) -> None:
    phone = await phones.enter_async_context(Phone("Caller", tmp_path / "phone"))
    await phone.dial(trunk.uri("+34930000002"))
    await phone.wait_established()
    await conference_of(trunk.pbx, "1000-es", 1)


@pytest.mark.parametrize("number", ["1000", "1000*34", "600", "817001", "s", "h", "*77", "+34930000003"])
async def test_a_trunk_reaches_the_numbers_that_are_named_and_no_other(
    trunk: Outside, phones: AsyncExitStack, tmp_path: Path, number: str
) -> None:
    phone = await phones.enter_async_context(Phone("Caller", tmp_path / "phone"))
    await phone.dial(trunk.uri(number))
    with pytest.raises(DemoError, match="refused: 4"):
        await phone.wait_established()


async def test_behind_nat_it_names_the_address_outside() -> None:
    async with Pbx(Site(notice=False)) as pbx:
        made = Outside(pbx)
        await made.restart_with("pjsip_nat.conf")
        assert made.complaints() == []
        transport = await pbx.rx("pjsip show transport udp")
    assert re.search(r"external_media_address +: 203\.0\.113\.7", transport)
    assert "192.168.0.0" in transport
