"""What a listener should have heard, against what his recording holds."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.tonewords.code import Source
from tests.tonewords.decode import HeardWord


@dataclass(slots=True)
class SourceVerdict:
    """What became of one source's words; ``problems`` is empty where all came, once, in order."""

    source: Source
    heard: list[HeardWord] = field(default_factory=list)
    """The expected words that came, in order."""
    lost: list[str] = field(default_factory=list)
    damaged: list[HeardWord] = field(default_factory=list)
    """Heard where words are lost, but not which (they count as lost too)."""
    doubled: list[HeardWord] = field(default_factory=list)
    """Came once more than they should."""
    out_of_order: list[HeardWord] = field(default_factory=list)
    """Expected, but not at this place (they do not count as lost)."""
    foreign: list[HeardWord] = field(default_factory=list)
    """Never expected of this source."""

    @property
    def problems(self) -> list[str]:
        """One line per kind of fault, with times."""
        lines = [f"{self.source}: lost {' '.join(self.lost)}"] if self.lost else []
        for kind in ("damaged", "doubled", "out_of_order", "foreign"):
            if words := getattr(self, kind):
                told = " ".join(f"{word.text or '?'}@{word.start_s:.2f}s" for word in words)
                lines.append(f"{self.source}: {kind.replace('_', ' ')} {told}")
        return lines


@dataclass(slots=True)
class Verdict:
    """What became of all that a listener should have heard, by source."""

    by_source: dict[Source, SourceVerdict]
    recording: list[HeardWord]

    @property
    def problems(self) -> list[str]:
        return [problem for verdict in self.by_source.values() for problem in verdict.problems]

    def check(self, spoilt: int = 0) -> None:
        """Assert that every expected word came, once, in order, and nothing else; else show the timeline.

        Args:
            spoilt: words of each source that may be damaged or missing, for calls on a machine that may be held up.
        """
        problems = [
            problem
            for verdict in self.by_source.values()
            if len(verdict.lost) > spoilt
            or len(verdict.damaged) > spoilt
            or verdict.doubled
            or verdict.out_of_order
            or verdict.foreign
            for problem in verdict.problems
        ]
        if problems:
            raise AssertionError("\n".join([*problems, timeline(self.recording)]))


def judge(
    heard: Iterable[HeardWord],
    expected: Mapping[Source, Sequence[str]],
    *,
    ignore: Iterable[Source] = (),
) -> Verdict:
    """Compare a recording with what it should hold.

    Args:
        heard: what ``decode`` found in the listener's recording.
        expected: the words each source should have said, in order. A source that is not named should not be heard.
        ignore: sources that do not matter (such as originals under the translation).
    """
    recording = sorted(heard, key=lambda word: word.start_s)
    ignored = set(ignore)
    sources = dict.fromkeys([*expected, *(word.source for word in recording)])
    return Verdict(
        {
            source: _judge_source(source, [w for w in recording if w.source == source], list(expected.get(source, ())))
            for source in sources
            if source not in ignored
        },
        recording,
    )


def _judge_source(source: Source, heard: list[HeardWord], expected: list[str]) -> SourceVerdict:
    verdict = SourceVerdict(source)
    left: Counter[str] = Counter()
    over: list[HeardWord] = []
    matcher = difflib.SequenceMatcher(None, expected, [word.text for word in heard], autojunk=False)
    for kind, a0, a1, b0, b1 in matcher.get_opcodes():
        if kind == "equal":
            verdict.heard += heard[b0:b1]
        else:
            left.update(expected[a0:a1])
            over += heard[b0:b1]
    for word in over:
        if word.text is None:
            verdict.damaged.append(word)
        elif left[word.text]:
            left[word.text] -= 1
            verdict.out_of_order.append(word)
        elif word.text in expected:
            verdict.doubled.append(word)
        else:
            verdict.foreign.append(word)
    for text in expected:
        if left[text]:
            left[text] -= 1
            verdict.lost.append(text)
    return verdict


def timeline(heard: Iterable[HeardWord], marks: Mapping[float, str] | None = None) -> str:
    """The recording as text: a line per word, a column per source; ``marks`` puts lines of the test's own between.

    Args:
        heard: words of one recording.
        marks: seconds of the recording -> what happened then.
    """
    words = sorted(heard, key=lambda word: word.start_s)
    sources = sorted({word.source for word in words})
    rows = [(word.start_s, word) for word in words] + list((marks or {}).items())
    lines = ["   start     end  " + "".join(f"{source!s:<18}" for source in sources)]
    for at, what in sorted(rows, key=lambda row: row[0]):
        if isinstance(what, str):
            lines.append(f"{at:8.3f}  -- {what}")
            continue
        cell = f"{what.text or '?damaged':<8}{what.level_db:6.1f} dB"
        column = " " * 18 * sources.index(what.source)
        lines.append(f"{what.start_s:8.3f}{what.end_s:8.3f}  {column}{cell}")
    return "\n".join(lines)
