"""The ``dragoman`` command."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine, Sequence
from itertools import permutations
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dragoman import __version__, config
from dragoman.cli import admin, probe, voices
from dragoman.errors import ConfigError, DragomanError
from dragoman.signals import ended_by_signals, told_by_signal

# A bug is told by Python's own traceback, or by the log: typer's own form can show what variables hold.
app = typer.Typer(
    help="A live interpreter for phone conferences.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(voices.app, name="voices")
app.command(cls=probe.ProbeCommand)(probe.probe)
app.add_typer(admin.app, name="token")
app.command("drain")(admin.drain)

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="Settings file; else $DRAGOMAN_CONFIG, ./dragoman.toml, /etc/dragoman/dragoman.toml."
    ),
]


def _fail(error: DragomanError) -> typer.Exit:
    """Say what is wrong in plain words, without a traceback."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"dragoman: {error}", style="red", markup=False)
    return typer.Exit(1)


async def _until_signalled(stop: asyncio.Event, work: Coroutine[Any, Any, int]) -> int:
    """Run ``work``; SIGINT, SIGTERM and SIGHUP set ``stop``."""
    with ended_by_signals(stop.set):
        return await work


def _load(path: Path | None) -> config.Settings:
    from dragoman.observe import log

    settings = config.load(path)
    log.setup(settings)
    return settings


@app.command()
def serve(path: ConfigFile = None) -> None:
    """Attach to Asterisk and interpret its conferences, until SIGTERM; after SIGUSR1 until the last call is over."""
    # Matrices are small here. OpenBLAS shares even those between threads, which wait for each other spinning: with all
    # cores busy a product of 0.8 ms took 22 ms of CPU, a whole tick. It reads this when numpy is first imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from dragoman.service import Service

    async def run() -> int:
        stop = asyncio.Event()

        async def work() -> int:
            service = Service(settings)
            with told_by_signal(signal.SIGUSR1, service.admin.drain):
                await service.run(stop)
            return 0

        return await _until_signalled(stop, work())

    try:
        settings = _load(path)
        asyncio.run(run())
    except* DragomanError as group:
        raise _fail(_first(group)) from None


def _first(group: BaseExceptionGroup[DragomanError]) -> DragomanError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, DragomanError)
    return error


@app.command()
def check(path: ConfigFile = None) -> None:
    """Tell what of this machine and PBX is ready, and what to do about the rest."""
    from dragoman.check.run import run_checks
    from dragoman.observe import log

    try:
        settings = config.load(path)
        log.configure(config.LogSettings(level="error"), log.secrets_of(settings))  # the report is what counts here
        raise typer.Exit(asyncio.run(run_checks(settings)))
    except DragomanError as error:
        raise _fail(error) from None


def _test_engine(path: Path | None, name: str, language: str | None) -> int:
    from dragoman.check.run import report
    from dragoman.check.smoke import smoke
    from dragoman.observe import log

    async def run() -> int:
        return await report(smoke(settings, name, language), Console(highlight=False, soft_wrap=True))

    try:
        settings = config.load(path)
        log.configure(config.LogSettings(level="error"), log.secrets_of(settings))  # the report is what counts here
        return 1 if asyncio.run(run()) else 0
    except DragomanError as error:
        raise _fail(error) from None


@app.command()
def engines(
    path: ConfigFile = None,
    test: Annotated[str | None, typer.Option(help="Have this engine do one piece of work, and show it.")] = None,
    language: Annotated[
        str | None, typer.Option(help="To test it in: es; of a translator the target, or both: en-es.")
    ] = None,
) -> None:
    """List the engines that are installed, or test one."""
    if test is not None:
        raise typer.Exit(_test_engine(path, test, language))
    if language is not None:
        raise _fail(ConfigError("--language goes with --test NAME"))
    from dragoman.engines.registry import available
    from dragoman.engines.tts.stock_voices import STOCK_VOICES

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(no_wrap=True)
    table.add_column()
    for listed in available():
        info = listed.info
        if info is None:
            table.add_row(listed.name, "", Text(f"cannot be used: {listed.problem}", "red"))
            continue
        facts = (
            languages_in_words(info.languages) or "any language it is set up for",
            "streaming" if info.streaming else "sentence by sentence",
            f"{info.licence}, commercial use {'allowed' if info.commercial_use else 'NOT allowed'}",
            *([] if listed.package.startswith("dragoman ") else [f"from {listed.package}"]),
        )
        table.add_row(info.name, str(info.stage), Text.assemble(info.purpose, ("\n" + "; ".join(facts), "dim")))
    Console().print(table)
    voices = Table.grid(padding=(0, 2))
    for language, stock in STOCK_VOICES.items():
        other = f"else espeak: {stock.otherwise}" if stock.engine != "espeak" else ""
        voices.add_row(language, stock.engine, stock.voice, Text(other, "dim"))
    Console().print("\nStock voices, of who has no voice of his own:", voices)


