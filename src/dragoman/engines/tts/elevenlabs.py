"""ElevenLabs: the voices of a paid provider, streamed as they are made, over its HTTP interface.

POST /v1/text-to-speech/{voice_id}/stream answers with raw samples in chunks. Its answers and errors are as described in
the provider's API reference ("Stream speech", "Errors").
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial

import aiohttp
import numpy as np
import structlog
from yarl import URL

from dragoman.engines.base import EngineInfo, SpeechRequest, Stage
from dragoman.engines.http_answers import keyless, one_line, retry_after, unspoken
from dragoman.engines.options import Options
from dragoman.engines.tts.loudness import VoiceLevels
from dragoman.engines.tts.provider import FIRST_AUDIO_MS, shaped, speakable, timely
from dragoman.engines.tts.voices import VoiceAssigner
from dragoman.errors import (
    EngineBusy,
    EngineCrashed,
    EngineDenied,
    EngineError,
    EngineRejected,
    EngineTimeout,
    EngineUnavailable,
)
from dragoman.media.format import SAMPLE_RATE, Pcm

log = structlog.get_logger(__name__)

NAME = "elevenlabs"

_FLASH = tuple("ar bg cs da de el en es fi fr hi hr hu id it ja ko ms nl no pl pt ro ru sk sv ta tr uk vi zh".split())
_OLDER = tuple(language for language in _FLASH if language not in ("hu", "no", "vi"))

MODELS: Mapping[str, tuple[str, ...]] = {
    "eleven_flash_v2_5": _FLASH,
    "eleven_turbo_v2_5": _FLASH,
    "eleven_multilingual_v2": _OLDER,
    "eleven_v3": (*_FLASH, "ca"),
}
"""ISO 639-1 languages of each model (the provider's model overview; its ``fil`` has no such code). The flash model is
the one made for conversations; v3 is slower, and knows far more languages than those listed here."""

_LANGUAGE_CODE = ("eleven_flash_v2_5", "eleven_turbo_v2_5", "eleven_v3")
"""Models that may be told the language; the others guess it from the text, and refuse to be told."""

VOICES = (
    "EXAVITQu4vr4xnSDxMaL",  # Sarah
    "JBFqnCBsd6RMkjVDRZzb",  # George
    "XrExE9yKIg1WjnnlVkGX",  # Matilda
    "nPczCjzI2devNBz1zQrb",  # Brian
    "cgSgspJ2msm6clMCkdW9",  # Jessica
    "onwK4e9ZLuTAKqWW03F9",  # Daniel
    "Xb7hH8MSUJpSbSDYk0k2",  # Alice
    "cjVigY5qzO86Huf0OWal",  # Eric
)
"""Default voices every account has; women and men in turn, so that the first two speakers sound unlike."""

START_DEADLINE_S = 5.0
"""Seconds for the questions asked at start."""

KEEP_S = 75.0
"""Seconds an idle connection is kept: a new one costs two or three round trips before the first audio."""

_AUDIO = ("audio/", "application/octet-stream")
"""How the answer's type begins where it is audio; aiohttp's for none at all is the latter."""

_MAX_ERROR = 4096
"""Bytes of an error's body that are read: its JSON has some hundred."""
_SAMPLE = np.dtype("<i2")


class ElevenLabsSynthesizer:
    """A request per clause, on kept connections.

    Options: ``api_key`` (or ``api_key_file``, or $ELEVENLABS_API_KEY), ``voices`` (ids; each speaker gets one and keeps
    it), ``model`` (eleven_flash_v2_5), ``deadline_ms`` to the first audio (1500), ``max_requests`` at once (5; what
    your plan allows), ``logging`` (true; false asks for zero retention, which takes an enterprise plan), ``url``.
    """

    def __init__(self, options: Mapping[str, object]) -> None:
        """Raises ConfigError for a wrong option."""
        reader = Options(NAME, options)
        self._key = reader.secret("api_key", "ELEVENLABS_API_KEY")
        self._voices = reader.strings("voices", VOICES) or VOICES
        self._model = reader.choice("model", "eleven_flash_v2_5", tuple(MODELS))
        self._deadline_s = reader.integer("deadline_ms", FIRST_AUDIO_MS, 100, 30_000) / 1000
        self._max_requests = reader.integer("max_requests", 5, 1, 1000)
        self._logging = reader.flag("logging", True)
        self._url = URL(reader.url("url", "https://api.elevenlabs.io"))
        reader.done()
        self._voice_of = VoiceAssigner(len(self._voices))
        self._levels = VoiceLevels()
        self._session: aiohttp.ClientSession | None = None
        self._running: set[object] = set()
        self.unchecked = ""
        """See Unsure."""
        self._counts = {"requests": 0, "characters": 0, "cancelled": 0}

    @property
    def info(self) -> EngineInfo:
        """See EngineInfo."""
        return EngineInfo(
            name=NAME,
            stage=Stage.TTS,
            languages=MODELS[self._model],
            streaming=True,
            licence="LicenseRef-ElevenLabs-Terms",
            commercial_use=True,
            purpose="Speaking in natural voices, of a provider; for business with one of its paid plans.",
        )

    def supports(self, language: str) -> bool:
        """The languages of the model."""
        return language in MODELS[self._model]

    async def start(self, languages: Sequence[str] = ()) -> None:
        """Ask for each voice, which tests the key too. A provider that cannot be reached now may be later.

        Raises:
            EngineUnavailable: no key is set, or a voice does not exist.
            EngineDenied: the key is refused.
        """
        if self._key is None:
            raise EngineUnavailable(
                NAME,
                "no API key: set engines.options.elevenlabs.api_key_file to a file that holds it, or "
                "engines.options.elevenlabs.api_key, or $ELEVENLABS_API_KEY",
            )
        self.unchecked = ""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._max_requests, keepalive_timeout=KEEP_S),
                headers={"xi-api-key": self._key.get_secret_value()},
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._deadline_s),
            )
        try:
            async with asyncio.timeout(START_DEADLINE_S):
                asked = (self._ask_for(self._session, voice) for voice in self._voices)
                answers = await asyncio.gather(*asked, return_exceptions=True)  # all have ended when one has failed
            failures = [answer for answer in answers if isinstance(answer, BaseException)]
            for failure in sorted(failures, key=lambda failure: not isinstance(failure, EngineError)):
                raise failure
        except (aiohttp.ClientError, TimeoutError, EngineBusy) as error:
            self.unchecked = self._told(error, "").removeprefix(f"{NAME}: ") or type(error).__name__
            log.warning("provider not reached", engine=NAME, error=self.unchecked)
        except EngineError:
            await self.close()
            raise

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        """See Synthesizer."""
        if not self.supports(request.language):
            raise EngineRejected(NAME, f"{self._model} does not speak {request.language!r}")
        text = speakable(NAME, request.text)
        if self._session is None:
            raise EngineCrashed(NAME, "not started, or closed")
        if len(self._running) >= self._max_requests:
            raise EngineBusy(NAME, f"{self._max_requests} requests run already (option max_requests)")
        voice = self._voices[self._voice_of(request.speaker)]
        self._running.add(order := object())
        self._counts["requests"] += 1
        self._counts["characters"] += len(text)
        ended = False
        try:
            # Whoever plays it takes as long as it sounds; for the provider it is over when all was sent.
            answered = partial(self._running.discard, order)
            asked = self._answer(self._session, voice, text, request.language, answered)
            answer = timely(NAME, asked, self._deadline_s)
            async with aclosing(answer), aclosing(shaped(answer, voice, self._levels)) as pieces:
                async for piece in pieces:
                    yield piece
            ended = True
        except EngineError:
            ended = True
            raise
        finally:
            self._running.discard(order)
            self._counts["cancelled"] += not ended

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def counts(self) -> Mapping[str, int]:
        """See Counting: ``characters`` are what the provider charges for."""
        return dict(self._counts)

    async def _answer(
        self, session: aiohttp.ClientSession, voice: str, text: str, language: str, answered: Callable[[], None]
    ) -> AsyncGenerator[tuple[int, Pcm], None]:
        """(Hz, samples) as they come; closing it closes the connection at once. ``answered``: called when all came."""
        body = {"text": text, "model_id": self._model}
        if self._model in _LANGUAGE_CODE:
            body["language_code"] = language
        query = {"output_format": f"pcm_{SAMPLE_RATE}"}
        if not self._logging:
            query["enable_logging"] = "false"
        url = self._url / "v1" / "text-to-speech" / voice / "stream"
        try:
            # No redirects: our key is for this server alone.
            response = await session.post(url, params=query, json=body, allow_redirects=False)
            try:
                response.content.on_eof(answered)
                if response.status != 200:
                    raise _by_status(response, *await self._detail(response, text), voice)
                if not response.content_type.startswith(_AUDIO):
                    code, message = await self._detail(response, text)
                    raise EngineCrashed(NAME, f"{response.content_type} instead of audio: {code} {message}".strip())
                odd, heard = b"", False  # a chunk may end within a sample
                async for chunk, _ in response.content.iter_chunks():
                    if not heard and _is_file(chunk):
                        raise EngineCrashed(NAME, f"not the samples that were asked for: {query['output_format']}")
                    heard = True
                    if chunk.startswith(b"{") and (said := _parsed(self._words(chunk, text))):
                        raise EngineCrashed(NAME, f"an error instead of audio: {' '.join(said)}")
                    data = odd + chunk
                    whole = len(data) // 2 * 2
                    odd = data[whole:]
                    if whole:
                        yield SAMPLE_RATE, np.frombuffer(data[:whole], _SAMPLE).astype(np.int16, copy=False)
            finally:
                response.close() if not response.content.at_eof() else response.release()
        except aiohttp.ClientPayloadError as error:
            raise EngineCrashed(NAME, f"the audio was cut off: {self._told(error, text)}") from error
        except aiohttp.ServerTimeoutError as error:
            raise EngineTimeout(NAME, f"no connection to {self._url.host} within {self._deadline_s:g} s") from error
        except aiohttp.ClientError as error:
            raise EngineCrashed(NAME, f"no connection to {self._url.host}: {self._told(error, text)}") from error
        except RuntimeError as error:  # how aiohttp tells one who reads that the session was closed
            raise EngineCrashed(NAME, f"closed: {error}") from error

    async def _ask_for(self, session: aiohttp.ClientSession, voice: str) -> None:
        """Raises EngineDenied when the key is refused, EngineUnavailable when there is no such voice."""
        async with session.get(self._url / "v1" / "voices" / voice, allow_redirects=False) as response:
            if response.status == 200:
                return
            code, message = await self._detail(response)
            if code in ("missing_permissions", "insufficient_permissions"):
                return  # a key that may only speak cannot ask
            if response.status in (400, 404, 422):
                raise EngineUnavailable(
                    NAME, f"engines.options.elevenlabs.voices: the account has no voice {voice!r} ({message})"
                )
            raise _by_status(response, code, message, voice)

    async def _detail(self, response: aiohttp.ClientResponse, spoken: str = "") -> tuple[str, str]:
        """Code and message of an error body, else its text; without what was to be ``spoken``, and our key."""
        text = self._words(await response.content.read(_MAX_ERROR), spoken)
        return _parsed(text) or ("", one_line(text))

    def _words(self, data: bytes, spoken: str) -> str:
        return keyless(unspoken(data.decode(errors="replace"), (spoken,)), self._key)

    def _told(self, error: Exception, spoken: str) -> str:
        """A library's words, in which the server's may stand: a status line, a header."""
        return one_line(keyless(unspoken(str(error), (spoken,)), self._key))


