"""The token commands and drain, as an operator runs them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from tests.web.serving import serving
from typer.testing import CliRunner, Result

from dragoman.admin.store import AdminStore
from dragoman.admin.tokens import Scope, Token, TokenBook
from dragoman.cli import app
from dragoman.cli.admin import TOKEN_VARIABLE
from dragoman.config import load


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    path = tmp_path / "dragoman.toml"
    path.write_text('[admin]\nstore = "kept/admin.sqlite"\n')
    return path


def run(conf: Path, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [*arguments, "--config", str(conf)])


def tokens(conf: Path) -> list[Token]:
    async def read() -> list[Token]:
        settings = load(conf, {}).admin
        assert settings.store is not None
        store = AdminStore(settings.store)
        await store.open()
        try:
            return await store.tokens()
        finally:
            await store.close()

    return asyncio.run(read())


def test_a_token_is_made_listed_and_revoked(conf: Path, tmp_path: Path) -> None:
    made = run(conf, "token", "create", "grafana", "--scope", "read", "--scope", "enrol", "--days", "30")
    assert made.exit_code == 0, made.output
    text = made.stdout.strip()
    (token,) = tokens(conf)
    assert TokenBook([token]).find(text, time.time()) == token
    assert token.scopes == {Scope.READ, Scope.ENROL} and token.expires is not None
    assert (tmp_path / "kept" / "admin.sqlite").exists(), "a path is meant from where the file is"

    listed = run(conf, "token", "list").stdout
    assert token.id in listed and "grafana" in listed and "enrol read" in listed and "expires" in listed
    assert text not in listed and text.rpartition("_")[2] not in listed

    assert run(conf, "token", "revoke", token.id).exit_code == 0
    assert TokenBook(tokens(conf)).find(text, time.time()) is None
    again = run(conf, "token", "revoke", token.id)
    assert again.exit_code == 1 and "no token" in again.output
    assert "revoked" in run(conf, "token", "list").stdout


def test_without_a_store_one_is_told_what_to_set(tmp_path: Path) -> None:
    conf = tmp_path / "dragoman.toml"
    conf.write_text("")
    answer = run(conf, "token", "list")
    assert answer.exit_code == 1 and "admin.store" in answer.output


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\nb"])
def test_a_name_that_is_none(conf: Path, name: str) -> None:
    assert run(conf, "token", "create", name, "--scope", "read").exit_code == 1
    assert run(conf, "token", "create", "x", "--scope", "write").exit_code == 2
    assert not (conf.parent / "kept").exists()


async def test_drain_tells_the_daemon_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = "0123456789abcdef~token"
    async with serving({"token": token}) as s:
        conf = tmp_path / "dragoman.toml"
        conf.write_text(f'[http]\nport = {s.server.address[1]}\ntoken = "{token}"\n')
        answer = await asyncio.to_thread(run, conf, "drain")
        assert answer.exit_code == 0 and "people still in rooms: 2" in answer.output
        assert (await s.json("/api/drain", headers={"Authorization": f"Bearer {token}"}))["draining"]
        monkeypatch.setenv(TOKEN_VARIABLE, "wrong")
        answer = await asyncio.to_thread(run, conf, "drain")
        assert answer.exit_code == 1 and "401" in answer.output and token not in answer.output
    answer = await asyncio.to_thread(run, conf, "drain")
    assert answer.exit_code == 1 and "no daemon answers" in answer.output
