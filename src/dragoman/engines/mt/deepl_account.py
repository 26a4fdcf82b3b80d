"""What is asked of DeepL outside of the hot path, by its official client, in a thread: languages, usage, glossaries."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from pydantic import SecretStr

from dragoman import __version__
from dragoman.engines.local_models import importing, require_packages
from dragoman.engines.mt.deepl_languages import Listed
from dragoman.engines.mt.deepl_messages import KEY_HELP, NAME
from dragoman.errors import (
    EngineBusy,
    EngineCrashed,
    EngineDenied,
    EngineError,
    EngineRejected,
)

if TYPE_CHECKING:
    import deepl
    from deepl.api_data import MultilingualGlossaryInfo

T = TypeVar("T")

RETRIES = 1
"""Of the official client, each after a second or more: what is asked here is asked again later anyway."""

TIMEOUT_S = 5.0
"""Seconds it waits for an answer (its default is 10): the daemon's end waits for the thread."""


@dataclass(frozen=True, slots=True)
class Glossary:
    """A glossary of the account."""

    id: str
    name: str
    created: datetime


class Account:
    """The official client; its calls are made one at a time."""

    def __init__(self, key: SecretStr, server_url: str | None) -> None:
        """``server_url`` None: the one that belongs to the key."""
        self._key = key
        self._server_url = server_url
        self._client: deepl.DeepLClient | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="deepl")

    async def open(self) -> None:
        """Import and make the client; raises EngineUnavailable where the package is missing."""
        self._client = await asyncio.get_running_loop().run_in_executor(self._thread, self._make)

    async def languages(self) -> Listed:
        """What the server translates from and into, by the older ``/v2/languages``; raises EngineError."""

        def ask(client: deepl.DeepLClient) -> Listed:
            sources, targets = client.get_source_languages(), client.get_target_languages()
            if not sources or not targets:
                raise EngineCrashed(NAME, "the list of languages is empty")
            return Listed(
                frozenset(language.code.upper() for language in sources),
                frozenset(language.code.upper() for language in targets),
                frozenset(language.code.upper() for language in targets if language.supports_formality),
            )

        return await self._call(ask)

    async def usage(self) -> tuple[int | None, int | None]:
        """Characters used and allowed in this billing period, as far as the account tells; raises EngineError."""

        def ask(client: deepl.DeepLClient) -> tuple[int | None, int | None]:
            usage = client.get_usage()
            return usage.character.count, usage.character.limit

        return await self._call(ask)

    async def glossaries(self) -> list[Glossary]:
        """All of the account's; raises EngineError."""
        return await self._call(lambda client: [_glossary(each) for each in client.list_multilingual_glossaries()])

    async def create(self, name: str, source: str, target: str, entries: dict[str, str]) -> Glossary:
        """Make one with one dictionary, source term -> target term; raises EngineError."""

        def ask(client: deepl.DeepLClient) -> Glossary:
            from deepl.api_data import MultilingualGlossaryDictionaryEntries as Dictionary

            return _glossary(client.create_multilingual_glossary(name, [Dictionary(source, target, entries)]))

        return await self._call(ask)

    async def delete(self, glossary_id: str) -> None:
        """Delete one; raises EngineError."""
        await self._call(lambda client: client.delete_multilingual_glossary(glossary_id))

    def close(self) -> None:
        """Take no more calls; one that is under way ends by itself within its time-outs. Idempotent."""
        if self._client is not None:
            with suppress(RuntimeError):  # closed before
                self._thread.submit(self._client.close)  # its connections
        self._thread.shutdown(wait=False)

    def _make(self) -> deepl.DeepLClient:
        require_packages(NAME, NAME, ("deepl",))
        with importing(NAME, NAME):
            import deepl
        logging.getLogger("deepl").setLevel(logging.WARNING)  # below that it tells each request, and its body
        deepl.http_client.max_network_retries = RETRIES
        deepl.http_client.min_connection_timeout = TIMEOUT_S
        client = deepl.DeepLClient(self._key.get_secret_value(), server_url=self._server_url)
        client.set_app_info("dragoman", __version__)
        return client

    async def _call(self, ask: Callable[[deepl.DeepLClient], T]) -> T:
        if self._client is None:
            raise EngineCrashed(NAME, "not started")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._guarded, ask, self._client)
        except RuntimeError as error:  # the thread takes no more calls
            raise EngineCrashed(NAME, f"closed ({error})") from None

    @staticmethod
    def _guarded(ask: Callable[[deepl.DeepLClient], T], client: deepl.DeepLClient) -> T:
        import deepl

        try:
            return ask(client)
        except deepl.AuthorizationException as error:
            raise EngineDenied(NAME, f"{error}: {KEY_HELP}") from None
        except deepl.QuotaExceededException as error:
            raise EngineDenied(NAME, str(error)) from None
        except deepl.DeepLException as error:
            raise _error_of(error) from None
        except EngineError:
            raise
        except Exception as error:  # it does not check the shape of what it parses
            raise EngineCrashed(NAME, f"{type(error).__name__}: {error}") from error


def _error_of(error: deepl.DeepLException) -> EngineError:
    status = error.http_status_code
    if status is None:
        return EngineCrashed(NAME, str(error))
    if status == 429 or status >= 500:
        return EngineBusy(NAME, str(error))
    return EngineRejected(NAME, str(error))


def _glossary(info: MultilingualGlossaryInfo) -> Glossary:
    return Glossary(info.glossary_id, info.name, info.creation_time)