def languages_in_words(languages: Sequence[str]) -> str:
    """Codes or pairs as they are, but for all the pairs of many languages, which would fill the screen."""
    codes = sorted({code for pair in languages for code in pair.split("-")})
    if len(codes) > 4 and set(languages) == {f"{a}-{b}" for a, b in permutations(codes, 2)}:
        return f"from and to any of {' '.join(codes)}"
    return " ".join(languages)


def _unwritable(folder: Path, error: OSError) -> ConfigError:
    return ConfigError(f"cannot write to {folder}: {error.strerror or error}")


@app.command()
def prompts(
    directory: Annotated[Path, typer.Argument(help="For example /var/lib/asterisk/sounds/dragoman.")],
    path: ConfigFile = None,
) -> None:
    """Make the prompts of the dialplan, spoken by espeak-ng in every language offered."""
    from dragoman.telephony.prompts import make_prompts

    try:
        made = make_prompts(directory, config.load(path).rooms.languages)
    except DragomanError as error:
        raise _fail(error) from None
    except OSError as error:
        raise _fail(_unwritable(directory, error)) from None
    Console().print(f"{len(made)} prompts in {directory}")


@app.command("pbx-config")
def pbx_config(
    folder: Annotated[Path, typer.Argument(help="Where; Asterisk must see it under the same name.")],
    path: ConfigFile = None,
    sip_port: Annotated[int, typer.Option(min=1, max=65535, help="UDP port for phones.")] = 5060,
    jitter_buffer: Annotated[
        bool | None,
        typer.Option(help="A jitter buffer for each caller; if not given: unless the Asterisk here has a known fault."),
    ] = None,
) -> None:
    """Write a complete Asterisk configuration for the languages, PIN and notice of the settings."""
    from yarl import URL

    from dragoman.telephony.pbx.bootstrap import installed_version
    from dragoman.telephony.pbx.flaws import forgets_callers
    from dragoman.telephony.pbx.folder import Ports, write_folder
    from dragoman.telephony.pbx.templates import Site

    try:
        settings = config.load(path)
        rooms = settings.rooms
        site = Site(rooms.languages, pin=rooms.pin.get_secret_value() if rooms.pin else None, notice=rooms.notice)
        ports = Ports(sip=sip_port, http=URL(settings.asterisk.url).port or Ports().http)
        password = settings.asterisk.require_password()
        if jitter_buffer is None:
            jitter_buffer = not forgets_callers(installed_version() or "")
        conf = write_folder(folder, str(folder.resolve()), site, ports, password, jitter_buffer=jitter_buffer)
    except DragomanError as error:
        raise _fail(error) from None
    except OSError as error:
        raise _fail(_unwritable(folder, error)) from None
    Console(soft_wrap=True).print(f"start it with: asterisk -f -C {conf.resolve()}", highlight=False)


@app.command()
def demo(
    script: Annotated[Path | None, typer.Option(help="The meeting; config/demo.toml if not given.")] = None,
    phrases: Annotated[Path | None, typer.Option(help="Phrase list; config/phrases.tsv if not given.")] = None,
    out: Annotated[Path, typer.Option(help="Where recordings, captions and the timeline go.")] = Path("demo-out"),
    keep: Annotated[bool, typer.Option("--keep", help="Leave it running, to dial in with a softphone.")] = False,
    engines: Annotated[
        str,
        typer.Option(
            help="embedded: no key, no network; fake-cloud: Deepgram, DeepL and ElevenLabs, played by local servers "
            "with the real ones' protocols and latencies (in a checkout only)."
        ),
    ] = "embedded",
) -> None:
    """Hold a short meeting over real phones, hear what everybody heard, and check it."""
    try:
        from dragoman.demo.run import DemoOptions, run_demo
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "dragoman":
            raise
        missing = ConfigError(f'the demo needs {error.name}, which is not installed: pip install "dragoman[demo]"')
        raise _fail(missing) from None
    try:
        raise typer.Exit(asyncio.run(run_demo(DemoOptions(script, phrases, out, keep, engines))))
    except DragomanError as error:
        raise _fail(error) from None


@app.command()
def version() -> None:
    """Print the version."""
    Console().print(__version__)


if __name__ == "__main__":
    app()
