"""A recogniser for the simulation: what would be understood of a leg's audio, word by word.

pocketsphinx with a language model of nothing but the sentences that are said here. That is a recogniser that wants to
find them: it understands an echo's remains sooner than one that knows all of a language, and makes words of noise.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
import pocketsphinx
from bench.echo.speech import SAID, TRANSLATED
from pocketsphinx.lm import ArpaBoLM

from dragoman.engines.asr.decoding import FRAME, Listener
from dragoman.engines.asr.level import Leveller
from dragoman.engines.asr.pocketsphinx_models import CEPSTRAL_MEAN
from dragoman.engines.base import Word
from dragoman.media.format import Pcm, ms_to_samples
from dragoman.pipeline.plain import plain

PAD: Final = ms_to_samples(200)
"""Samples of comfort noise before and behind what is recognised: decoders want some silence there."""


class Recogniser:
    """Every word of the sentences that people and booths of the simulation say."""

    def __init__(self) -> None:
        sentences = _sentences((*SAID, *(text for texts in TRANSLATED.values() for text in texts)))
        model = ArpaBoLM(text="\n".join(sentences), add_start=True)
        model.compute()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sentences.arpa"
            model.write_file(str(path))
            self._decoder = pocketsphinx.Decoder(lm=str(path), loglevel="FATAL", bestpath=False)
        self._listener = Listener(self._decoder, grammar=False)

    def words(self, audio: Pcm, at: int) -> tuple[Word, ...]:
        """What is understood of an utterance that begins at audio time ``at``."""
        self._decoder.reinit_feat()  # else it remembers what it heard, and a conference depends on the one before
        self._decoder.set_cmn(CEPSTRAL_MEAN)
        level = Leveller()
        self._listener.start()
        self._listener.hear(np.concatenate([level.silence(PAD), level(audio), level.silence(PAD)]))
        self._listener.stop()
        begin, last = at - PAD, at + len(audio)
        return tuple(
            Word(text, max(begin + start * FRAME, at), min(begin + (end + 1) * FRAME, last))
            for text, start, end in self._listener.read().words
        )


def _sentences(texts: Iterable[str]) -> list[str]:
    return [" ".join(filter(None, map(plain, text.split()))) for text in texts]
