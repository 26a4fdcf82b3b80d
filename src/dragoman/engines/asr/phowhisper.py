"""PhoWhisper (VinAI): Whisper trained further on 844 hours of Vietnamese; runs as faster-whisper does."""

from __future__ import annotations

from typing import ClassVar

from dragoman.engines.asr.faster_whisper import FasterWhisperRecognizer
from dragoman.engines.local_models import CONVERTER, ModelRecipe


class PhoWhisperRecognizer(FasterWhisperRecognizer):
    """Vietnamese only; the options of FasterWhisperRecognizer."""

    name: ClassVar[str] = "phowhisper"
    recipe: ClassVar[ModelRecipe] = ModelRecipe(
        "phowhisper",
        "vinai/PhoWhisper-small",
        ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt|vocabulary.json"),
        (
            *CONVERTER,
            "convert/bin/ct2-transformers-converter --model vinai/PhoWhisper-small --output_dir {folder}"
            " --quantization int8 --copy_files preprocessor_config.json",
            'convert/bin/python -c "from transformers import WhisperTokenizerFast as T;'
            " T.from_pretrained('vinai/PhoWhisper-small').save_pretrained('{folder}')\"",
        ),
    )
    languages: ClassVar[tuple[str, ...]] = ("vi",)
    licence: ClassVar[str] = "BSD-3-Clause"
    purpose: ClassVar[str] = "Recognising Vietnamese, with its regional accents, better than Whisper does; on a GPU."
