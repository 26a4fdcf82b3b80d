"""Calls in simulated rooms: phones, Asterisk's mixing, the guard, and an interpreter that translates whatever it hears.

One conference, a ConfBridge and a booth per language. Per tick of 20 ms:

    booths and other phones -> Asterisk (61 ms both ways) -> phone -> loudspeaker, room -> microphone + person
        -> G.711 -> tap -> echo guard -> ring -> Silero VAD -> "interpreter" -> 700 ms later -> the other booths

What the VAD calls speech is an utterance; one with nobody's voice in it is echo that was let through. What becomes of
utterances is the interpreter's part (``interpret``): without one that understands words, every utterance is translated.
"""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Final

import numpy as np
from bench.echo.acoustics import Line, Phone, Room, Signal
from bench.echo.interpret import INTERPRETER_MS, Interpreter
from bench.echo.recognise import Recogniser
from bench.echo.speech import BOOTHS, PEOPLE, SAID, booth, clips

from dragoman.media.echo.guard import RAW_FRAMES, EchoGuard
from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, Pcm
from dragoman.media.mix import limit
from dragoman.media.ring import RingBank
from dragoman.media.speech import SpeechDetector
from dragoman.media.stats import MediaStats
from dragoman.media.vad import SileroVad

TO_PHONE_MS = 32.0
FROM_PHONE_MS = 29.0
"""Asterisk's way, measured: booth to caller and caller to tap."""

QUIET_TICKS = 600
"""12 s at the end in which nobody speaks: what is said then, the conference says to itself."""

LEVEL = 3276.0
"""RMS in int16 units of who speaks, people and booths (-20 dBFS)."""

LOUD_DB = 20.0
AUDIBLE = 33.0
"""A frame counts as speech down to so far below the level of its utterance, if it is audible at all: RMS in int16
units, -60 dBFS, below which the VAD does not look (``media.speech.QUIET_PEAK``)."""

WHISPER = 184.0
"""RMS in int16 units (-45 dBFS): nobody speaks into a phone more quietly, however weak his echo. It is 19 dB below the
level that ITU-T P.56 and P.800 take for normal, and phones level what their microphones bring."""

WORD_ALONE = 0.3
"""Share of a word's frames with a voice in them below which nobody said it: recognisers move words a bit."""

ALONE = 0.15
"""Share of an utterance's frames with a voice in them below which nobody said it."""

WEAKENED: Final = 0.1
"""Share of a voice's own energy (-10 dB) below which what is let through of it counts as silenced as well."""

DECIDED: Final = 25
"""Ticks after which every frame is decided on."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sits where."""

    language: str
    room: Room | None
    """None: a handset that lets nothing back."""
    share: float = 0.2
    """Of the time in which he speaks when he likes."""
    over_db: float | None = None
    """Not None: he talks over the booth, so loud against his echo."""
    near: int | None = None
    """Another caller in the same office, by number."""
    near_db: float = -15.0
    """Level of sounds from there."""
    music: bool = False
    """What he plays is music and not speech."""


@dataclass(slots=True)
class Outcome:
    """What became of a call."""

    loops: int = 0
    utterances: int = 0
    spoken: int = 0
    """Frames with a person's voice."""
    silenced: int = 0
    """Of those, frames that the guard silenced, or of which it left less than ``WEAKENED``."""
    weakened: int = 0
    """Of ``silenced``, those that were not silent."""
    over: int = 0
    """Of ``spoken``, frames in which the phone heard its own loudspeaker as well."""
    over_silenced: int = 0
    echo: int = 0
    """Frames with nothing but audible echo."""
    passed: int = 0
    """Of those, frames let through."""
    taken: int = 0
    """Of ``spoken``, frames that the first line silenced or that lie in a person's words which the second left out."""
    words: int = 0
    again: int = 0
    rounds: int = 0
    invented: int = 0
    dropped: int = 0
    own_dropped: int = 0
    """These: ``interpret.Tale``."""
    claims: int = 0
    """Handsets that the guard took for loudspeakers."""
    longest_wait_ms: float = 0.0
    leaks_ms: list[int] = field(default_factory=list)
    """Length of each stretch of passed echo."""


