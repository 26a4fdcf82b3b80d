"""Voices that neither espeak-ng nor flite made: people's prompts and word lists, and festival's voices.

Debian's packages have them: asterisk-core-sounds-*, asterisk-prompt-*, ktuberling-data, festival and its festvox-*.
What is not on the machine is left out; nothing is downloaded.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile

from dragoman.media.codec import G722Decoder
from dragoman.media.format import SAMPLE_RATE
from dragoman.media.resample import resample

Wave = npt.NDArray[np.float32]
Sentence = Callable[[Random, bool], Wave]
"""Makes one, lively or not."""

PROMPTS: Final = {"fr_CA_f_June": "g722", "it_IT_f_Menardi": "wav", "ru_RU_f_IvrvoiceRU": "g722", "fr": "gsm"}
"""Folders of Asterisk's prompts, each by one person."""

WORDS: Final = ("da", "el", "fr", "lt", "uk", "wa")
"""Folders of single words, each by one person, with pauses; by amateurs, in ordinary rooms."""

BETWEEN: Final = ("tone", "beep", "silence", "music", "ring", "scream")
"""In the names of prompts that are no speech."""

MOST: Final = 60
"""Prompts of one person that are read."""

TEXTS: Final = {
    "en": (
        "The baker on the corner opens before six, and by seven there is nothing left but rye.",
        "Nobody told us that the bridge was shut, so we went back and took the ferry.",
        "It rained all through July, and then in August one could not find a cool place anywhere.",
        "A man with two dogs asked me for the harbour, and ten minutes later he asked me again.",
    ),
    "it": (
        "Il panettiere all'angolo apre prima delle sei, e alle sette non resta che il pane nero.",
        "Nessuno ci aveva detto che il ponte era chiuso, e siamo tornati indietro.",
        "Mia zia ha tenuto tutti i biglietti dei treni che ha preso, in scatole, per anno.",
    ),
    "cs": (
        "Pekař na rohu otevírá před šestou a v sedm už nezbývá nic než žitný chléb.",
        "Nikdo nám neřekl, že je most zavřený, a tak jsme se vrátili.",
        "Celý červenec pršelo a v srpnu jsme nikde nenašli chladné místo.",
    ),
    "fi": (
        "Kulman leipuri avaa ennen kuutta, ja seitsemän aikaan ei ole muuta kuin ruista.",
        "Kukaan ei kertonut, että silta oli suljettu, joten palasimme takaisin.",
        "Koko heinäkuun satoi, ja elokuussa ei löytynyt viileää paikkaa mistään.",
    ),
    "ru": (
        "Булочник на углу открывает до шести, и к семи остаётся только ржаной хлеб.",
        "Никто не сказал нам, что мост закрыт, и мы вернулись назад.",
        "Весь июль шёл дождь, а в августе нигде не было прохладного места.",
    ),
    "te": (
        "మా ఇంటి దగ్గర ఒక పెద్ద చెట్టు ఉంది మేము అక్కడ ఆడుకుంటాము",
        "ఈ రోజు ఉదయం నుండి వర్షం పడుతోంది అందరూ ఇంట్లో ఉన్నారు",
    ),
}

VOICES: Final = {
    "ked_diphone": "en",
    "cmu_us_slt_arctic_hts": "en",
    "pc_diphone": "it",
    "czech_krb": "cs",
    "czech_ph": "cs",
    "suo_fi_lj_diphone": "fi",
    "msu_ru_nsh_clunits": "ru",
    "telugu_NSK_diphone": "te",
}
"""festival's, and the language of each."""

CHARSETS: Final = {"cs": "iso-8859-2", "it": "iso-8859-1", "fi": "iso-8859-1"}
"""That festival reads; UTF-8 elsewhere."""


