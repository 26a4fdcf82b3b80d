"""Logs: no secret and no speech gets out, whoever logs it and in whatever form."""

from __future__ import annotations

import io
import json
import logging
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from structlog.contextvars import bound_contextvars

from dragoman.admin.tokens import Scope, mint
from dragoman.config import LogSettings, Settings
from dragoman.engines.faults import crashes_of
from dragoman.errors import EngineCrashed, EngineRejected
from dragoman.observe.health import Health
from dragoman.observe.log import Redactor, configure, secrets_of, setup
from dragoman.recovery.events import HealthBus
from dragoman.recovery.kinds import Action, Kind, Status
from dragoman.redaction import REDACTED
from dragoman.web.problem import Problem

SECRET = "correct-horse-battery"
OPTION_SECRET = "staple-0123456789"
KEY_SECRET = "279a2e9d-83b3:fx"


def settings() -> Settings:
    return Settings(
        asterisk={"password": SECRET},
        http={"token": SECRET + "-token"},
        rooms={"pin": "4711"},
        engines={"options": {"espeak": {"api_key": OPTION_SECRET, "rate": 3}, "deepl": {"auth_key": KEY_SECRET}}},
    )  # type: ignore[arg-type]  # pydantic makes the sections of tables


def logged(form: str = "json", *, transcripts: bool = False, level: str = "debug") -> io.StringIO:
    stream = io.StringIO()
    configure(
        LogSettings(format=form, level=level, transcripts=transcripts),  # type: ignore[arg-type]
        secrets_of(settings()),
        stream,
    )
    return stream


def test_secrets_of_the_settings() -> None:
    assert set(secrets_of(settings(), {})) == {SECRET, SECRET + "-token", "4711", OPTION_SECRET, KEY_SECRET}


def test_the_path_of_a_store_is_no_secret_and_its_address_is() -> None:
    def known(store: str) -> set[str]:
        return set(secrets_of(Settings.model_validate({"admin": {"store": store}}), {}))

    assert known("/var/lib/dragoman/admin.sqlite") == set()
    assert known("postgresql://d:a%20b@db/d") == {"postgresql://d:a%20b@db/d", "a%20b", "a b"}
    # As libpq writes it, too; and the word that opens the key of a certificate.
    libpqs = "postgresql:///d?host=db&password=a%20b&sslpassword=c"
    assert known(libpqs) == {libpqs, "a%20b", "a b", "c"}


def say_everything_with_the_secret() -> None:
    log = structlog.get_logger("dragoman.test")
    log.info("plain " + SECRET)
    log.info("key", password=SECRET, http_token=SECRET, Authorization="Bearer " + SECRET)
    log.info("nested", request={"headers": {"Authorization": ["x", SECRET]}, "list": [(SECRET,)]})
    log.info("settings", settings=settings(), section=settings().asterisk)
    log.info("wrapped", password=SecretStr(SECRET), value=SecretStr(SECRET))
    log.info("bytes", body=SECRET.encode())
    log.info("positional %s", SECRET)
    with bound_contextvars(token=SECRET):
        log.info("context")
    try:
        raise ValueError(f"cannot log in with {SECRET}")
    except ValueError:
        log.exception("failed")
        logging.getLogger("some.library").exception("library failed")
    stdlib = logging.getLogger("some.library")
    stdlib.warning("url %s", f"http://dragoman:{SECRET}@127.0.0.1/ari/events?api_key=dragoman:{SECRET}")
    stdlib.error("options %r", settings().engines.options)


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_form_of_logging_lets_a_secret_out(form: str) -> None:
    stream = logged(form)
    say_everything_with_the_secret()
    text = stream.getvalue()
    assert text.count("\n") >= 11
    assert SECRET not in text
    assert OPTION_SECRET not in text and KEY_SECRET not in text
    assert REDACTED in text
    assert "cannot log in with" in text  # the traceback is there, without locals


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Basic ZHJhZ29tYW46aHVudGVyMg==",
        "{'Authorization': 'Token hunter2hunter2', 'a': 1}",
        "sent bearer hunter2hunter2",
        "{'auth_key': 'hunter2hunter2'}",
        "ws://h/ari/events?api_key=dragoman:hunter2hunter2&app=x",
        "AsteriskSettings(url='x', password='hunter2hunter2')",
        '{"token": "hunter2hunter2"}',
        "http://dragoman:hunter2hunter2@127.0.0.1:8088/",
    ],
)
def test_secrets_nobody_named_are_known_by_their_form(text: str) -> None:
    cleaned = Redactor().text(text)
    assert "hunter2" not in cleaned and "aHVudGVy" not in cleaned
    assert REDACTED in cleaned


@pytest.mark.parametrize("key", ["sk_" + "0f" * 24, "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f:fx"])
def test_keys_of_providers_are_known_without_a_name(key: str) -> None:
    assert Redactor().text(f"<html>no way with {key}</html>") == f"<html>no way with {REDACTED}</html>"


