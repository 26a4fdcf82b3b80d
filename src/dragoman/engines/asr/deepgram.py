"""Deepgram live: speech to words in the cloud, on the provider's own SDK.

Options (``[engines.options.deepgram]``): ``api_key`` or ``api_key_file`` or $DEEPGRAM_API_KEY; ``model`` ("nova-3");
``multi`` (false), follow who changes language in a sentence; ``variants``, a table such as ``en = "en-GB"``;
``endpointing_ms`` (300), ``utterance_end_ms`` (1000), ``smart_format`` (true); ``tags`` (["dragoman"]), beside room and
leg; ``mip_opt_out`` (true), the provider keeps no audio; ``max_streams`` (50); ``open_ahead`` (false), open as soon as
somebody listens, not at the first word; ``idle_s`` (60), let a stream go without speech for so long;
``stall_ms`` (2000), how much speech without a partial means a stalled stream; ``open_timeout_s`` (4); ``base_url``.
"""

from __future__ import annotations

import asyncio
import importlib
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, cast

import structlog

from dragoman.engines.asr.admission import Admission
from dragoman.engines.asr.deepgram_errors import refused
from dragoman.engines.asr.deepgram_settings import NAME, DeepgramSettings
from dragoman.engines.asr.deepgram_transcript import Transcript
from dragoman.engines.base import EngineInfo, Stage, StreamRequest
from dragoman.engines.http_answers import keyless
from dragoman.engines.local_models import importing, require_packages
from dragoman.errors import EngineBusy, EngineCrashed, EngineRejected, EngineTimeout, EngineUnavailable
from dragoman.media.format import SAMPLE_RATE

if TYPE_CHECKING:
    from deepgram import AsyncDeepgramClient

    from dragoman.engines.asr.deepgram_stream import DeepgramStream

log = structlog.get_logger(__name__)

ASK_AGAIN = 1.0
"""Seconds after which a leg that got no stream should ask again: asking costs nothing, and his words wait."""

INTERIM_AGREEMENT = 2
"""Interims in a row that must agree on a word: nova revises its last word now and then, hardly any before it."""

MAX_REMEMBERED = 1000
"""Legs whose last stream was lost that are remembered; more at once there are not."""


