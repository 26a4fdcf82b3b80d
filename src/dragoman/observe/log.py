"""Logs: structlog and the standard library's loggers through one chain, to the console or as JSON lines.

What happens to a leg is logged with ``bound_contextvars(room=…, leg=…, clause=…)`` around it. What people say goes only
under the keys TRANSCRIPT_KEYS, which are left out unless ``log.transcripts`` is set; libraries are not heard below
LIBRARIES, for they log whole messages. Secrets are taken out last, after
tracebacks are text, by their key, by their form (``Authorization``, ``api_key=``, ``//user:password@``) and, for those
of the settings, by their value.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TextIO
from urllib.parse import unquote

import structlog
from pydantic import BaseModel, SecretStr
from structlog.contextvars import merge_contextvars
from structlog.typing import EventDict, Processor, WrappedLogger

from dragoman.config import LogSettings, Settings
from dragoman.redaction import KNOWN, LITERAL_LENGTH, REDACTED, SECRET_KEY, without_secrets

TRANSCRIPT_KEYS = frozenset({"text", "source_text", "transcript", "translation", "words"})
"""Keys under which speech is logged."""

LIBRARIES = logging.INFO
"""From which level on others' loggers are heard, however much is asked of ours."""

TRACEBACKS = ("exception", "stack")
"""Keys whose text has several lines."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What a terminal or a pager obeys, or takes for the end of a line; callers choose their names. Tracebacks keep their
lines and tabs, unlike what is taken for a name (web.room_models)."""

_PASSWORD = re.compile(r"://[^/\s@]*?:([^/\s@]+)@|[?&](?:ssl)?password=([^&\s]+)")
"""The passwords in a database's address."""


class Redactor:
    """A processor that takes secrets out of an event, wherever in it they are."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """``secrets`` are values that must not appear anywhere; short ones cannot be looked for."""
        self._literals = sorted({secret for secret in secrets if len(secret) >= LITERAL_LENGTH}, key=len, reverse=True)

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """The event without secrets."""
        return {key: self._item(key, value) for key, value in event.items()}

    def text(self, text: str) -> str:
        """A text without secrets."""
        for literal in self._literals:
            text = text.replace(literal, REDACTED)
        return _CONTROL.sub(_escaped, without_secrets(text))

    def _item(self, key: object, value: object) -> object:
        secret = value is not None and isinstance(key, str) and SECRET_KEY.search(key)
        return REDACTED if secret else self._value(value)

    def _value(self, value: object) -> object:
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self.text(value)
            case SecretStr():
                return REDACTED
            case Mapping():
                return {self.text(str(key)): self._item(key, item) for key, item in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._value(item) for item in value]
        return self.text(repr(value))


def _escaped(control: re.Match[str]) -> str:
    return control[0].encode("unicode_escape").decode()


def on_its_own_lines(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """A processor for the console: no event goes on in a line that looks like another event."""
    said = str(event["event"]).replace("\n", "\\n")
    told = {key: "  " + value.replace("\n", "\n  ") for key in TRACEBACKS if isinstance(value := event.get(key), str)}
    return {**event, "event": said, **told}


def drop_transcripts(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """A processor that leaves out what people say."""
    kept = _without_transcripts(event)
    assert isinstance(kept, dict)
    return kept


def _without_transcripts(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    match value:
        case Mapping():
            return {key: _without_transcripts(item) for key, item in value.items() if key not in TRANSCRIPT_KEYS}
        case list() | tuple():
            return [_without_transcripts(item) for item in value]
    return value


def secrets_of(settings: BaseModel, environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Every secret in the settings: SecretStr fields, engine options whose key says that they are one, and their files.

    Those of ``environ`` too, by the names of the variables: engines take their keys from there.
    """
    yield from _secrets(None, settings)
    yield from (value for name, value in environ.items() if SECRET_KEY.search(name))


def _secrets(key: object, value: object) -> Iterator[str]:
    match value:
        case SecretStr() if key == "store" and "://" not in value.get_secret_value():
            return  # the path of a file, which whoever reads the log wants to know
        case SecretStr():
            secret = value.get_secret_value()
            yield secret
            for in_address in _PASSWORD.finditer(secret):  # a driver's errors may repeat it alone
                password = in_address[1] or in_address[2]
                yield from {password, unquote(password)}
        case str() if isinstance(key, str) and SECRET_KEY.search(key):
            yield value
        case str() if isinstance(key, str) and key.endswith("_file") and SECRET_KEY.search(key.removesuffix("_file")):
            with contextlib.suppress(OSError, UnicodeDecodeError):  # who needs it says that it cannot be read
                yield Path(value).expanduser().read_text(encoding="utf-8").strip()
        case BaseModel():
            for name, item in value:
                yield from _secrets(name, item)
        case Mapping():
            for name, item in value.items():
                yield from _secrets(name, item)


def setup(settings: Settings) -> None:
    """Set up logging to standard error as the settings say, without any of their secrets."""
    configure(settings.log, secrets_of(settings))
    sys.excepthook = _told
    threading.excepthook = lambda bug: _told(bug.exc_type, bug.exc_value, bug.exc_traceback)


def _told(kind: type[BaseException], bug: BaseException | None, traceback: TracebackType | None) -> None:
    """What nobody caught: Python writes it past the log, as it is."""
    if bug is None or isinstance(bug, KeyboardInterrupt | SystemExit):
        return
    structlog.get_logger(__name__).critical("a bug of ours that nobody caught", exc_info=(kind, bug, traceback))


def configure(settings: LogSettings, secrets: Iterable[str] = (), stream: TextIO | None = None) -> None:
    """Set up structlog and the root logger of the standard library; may be called again.

    ``stream`` is standard error when not given. ``secrets`` comes from ``secrets_of``: nothing else tells them either.
    """
    stream = stream or sys.stderr
    secrets = tuple(secrets)
    KNOWN.set(secrets)
    chain: list[Processor] = [
        merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    if not settings.transcripts:
        chain.append(drop_transcripts)
    if settings.format == "json":
        renderers: list[Processor] = [structlog.processors.JSONRenderer(ensure_ascii=False)]
    else:
        console = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        renderers = [on_its_own_lines, console]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=chain,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, Redactor(secrets), *renderers],
        )
    )
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    # What libraries tell below that is what they send and receive: speech, and keys cut short so that none is found.
    root.setLevel(max(level, LIBRARIES))
    logging.getLogger("dragoman").setLevel(level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *chain,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
