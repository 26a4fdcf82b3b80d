from __future__ import annotations

import io

import pytest
from rich.console import Console
from tests.e2e.conftest import CallerFactory, DaemonFactory
from tests.e2e.daemon import TONE

from dragoman import config
from dragoman.check.run import run_checks
from dragoman.telephony.pbx import Pbx

pytestmark = pytest.mark.beside


def settings(pbx: Pbx, password: str) -> config.Settings:
    return config.validate(
        {
            "asterisk": {"url": pbx.ari_url, "username": pbx.ari_username, "password": password},
            "http": {"port": 0},
            "engines": {
                "recognizers": [f"{TONE}Recognizer"],
                "translators": [f"{TONE}Translator"],
                "synthesizers": [f"{TONE}Synthesizer"],
            },
        },
        environ={},
    )


async def checked(given: config.Settings) -> tuple[int, str]:
    out = io.StringIO()
    return await run_checks(given, Console(file=out, width=200)), out.getvalue()


async def test_the_doctor_proves_the_media_path_and_leaves_nothing_behind(pbx: Pbx) -> None:
    status, report = await checked(settings(pbx, pbx.ari_password))
    assert status == 0, report
    assert "payload type 118" in report and "bytes in network order" in report
    assert "0 active channels" in await pbx.rx("core show channels")
    assert "dragoman" not in await pbx.rx("bridge show all")


async def test_the_doctor_and_a_daemon_that_serves_do_not_touch_each_others_objects(
    pbx: Pbx, daemon_factory: DaemonFactory, caller: CallerFactory
) -> None:
    daemon = await daemon_factory()
    await caller("Alice", "1000*44")
    (leg,) = await daemon.legs("1000", 1)
    status, report = await checked(settings(pbx, pbx.ari_password))
    assert status == 0, report
    assert "the tone came back" in report
    assert await daemon.legs("1000", 1) == [leg]
    assert await daemon.metric("dragoman_attach_swept_total") == 0
    assert await daemon.metric("dragoman_attach_taps_total") == 1
    assert await daemon.metric("dragoman_ari_reconnects_total") == 0


async def test_a_wrong_password_is_told_from_no_asterisk(pbx: Pbx) -> None:
    status, report = await checked(settings(pbx, "not this one"))
    assert status == 1
    assert "was refused" in report and "ari.conf" in report and "not this one" not in report
