"""How far the interpretation of one speaker into one language is behind: audio that is not yet spoken. Pure.

What is synthesized is known in samples. What is not is estimated from its characters, by rates that are learnt from the
clauses before: samples per character of the translation, and characters of translation per character of the source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from dragoman.media.format import SAMPLE_RATE, ms_to_samples
from dragoman.pipeline.catchup import Backlog

Where = Literal["mt", "tts", "playback"]
"""Where a clause waits: for its translation, for its first audio, for the rest of it to be played."""

CHARACTER = ms_to_samples(65)
"""Samples of speech per character before anything is learnt: 15 characters a second, the middle of the languages
(Pellegrino et al. 2011 have 5 to 8 syllables a second)."""

LEARN = 0.2
"""Weight of one more clause in a learnt rate: a voice is known after five clauses, and one odd clause moves little."""

BOUNDS = (0.25, 4.0)
"""Between these multiples of the rate known so far one clause may say something: beyond it was a fault, not a voice."""


def _nothing() -> int:
    return 0


def _silent() -> float:
    return 0.0


@dataclass(slots=True)
class Load:
    """One clause's part of the backlog."""

    source: int = 0
    """Characters of the clause."""
    began: float = 0.0
    """When its first word was said, monotonic seconds."""
    translated: int | None = None
    """Characters of its translation."""
    given: int = 0
    """Samples that the synthesizer gave, at its own tempo."""
    played: int = 0
    """Of those, samples that were handed to the booth."""
    whole: bool = False
    """Whether the synthesizer gave all of it."""
    ready: Callable[[], int] = _nothing
    """Samples that lie at the booth and were not sent yet."""
    closed: bool = False

    def close(self) -> None:
        """Nothing of it is to be spoken any more; idempotent."""
        self.closed = True
        self.ready = _nothing


class Rate:
    """A ratio that is learnt from examples."""

    def __init__(self, first: float) -> None:
        """``first``: what is assumed before the first example."""
        self.value = first

    def learn(self, amount: int, per: int) -> None:
        """One more example: ``amount`` for ``per``."""
        if per > 0 and amount > 0:
            low, high = BOUNDS
            seen = min(max(amount / per, low * self.value), high * self.value)
            self.value += LEARN * (seen - self.value)


class LagMeter:
    """One chain's."""

    def __init__(self) -> None:
        self._loads: list[Load] = []
        self._pace = Rate(CHARACTER)  # samples per character of a translation
        self._growth = Rate(1.0)  # characters of a translation per character of the source
        self.coming = 0
        """Characters that the speaker has said and that are no clause yet."""
        self.talked: Callable[[], float] = _silent
        """For how many seconds the speaker has talked since his last clause, as the VAD hears it."""

    def open(self, source: int, began: float = 0.0) -> Load:
        """A clause of so many characters was committed, of which the first word was said at ``began``."""
        load = Load(source, began)
        self._loads.append(load)
        return load

    def translated(self, load: Load, characters: int) -> None:
        """Its translation is known."""
        load.translated = characters
        self._growth.learn(characters, load.source)

    def synthesized(self, load: Load) -> None:
        """All its audio is there."""
        load.whole = True
        if load.translated:
            self._pace.learn(load.given, load.translated)

    def left(self, load: Load) -> int:
        """Samples of this clause that are still to be spoken, at the synthesizer's own tempo."""
        if load.closed:
            return 0
        expected = load.given
        if not load.whole:
            expected = max(expected, round(self._characters(load) * self._pace.value))
        return expected - load.played + load.ready()

    def stages(self) -> dict[Where, int]:
        """Samples of committed clauses that are still to be spoken, by where they wait."""
        stages: dict[Where, int] = {"mt": 0, "tts": 0, "playback": 0}
        for load in self._live():
            where: Where = "mt" if load.translated is None else "playback" if load.given else "tts"
            stages[where] += self.left(load)
        return stages

    @property
    def since(self) -> float | None:
        """When the oldest was said that is still to be spoken, monotonic seconds; None: all was spoken."""
        return min((load.began for load in self._live()), default=None)

    @property
    def backlog(self) -> float:
        """Seconds of audio of committed clauses that are still to be spoken."""
        return self.now().left

    def now(self) -> Backlog:
        """All that is still to be spoken."""
        left = [self.left(load) for load in self._live()]
        said = self.coming * self._growth.value * self._pace.value
        total = sum(left)
        ahead = total - left[-1] if left else 0
        return Backlog(
            total / SAMPLE_RATE, ahead / SAMPLE_RATE, said / SAMPLE_RATE, self.coming > 0, heard=self.talked()
        )

    def _characters(self, load: Load) -> float:
        return load.source * self._growth.value if load.translated is None else load.translated

    def _live(self) -> list[Load]:
        self._loads = [load for load in self._loads if not load.closed]
        return self._loads
