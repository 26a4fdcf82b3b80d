"""``dragoman probe``: a test call for cron, Nagios or Prometheus."""

from __future__ import annotations

import asyncio
import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from pydantic import SecretStr
from typer.core import TyperCommand

from dragoman.engines.base import Stage
from dragoman.errors import ConfigError, DragomanError
from dragoman.media.format import Pcm

if TYPE_CHECKING:
    from dragoman.demo.baresip import Line

WHO = "probe"
"""Speaker's name for the synthesizer of the sentence."""


Mistake = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])
"""click's UsageError, of whichever click typer brings along."""


class ProbeCommand(TyperCommand):
    """What it is called with wrongly ends as what could not be tried: Nagios takes the usual 2 for a broken room."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """As click's; a mistake is told in the one line, too."""
        try:
            return super().make_context(*args, **kwargs)
        except Mistake as error:
            from dragoman.probe.report import Status

            typer.echo(f"DRAGOMAN {Status.UNKNOWN.name} - {' '.join(error.format_message().split())}")
            error.exit_code = Status.UNKNOWN
            raise


def probe(
    uri: Annotated[str, typer.Argument(help="The room's address: sip:1900@pbx.example.org. Best an unused one.")],
    source: Annotated[str, typer.Option("--from", help="Language to say a sentence in.")] = "en",
    target: Annotated[str, typer.Option("--to", help="Language to listen in.")] = "es",
    wav: Annotated[
        Path | None, typer.Option(help="What to say: one sentence, WAV, 16 kHz, mono, 16 bit. Else espeak-ng says one.")
    ] = None,
    pin_file: Annotated[Path | None, typer.Option(help="File with the room's PIN.")] = None,
    user: Annotated[str | None, typer.Option(help="SIP account to call with; else as anybody, from here.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with its password.")] = None,
    listen: Annotated[str, typer.Option(help="IPv4 address to call from, with --user.")] = "0.0.0.0",
    codec: Annotated[str, typer.Option(help="What the phones offer: g722, ulaw or alaw.")] = "g722",
    warning: Annotated[float, typer.Option(help="Seconds from the sentence's end at which it is late.")] = 2.0,
    critical: Annotated[float, typer.Option(help="Seconds at which it is too late.")] = 4.0,
    textfile: Annotated[
        Path | None, typer.Option(help="Write metrics there, for node_exporter's textfile collector: dragoman.prom.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell how far it is, on standard error.")] = False,
) -> None:
    """Call a room on two phones, say a sentence on one, and measure when the other hears its interpretation.

    One line on standard output; exit status 0 heard in time, 1 late, 2 not heard or far too late, 3 could not be tried.
    """
    from dragoman.config import LogSettings
    from dragoman.observe import log
    from dragoman.probe.call import CODECS, Plan, excuses, place, room_uris
    from dragoman.probe.report import Found, Limits, Status, line
    from dragoman.probe.report import textfile as as_textfile
    from dragoman.redaction import KNOWN

    log.configure(LogSettings(level="error"))  # the line is what counts here
    limits = Limits(warning, critical)
    found = Found(uri.rpartition("@")[0].rpartition(":")[2] or uri, source, target, why="not tried", ours=True)
    try:
        if codec not in CODECS:
            raise ConfigError(f"--codec {codec}: known are {', '.join(CODECS)}")
        if not 0 < warning <= critical < math.inf:
            raise ConfigError(
                f"--warning {warning:g} --critical {critical:g}: seconds, and the second not below the first"
            )
        room, speaker, listener = room_uris(uri, source, target)
        found = Found(room, source, target)
        account = _line(uri, user, password_file, listen)
        keys = "" if pin_file is None else _read(pin_file)
        secrets = [keys] if account is None else [keys, account.password.get_secret_value()]
        log.configure(LogSettings(level="error"), secrets)
        sentence = asyncio.run(_sentence(source)) if wav is None else _wav(wav)
        plan = Plan(speaker, listener, sentence, keys, account, codec, excuses(target))
        tell = (lambda text: typer.echo(text, err=True)) if verbose else (lambda text: None)
        found = asyncio.run(place(plan, found, tell))
        if textfile is not None and found.status(limits) is not Status.UNKNOWN:
            _write(textfile, as_textfile(found, limits, time.time()))
    except (DragomanError, ValueError, OSError) as error:
        found = Found(found.room, source, target, why=str(error), ours=True)
    typer.echo(KNOWN.without(line(found, limits)))  # it goes to whom the machine mails, and on a monitor's wall
    raise typer.Exit(found.status(limits))


async def _sentence(language: str) -> Pcm:
    """A sentence of the phrase list as espeak-ng says it."""
    from dragoman.check.smoke import sentence
    from dragoman.engines.tts.espeak import EspeakSynthesizer, render

    voice = EspeakSynthesizer({})
    if not voice.supports(language):
        raise ConfigError(f"espeak-ng ({Stage.TTS}) does not speak {language!r}: give --wav")
    try:
        await voice.start()
        return await render(voice, sentence(language), language, WHO)
    finally:
        await voice.close()


def _wav(path: Path) -> Pcm:
    from dragoman.demo.mic import read_mic

    return read_mic(path)


def _line(uri: str, user: str | None, password_file: Path | None, listen: str) -> Line | None:
    from dragoman.demo.baresip import Line

    if user is None:
        return None
    if password_file is None:
        raise ConfigError("--user goes with --password-file")
    host = uri.partition("@")[2].partition(";")[0]
    return Line(user, host, SecretStr(_read(password_file)), listen)


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    if not text:
        raise ConfigError(f"{path} is empty")
    return text


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all: the collector may read it at any moment."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(data)
    beside.chmod(0o644)
    beside.replace(path)
