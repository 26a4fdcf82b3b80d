"""What the PBX says to callers: texts per language as data, spoken by espeak-ng into files that Asterisk plays.

Layout, the one Asterisk itself looks for below an absolute name (``FOLDER/notice`` with channel language ``es`` is
``FOLDER/es/notice.wav16``)::

    FOLDER/en/choose.wav16  FOLDER/en/notice.wav16 ...  FOLDER/es/choose.wav16 ...  FOLDER/enrol-beep.wav16

Files are 16 kHz mono 16-bit WAV, which Asterisk knows by the ending ``.wav16``.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from dragoman.errors import ConfigError, PbxError
from dragoman.languages import LANGUAGES, Language
from dragoman.media.format import SAMPLE_RATE, Pcm
from dragoman.media.resample import resample, to_pcm
from dragoman.telephony.admission_texts import TEXTS as ADMISSION
from dragoman.telephony.enrolment_texts import BEEP
from dragoman.telephony.enrolment_texts import TEXTS as ENROLMENT
from dragoman.telephony.voice_texts import TEXTS as VOICE

MENU_KEYS = 9
"""Languages that the menu can offer: one key each, 1 to 9. The others are reached by dialling ``room*code``."""

TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "choose": "For English, press {key}.",
            "notice": "What you say here is translated by a machine.",
            "unavailable": "Interpretation is not available just now.",
            "muted": "You are muted.",
            "unmuted": "You are no longer muted.",
            "help": "Star three: another language. Star six: mute, or unmute. Star seven: your own voice.",
            "pin": "Please enter the code of this room.",
            "pin-wrong": "That code is not right.",
        },
        "es": {
            "choose": "Para español, pulse {key}.",
            "notice": "Lo que usted diga aquí lo traduce una máquina.",
            "unavailable": "En este momento no hay interpretación.",
            "muted": "Su micrófono está apagado.",
            "unmuted": "Su micrófono está encendido.",
            "help": "Asterisco tres: otro idioma. Asterisco seis: el micrófono. Asterisco siete: su propia voz.",
            "pin": "Introduzca el código de esta sala.",
            "pin-wrong": "El código no es correcto.",
        },
        "ca": {
            "choose": "Per a català, premeu {key}.",
            "notice": "El que digueu aquí ho tradueix una màquina.",
            "unavailable": "En aquest moment no hi ha interpretació.",
            "muted": "El vostre micròfon està apagat.",
            "unmuted": "El vostre micròfon està encès.",
            "help": "Asterisc tres: una altra llengua. Asterisc sis: el micròfon. Asterisc set: la vostra veu.",
            "pin": "Introduïu el codi d'aquesta sala.",
            "pin-wrong": "El codi no és correcte.",
        },
        "fr": {
            "choose": "Pour le français, appuyez sur {key}.",
            "notice": "Ce que vous dites ici est traduit par une machine.",
            "unavailable": "L'interprétation n'est pas disponible pour le moment.",
            "muted": "Votre micro est coupé.",
            "unmuted": "Votre micro est ouvert.",
            "help": "Étoile trois: une autre langue. Étoile six: couper ou ouvrir le micro. Étoile sept: votre voix.",
            "pin": "Veuillez saisir le code de cette salle.",
            "pin-wrong": "Ce code n'est pas correct.",
        },
        "pt": {
            "choose": "Para português, prima {key}.",
            "notice": "O que disser aqui é traduzido por uma máquina.",
            "unavailable": "Neste momento não há interpretação.",
            "muted": "O seu microfone está desligado.",
            "unmuted": "O seu microfone está ligado.",
            "help": "Asterisco três: outra língua. Asterisco seis: o microfone. Asterisco sete: a sua voz.",
            "pin": "Introduza o código desta sala.",
            "pin-wrong": "O código não está certo.",
        },
        "it": {
            "choose": "Per l'italiano, premere {key}.",
            "notice": "Ciò che si dice qui è tradotto da una macchina.",
            "unavailable": "In questo momento l'interpretazione non è disponibile.",
            "muted": "Il microfono è spento.",
            "unmuted": "Il microfono è acceso.",
            "help": "Asterisco tre: un'altra lingua. Asterisco sei: il microfono. Asterisco sette: la sua voce.",
            "pin": "Inserire il codice di questa sala.",
            "pin-wrong": "Il codice non è corretto.",
        },
        "de": {
            "choose": "Für Deutsch drücken Sie die {key}.",
            "notice": "Was Sie hier sagen, wird von einer Maschine übersetzt.",
            "unavailable": "Zurzeit wird nicht gedolmetscht.",
            "muted": "Ihr Mikrofon ist aus.",
            "unmuted": "Ihr Mikrofon ist an.",
            "help": "Stern drei: andere Sprache. Stern sechs: Mikrofon aus oder an. Stern sieben: Ihre eigene Stimme.",
            "pin": "Bitte geben Sie den Code dieses Raums ein.",
            "pin-wrong": "Der Code ist nicht richtig.",
        },
    }
)
"""Language code -> prompt name -> text. ``{key}`` in ``choose`` is the menu's key for the language."""

