"""The recogniser's worker: ``python -m dragoman.engines.asr.pocketsphinx_worker``, talked to over stdin and stdout.

It is a process of its own because the decoder holds the GIL: in the daemon it would make the 20 ms tick late by up to
70 ms.
"""

from __future__ import annotations

from typing import BinaryIO

from dragoman.engines import wire
from dragoman.engines.asr.decoding import Transcriber
from dragoman.engines.asr.messages import (
    Kind,
    Setup,
    decode_at,
    decode_audio,
    encode_hypothesis,
)
from dragoman.engines.asr.pocketsphinx_models import judge
from dragoman.engines.worker import serve_stdio


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer frames until the daemon closes ``source``."""

    def say(kind: int, payload: bytes = b"") -> None:
        sink.write(wire.pack(kind, payload))
        sink.flush()

    transcriber: Transcriber | None = None
    while (frame := wire.read_blocking(source)) is not None:
        kind, payload = frame
        if kind == Kind.SETUP:
            transcriber = Transcriber(judge(Setup.decode(payload)))
            say(Kind.READY)
        elif transcriber is None:
            raise ValueError(f"frame {kind} before the set-up")
        elif kind == Kind.AUDIO:
            partial = transcriber.push(*decode_audio(payload))
            if partial is not None:
                say(Kind.HYPOTHESIS, encode_hypothesis(partial))
        elif kind == Kind.FINALIZE:
            say(Kind.HYPOTHESIS, encode_hypothesis(transcriber.finalize(decode_at(payload))))
        else:
            raise ValueError(f"unknown frame kind {kind}")


if __name__ == "__main__":
    serve_stdio(serve)
