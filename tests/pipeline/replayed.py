"""One speaker, heard by streams that die: what a cloud recogniser does to words when it hears them again.

Each stream counts its audio anew, so its word times are off by an offset and a drift of its own, each word by more;
it joins figures or does not, mishears words that its beginning cuts, and its partials are wrong at their ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random

from dragoman.engines.asr.timeline import in_order
from dragoman.engines.base import Hypothesis, Word
from dragoman.media.format import SAMPLE_RATE, ms_to_samples
from dragoman.pipeline.clause import ClauseSegmenter
from dragoman.pipeline.preference import RESTART_DELAYS
from dragoman.pipeline.prefix import StablePrefix

MS = ms_to_samples(1)

VOCABULARY = ("no", "yes", "we", "go", "the", "harbour", "morning", "again", "two", "seven", "people", "perhaps")


@dataclass(frozen=True, slots=True)
class Habits:
    """What a stream may do; times in ms."""

    offset: int = 0
    """Of all words of a stream, either way."""
    noise: int = 0
    """Of each word of a stream, either way."""
    flutter: int = 0
    """Of each word from one hypothesis to the next, either way."""
    drift: float = 0.0
    """Of the stream's clock, either way."""
    figures: bool = False
    """Whether "twenty one" is said, and told as one word or two, as the stream likes."""
    wrong: float = 0.0
    """How many partials end in a word that was not said."""
    split: float = 0.0
    """How many partials tell one of their words as two, or two as one."""
    cut: float = 0.0
    """How many words that a stream hears only in part are told, as another one."""
    repeats: float = 0.25
    """How many words are the one before again."""
    life: tuple[float, float] = (0.6, 6.0)
    """Seconds of audio that a stream lives for."""


def talk(random: Random, habits: Habits, count: int = 40) -> list[Word]:
    """What is said: words of 120 to 500 ms in breaths of one to twelve, "twenty" and "one" among them."""
    words: list[Word] = []
    at = 500
    while len(words) < count:
        for _ in range(random.choice((1, 2, 4, 7, 12))):
            if words and random.random() < habits.repeats:
                text = words[-1].text
            elif habits.figures and random.random() < 0.25:
                text = random.choice(("twenty", "thirty"))
            else:
                text = random.choice(VOCABULARY)
            texts = (text, random.choice(("one", "five"))) if text in ("twenty", "thirty") else (text,)
            for said in texts:
                length = random.randint(120, 500)
                words.append(Word(said, at * MS, (at + length) * MS))
                at += length + random.choice((0, 10, 40, 90))
        at += random.choice((120, 250, 400, 900, 1600))
    return words


