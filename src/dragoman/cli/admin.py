"""The ``dragoman token`` commands and ``dragoman drain``: what an operator does beside the REST interface."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from dragoman import config
from dragoman.admin.tokens import Scope, Token, mint
from dragoman.errors import AdminUnavailable, ConfigError, DragomanError

if TYPE_CHECKING:
    from dragoman.admin.store import AdminStore

app = typer.Typer(help="Bearer tokens of the REST interface.", no_args_is_help=True)

ConfigFile = Annotated[Path | None, typer.Option("--config", "-c", help="Settings file.")]

TOKEN_VARIABLE: Final = "DRAGOMAN_TOKEN"
"""In the environment: the token that ``dragoman drain`` shows, if it is not the settings' own."""

T = TypeVar("T")


def _run(path: Path | None, work: Callable[[AdminStore], Awaitable[T]]) -> T:
    """Do something with the store of the settings; say what is wrong in plain words."""

    async def run(store: AdminStore) -> T:
        await store.open()
        try:
            return await work(store)
        finally:
            await store.close()

    from dragoman.observe import log

    try:
        loaded = config.load(path)
        log.configure(config.LogSettings(level="error"), log.secrets_of(loaded))  # what is printed is what counts
        settings = loaded.admin
        if settings.store is None:
            raise ConfigError("admin.store is not set: tokens are kept there (docs/admin.md)")
        try:
            from dragoman.admin.store import AdminStore
        except ImportError as error:
            why = f'the Python package {error.name} is missing: pip install "dragoman[admin]"'
            raise AdminUnavailable(why) from None
        return asyncio.run(run(AdminStore(settings.store, settings.key)))
    except DragomanError as error:
        raise _fail(error) from None


def _fail(error: DragomanError) -> typer.Exit:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"dragoman: {error}", style="red", markup=False)
    return typer.Exit(1)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose it is: stands in the audit log.")],
    scope: Annotated[list[Scope], typer.Option(help="What for; give it more than once for more.")],
    days: Annotated[float | None, typer.Option(min=0.001, help="Until it expires; never, if not given.")] = None,
    path: ConfigFile = None,
) -> None:
    """Make a token and print it, once: only its hash is kept."""
    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise _fail(ConfigError("a token's name: 1 to 100 printable characters"))
    token, text = mint(name.strip(), scope, time.time(), None if days is None else days * 86_400)
    _run(path, lambda store: store.add_token(token))
    Console(stderr=True, highlight=False).print(f"token {token.id}, scopes {' '.join(sorted(token.scopes))}:")
    print(text)  # alone on standard output, for a pipe


@app.command("list")
def list_tokens(path: ConfigFile = None) -> None:
    """Show the tokens there are, without what they are."""
    table = Table.grid(padding=(0, 2))
    for token in _run(path, lambda store: store.tokens()):
        table.add_row(token.id, token.name, " ".join(sorted(token.scopes)), _day(token.created), _state(token))
    Console(highlight=False).print(table)


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Its id, as listed.")],
    path: ConfigFile = None,
) -> None:
    """Take a token back; a running daemon knows within two seconds."""
    if not _run(path, lambda store: store.revoke_token(token, time.time())):
        raise _fail(ConfigError(f"there is no token {token} in force; dragoman token list shows them"))


def drain(path: ConfigFile = None) -> None:
    """Have the daemon of these settings take no new rooms, and end when the last call is over."""
    try:
        settings = config.load(path).http
        answer = asyncio.run(_post(settings))
    except DragomanError as error:
        raise _fail(error) from None
    Console(highlight=False).print(f"draining; people still in rooms: {answer}")


async def _post(settings: config.HttpSettings) -> int:
    import aiohttp

    token = os.environ.get(TOKEN_VARIABLE) or (settings.token.get_secret_value() if settings.token else "")
    host = "127.0.0.1" if settings.bind in ("0.0.0.0", "localhost") else settings.bind
    host = f"[{host}]" if ":" in host else host
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.post(f"http://{host}:{settings.port}/api/drain") as answer,
        ):
            body = await answer.json(content_type=None)
            if answer.status != 202:
                hint = f" Put one of scope admin in {TOKEN_VARIABLE}." if answer.status in (401, 403) else ""
                raise ConfigError(f"the daemon answers {answer.status}: {body.get('detail')}{hint}")
            return int(body["legs"])
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ConfigError(f"no daemon answers at {host}:{settings.port}: {error or type(error).__name__}") from None


def _day(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d")


def _state(token: Token) -> str:
    if token.revoked is not None:
        return f"revoked {_day(token.revoked)}"
    if token.expires is None:
        return "never expires"
    return f"{'expires' if token.good(time.time()) else 'expired'} {_day(token.expires)}"