class Mouth:
    """A person, or a booth: clips one after the other."""

    def __init__(self) -> None:
        self._left: deque[Pcm] = deque()
        self._at = 0

    @property
    def busy(self) -> bool:
        """Whether there is something to say."""
        return bool(self._left)

    def say(self, clip: Pcm) -> None:
        """Afterwards."""
        self._left.append(clip)

    def frame(self) -> Signal:
        """The next 20 ms."""
        out = np.zeros(FRAME_SAMPLES)
        if self._left:
            part = self._left[0][self._at : self._at + FRAME_SAMPLES]
            out[: len(part)] = part
            self._at += FRAME_SAMPLES
            if self._at >= len(self._left[0]):
                self._left.popleft()
                self._at = 0
        return out


class Voices:
    """Clips by who speaks."""

    def __init__(self) -> None:
        self.people = clips(PEOPLE, SAID)
        self.booths = {language: booth(language) for language in BOOTHS}

    def translation(self, language: str, samples: int, rng: np.random.Generator) -> Pcm:
        """About as long as what was said, at least 0.4 s."""
        parts: list[Pcm] = []
        while sum(map(len, parts)) < max(samples, int(0.4 * SAMPLE_RATE)):
            parts.append(self.booths[language][rng.integers(len(self.booths[language]))])
        return np.concatenate(parts)[: max(samples, int(0.4 * SAMPLE_RATE))]


def music(seconds: float, rng: np.random.Generator) -> Pcm:
    """Chords with overtones, as on hold, -20 dBFS."""
    notes = []
    for _ in range(int(seconds / 0.5) + 1):
        at = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
        root = 220 * 2 ** (rng.integers(12) / 12)
        chord = sum(np.sin(2 * np.pi * root * k * r * at) / k for r in (1, 1.25, 1.5) for k in (1, 2, 3))
        notes.append(chord * np.exp(-2 * at))
    tune = np.concatenate(notes)[: int(seconds * SAMPLE_RATE)]
    return np.round(tune * LEVEL / np.sqrt((tune**2).mean())).astype(np.int16)


class _Past:
    """Frames that come out so many ms later (whole samples)."""

    def __init__(self, ms: float) -> None:
        self._kept = np.zeros(round(ms * SAMPLE_RATE / 1000))

    def __call__(self, frame: Signal) -> Signal:
        whole = np.concatenate([self._kept, frame])
        self._kept = whole[FRAME_SAMPLES:]
        return whole[:FRAME_SAMPLES]