def _by_status(response: aiohttp.ClientResponse, code: str, message: str, voice: str) -> EngineError:
    said = f"{response.status} {code}: {message}".replace(" :", ":").removesuffix(": ")
    if response.status in (401, 402, 403):
        what = (
            "the provider asks for payment or a larger quota"
            if "quota" in code or response.status == 402
            else ("the API key is refused; set engines.options.elevenlabs.api_key_file, api_key or $ELEVENLABS_API_KEY")
        )
        return EngineDenied(NAME, f"{what} ({said})")
    if response.status == 404:
        return EngineDenied(NAME, f"engines.options.elevenlabs.voices: no voice {voice!r} ({said})")
    if response.status == 429 or response.status >= 500:
        return EngineBusy(NAME, said, retry_after(response.headers.get("Retry-After"), time.time()))
    if response.status < 400:
        return EngineCrashed(NAME, f"engines.options.elevenlabs.url: an answer that ElevenLabs does not give ({said})")
    return EngineRejected(NAME, said)


def _is_file(chunk: bytes) -> bool:
    """Whether an answer that begins so is a file of sound, as a proxy or another model's default may give it: noise.

    A frame of MP3 that begins without a tag would be samples of -1025 or louder, which no speech begins with.
    """
    return chunk.startswith((b"ID3", b"RIFF", b"OggS", b"fLaC", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"))


def _parsed(text: str) -> tuple[str, str] | None:
    """Code and message of ``{"detail": {…}}``, of a validation's ``{"detail": [{…}]}``; None: it is neither."""
    try:
        detail = json.loads(text)["detail"]
        if isinstance(detail, list):
            return "invalid", one_line(
                "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in detail)
            )
        if isinstance(detail, str):
            return "", one_line(detail)
        return one_line(str(detail.get("code") or detail.get("status") or "")), one_line(str(detail.get("message", "")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
