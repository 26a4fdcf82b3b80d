"""Microsoft Edge's read-aloud voices, by the package edge-tts. No key, and no right: an unofficial use of a service.

The service is meant for the browser. It may change or refuse us any day; its terms allow no use of this kind in
business.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing

import aiohttp

from dragoman.engines.base import EngineInfo, SpeechRequest, Stage
from dragoman.engines.http_answers import one_line, status_of, unspoken
from dragoman.engines.local_models import importing, require_packages
from dragoman.engines.options import Options
from dragoman.engines.tts.edge_voices import VOICES
from dragoman.engines.tts.loudness import VoiceLevels
from dragoman.engines.tts.provider import FIRST_AUDIO_MS, shaped, speakable, timely
from dragoman.engines.tts.voices import VoiceAssigner
from dragoman.errors import ConfigError, EngineBusy, EngineCrashed, EngineDenied, EngineRejected
from dragoman.media.format import Pcm

NAME = "edge"

_LANGUAGE = re.compile(r"[a-z]{2,3}")
_VOICE = re.compile(r"[a-z]{2,}-[A-Z]{2,}-\S+Neural")
"""What the package takes; whether the service has that voice is known when it is asked."""


class EdgeSynthesizer:
    """A WebSocket per clause, as the browser has it.

    Options: ``voices``, a table of language to voice names (``es = "es-MX-DaliaNeural es-MX-JorgeNeural"``);
    ``deadline_ms`` to the first audio (1500).
    """

    def __init__(self, options: Mapping[str, object]) -> None:
        """Raises ConfigError for a wrong option."""
        reader = Options(NAME, options)
        chosen = _voices(reader.table("voices"))
        self._deadline_s = reader.integer("deadline_ms", FIRST_AUDIO_MS, 100, 30_000) / 1000
        reader.done()
        self._voices = VOICES | {language: names for language, names in chosen.items() if names}
        self._voice_of = {language: VoiceAssigner(len(names)) for language, names in self._voices.items()}
        self._levels = VoiceLevels()
        self._closed = False

    @property
    def info(self) -> EngineInfo:
        """See EngineInfo."""
        return EngineInfo(
            name=NAME,
            stage=Stage.TTS,
            languages=tuple(self._voices),
            streaming=True,
            licence="LicenseRef-Microsoft-Services-Agreement",  # the package itself: LGPL-3.0
            commercial_use=False,
            purpose="Trying natural voices without a key. Unofficial: the service is meant for the Edge browser.",
        )

    def supports(self, language: str) -> bool:
        """Every language that has voices."""
        return language in self._voices

    async def start(self, languages: Sequence[str] = ()) -> None:
        """Check that the packages are there; the service is not asked before somebody speaks."""
        require_packages(NAME, "edge", ("edge_tts", "av"))
        with importing(NAME, "edge"):
            import edge_tts  # noqa: F401  # paid here and not in the first clause

            from dragoman.engines.tts import mp3  # noqa: F401  # likewise

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        """See Synthesizer."""
        if not self.supports(request.language):
            raise EngineRejected(NAME, f"no voice for {request.language!r}")
        text = speakable(NAME, request.text)
        if self._closed:
            raise EngineCrashed(NAME, "closed")
        voice = self._voices[request.language][self._voice_of[request.language](request.speaker)]
        answer = timely(NAME, self._answer(text, voice), self._deadline_s)
        async with aclosing(answer), aclosing(shaped(answer, voice, self._levels)) as pieces:
            async for piece in pieces:
                yield piece

    async def close(self) -> None:
        """Take no more; each request has its connection to itself. Idempotent."""
        self._closed = True

    async def _answer(self, text: str, voice: str) -> AsyncGenerator[tuple[int, Pcm], None]:
        """(Hz, samples) as they come; closing it closes the connection at once."""
        from edge_tts import Communicate
        from edge_tts.exceptions import EdgeTTSException

        from dragoman.engines.tts.mp3 import Mp3Decoder, Mp3Error

        try:
            talk = Communicate(text, voice)
        except (ValueError, TypeError) as error:
            raise EngineRejected(NAME, f"voice {voice}: {error}") from error
        decoder = Mp3Decoder()
        try:
            async with aclosing(talk.stream()) as events:
                async for event in events:
                    if event["type"] == "audio" and len(pcm := decoder.push(event["data"])):
                        yield decoder.rate, pcm
            if len(pcm := decoder.flush()):
                yield decoder.rate, pcm
            if talk.state["chunk_audio_bytes"]:  # the package takes a close for the end; only "turn.end" is
                raise EngineCrashed(NAME, "the audio was cut off")
        except aiohttp.ClientResponseError as error:
            if error.status in (401, 403):
                raise EngineDenied(
                    NAME, f"the service refuses us ({error.status}); a newer edge-tts may help: pip install -U edge-tts"
                ) from error
            if error.status == 429 or error.status >= 500:
                raise EngineBusy(NAME, status_of(error.status)) from error
            raise EngineCrashed(NAME, status_of(error.status)) from error
        except aiohttp.ClientConnectorError as error:
            raise EngineCrashed(NAME, f"no connection to {error.host}: {error.strerror or error}") from error
        except Mp3Error as error:
            raise EngineCrashed(NAME, str(error)) from error
        except (ValueError, TypeError, LookupError, AttributeError) as error:  # the package, reading what is no answer
            raise EngineCrashed(NAME, f"not understood: {_told(error, text)}") from error
        except (aiohttp.ClientError, EdgeTTSException, TimeoutError) as error:
            raise EngineCrashed(NAME, _told(error, text)) from error


def _told(error: Exception, said: str) -> str:
    """The package's words, which may be the server's."""
    return one_line(unspoken(f"{type(error).__name__}: {error}", (said,)))


def _voices(table: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The option ``voices``, read; raises ConfigError where a voice could not be one: it would fail in a call."""
    chosen = {language: tuple(names.split()) for language, names in table.items()}
    for language, names in chosen.items():
        if not _LANGUAGE.fullmatch(language):
            raise ConfigError(f"engines.options.{NAME}.voices: {language!r} is no language (ISO 639-1, such as es)")
        for name in names:
            if not _VOICE.fullmatch(name):
                raise ConfigError(
                    f"engines.options.{NAME}.voices.{language}: {name!r} is no voice such as es-MX-DaliaNeural; "
                    "edge-tts --list-voices shows all"
                )
    return chosen
