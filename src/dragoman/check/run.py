"""Runs all checks and prints a line for each, as it is known."""

from __future__ import annotations

from collections.abc import AsyncIterator

from rich.console import Console
from rich.text import Text

from dragoman.check.admin import check_admin
from dragoman.check.engines import check_engines
from dragoman.check.finding import Finding, Verdict, fail, ok
from dragoman.check.glossary import check_glossary
from dragoman.check.media import check_media
from dragoman.check.pbx import check_pbx
from dragoman.check.ports import check_buffer, check_ports
from dragoman.check.tempo import check_tempo
from dragoman.check.voices import check_voices
from dragoman.config import Settings
from dragoman.errors import ConfigError
from dragoman.redaction import KNOWN
from dragoman.telephony.ari.client import AriClient

CHECK_APP = "{app}-check"
"""An application of our own: under the daemon's name we would take its events away, and it would sweep what we make."""

STYLES = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}


async def findings(settings: Settings) -> AsyncIterator[Finding]:
    """Every finding, cheap ones first."""
    for finding in check_ports(settings):
        yield finding
    yield check_buffer()
    for finding in check_glossary(settings.glossary.site, settings.glossary.folder):
        yield finding
    for finding in check_tempo(settings.pipeline.max_tempo):
        yield finding
    for finding in await check_engines(settings):
        yield finding
    for finding in await check_voices(settings.voices, tuple(settings.engines.synthesizers)):
        yield finding
    for finding in await check_admin(settings.admin):
        yield finding
    asterisk = settings.asterisk
    try:
        password = asterisk.require_password()
    except ConfigError as error:
        yield fail("ARI user", str(error), "set it, then check again")
        return
    async with AriClient(asterisk.url, asterisk.username, password, app=CHECK_APP.format(app=asterisk.app)) as client:
        found, reachable = await check_pbx(client, asterisk.url, asterisk.username)
        for finding in found:
            yield finding
        if reachable:
            for finding in await check_media(client, settings.media.bind, settings.media.advertised):
                yield finding


async def run_checks(settings: Settings, console: Console | None = None) -> int:
    """Print a line per check.

    Returns:
        The exit status: 0 when nothing failed (warnings included), else 1.
    """
    console = console or Console(highlight=False, soft_wrap=True)
    console.print(_line(ok("settings", "read")))
    failed = await report(findings(settings), console)
    console.print(f"\n{failed} to mend before it can run" if failed else "\nready: dragoman serve")
    return 1 if failed else 0


async def report(found: AsyncIterator[Finding], console: Console) -> int:
    """Print a line per finding, as it is known.

    Returns:
        How many failed.
    """
    failed = 0
    async for finding in found:
        failed += finding.verdict is Verdict.FAIL
        console.print(_line(finding))
    return failed


def _line(finding: Finding) -> Text:
    found = KNOWN.without(f" {finding.what}: {finding.found}")
    line = Text.assemble((f"{finding.verdict:<5}", STYLES[finding.verdict]), found)
    if finding.remedy:
        line.append(KNOWN.without(f"\n      -> {finding.remedy}"), "italic")
    return line
