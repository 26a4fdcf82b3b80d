"""The synthesizer's worker: ``python -m dragoman.engines.tts.espeak_worker``, talked to over stdin and stdout.

A program of its own, because libespeak-ng is GPL and one process can use it for one text at a time only.
"""

from __future__ import annotations

import json
import queue
import threading
from typing import BinaryIO

import numpy as np

from dragoman.engines import wire
from dragoman.engines.tts.espeak_library import Library
from dragoman.engines.tts.messages import Kind, Speak, decode_id, encode_audio, encode_error, encode_id
from dragoman.engines.tts.shaping import Shaper, measure_gain
from dragoman.engines.tts.voices import PROFILES
from dragoman.engines.worker import serve_stdio
from dragoman.media.format import Pcm

CALIBRATION = "1 2 3 4 5 6 7 8 9 10"
"""What a voice says once, unheard, to learn how loud it is: numbers can be read in every language."""


class Worker:
    """Speaks one request after the other; cancelling works while one is being made."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        """Raises OSError when espeak-ng is not installed."""
        self._library = Library()
        self._source = source
        self._sink = sink
        self._requests: queue.SimpleQueue[Speak | None] = queue.SimpleQueue()
        self._waiting: set[int] = set()
        """Requests that are neither finished nor cancelled."""
        self._gains: dict[tuple[str, int], float] = {}

    def run(self) -> None:
        """Until the daemon closes our input."""
        threading.Thread(target=self._read, daemon=True).start()
        self._say(Kind.READY, json.dumps({"rate": self._library.rate}).encode())
        while (request := self._requests.get()) is not None:
            try:
                self._speak(request)
            except ValueError as error:
                self._say(Kind.ERROR, encode_error(request.id, str(error)))
            self._waiting.discard(request.id)

    def _read(self) -> None:
        """A thread of its own, for the library does not return before a text is spoken."""
        try:
            while (frame := wire.read_blocking(self._source)) is not None:
                kind, payload = frame
                if kind == Kind.SPEAK:
                    request = Speak.decode(payload)
                    self._waiting.add(request.id)
                    self._requests.put(request)
                elif kind == Kind.CANCEL:
                    self._waiting.discard(decode_id(payload))
        finally:
            self._waiting.clear()
            self._requests.put(None)

    def _speak(self, request: Speak) -> None:
        profile = PROFILES[request.profile]
        shaper = Shaper(self._library.rate, self._gain(request))

        def sink(pcm: Pcm) -> bool:
            if request.id not in self._waiting:
                return False
            self._audio(request.id, shaper.push(pcm))
            return True

        if request.id in self._waiting:
            self._library.speak(request.text, request.voice, profile, sink)
        if request.id in self._waiting:
            self._audio(request.id, shaper.flush())
        self._say(Kind.END, encode_id(request.id))

    def _gain(self, request: Speak) -> float:
        """How much louder this voice has to be; measured once."""
        key = (request.voice, request.profile)
        if key not in self._gains:
            pieces: list[Pcm] = []

            def keep(pcm: Pcm) -> bool:
                pieces.append(pcm)
                return True

            self._library.speak(CALIBRATION, request.voice, PROFILES[request.profile], keep)
            self._gains[key] = measure_gain(np.concatenate([np.zeros(0, np.int16), *pieces]))
        return self._gains[key]

    def _audio(self, request: int, pcm: Pcm) -> None:
        if len(pcm):
            self._say(Kind.AUDIO, encode_audio(request, pcm))

    def _say(self, kind: int, payload: bytes) -> None:
        self._sink.write(wire.pack(kind, payload))
        self._sink.flush()


if __name__ == "__main__":
    serve_stdio(lambda source, sink: Worker(source, sink).run())