NAMES: tuple[str, ...] = (*TEXTS["en"], *ADMISSION["en"], *ENROLMENT["en"], *VOICE["en"])
"""Every prompt's name, which is its file name too."""


def text_of(language: Language, name: str, key: int | None) -> tuple[Language, str]:
    """What is said, and the language that it is said in.

    A language without texts of its own is offered in the menu by its native name and speaks English otherwise.
    """
    if language.code in TEXTS:
        return language, _all_texts(language.code)[name].format(key=key)
    if name == "choose":
        return language, f"{language.native}: {key}."
    return LANGUAGES["en"], _all_texts("en")[name]


def _all_texts(code: str) -> Mapping[str, str]:
    return {**TEXTS[code], **ADMISSION[code], **ENROLMENT[code], **VOICE[code]}


def make_prompts(directory: Path, languages: Sequence[str], *, cache: Path | None = None) -> list[Path]:
    """Write every prompt of ``languages`` (ISO 639-1, in the order of the menu's keys) below ``directory``.

    Spoken files are kept in ``cache`` (default: ``prompts`` in the cache folder) under a hash of what was said and how,
    so that a second run copies only. Returns the files in the order of languages and names.

    Raises:
        ConfigError: a language is unknown.
        PbxError: espeak-ng is missing or fails.
    """
    cache = cache_dir() / "prompts" if cache is None else cache
    cache.mkdir(parents=True, exist_ok=True)
    made = []
    for index, code in enumerate(languages):
        if code not in LANGUAGES:
            raise ConfigError(f"rooms.languages: {code!r} is unknown; known are {', '.join(LANGUAGES)}")
        key = index + 1 if index < MENU_KEYS else None
        for name in NAMES:
            if name == "choose" and key is None:
                continue
            voice, text = text_of(LANGUAGES[code], name, key)
            target = directory / code / f"{name}.wav16"
            target.parent.mkdir(parents=True, exist_ok=True)
            _replace(target, spoken(voice.espeak, text, cache).read_bytes())
            made.append(target)
    beep = directory / f"{BEEP}.wav16"
    _replace(beep, _wav16_of(_tone()))
    return [*made, beep]


def _tone() -> Pcm:
    """200 ms of 1 kHz, faded in and out over 10 ms, at -14 dBFS."""
    at = np.arange(SAMPLE_RATE // 5) / SAMPLE_RATE
    fade = np.minimum(1, np.minimum(at, at[::-1]) / 0.01)
    return to_pcm(np.asarray(6500 * fade * np.sin(2 * np.pi * 1000 * at), np.float32))


def cache_dir() -> Path:
    """Where Dragoman keeps what can be made again: DRAGOMAN_CACHE, else ``~/.cache/dragoman``."""
    return Path(os.environ.get("DRAGOMAN_CACHE") or Path.home() / ".cache" / "dragoman")


def spoken(voice: str, text: str, cache: Path) -> Path:
    """The cached file of ``text`` in espeak-ng's ``voice``, spoken now if it is not there yet.

    Raises:
        PbxError: espeak-ng is missing or fails.
    """
    command = ["espeak-ng", "-v", voice, "-s", "150", "--stdin", "--stdout"]
    digest = hashlib.sha256("\0".join((*command, text, str(SAMPLE_RATE))).encode()).hexdigest()[:32]
    path = cache / f"{digest}.wav16"
    if path.exists():
        return path
    if shutil.which(command[0]) is None:
        raise PbxError("espeak-ng is not installed (Debian, Ubuntu: apt-get install espeak-ng): it speaks the prompts")
    done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=30, check=False)
    if done.returncode != 0 or not done.stdout:
        raise PbxError(f"espeak-ng cannot speak {text!r} with voice {voice}: {done.stderr.decode().strip()}")
    _replace(path, _wav16(done.stdout))
    return path


def _wav16(spoken: bytes) -> bytes:
    """espeak-ng's WAV (22.05 kHz, lengths in its header unset as it is a stream) as a WAV of 16 kHz."""
    with wave.open(io.BytesIO(spoken)) as source:
        rate = source.getframerate()
        samples = np.frombuffer(source.readframes(source.getnframes()), "<i2")
    return _wav16_of(resample(samples, rate, SAMPLE_RATE))


def _wav16_of(samples: Pcm) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(SAMPLE_RATE)
        target.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


def _replace(path: Path, content: bytes) -> None:
    """Write a file that others may be reading or writing at the same time: they see the old or the new one, whole."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as new:
        new.write(content)
    os.chmod(new.name, 0o644)
    os.replace(new.name, path)