class DeepgramRecognizer:
    """A Recognizer; a stream per leg, at most ``max_streams`` of them."""

    def __init__(self, options: Mapping[str, object]) -> None:
        """Raises ConfigError for a wrong option."""
        self._settings = DeepgramSettings.of(options)
        self._admission = Admission(self._settings.max_streams)
        self._client: AsyncDeepgramClient | None = None
        self._streams: set[DeepgramStream] = set()
        self._lost: dict[str, int | None] = {}
        """Legs whose last stream died: the audio time of the finalize that was never answered, if that was why."""
        self._counts: Counter[str] = Counter()

    @property
    def info(self) -> EngineInfo:
        """See EngineInfo."""
        return EngineInfo(
            name=NAME,
            stage=Stage.ASR,
            languages=tuple(self._settings.languages),
            streaming=True,
            licence="LicenseRef-Deepgram-API-Terms",
            commercial_use=True,
            purpose="Production: quick and accurate in 46 languages, in the cloud, paid by the audio second.",
            chunk_ms=60,
            interim_agreement=INTERIM_AGREEMENT,
            early_finalize=True,
            stall_ms=self._settings.stall_ms,
            open_ahead=self._settings.open_ahead,
            idle_s=0 if self._settings.open_ahead else self._settings.idle_s,
        )

    def supports(self, language: str) -> bool:
        """Whether the model knows it."""
        return language in self._settings.languages

    async def start(self, languages: Sequence[str] = ()) -> None:
        """Import the SDK and make its client, which costs 0.4 s; nothing is sent.

        Raises:
            EngineUnavailable: the package or the key is missing.
        """
        require_packages(NAME, NAME, ("deepgram", "websockets"))
        if self._settings.key is None:
            raise EngineUnavailable(
                NAME,
                "no API key: set engines.options.deepgram.api_key or api_key_file, or $DEEPGRAM_API_KEY "
                "(console.deepgram.com makes one)",
            )
        if self._client is None:
            self._client = await asyncio.to_thread(self._make_client, self._settings.key.get_secret_value())

    async def open(self, request: StreamRequest) -> DeepgramStream:
        """See Recognizer."""
        from dragoman.engines.asr.deepgram_stream import DeepgramStream

        if not self.supports(request.language):
            known = ", ".join(self._settings.languages)
            raise EngineRejected(NAME, f"{self._settings.model} does not hear {request.language!r}; it hears {known}")
        if self._client is None:
            raise EngineUnavailable(NAME, "not started")
        if not self._admission.enter(request.leg, asyncio.get_running_loop().time()):
            raise EngineBusy(
                NAME,
                f"no stream free: all {self._admission.limit} are in use or promised (option max_streams); "
                f"{len(self._admission.waiting)} wait",
                retry_after=ASK_AGAIN,
            )
        stack = AsyncExitStack()
        try:
            connection = await self._connect(self._client, stack, request)
        except BaseException:
            self._admission.leave()
            raise
        self._counts["streams_opened"] += 1
        self._counts["reconnects"] += request.leg in self._lost
        transcript = Transcript(self._lost.pop(request.leg, None))

        def ended(stream: DeepgramStream, died: bool, unheard: int | None) -> None:
            self._admission.leave()
            self._streams.discard(stream)
            if died:
                self._lost[request.leg] = unheard
                while len(self._lost) > MAX_REMEMBERED:
                    del self._lost[next(iter(self._lost))]

        stream = DeepgramStream(connection, stack, transcript, self._counts, ended, self._settings.key)
        self._streams.add(stream)
        return stream

    async def close(self) -> None:
        """End every stream. Idempotent."""
        await asyncio.gather(*(stream.aclose() for stream in tuple(self._streams)))

    def counts(self) -> dict[str, int]:
        """See Counting; ``audio_seconds`` is what the provider bills."""
        counted = {name: self._counts[name] for name in ("streams_opened", "reconnects", "junk_messages")}
        return counted | {
            "duplicate_finals": self._counts["duplicate_finals"],
            "audio_seconds": self._counts["samples"] // SAMPLE_RATE,
            "streams_refused": self._admission.refused,
        }

    def _make_client(self, key: str) -> AsyncDeepgramClient:
        with importing(NAME, NAME):
            from deepgram import AsyncDeepgramClient
            from deepgram.environment import DeepgramClientEnvironment

            importlib.import_module("dragoman.engines.asr.deepgram_stream")

        base, socket = self._settings.base_url, self._settings.websocket_url
        client = AsyncDeepgramClient(
            api_key=key,
            environment=DeepgramClientEnvironment(base=base, production=socket, agent=socket, agent_rest=base),
        )
        _ = client.listen.v1  # the SDK imports its parts when they are first asked for
        return client

    async def _connect(self, client: AsyncDeepgramClient, stack: AsyncExitStack, request: StreamRequest) -> Any:
        """The SDK's connection, which ``stack`` closes.

        Raises:
            EngineError: see ``deepgram_errors``.
        """
        from deepgram.core.api_error import ApiError
        from websockets.exceptions import WebSocketException

        query = cast("dict[str, Any]", self._settings.query(request))
        try:
            async with asyncio.timeout(self._settings.open_timeout):
                return await stack.enter_async_context(client.listen.v1.connect(**query))
        except ApiError as error:
            # The SDK gives its own request's headers; those of the answer are in what it caught.
            answer = getattr(error.__context__, "headers", None)
            items = () if answer is None else answer.raw_items()
            headers = {name.lower(): keyless(value, self._settings.key) for name, value in items}
            raise refused(error.status_code or 0, headers) from None
        except TimeoutError:
            raise EngineTimeout(NAME, f"not connected within {self._settings.open_timeout:g} s") from None
        except OSError as error:
            raise EngineCrashed(NAME, f"cannot connect to {self._settings.base_url}: {error}") from None
        except WebSocketException as error:
            raise EngineCrashed(
                NAME, f"no WebSocket at {self._settings.base_url}: {keyless(str(error), self._settings.key)}"
            ) from None