def others(root: Path, festival: str) -> dict[str, tuple[str, Sentence]]:
    """By name: what kind it is, and who makes a sentence.

    Args:
        root: under which Debian's packages lie.
        festival: the program.
    """
    sounds = root / "usr/share/asterisk/sounds"
    found: dict[str, tuple[str, Sentence]] = {}
    for folder, ending in PROMPTS.items():
        if prompts := _prompts(sounds / folder, ending, 1.2):
            found[folder] = ("a person, prompts", partial(_any, prompts))
    for language in WORDS:
        folder = root / "usr/share/ktuberling/sounds" / language
        if prompts := _prompts(folder, "ogg", 0.5) or _prompts(folder, "wav", 0.5):
            found[f"words {language}"] = ("a person, words", partial(_any, prompts))
    for voice, language in VOICES.items():
        said: dict[tuple[str, float], Wave] = {}
        sentence = partial(_festival, festival, voice, language, said)
        try:
            sentence(Random(0), False)
        except (OSError, subprocess.SubprocessError):
            continue
        found[voice] = ("festival", sentence)
    return found


def _any(prompts: list[Wave], rng: Random, lively: bool) -> Wave:
    return rng.choice(prompts)


def _prompts(folder: Path, ending: str, seconds: float) -> list[Wave]:
    found = []
    for path in sorted(folder.rglob(f"*.{ending}")):
        if any(word in path.name for word in BETWEEN) or len(found) == MOST:
            continue
        made = _spoken(_read(path))
        if len(made) > seconds * SAMPLE_RATE:
            found.append(made)
    return found


def _read(path: Path) -> Wave:
    """At 16 kHz."""
    if path.suffix == ".g722":
        coded, decoder = path.read_bytes(), G722Decoder()
        frames = [decoder.decode(coded[at : at + 160]) for at in range(0, len(coded) - 159, 160)]
        return np.concatenate([np.zeros(0, np.int16), *frames]).astype(np.float32)
    if path.suffix == ".gsm":
        samples, rate = soundfile.read(path, format="RAW", subtype="GSM610", samplerate=8000, channels=1)
    else:
        samples, rate = soundfile.read(path, always_2d=True)
        samples = samples.mean(axis=1)
    return resample((samples * 32768).astype(np.float32), rate, SAMPLE_RATE).astype(np.float32)


def _spoken(samples: Wave) -> Wave:
    """From its first sound to its last, at -24 dBFS, and a pause."""
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max(initial=1.0))
    if not len(loud):
        return np.zeros(0, np.float32)
    speech = samples[loud[0] : loud[-1] + 1]
    gain = 10 ** (-24 / 20) / float(np.sqrt(np.mean(speech.astype(np.float64) ** 2)))
    speech = speech * min(gain, 0.9 / float(np.abs(speech).max()))
    return np.concatenate([speech, np.zeros(SAMPLE_RATE // 4)]).astype(np.float32)


def _festival(
    program: str, voice: str, language: str, said: dict[tuple[str, float], Wave], rng: Random, lively: bool
) -> Wave:
    """A sentence; ``lively``: 20 % slower or faster, as its pitch cannot be set."""
    text, rate = rng.choice(TEXTS[language]), rng.choice((0.8, 1.0, 1.2)) if lively else 1.0
    if (text, rate) not in said:
        said[text, rate] = _speak(program, voice, language, text, rate)
    return said[text, rate]


def _speak(program: str, voice: str, language: str, text: str, rate: float) -> Wave:
    with tempfile.TemporaryDirectory() as folder:
        script, wav = Path(folder) / "say.scm", Path(folder) / "said.wav"
        lines = [
            f"(voice_{voice})",
            f"(Parameter.set 'Duration_Stretch {1 / rate:.3f})",
            f'(set! said (Utterance Text "{text}"))',
            "(utt.synth said)",
            f'(utt.save.wave said "{wav}" \'riff)',
        ]
        script.write_bytes("\n".join(lines).encode(CHARSETS.get(language, "utf-8")))
        done = subprocess.run([program, "-b", str(script)], capture_output=True, timeout=60, env=os.environ)
        if not wav.is_file():
            raise subprocess.SubprocessError(done.stderr.decode(errors="replace"))
        return _spoken(_read(wav))