@pytest.mark.parametrize(
    "text", ["room 4711 entered", "http://127.0.0.1:8088/ari", "AsteriskSettings(password=SecretStr('**********'))"]
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redactor(["4711"]).text(text) == text


FORGED = "Ann\n2026-11-26T14:00:00Z [info     ] audit   [dragoman] actor=boss\r\x1b[2J\x9b31m\u2028\u202e"
"""A name that begins a line of its own, and one that clears the screen."""


@pytest.mark.parametrize("form", ["json", "console"])
def test_nothing_that_somebody_sends_begins_a_line_or_commands_the_terminal(form: str) -> None:
    stream = logged(form)
    log = structlog.get_logger("dragoman.test")
    log.info(f"joined {FORGED}", name=FORGED, names=[FORGED], by={FORGED: FORGED})
    logging.getLogger("some.library").warning("bad request %s", FORGED)
    try:
        raise ValueError(FORGED)
    except ValueError:
        log.exception("failed")
    text = stream.getvalue()
    lines = text.splitlines()
    # A time of ours begins each line; in the console's form a traceback goes on behind spaces.
    told = lines if form == "json" else [line for line in lines if not line.startswith("  ")]
    assert len(told) == 3 and all("14:00:00Z" not in line[:30] for line in told), text
    assert text.count("\n") == len(lines) and all(char.isprintable() for line in lines for char in line), text


def test_a_known_secret_is_told_by_nothing_else_either() -> None:
    logged()
    said = f"there is no account for {OPTION_SECRET.upper()}, it says"
    with pytest.raises(EngineCrashed) as bug, crashes_of("other"):
        raise KeyError(said)
    with pytest.raises(EngineRejected) as refusal, crashes_of("other"):
        raise EngineRejected("other", said)
    health, bus = Health(["mt"]), HealthBus(lambda: 0.0)
    health.failed("mt", said)
    (failed,) = health.parts
    health.ok("mt", said)
    bus.tell(Kind.BUG, Action.RESTART, Status.DEGRADED, "mt", detail=said)
    told = [str(bug.value), str(refusal.value), failed.why, health.parts[0].degraded, bus.history[0].detail]
    told.append(str(Problem(503, said).response().text))
    assert [text for text in told if OPTION_SECRET.upper() in text] == []
    assert all("there is no account for" in text for text in told)
    configure(LogSettings(), (), io.StringIO())


@given(st.text(min_size=8), st.text(), st.text())
def test_a_known_secret_is_never_left(secret: str, before: str, after: str) -> None:
    assert secret in REDACTED or secret not in Redactor([secret]).text(before + secret + after)


def test_json_lines_carry_the_context_also_of_libraries() -> None:
    stream = logged()
    with bound_contextvars(room="1000", leg="a.1", clause="a.1-7"):
        structlog.get_logger("dragoman.x").info("ours", rate=3)
        logging.getLogger("library").warning("theirs %d", 7)
    ours, theirs = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (ours["event"], ours["rate"], ours["logger"], ours["level"]) == ("ours", 3, "dragoman.x", "info")
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ("theirs 7", "library", "warning")
    for line in (ours, theirs):
        assert (line["room"], line["leg"], line["clause"]) == ("1000", "a.1", "a.1-7")
        assert line["timestamp"].endswith("Z")


@dataclass(frozen=True, slots=True)
class Said:
    text: str
    start: int


def say() -> None:
    log = structlog.get_logger("dragoman.x")
    log.info("clause", text="good morning", source_text="good morning", start=5)
    log.info("nested", clause={"words": ["good morning"]}, caption=Said("good morning", 7))


def test_speech_is_not_logged() -> None:
    stream = logged()
    say()
    assert "morning" not in stream.getvalue()
    clause, nested = (json.loads(line) for line in stream.getvalue().splitlines())
    assert clause["start"] == 5
    assert nested["caption"] == {"start": 7}


def test_speech_is_logged_when_asked_for() -> None:
    stream = logged(transcripts=True)
    say()
    assert stream.getvalue().count("good morning") == 4


def test_the_level_holds_for_all() -> None:
    stream = logged(level="warning")
    structlog.get_logger("dragoman.x").info("quiet")
    logging.getLogger("library").info("quiet")
    structlog.get_logger("dragoman.x").warning("loud")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["loud"]


def test_configured_twice_logs_once() -> None:
    logged()
    stream = logged()
    structlog.get_logger("dragoman.x").info("once")
    assert len(stream.getvalue().splitlines()) == 1


def test_setup_by_the_settings_logs_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    setup(settings())
    structlog.get_logger("dragoman.x").info("hello", note=SECRET)
    said = capsys.readouterr()
    assert said.out == ""
    assert "hello" in said.err and SECRET not in said.err


def test_keys_that_engines_read_from_files_and_the_environment_are_known(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("key-in-a-file-123\n")
    files = {"deepl": {"auth_key_file": str(tmp_path / "key")}, "deepgram": {"api_key_file": str(tmp_path / "missing")}}
    given = Settings(engines={"options": files})  # type: ignore[arg-type]  # pydantic makes the sections of tables
    environ = {"ELEVENLABS_API_KEY": "key-in-the-environment", "PATH": "/usr/bin"}
    assert set(secrets_of(given, environ)) == {"key-in-a-file-123", "key-in-the-environment"}


def test_tokens_of_our_own_interface_and_tickets_get_out_nowhere() -> None:
    _, token = mint("x", [Scope.ADMIN], 0.0)
    log, out = structlog.get_logger("dragoman.test"), logged()
    log.info(f"asked with {token}", query="lang=es&ticket=abcdef.0123", ticket="abcdef.0123", shown=[token])
    text = out.getvalue()
    assert token not in text and "abcdef.0123" not in text and text.count(REDACTED) >= 4
