"""Runs a Whisper model of a local folder; the only module that imports faster_whisper."""

from __future__ import annotations

from typing import Any

from faster_whisper import WhisperModel

from dragoman.engines.asr.whisper_messages import Setup
from dragoman.engines.asr.window import Floats, Found

REPEATING = 2.4
"""Compression ratio of a text beyond which it is a loop and no speech (Radford et al. 2022, section 4.5)."""


class Whisper:
    """One model for all streams; may be called from ``setup.parallel`` threads at once."""

    def __init__(self, setup: Setup) -> None:
        """Loads the model; raises what CTranslate2 raises when it does not load (RuntimeError, ValueError)."""
        self._model: Any = WhisperModel(
            setup.folder,
            device=setup.device,
            compute_type=setup.compute_type,
            cpu_threads=setup.threads,
            num_workers=setup.parallel,
            local_files_only=True,
        )
        self._beam = setup.beam
        self.multilingual = bool(self._model.model.is_multilingual)

    def __call__(self, audio: Floats, language: str, prompt: str, keyterms: str) -> list[Found]:
        """The words of ``audio`` (16 kHz, at most 30 s); ``prompt`` was said before, ``keyterms`` may be said."""
        segments, _ = self._model.transcribe(
            audio,
            language=language,
            beam_size=self._beam,
            # One pass over the window. Whisper's own time marks would make it encode the rest again behind each
            # segment; words have their times from attention either way.
            without_timestamps=True,
            word_timestamps=True,
            # Trying again at higher temperatures takes up to six times as long, with words that no second pass
            # agrees on.
            temperature=0.0,
            condition_on_previous_text=False,
            initial_prompt=prompt or None,
            hotwords=keyterms or None,
        )
        # One pass gives one segment. The generator would go on behind its last word, and hear more in that silence.
        segment = next(segments, None)
        if segment is None or segment.compression_ratio > REPEATING:
            return []
        return [
            Found(word.word, float(word.start), float(word.end), float(word.probability))
            for word in segment.words or ()
        ]
