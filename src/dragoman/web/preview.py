"""Plays a voice: a text, spoken by the configured synthesizer, as a WAV that is sent while it is made."""

from __future__ import annotations

import struct
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

import structlog
from aiohttp import hdrs, web

from dragoman.enrolment.ports import Voices
from dragoman.errors import EngineError, EngineRejected
from dragoman.media.format import SAMPLE_RATE, Pcm
from dragoman.web.problem import Problem

PREVIEWS = 4
"""At once: they use the synthesizer that the conferences need."""

_UNKNOWN = 0xFFFFFFFF
"""Length of a RIFF chunk that is not known when it begins: what ffmpeg and sox write into a pipe."""

log = structlog.get_logger(__name__)


def wav_header(rate: int = SAMPLE_RATE) -> bytes:
    """The header of a mono 16-bit WAV whose length is not known yet."""
    form = struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16)
    return (
        b"RIFF" + struct.pack("<I", _UNKNOWN) + b"WAVEfmt " + struct.pack("<I", len(form)) + form
        + b"data" + struct.pack("<I", _UNKNOWN)
    )  # fmt: skip


@dataclass(slots=True)
class Previews:
    """The previews under way."""

    voices: Voices
    limit: int = PREVIEWS
    _open: int = 0

    async def serve(self, request: web.Request, profile_id: str, text: str, language: str) -> web.StreamResponse:
        """Send a text in a voice.

        Raises:
            Problem: 422, nothing speaks this language, or nothing of the text can be spoken; 503, the synthesizer
                failed or too many are under way.
        """
        if self._open >= self.limit:
            raise Problem(503, f"{self.limit} previews are under way already.", {hdrs.RETRY_AFTER: "5"})
        self._open += 1
        try:
            # An async generator in fact: closing it is what cancels the synthesis when the listener leaves.
            speech = cast("AsyncGenerator[Pcm]", self.voices.speak(profile_id, text, language))
            async with aclosing(speech):
                return await self._send(request, speech)
        finally:
            self._open -= 1

    async def _send(self, request: web.Request, speech: AsyncIterator[Pcm]) -> web.StreamResponse:
        try:
            piece: Pcm | None = await anext(speech, None)
        except EngineRejected as error:
            raise Problem(422, str(error)) from None
        except EngineError as error:
            raise Problem(503, str(error), {hdrs.RETRY_AFTER: "5"}) from None
        if piece is None:
            raise Problem(422, "body.text: there is nothing in it that can be spoken.")
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: "audio/wav"})
        await response.prepare(request)
        await response.write(wav_header())
        try:
            while piece is not None:
                await response.write(piece.astype("<i2").tobytes())
                piece = await anext(speech, None)
        except EngineError as error:
            log.warning("preview broke off", error=str(error))
            raise ConnectionResetError("the preview broke off") from None  # no last chunk: the listener can tell
        return response
