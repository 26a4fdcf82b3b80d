"""What a booth says next: clauses queue per speaker, two speakers at most sound at once. Pure; one call per tick."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, Pcm

MAX_SOUNDING = 2
"""Speakers that sound at once; of three at the same time nobody understands one."""

DUCKED = 10 ** (-6 / 20)
"""Gain of the earlier of two that sound at once, -6 dB: still intelligible, the newer one stands in front."""

READY_FRAMES = 8
"""Frames of a clause that may lie ready (160 ms) before its synthesizer is held back."""

RESUME_FRAMES = 5
"""Frames ready at which the synthesizer goes on: a gap between the marks saves waking its task on every frame."""

QUIET = 100
"""Peak of a frame that holds nothing to be heard (-50 dBFS): synthesizers end on tenths of a second of it."""

PAUSE_FRAMES = 1
"""Frames of silence that are left before a clause that waits; with what the last one with sound has, 20 to 40 ms."""

_RAMP_DOWN = np.linspace(1.0, DUCKED, FRAME_SAMPLES, dtype=np.float32)
_RAMP_UP = _RAMP_DOWN[::-1].copy()


def _nothing() -> None:
    return None


class Speech:
    """One clause at one booth, while it is synthesized and played. Made by BoothMixer.open."""

    __slots__ = (
        "_ducked",
        "_frames",
        "_silent",
        "_tail",
        "cancelled",
        "finished",
        "first_sent",
        "on_cancel",
        "on_done",
        "on_room",
        "speaker",
        "underruns",
    )

    def __init__(self, speaker: str, first_sent: Callable[[float], None]) -> None:
        self.speaker = speaker
        self.first_sent: Callable[[float], None] | None = first_sent
        self.on_room: Callable[[], None] = _nothing
        """Called in the tick when frames ran down to RESUME_FRAMES."""
        self.on_done: Callable[[], None] = _nothing
        """Called in the tick when the last frame was taken."""
        self.on_cancel: Callable[[], None] = _nothing
        """Called by ``BoothMixer.clear``: nobody will take its frames."""
        self.cancelled = False
        self.finished = False
        self.underruns = 0
        """Ticks in which it should have sounded and had no frame."""
        self._frames: deque[Pcm] = deque()
        self._tail: Pcm | None = None
        self._silent = 0  # frames of silence that it ends with
        self._ducked = False

    def forget(self) -> None:
        """Call nobody any more: with what it calls it is a cycle, which only a garbage collector frees."""
        self.on_room = self.on_done = self.on_cancel = _nothing

    def write(self, pcm: Pcm) -> None:
        """Append audio of any length; whole frames become ready at once."""
        if self._tail is not None:
            pcm = np.concatenate((self._tail, pcm))
            self._tail = None
        whole = len(pcm) - len(pcm) % FRAME_SAMPLES
        self._frames.extend([pcm[i : i + FRAME_SAMPLES] for i in range(0, whole, FRAME_SAMPLES)])
        if whole < len(pcm):
            self._tail = pcm[whole:]

    def finish(self) -> None:
        """No more audio comes; the rest is padded to a frame. Idempotent."""
        if self.finished:
            return
        if self._tail is not None:
            self._frames.append(np.concatenate((self._tail, np.zeros(FRAME_SAMPLES - len(self._tail), np.int16))))
            self._tail = None
        self.finished = True
        for frame in reversed(self._frames):
            if frame.max() >= QUIET or frame.min() <= -QUIET:
                break
            self._silent += 1

    @property
    def fading(self) -> bool:
        """Whether it has sounded, and all that is left of it but the pause behind it is silence."""
        return self.finished and len(self._frames) <= self._silent - PAUSE_FRAMES

    @property
    def hush(self) -> float:
        """Seconds of the silence at its end that were taken."""
        return max(self._silent - len(self._frames), 0) * FRAME_SAMPLES / SAMPLE_RATE

    @property
    def ready(self) -> int:
        """Frames that lie ready."""
        return len(self._frames)

    @property
    def full(self) -> bool:
        """Whether the synthesizer should wait."""
        return len(self._frames) >= READY_FRAMES

    def take(self, ducked: bool) -> Pcm | None:
        """The next frame at its gain (ramped over the frame when it changes), or None: an underrun, or its end."""
        frames = self._frames
        if not frames:
            if not self.finished:
                self.underruns += 1
            return None
        frame = frames.popleft()
        if len(frames) == RESUME_FRAMES:
            self.on_room()
        if ducked == self._ducked:
            return (frame * np.float32(DUCKED)).astype(np.int16) if ducked else frame
        self._ducked = ducked
        return (frame * (_RAMP_DOWN if ducked else _RAMP_UP)).astype(np.int16)


class BoothMixer:
    """The overlap rule of one booth.

    A speaker's clauses sound in the order in which they were opened, one after the other. A clause begins with its
    first frame, unless its speaker sounds already or ``MAX_SOUNDING`` others do: then it waits, but for its speaker's
    voice only, not for the silence behind it. Of two that sound, the one that began earlier is ducked.
    """

    def __init__(self) -> None:
        self._waiting: list[Speech] = []
        self._sounding: list[Speech] = []
        self._fresh: list[Speech] = []
        self.underruns = 0
        """Ticks in which a sounding clause had no frame."""
        self.sounded = float("-inf")
        """When it last said something: s, as ``next_frame`` is told."""

    def open(self, speaker: str, first_sent: Callable[[float], None]) -> Speech:
        """A clause of ``speaker`` follows; ``first_sent(at)`` is told when its first frame left (monotonic seconds)."""
        speech = Speech(speaker, first_sent)
        self._waiting.append(speech)
        return speech

    def cancel(self, speech: Speech) -> None:
        """Silence a clause at once, wherever it is; idempotent."""
        speech.first_sent = None
        speech.cancelled = True
        for line in (self._waiting, self._sounding):
            if speech in line:
                line.remove(speech)

    def clear(self) -> None:
        """Silence all, and tell those who speak: the booth is gone, so that no tick would ever take their frames."""
        for speech in (*self._sounding, *self._waiting):
            self.cancel(speech)
            speech.on_cancel()

    @property
    def backlog(self) -> int:
        """Clauses that wait for their turn."""
        return len(self._waiting)

    @property
    def speakers(self) -> tuple[str, ...]:
        """Who sounds now, the earlier first."""
        return tuple(speech.speaker for speech in self._sounding)

    def next_frame(self, now: float) -> Pcm | None:
        """What the booth says in this tick (320 samples), or None."""
        if self._waiting:
            self._hasten()
            self._admit()
        sounding = self._sounding
        if not sounding:
            return None
        ducking = len(sounding) > 1
        frames = []
        ended = False
        for i, speech in enumerate(sounding):
            frame = speech.take(ducking and i == 0)
            over = speech.finished and not speech.ready
            ended = ended or over
            if frame is None:
                self.underruns += not over
                continue
            frames.append(frame)
            if speech.first_sent is not None:
                self._fresh.append(speech)
        if ended:
            self._retire()
        if frames:
            self.sounded = now
        if len(frames) < 2:
            return frames[0] if frames else None
        mixed = np.add(frames[0], frames[1], dtype=np.int32)
        return np.clip(mixed, -32768, 32767).astype(np.int16)

    def on_sent(self, at: float) -> None:
        """The frame that ``next_frame`` gave was sent at monotonic time ``at``."""
        if self._fresh:
            for speech in self._fresh:
                if speech.first_sent is not None:
                    tell, speech.first_sent = speech.first_sent, None
                    tell(at)
            self._fresh.clear()

    def _hasten(self) -> None:
        """Nobody waits for the silence at the end of what he said before."""
        ready = {speech.speaker for speech in self._waiting if speech.ready}
        done = [speech for speech in self._sounding if speech.fading and speech.speaker in ready]
        for speech in done:
            self._sounding.remove(speech)
            speech.on_done()

    def _admit(self) -> None:
        taken = {speech.speaker for speech in self._sounding}
        still = []
        for speech in self._waiting:
            begins = speech.ready or speech.finished
            if begins and speech.speaker not in taken and len(self._sounding) < MAX_SOUNDING:
                self._sounding.append(speech)
            else:
                still.append(speech)
            taken.add(speech.speaker)  # what he says later waits for what he said before
        self._waiting = still

    def _retire(self) -> None:
        done = [speech for speech in self._sounding if speech.finished and not speech.ready]
        self._sounding = [speech for speech in self._sounding if speech not in done]
        for speech in done:
            speech.on_done()