class Call:
    """One conference, simulated to its end by ``run``.

    Args:
        callers: who takes part.
        voices: clips.
        seed: of who speaks when, rooms' reflections and noise.
        guarded: False: without the guard.
        vad: a bank of at least as many rows as there are callers.
        recogniser: None: every utterance is translated, whatever was said.
        second_line: whether words that a leg was only played are left out.
    """

    def __init__(
        self,
        callers: list[Caller],
        voices: Voices,
        seed: int,
        guarded: bool,
        vad: SileroVad,
        recogniser: Recogniser | None = None,
        second_line: bool = False,
    ) -> None:
        self.callers = callers
        self._voices = voices
        self._rng = np.random.default_rng(seed)
        count = len(callers)
        self.stats = MediaStats()
        self.raw, self.ring = RingBank(count, RAW_FRAMES * FRAME_SAMPLES), RingBank(count)
        self.languages = sorted({caller.language for caller in callers})
        streams = len(self.languages)
        self.guard = EchoGuard(self.raw, self.ring, count, streams, self.stats) if guarded else None
        vad.reset(np.arange(count))
        self.speech = SpeechDetector(vad, self.ring, count, 400, self.stats)
        for row in range(count):
            self.raw.open(row)
            self.speech.open(row)
            if self.guard is not None:
                self.guard.open(row)
        if self.guard is not None:
            for row in range(streams):
                self.guard.open_stream(row)
            self.guard.gather("1000", range(count), range(streams))
        self.phones = [Phone(caller.room or Room(100, -90, 0.1, -10), self._rng) for caller in callers]
        self.outcome = Outcome()
        self._interpreter = None
        if recogniser is not None:
            spoken = [caller.language for caller in callers]
            self._interpreter = Interpreter(spoken, recogniser, second_line, self.guard)
        self._silenced: list[list[bool]] = [[False] * 2 for _ in callers]
        self._near: list[list[bool]] = [[] for _ in callers]
        self._alone: deque[list[Signal]] = deque(maxlen=DECIDED + 1)  # what the taps would bring without any echo
        self._heard: list[list[bool]] = [[] for _ in callers]

    def run(self, seconds: float) -> Outcome:
        """Everything, and ``QUIET_TICKS`` more in which nobody speaks."""
        count, rng = len(self.callers), self._rng
        names = list(self._voices.people)
        persons = [Mouth() for _ in range(count)]
        booths = {language: Mouth() for language in self.languages}
        due: list[tuple[int, str, int]] = []
        to_phone = [_Past(TO_PHONE_MS) for _ in range(count)]
        from_phone = [_Past(FROM_PHONE_MS) for _ in range(count)]
        taps = np.zeros((count, FRAME_SAMPLES))
        lines = [Line(phone.room.narrow) for phone in self.phones]
        alone_past = [_Past(FROM_PHONE_MS) for _ in range(count)]
        offices = [_Past(3.0) for _ in range(count)]
        level = [LEVEL] * count
        # Who talks over his phone's first echo is as loud as it will be, and not as it was so far.
        echo_level = [LEVEL * 10 ** (caller.room.gain_db / 20) if caller.room else 0.0 for caller in self.callers]
        started: dict[int, int] = {}
        ticks = int(seconds / 0.02)
        for tick in range(ticks + QUIET_TICKS):
            playing = np.zeros((len(self.languages), FRAME_SAMPLES), np.float32)
            for index, language in enumerate(self.languages):
                who = self._interpreter
                playing[index] = booths[language].frame() if who is None else who.play(tick, language)
            played = limit(playing)
            # Persons.
            spoken = np.zeros((count, FRAME_SAMPLES))
            sounds = np.zeros((count, FRAME_SAMPLES))
            for row, caller in enumerate(self.callers):
                clip = self._voices.people[names[row % len(names)]]
                over = caller.over_db is not None and self._sounds(booths, caller.language) and rng.random() < 0.012
                alone = rng.random() < caller.share * 0.02 / 2.2
                if tick < ticks and not persons[row].busy and (alone or over):
                    what = music(4.0, rng) if caller.music else clip[number := int(rng.integers(len(clip)))]
                    if self._interpreter is not None and not caller.music:
                        self._interpreter.said(row, SAID[number], tick, len(what))
                    gain = 1.0
                    if over and caller.over_db is not None and echo_level[row] > 30:
                        gain = max(echo_level[row] * 10 ** (caller.over_db / 20), WHISPER) / LEVEL
                    level[row] = LEVEL * gain
                    persons[row].say(np.round(what * gain).astype(np.int16))
                spoken[row] = persons[row].frame()
                heard = played[self.languages.index(caller.language)].astype(np.float64)
                for other, another in enumerate(self.callers):
                    if other != row and another.language == caller.language:
                        heard = heard + taps[other]
                echo = self.phones[row].play(to_phone[row](np.clip(heard, -32768, 32767)))
                energy = float(np.sqrt((echo**2).mean()))
                if energy > 0.3 * echo_level[row]:
                    echo_level[row] += 0.05 * (energy - echo_level[row])
                sounds[row] = echo
                self._heard[row].append(energy > AUDIBLE)
            for row, caller in enumerate(self.callers):
                least = max(level[row] * 10 ** (-LOUD_DB / 20), AUDIBLE)
                self._near[row].append(bool(np.sqrt((spoken[row] ** 2).mean()) > least))
                sound = spoken[row] + sounds[row]
                if caller.near is not None:
                    other = offices[row](spoken[caller.near] + sounds[caller.near])
                    sound = sound + other * 10 ** (caller.near_db / 20)
                taps[row] = from_phone[row](self.phones[row].speak(sound))
            self._alone.append([past(line(voice)) for past, line, voice in zip(alone_past, lines, spoken, strict=True)])
            frames = taps.astype(np.int16)
            target = self.ring if self.guard is None else self.raw
            target.append(np.arange(count), frames)
            if self.guard is not None:
                self.guard.step()
                self.guard.played(played)
                self.guard.study()
                wait = int((self.raw.end - self.ring.end).max())
                self.outcome.longest_wait_ms = max(self.outcome.longest_wait_ms, wait * 1000 / SAMPLE_RATE)
            # The interpreter.
            if self._interpreter is not None:
                for row, ear in enumerate(self._interpreter.ears):
                    ear.hear(self.ring, row)
            for event in self.speech.step():
                if event.started:
                    started[event.row] = event.at
                elif event.row in started:
                    self._utterance(event.row, started.pop(event.row), event.at, tick, due)
                if self._interpreter is not None:
                    self._interpreter.ears[event.row].began = started.get(event.row)
            for entry in [entry for entry in due if entry[0] <= tick]:
                due.remove(entry)
                booths[entry[1]].say(self._voices.translation(entry[1], entry[2], rng))
            self._account(tick)
        if self.guard is not None:
            handsets = [row for row, caller in enumerate(self.callers) if caller.room is None]
            self.outcome.claims = int(self.guard.loudspeakers[handsets].sum())
        if self._interpreter is not None:
            for name, value in asdict(self._interpreter.tale).items():
                setattr(self.outcome, name, value)
            self.outcome.taken = self._taken(self._interpreter.his)
        return self.outcome

    def _sounds(self, booths: dict[str, Mouth], language: str) -> bool:
        who = self._interpreter
        return booths[language].busy if who is None else who.booths[language].busy

    def _taken(self, left_out: list[list[tuple[int, int]]]) -> int:
        """Frames of speech that no line of the guard lets through."""
        count = 0
        for row, spans in enumerate(left_out):
            inside = {at for first, last in spans for at in range(first // FRAME_SAMPLES, -(-last // FRAME_SAMPLES))}
            for at in range(2, len(self._silenced[row])):
                if self._near[row][at - 2] and self._near[row][at - 1]:
                    count += self._silenced[row][at] or at in inside
        return count

    def _utterance(self, row: int, start: int, stop: int, tick: int, due: list[tuple[int, str, int]]) -> None:
        late = round(FROM_PHONE_MS * SAMPLE_RATE / 1000)
        first, last = max(start - late, 0) // FRAME_SAMPLES, max(stop - late, 0) // FRAME_SAMPLES
        near = self._near[row][max(first - 2, 0) : last + 3]
        self.outcome.utterances += 1
        if sum(near) < ALONE * (last - first + 1):
            self.outcome.loops += 1
            self.on_loop(row, start, stop)
        if self._interpreter is not None:
            self._interpreter.hear(row, start, stop, tick, lambda a, b: self._somebody(row, a, b), self._rng)
            return
        when = tick + INTERPRETER_MS // 20
        due += [(when, other, stop - start) for other in self.languages if other != self.callers[row].language]

    def _somebody(self, row: int, start: int, stop: int) -> bool:
        """Whether a person spoke at a leg between these audio times, give or take two frames."""
        late = round(FROM_PHONE_MS * SAMPLE_RATE / 1000)
        first, last = max(start - late, 0) // FRAME_SAMPLES, max(stop - late, 0) // FRAME_SAMPLES
        near = self._near[row][max(first - 2, 0) : last + 3]
        return sum(near) >= WORD_ALONE * (last - first + 1)

    def on_loop(self, row: int, start: int, stop: int) -> None:
        """For who wants to look closer."""

    def _account(self, tick: int) -> None:
        """Judge the frames of half a second ago."""
        at = tick - DECIDED
        if at < 2:
            return
        outcome = self.outcome
        for row in range(len(self.callers)):
            begin = at * FRAME_SAMPLES
            out = self.ring.read(row, begin, begin + FRAME_SAMPLES)
            silent = not out.any()
            # The frame in the tap holds the sound of 29 ms ago: parts of two frames.
            near = self._near[row][at - 2] and self._near[row][at - 1]
            any_near = any(self._near[row][at - 3 : at + 2])
            heard = self._heard[row][at - 2] and self._heard[row][at - 1]
            if near:
                outcome.spoken += 1
                outcome.over += heard
                left = float(np.square(out, dtype=np.float64).sum())
                weak = left < WEAKENED * float(np.square(self._alone[0][row]).sum())
                outcome.weakened += weak and not silent
                self._silenced[row].append(silent or weak)
                if silent or weak:
                    outcome.silenced += 1
                    outcome.over_silenced += heard
                continue
            self._silenced[row].append(False)
            if heard and not any_near:
                outcome.echo += 1
                outcome.passed += not silent
