"""The Whisper worker: ``python -m dragoman.engines.asr.whisper_worker``, talked to over stdin and stdout.

One process holds the model and serves all streams: decodings run in ``parallel`` threads, finals before partials, who
waited longest first. The main thread only reads, so the daemon never waits for a decoding.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from dragoman.engines import wire
from dragoman.engines.asr.messages import decode_at
from dragoman.engines.asr.whisper_messages import (
    Kind,
    Opening,
    Ready,
    Setup,
    address,
    addressed,
    decode_audio,
    encode_stream_hypothesis,
)
from dragoman.engines.asr.window import Floats, Found, Job, SlidingWindow
from dragoman.engines.worker import serve_stdio


class Decoder(Protocol):
    """What decodes: ``whisper_model.Whisper``."""

    multilingual: bool

    def __call__(self, audio: Floats, language: str, prompt: str, keyterms: str) -> list[Found]:
        """The words of ``audio``."""


@dataclass(slots=True)
class _Stream:
    number: int
    opening: Opening
    window: SlidingWindow
    served: int = 0
    """When it was served last, by the count of all jobs."""
    broken: bool = field(default=False)


class Desk:
    """The streams, and whose turn it is. All methods may be called from any thread."""

    def __init__(self, decode: Decoder, say: Callable[[int, bytes], None], interval: int) -> None:
        """``say(kind, payload)`` sends a frame, whole."""
        self._decode = decode
        self._say = say
        self._interval = interval
        self._streams: dict[int, _Stream] = {}
        self._changed = threading.Condition()
        self._count = itertools.count(1)
        self._stopped = False

    def open(self, number: int, opening: Opening) -> None:
        """A stream begins."""
        with self._changed:
            self._streams[number] = _Stream(number, opening, SlidingWindow(self._interval))

    def close(self, number: int) -> None:
        """Forget it; what is being decoded of it is thrown away."""
        with self._changed:
            self._streams.pop(number, None)

    def tell(self, number: int, act: Callable[[SlidingWindow], None]) -> None:
        """Let ``act`` push or finalize, if the stream still is."""
        with self._changed:
            stream = self._streams.get(number)
            if stream is not None and not stream.broken:
                act(stream.window)
                self._changed.notify()

    def stop(self) -> None:
        """Let the threads end."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def work(self) -> None:
        """Decode until ``stop``: the body of a decoding thread."""
        while (taken := self._next()) is not None:
            stream, job = taken
            try:
                found = (
                    self._decode(job.audio, stream.opening.language, job.prompt, ", ".join(stream.opening.keyterms))
                    if len(job.audio)
                    else []
                )
            except Exception as error:
                self._break(stream, f"{type(error).__name__}: {error}")
                continue
            with self._changed:
                if self._streams.get(stream.number) is stream:
                    for hypothesis in stream.window.done(found):
                        self._say(Kind.HYPOTHESIS, encode_stream_hypothesis(stream.number, hypothesis))
                    self._changed.notify()

    def _next(self) -> tuple[_Stream, Job] | None:
        with self._changed:
            while not self._stopped:
                streams = [stream for stream in self._streams.values() if not stream.broken]
                due = [stream for stream in streams if stream.window.final_due] or [
                    stream for stream in streams if stream.window.partial_due
                ]
                if due:
                    stream = min(due, key=lambda each: each.served)
                    stream.served = next(self._count)
                    job = stream.window.take()
                    if job is not None:
                        return stream, job
                self._changed.wait()
            return None

    def _break(self, stream: _Stream, reason: str) -> None:
        with self._changed:
            if self._streams.get(stream.number) is stream:
                stream.broken = True
                self._say(Kind.BROKEN, address(stream.number, reason.encode()))


def serve(source: BinaryIO, sink: BinaryIO, load: Callable[[Setup], Decoder]) -> None:
    """Answer frames until the daemon closes ``source``."""
    writing = threading.Lock()

    def say(kind: int, payload: bytes = b"") -> None:
        with writing:
            sink.write(wire.pack(kind, payload))
            sink.flush()

    frame = wire.read_blocking(source)
    if frame is None:
        return
    if frame[0] != Kind.SETUP:
        raise ValueError(f"frame {frame[0]} before the set-up")
    setup = Setup.decode(frame[1])
    try:
        decoder = load(setup)
    except ImportError as error:
        say(Kind.UNIMPORTABLE, f"{type(error).__name__}: {error}".encode())
        return
    except Exception as error:  # whatever it raises, the person has to look at the model
        say(Kind.UNUSABLE, f"{type(error).__name__}: {error}".encode())
        return
    desk = Desk(decoder, say, setup.interval)
    # Daemon threads: a decoding of seconds must not keep the process alive when the daemon is gone.
    threads = [threading.Thread(target=desk.work, daemon=True) for _ in range(setup.parallel)]
    for thread in threads:
        thread.start()
    say(Kind.READY, Ready(decoder.multilingual).encode())
    while (frame := wire.read_blocking(source)) is not None:
        _handle(desk, *frame)
    desk.stop()


def _handle(desk: Desk, kind: int, payload: bytes) -> None:
    number, rest = addressed(payload)
    if kind == Kind.OPEN:
        desk.open(number, Opening.decode(rest))
    elif kind == Kind.AUDIO:
        pcm, at = decode_audio(rest)
        desk.tell(number, lambda window: window.push(pcm, at))
    elif kind == Kind.FINALIZE:
        at = decode_at(rest)
        desk.tell(number, lambda window: window.finalize(at))
    elif kind == Kind.CLOSE:
        desk.close(number)
    else:
        raise ValueError(f"unknown frame kind {kind}")


def _load(setup: Setup) -> Decoder:
    from dragoman.engines.asr.whisper_model import Whisper

    return Whisper(setup)


if __name__ == "__main__":
    serve_stdio(lambda source, sink: serve(source, sink, _load))
