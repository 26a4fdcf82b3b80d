"""A meeting that never took place: script, captions and every phone's recording, made of synthesized speech."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import G722
import numpy as np
from scipy.signal import resample_poly

from dragoman.demo.judge import Verdict, judge
from dragoman.demo.minutes import Minutes
from dragoman.demo.recording import Recording, RecordingClock, Track
from dragoman.demo.scenario import Scenario
from dragoman.demo.turns import Played
from dragoman.demo.voices import Voice, render
from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, Pcm
from dragoman.pipeline.captions import Caption, CaptionKind

EPOCH = 1_700_000_000.0
FLOOR = 10 ** (-18 / 20)
DUCKED = 10 ** (-6 / 20)
SPAN_S = 0.55
CACHE = Path(tempfile.gettempdir()) / f"dragoman-test-voices-{os.getuid()}"  # another user could not write there

SCENARIO = Scenario.model_validate(
    {
        "people": [
            {"name": "Sally", "language": "en", "voice": "flite:slt"},
            {"name": "Robert", "language": "en", "voice": "flite:rms"},
            {"name": "Inés", "language": "es", "voice": "espeak:es+f2"},
            {"name": "Jordi", "language": "ca"},
        ],
        "turns": [
            {"speaker": "Sally", "text": "Welcome to our weekly meeting."},
            {"speaker": "Inés", "text": "Me alegra oír su voz."},
            {"speaker": "Robert", "text": "The factory was closed because of the storm."},
            {"speaker": "Sally", "text": "We have already signed the contract.", "start": "over", "over_s": 1.0},
            {"speaker": "Inés", "text": "Gracias por estar aquí hoy."},
        ],
    }
)

TRANSLATIONS = {
    0: {"es": "Bienvenidos a nuestra reunión semanal.", "ca": "Benvinguts a la nostra reunió setmanal."},
    1: {"en": "It is nice to hear your voice.", "ca": "M'alegra sentir la seva veu."},
    2: {
        "es": "La fábrica cerró por culpa de la tormenta.",
        "ca": "La fàbrica va tancar per culpa de la tempesta.",
    },
    3: {"es": "Ya hemos firmado el contrato.", "ca": "Ja hem signat el contracte."},
    4: {"en": "Thank you for being here today.", "ca": "Gràcies per ser aquí avui."},
}
BOOTH_VOICES = {"Sally": "f2", "Robert": "m3", "Inés": "f4"}
ESPEAK = {"en": "en-us", "es": "es", "ca": "ca"}


def g722(audio: Pcm) -> Pcm:
    """Through the codec of the phones."""
    encoder, decoder = G722.G722(SAMPLE_RATE, 64000), G722.G722(SAMPLE_RATE, 64000)
    whole = len(audio) // FRAME_SAMPLES * FRAME_SAMPLES
    frames = [np.asarray(decoder.decode(encoder.encode(audio[i : i + 320])), np.int16) for i in range(0, whole, 320)]
    return np.concatenate(frames)


def g711(audio: Pcm) -> Pcm:
    """Through 8 kHz mu-law (ITU-T G.711's continuous law)."""
    narrow = np.clip(resample_poly(audio / 32768, 1, 2), -1, 1)
    code = np.round((np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log1p(255) + 1) * 127.5) / 127.5 - 1
    wide = resample_poly(np.sign(code) * (256 ** np.abs(code) - 1) / 255, 2, 1)
    return np.clip(np.round(wide * 32767), -32768, 32767).astype(np.int16)


@dataclass
class Scene:
    """The meeting's timeline; change it, then ``record`` and ``judge`` it."""

    turns: dict[int, Pcm]
    translations: dict[tuple[int, str], Pcm]
    starts: dict[int, float]
    """Second at which each turn is said."""
    spoken: list[tuple[int, str, float, float]] = field(default_factory=list)
    """(turn, language, second, gain) of every translated sound."""
    untold: set[int] = field(default_factory=set)
    """Turns that the captions lack."""
    tempo: Callable[[Pcm], Pcm] = field(default=lambda pcm: pcm)
    codec: Callable[[Pcm], Pcm] = field(default=g722)

    @property
    def length(self) -> float:
        return max(self.end(turn) for turn in self.starts) + 6.0

    def end(self, turn: int) -> float:
        return self.starts[turn] + len(self.turns[turn]) / SAMPLE_RATE

    def language(self, turn: int) -> str:
        return SCENARIO.person(SCENARIO.turns[turn].speaker).language

    def lose(self, turn: int, language: str) -> None:
        self.spoken = [spoken for spoken in self.spoken if spoken[:2] != (turn, language)]

    def move(self, turn: int, language: str, second: float) -> None:
        self.spoken = [(t, lang, second if (t, lang) == (turn, language) else s, g) for t, lang, s, g in self.spoken]

    def minutes(self) -> Minutes:
        minutes = Minutes()
        for turn in self.starts:
            if turn in self.untold:
                continue
            source = SCENARIO.turns[turn]
            begin, end = EPOCH + self.starts[turn], EPOCH + self.end(turn) - 0.05
            common = ("1000", f"{source.speaker}.1/{turn}", source.speaker, self.language(turn))
            text = source.text.rstrip(".").lower()
            for language in SCENARIO.languages:
                said = text if language == self.language(turn) else TRANSLATIONS[turn][language]
                for kind in (CaptionKind.CLAUSE, CaptionKind.SPOKEN):
                    if kind is CaptionKind.SPOKEN and language == self.language(turn):
                        continue
                    span = SPAN_S * 1000 if kind is CaptionKind.SPOKEN else None
                    minutes.apply(
                        Caption(kind, common[0], language, *common[1:], text, said, begin, end, ear_voice_span_ms=span)
                    )
        return minutes

    def recording(self, name: str) -> Recording:
        person = SCENARIO.person(name)
        own = [(turn, 1.0) for turn in self.starts if SCENARIO.turns[turn].speaker == name]
        spoke = self._mix((self.turns[turn], self.starts[turn], gain) for turn, gain in own)
        others = [turn for turn in self.starts if SCENARIO.turns[turn].speaker != name]
        sounds = [
            (self.turns[turn], self.starts[turn] + 0.06, 1.0 if self.language(turn) == person.language else FLOOR)
            for turn in others
        ]
        sounds += [
            (self.tempo(self.translations[turn, language]), second, gain)
            for turn, language, second, gain in self.spoken
            if language == person.language
        ]
        clock = RecordingClock.of(lambda sample: EPOCH + sample / SAMPLE_RATE, int(self.length * SAMPLE_RATE))
        return Recording(name, Track(self.codec(spoke), clock), Track(self.codec(self._mix(sounds)), clock))

    def judge(self) -> Verdict:
        played = [
            Played(turn, SCENARIO.turns[turn], self.language(turn), EPOCH + start, EPOCH + self.end(turn))
            for turn, start in self.starts.items()
        ]
        references = {
            (f"{SCENARIO.turns[turn].speaker}.1/{turn}", language): pcm
            for (turn, language), pcm in self.translations.items()
        }
        recordings = [self.recording(person.name) for person in SCENARIO.people]
        return judge(SCENARIO, played, self.turns, self.minutes(), recordings, references)

    def _mix(self, sounds: Iterable[tuple[Pcm, float, float]]) -> Pcm:
        total = np.zeros(int(self.length * SAMPLE_RATE))
        for pcm, second, gain in sounds:
            at = int(second * SAMPLE_RATE)
            piece = pcm[: len(total) - at]
            total[at : at + len(piece)] += piece * gain
        total += np.random.default_rng(7).normal(0, 3, len(total))
        return np.clip(np.round(total), -32768, 32767).astype(np.int16)


async def make_scene() -> Scene:
    """The meeting as it should go: every translation SPAN_S after its turn, of two at once the earlier ducked."""
    turns = {
        number: await render(Voice.parse(SCENARIO.person(turn.speaker).voice or ""), turn.text, CACHE)
        for number, turn in enumerate(SCENARIO.turns)
    }
    translations = {
        (number, language): await render(
            Voice("espeak", f"{ESPEAK[language]}+{BOOTH_VOICES[SCENARIO.turns[number].speaker]}"), text, CACHE
        )
        for number, lines in TRANSLATIONS.items()
        for language, text in lines.items()
    }
    starts: dict[int, float] = {}
    now = 1.0
    for number, turn in enumerate(SCENARIO.turns):
        starts[number] = starts[number - 1] + turn.over_s if turn.start == "over" else now
        longest = max(len(translations[number, language]) for language in TRANSLATIONS[number]) / SAMPLE_RATE
        now = max(now, starts[number] + len(turns[number]) / SAMPLE_RATE + SPAN_S + longest + 0.8)
    scene = Scene(turns, translations, starts)
    for number, language in translations:
        gain = DUCKED if number == 2 else 1.0
        scene.spoken.append((number, language, scene.end(number) + SPAN_S, gain))
    return scene
