"""Google Translate's read-aloud voice, by the package gTTS. No key, and no right: an unofficial use of a service.

Of the package we use what knows the service: how a text is cut and asked for. We do the HTTP ourselves, for the
package's own would block a thread that cannot be cancelled, and does not check the server's certificate.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing

import aiohttp
from yarl import URL

from dragoman.engines.base import EngineInfo, SpeechRequest, Stage
from dragoman.engines.http_answers import one_line, status_of, unspoken
from dragoman.engines.local_models import importing, require_packages
from dragoman.engines.options import Options
from dragoman.engines.tts.loudness import VoiceLevels
from dragoman.engines.tts.provider import FIRST_AUDIO_MS, shaped, speakable, timely
from dragoman.errors import EngineBusy, EngineCrashed, EngineDenied, EngineError, EngineRejected
from dragoman.media.format import Pcm

NAME = "gtts"

CODES = {
    language: {"he": "iw", "zh": "zh-CN"}.get(language, language)
    for language in (
        "af am ar bg bn bs ca cs cy da de el en es et eu fi fr gl gu ha he hi hr hu id is it ja km kn ko la lt lv ml "
        "mr ms my ne nl no pa pl pt ro ru si sk sq sr su sv sw ta te th tl tr uk ur vi zh"
    ).split()
}
"""The service's code of each ISO 639-1 language (gTTS 2.5.4, ``gtts.lang.tts_langs``)."""

MAX_ANSWER = 1 << 20
"""Bytes of one answer: 100 characters are 60 KB of MP3 at most."""


class GttsSynthesizer:
    """A request per 100 characters; one voice for all speakers.

    Options: ``deadline_ms`` to the first audio (1500), ``url`` (https://translate.google.com).
    """

    def __init__(self, options: Mapping[str, object]) -> None:
        """Raises ConfigError for a wrong option."""
        reader = Options(NAME, options)
        self._deadline_s = reader.integer("deadline_ms", FIRST_AUDIO_MS, 100, 30_000) / 1000
        self._url = URL(reader.url("url", "https://translate.google.com"))
        reader.done()
        self._levels = VoiceLevels()
        self._session: aiohttp.ClientSession | None = None

    @property
    def info(self) -> EngineInfo:
        """See EngineInfo."""
        return EngineInfo(
            name=NAME,
            stage=Stage.TTS,
            languages=tuple(CODES),
            streaming=False,
            licence="LicenseRef-Google-Terms-of-Service",  # the package itself: MIT
            commercial_use=False,
            purpose="Trying a natural voice without a key. Unofficial: the service is meant for Google Translate.",
        )

    def supports(self, language: str) -> bool:
        """Every language of the service."""
        return language in CODES

    async def start(self, languages: Sequence[str] = ()) -> None:
        """Check that the packages are there; the service is not asked before somebody speaks."""
        require_packages(NAME, "gtts", ("gtts", "av"))
        with importing(NAME, "gtts"):
            import gtts  # noqa: F401  # paid here and not in the first clause

            from dragoman.engines.tts import mp3  # noqa: F401  # likewise

        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        """See Synthesizer."""
        if not self.supports(request.language):
            raise EngineRejected(NAME, f"no voice for {request.language!r}")
        text = speakable(NAME, request.text)
        if self._session is None:
            raise EngineCrashed(NAME, "not started, or closed")
        code = CODES[request.language]
        answer = timely(NAME, self._answer(self._session, text, code), self._deadline_s)
        async with aclosing(answer), aclosing(shaped(answer, code, self._levels)) as pieces:
            async for piece in pieces:
                yield piece

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _answer(
        self, session: aiohttp.ClientSession, text: str, code: str
    ) -> AsyncGenerator[tuple[int, Pcm], None]:
        """(Hz, samples), part by part; closing it closes the connection at once."""
        from gtts import gTTS

        from dragoman.engines.tts.mp3 import Mp3Decoder, Mp3Error

        try:
            bodies = gTTS(text, lang=code, lang_check=False).get_bodies()
        except AssertionError as error:  # how the package says that there are no words in the text
            raise EngineRejected(NAME, str(error)) from error
        url = self._url / "_" / "TranslateWebserverUi" / "data" / "batchexecute"
        headers = {key: value for key, value in gTTS.GOOGLE_TTS_HEADERS.items() if key != "Referer"}
        try:
            for body in bodies:
                decoder = Mp3Decoder()
                # No redirects: what is said is for this server alone.
                async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                    if response.status != 200:
                        raise _error(response)
                    answer = await response.content.read(MAX_ANSWER)
                    while len(answer) < MAX_ANSWER and (more := await response.content.read(MAX_ANSWER)):
                        answer += more
                for pcm in (decoder.push(_audio(answer, gTTS.GOOGLE_TTS_RPC)), decoder.flush()):
                    if len(pcm):
                        yield decoder.rate, pcm
        except aiohttp.ClientConnectorError as error:
            raise EngineCrashed(NAME, f"no connection to {error.host}: {error.strerror or error}") from error
        except Mp3Error as error:
            raise EngineCrashed(NAME, f"the service's answer: {error}") from error
        except aiohttp.ClientError as error:
            raise EngineCrashed(NAME, one_line(unspoken(f"{type(error).__name__}: {error}", (text,)))) from error


def _audio(answer: bytes, rpc: str) -> bytes:
    """The MP3 in an answer: of its lines of JSON, the one with our RPC holds a list as text, of base64.

    Raises:
        EngineRejected: there is none, as for a language without a voice.
    """
    for line in answer.decode(errors="replace").splitlines():
        if rpc not in line:
            continue
        try:
            return base64.b64decode(json.loads(json.loads(line)[0][2])[0])
        except (ValueError, TypeError, IndexError, KeyError):
            break
    raise EngineRejected(NAME, "the service gave no audio for this text")


def _error(response: aiohttp.ClientResponse) -> EngineError:
    said = status_of(response.status)
    if response.status in (401, 403):
        return EngineDenied(NAME, f"the service refuses us ({said}); a newer gTTS may help: pip install -U gTTS")
    if response.status == 429 or response.status >= 500:
        return EngineBusy(NAME, said)
    return EngineCrashed(NAME, said)