@dataclass(slots=True)
class Stream:
    """One connection; it hears from ``begin`` on."""

    words: Sequence[Word]
    habits: Habits
    random: Random
    begin: int
    _offset: int = 0
    _drift: float = 0.0
    _joins: str = ""
    _told: dict[int, tuple[int, int]] = field(default_factory=dict)
    _cut: dict[int, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        habits, random = self.habits, self.random
        self._offset = random.randint(-habits.offset, habits.offset) * MS
        self._drift = random.uniform(-habits.drift, habits.drift)
        self._joins = random.choice(("", "-", "figure")) if habits.figures else ""

    def tell(self, since: int, upto: int, *, final: bool) -> tuple[Word, ...]:
        """The words whose middle lies in [since, upto)."""
        found = []
        for i, word in enumerate(self.words):
            middle = (word.start + word.end) // 2
            if not since <= middle < upto or (text := self._text(i, word)) is None:
                continue
            start, end = self._times(i, word)
            found.append(Word(text, start, end))
        if not final and found and self.random.random() < self.habits.wrong:
            found[-1] = replace(found[-1], text=self.random.choice((*VOCABULARY, "mumble")))
        if not final and found and self.habits.split and self.random.random() < self.habits.split:
            found = self._split(found)
        found = self._joined(found)
        spans = in_order([(min(max(w.start, self.begin), upto), min(max(w.end, self.begin), upto)) for w in found])
        return tuple(Word(word.text, *span) for word, span in zip(found, spans, strict=True))

    def _split(self, words: list[Word]) -> list[Word]:
        i = self.random.randrange(len(words))
        word = words[i]
        if self.random.random() < 0.5 and i + 1 < len(words):
            after = words[i + 1]
            return [*words[:i], Word(word.text + after.text, word.start, max(word.end, after.end)), *words[i + 2 :]]
        middle = (word.start + word.end) // 2
        first, second = _halves(word.text)
        return [*words[:i], Word(first, word.start, middle), Word(second, middle, word.end), *words[i + 1 :]]

    def _text(self, i: int, word: Word) -> str | None:
        lacking = (self.begin - word.start) / (word.end - word.start)
        if lacking <= 0.15:
            return word.text
        if lacking >= 0.85:
            return None
        if i not in self._cut:
            told = self.random.random() < self.habits.cut
            self._cut[i] = self.random.choice((word.text, "mumble", "uh")) if told else None
        return self._cut[i]

    def _times(self, i: int, word: Word) -> tuple[int, int]:
        habits, random = self.habits, self.random
        if i not in self._told:
            by = random.randint(-habits.noise, habits.noise) * MS
            self._told[i] = (by, by + random.randint(-habits.noise, habits.noise) * MS // 3)
        first, last = self._told[i]
        off = self._offset + round((word.start - self.begin) * self._drift)
        off += random.randint(-habits.flutter, habits.flutter) * MS
        start = max(word.start + off + first, 0)
        return start, max(word.end + off + last, start + 40 * MS)

    def _joined(self, words: list[Word]) -> list[Word]:
        found: list[Word] = []
        for word in words:
            if self._joins and word.text in ("one", "five") and found and found[-1].text in ("twenty", "thirty"):
                tens = found.pop()
                text = f"{tens.text}-{word.text}"
                if self._joins == "figure":
                    text = str({"twenty": 20, "thirty": 30}[tens.text] + {"one": 1, "five": 5}[word.text])
                found.append(Word(text, tens.start, max(word.end, tens.end)))
            elif self._joins == "figure" and word.text in ("twenty", "thirty"):
                found.append(replace(word, text={"twenty": "20", "thirty": "30"}[word.text]))
            else:
                found.append(word)
        return found


def plain_figures(texts: Sequence[str]) -> list[str]:
    """Each figure as its words, so that it does not matter how it was told."""
    ones = {"1": "one", "5": "five"}
    tens = {"2": "twenty", "3": "thirty"}
    found: list[str] = []
    for text in texts:
        if text.isdigit() and len(text) == 2 and text[0] in tens:
            found += [tens[text[0]], *([ones[text[1]]] if text[1] in ones else [])]
        else:
            found += text.split("-")
    return found


def plain_splits(texts: Sequence[str]) -> list[str]:
    """Words that were told in halves, or two as one, as they were said: where partials agree on that, it is spoken."""
    halves = {_halves(word): word for word in VOCABULARY}
    pairs = {first + second: [first, second] for first in VOCABULARY for second in VOCABULARY}
    found: list[str] = []
    for text in texts:
        if found and (found[-1], text) in halves:
            found[-1] = halves[found[-1], text]
        else:
            found += pairs.get(text, [text])
    return found


def _halves(text: str) -> tuple[str, str]:
    half = (len(text) + 1) // 2
    return text[:half], text[half:] or "uh"


def hear(
    random: Random,
    habits: Habits,
    words: Sequence[Word],
    segmenter: ClauseSegmenter,
    gaps: list[tuple[int, int]] | None = None,
) -> list[str]:
    """What is committed of it, as its recogniser's streams tell it, each until it dies. Mirrors ``Recognition``.

    ``gaps``: what is given up, because every stream dies of it, goes there; None: nothing is.
    """
    ledger = segmenter.ledger
    texts: list[str] = []
    ends = [
        word.end for i, word in enumerate(words) if i + 1 == len(words) or words[i + 1].start - word.end >= 300 * MS
    ]
    over = words[-1].end + SAMPLE_RATE
    finals: list[Word] = []
    pauses = [max(words[0].start - 300 * MS, 0)]
    for word, after in pairwise(words):
        if after.start - word.end >= 200 * MS:
            pauses.append(word.end + random.randint(60, 120) * MS)
    answered = 0  # audio time up to which utterances have their final
    spoken = 0  # how far the speaker got
    failures = 0
    deaths = 0
    given_up = 0  # audio time up to which nothing is heard again

    def give(hypothesis: Hypothesis) -> None:
        texts.extend(text for clause in segmenter.feed(hypothesis) for text in clause.text.split())

    while answered < ends[-1]:
        onset = next(word.start for word in words if word.end > answered)
        begin = max(ledger.replay_from(finals[-8:], pauses, hurried=failures >= 4), onset - 300 * MS, given_up)
        ledger.expect(begin)
        stream = Stream(words, habits, random, begin)
        stable = StablePrefix(2)
        done = 0  # what its finals cover
        lived = begin + round(random.uniform(*habits.life) * SAMPLE_RATE)
        died = spoken < over
        at = begin
        failures += 1
        while answered < ends[-1]:
            at += random.randint(200, 700) * MS
            pause = next((end for end in ends if end > answered), over)
            if died and at >= lived:
                break
            if at >= pause + 200 * MS:
                at = pause + 100 * MS
                told = stream.tell(done, at, final=True)
                done = answered = at
                finals += told
                stable.clear()
                failures = deaths = 0
                give(Hypothesis(told, True, True, max(at, told[-1].end if told else 0)))
            elif random.random() < 0.15:
                told = stream.tell(done, at, final=True)
                done = at
                stable.clear()
                finals += told
                failures, deaths = (0, 0) if told else (failures, deaths)
                give(Hypothesis(told, True, False, max(at, told[-1].end if told else 0)))
            else:
                told = stream.tell(done, at - 150 * MS, final=False)
                stable.hear(told)
                give(Hypothesis(told, False, False, max(at, told[-1].end if told else 0)))
            spoken = max(spoken, at)
        else:
            break
        kept = stable.words
        if failures >= 2 and kept and (not finals or kept[-1].end > finals[-1].end):
            finals.append(kept[-1])
            failures = deaths = 1
            give(Hypothesis(kept, True, False, kept[-1].end))
        deaths += 1
        if gaps is not None and deaths > len(RESTART_DELAYS) and answered < ends[-1]:
            ended = next((end for end in ends if end > answered and end <= spoken), spoken)
            began = max(answered, onset - 300 * MS)
            if ended > began:
                gaps.append((began, ended))
                answered = given_up = ended
    texts.extend(text for clause in segmenter.flush() for text in clause.text.split())
    return texts
