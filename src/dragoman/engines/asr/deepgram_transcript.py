"""Deepgram's results on one connection to hypotheses on the leg's timeline. Pure.

What may go wrong on the wire and is made good here:

- A final comes twice, or late: what it covers is frozen already, and nothing of it comes again.
- A final comes after that of what is behind it: this one is held back, for ``OVERTAKEN`` at most; if the late one never
  comes, the last interim's words stand for it. Where it alone told one of them, ``DOUBTED`` is waited for the final.
- A final is empty, and its words come in another one of the same range: they are taken.
- A ``Finalize`` is not answered as such: any final up to where it was asked answers it, or UtteranceEnd, or, after
  ``PATIENCE``, we do, with the words on which two interims agree; silence sent behind it makes the provider speak. Each
  is answered exactly once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from dragoman.engines.asr.deepgram_messages import HeardWord, Message, Result, UtteranceEnd
from dragoman.engines.asr.timeline import Timeline, in_order
from dragoman.engines.base import Hypothesis, Word
from dragoman.media.format import ms_to_samples

PATIENCE = 1.0
"""Seconds after which a Finalize that nobody answered counts as answered, if interims covered all that was said and
more and agree on it: four times what a final takes (measured by others: 247 ms, p95 298)."""

NUDGE_AFTER = 0.7
"""Seconds after which a Finalize that nobody answered is followed by silence, in which the provider finds an end by
itself: twice what a final takes."""

LAST_PATIENCE = 2.5
"""Seconds after which the stream counts as dead if they did not; below the pipeline's own limit for a final (3 s)."""

OVERTAKEN = 1.5
"""Seconds for which a final waits for the one before it, if interims told words there, or somebody spoke."""

DOUBTED = 2.25
"""The same where two interims in a row did not agree on those words: what the last one guessed would be spoken, and the
late final would come as its correction, or too late even for that. Below ``LAST_PATIENCE``: then another stream hears
all of it again."""

SAME_WORD = ms_to_samples(100)
"""Between the middles of one word in two interims; who says it twice takes longer."""

SKIPPED = ms_to_samples(100)
"""Speech before a final that no final covers, from which on one is missing: shorter, it may be the edges of words."""

TOLERANCE = ms_to_samples(20)
"""Samples by which a range may miss where it should reach: times are told in hundredths of a second."""

SETTLED = ms_to_samples(200)
"""Silence behind an utterance that an interim must have covered before its words may stand for all of it: the words of
a range are complete only some way before its end."""

MAX_HOLES = 8
"""Ranges without a final that are remembered: a final so late is of no use to anybody."""

LOUD = 150
"""Peak (of 32768) that somebody spoke with: the quietest speech of a telephone is louder, and its noise is not."""


class Unanswered(Exception):
    """A Finalize was not answered, and what was said may be lost with this stream; ``at``: its audio time."""

    def __init__(self, at: int) -> None:
        super().__init__(f"no answer to Finalize within {LAST_PATIENCE:g} s")
        self.at = at


@dataclass(frozen=True, slots=True)
class _Asked:
    """One finalize that was not answered yet."""

    at: int
    """Audio time at which the utterance ended."""
    reached: int
    """Samples that had been sent up to there."""
    since: int
    """Samples that had been sent when the finalize before it was asked."""
    sent: int
    """Samples that had been sent when it was asked."""
    when: float
    loud: bool


@dataclass(frozen=True, slots=True)
class _Told:
    """A word that an interim told and no final yet."""

    word: HeardWord
    since: int
    """Where the interim's range began: whatever final begins there tells of this word too, or drops it."""
    sure: bool
    """Whether the interim before told it too, as it is written here."""


class Transcript:
    """One connection's. ``now`` is monotonic seconds; hypotheses come in order of audio time."""

    def __init__(self, unheard: int | None = None) -> None:
        """``unheard``: audio time of a finalize that the connection before did not answer; this one need not."""
        self.duplicates = 0
        """Finals that told what was frozen already."""
        self.timeline = Timeline()
        self._unheard = unheard
        self._frozen = 0  # samples sent that a final covers
        self._holes: list[tuple[int, int]] = []  # ranges before that of which no final told a word
        self._held: list[tuple[float, Result]] = []  # finals that overtook others, with the times at which they came
        self._tentative: tuple[_Told, ...] = ()
        self._covered = 0  # samples sent that a result covers, final or not
        self._range = 0  # samples sent before the range of which the last interim told
        self._asked: deque[_Asked] = deque()
        self._last_asked = 0
        self._loud = False
        self._speech: deque[tuple[int, int]] = deque()  # samples sent that are loud, behind what finals cover
        self._upto = 0  # audio time up to which hypotheses were given
        self._final_upto = 0  # the same of finals, which may end before what interims had reached

    def audio(self, at: int, length: int, peak: int) -> None:
        """So many samples were sent, the first of audio time ``at``, with this peak."""
        start = self.timeline.sent
        self.timeline.audio(at, length)
        if peak >= LOUD:
            self._loud = True
            if self._speech and self._speech[-1][1] == start:
                start, _ = self._speech.pop()
            self._speech.append((start, self.timeline.sent))

    def silence(self, length: int) -> None:
        """So many samples of silence of our own were sent."""
        self.timeline.silence(length)

    @property
    def waiting(self) -> bool:
        """Whether a finalize is unanswered."""
        return bool(self._asked)

    def finalize(self, at: int, now: float) -> tuple[Hypothesis, ...]:
        """The utterance ended at audio time ``at``; what this brings at once (then there is nothing to ask for)."""
        sent = self.timeline.sent
        if sent == self._last_asked:
            return ()  # no audio since the last one: nothing is owed
        reached = self.timeline.sent_at(at)
        asked = _Asked(at, reached, self._last_asked, sent, now, self._loud)
        self._last_asked, self._loud = sent, False
        self._asked.append(asked)
        if self._frozen >= max(reached - TOLERANCE, asked.since + 1) and not self._tentative and len(self._asked) == 1:
            return self._answer(())
        return ()

    def take(self, message: Message, now: float) -> tuple[Hypothesis, ...]:
        """What the provider says."""
        if isinstance(message, Result) and message.is_final:
            self._held.append((now, message))
            self._held.sort(key=lambda held: held[1].start)
            return self._release(now)
        if isinstance(message, Result):
            return self._interim(message)
        if isinstance(message, UtteranceEnd):
            return self._utterance_end(message)
        return ()

    def unheeded(self, now: float) -> bool:
        """Whether to send silence: nobody answers a Finalize, and nothing was sent behind it."""
        if not self._asked:
            return False
        last = self._asked[-1]
        return last.sent == self.timeline.sent and now >= last.when + NUDGE_AFTER

    def due(self, now: float) -> tuple[Hypothesis, ...]:
        """Answer what waited long enough.

        Raises:
            Unanswered: only another stream can tell what was said.
        """
        if found := self._release(now):
            return found
        if not self._asked or now < self._asked[0].when + PATIENCE:
            return ()
        asked = self._asked[0]
        known = self._covered >= asked.reached + SETTLED and not self._overdue(asked)
        sure = known and all(told.sure for told in self._tentative if told.word.middle < asked.sent)
        if not sure and now < asked.when + LAST_PATIENCE:
            return ()
        if not known and asked.at != self._unheard and (asked.loud or self._before(asked)):
            raise Unanswered(asked.at)
        return self._answer(self._freeze(asked.sent))

    # private

    def _interim(self, result: Result) -> tuple[Hypothesis, ...]:
        if result.end <= self._frozen + TOLERANCE and self._frozen:
            return ()  # overtaken by a final
        self._covered = max(self._covered, min(result.end, self.timeline.sent))
        self._range = max(self._range, result.start)
        new = (_Told(word, result.start, self._told_before(word)) for word in self._new(result))
        self._tentative = (*self._missing(result), *new)
        if self._tentative and self._tentative[0].since < result.start - TOLERANCE:
            return ()  # a final is under way; its words, told again as they were, would look like agreement
        words = tuple(told.word for told in self._tentative)
        return (self._hypothesis(words, result.end, is_final=False, end_of_utterance=False),)

    def _release(self, now: float) -> tuple[Hypothesis, ...]:
        """Take the finals, but those that overtook one that has words."""
        found: list[Hypothesis] = []
        while self._held:
            came, result = self._held[0]
            missing = self._missing(result)
            overtook = missing or self._spoken(self._frozen, result.start) >= SKIPPED
            if overtook and now < came + (OVERTAKEN if all(told.sure for told in missing) else DOUBTED):
                break
            del self._held[0]
            found += self._final(result)
        return tuple(found)

    def _final(self, result: Result) -> tuple[Hypothesis, ...]:
        end = min(result.end, self.timeline.sent)
        new = self._new(result)
        self.duplicates += bool(result.words and not new)
        words = (*(told.word for told in self._missing(result)), *new)
        if result.words:
            self._holes = [hole for hole in self._holes if not result.start <= sum(hole) // 2 < end]
        elif end > result.start >= self._frozen - TOLERANCE:
            self._holes = [*self._holes, (result.start, end)][-MAX_HOLES:]
        if end > self._frozen:
            if result.start > self._frozen + TOLERANCE:
                self._holes = [*self._holes, (self._frozen, result.start)][-MAX_HOLES:]
            self._frozen = end
            while self._speech and self._speech[0][1] <= end:
                self._speech.popleft()
            self._tentative = tuple(told for told in self._tentative if told.word.middle >= end)
        self._covered = max(self._covered, self._frozen)
        return self._end_of_utterance(result, words)

    def _new(self, result: Result) -> tuple[HeardWord, ...]:
        """The result's words that no final told before; where it begins behind or in a hole of what they told, all."""
        fills = any(abs(result.start - start) <= TOLERANCE for start, _ in self._holes)
        if fills or result.start >= self._frozen - TOLERANCE:
            return result.words
        return tuple(word for word in result.words if word.middle >= self._frozen or self._in_hole(word))

    def _in_hole(self, word: HeardWord) -> bool:
        return any(start <= word.middle < end for start, end in self._holes)

    def _spoken(self, start: int, end: int) -> int:
        """Samples of [start, end) that are loud; ``start`` not before what finals cover."""
        return sum(max(min(stop, end) - max(first, start), 0) for first, stop in self._speech)

    def _told_before(self, word: HeardWord) -> bool:
        """Whether the interim before told this word."""
        return any(
            told.word.text == word.text and abs(told.word.middle - word.middle) <= SAME_WORD for told in self._tentative
        )

    def _missing(self, result: Result) -> tuple[_Told, ...]:
        """Words of ranges before this result's whose final has not come.

        A word of its own range may lie before that: it was being said where the range before was cut off.
        """
        before = result.start - TOLERANCE
        return tuple(told for told in self._tentative if told.since < before and told.word.middle < before)

    def _end_of_utterance(self, result: Result, words: tuple[HeardWord, ...]) -> tuple[Hypothesis, ...]:
        """A final's words, and the answers to all that was asked up to where it reaches."""
        found: list[Hypothesis] = []
        while self._asked and self._answers(result, self._asked[0]):
            asked = self._asked[0]
            mine = tuple(word for word in words if word.middle < asked.sent)
            words = words[len(mine) :]
            found += self._answer(mine)
        if words or not found:
            # Words behind all that was asked for, of an utterance whose finalize was answered by us: it ended long ago.
            late = bool(words) and not self._asked and words[-1].middle < self._last_asked
            found.append(self._hypothesis(words, result.end, is_final=True, end_of_utterance=late))
        return tuple(found)

    def _answers(self, result: Result, asked: _Asked) -> bool:
        if result.from_finalize:
            return result.end > asked.since + TOLERANCE
        return result.end >= asked.reached - (TOLERANCE if result.speech_final else 0)

    def _utterance_end(self, message: UtteranceEnd) -> tuple[Hypothesis, ...]:
        if not self._asked or message.last_word_end <= self._asked[0].since or self._before(self._asked[0]):
            return ()
        if self._frozen < min(message.last_word_end, self._asked[0].sent) - TOLERANCE:
            return ()  # its words have no final yet
        return self._answer(())

    def _answer(self, words: tuple[HeardWord, ...]) -> tuple[Hypothesis, ...]:
        asked = self._asked.popleft()
        located = self._locate(words)
        upto = self._settle(max([asked.at, *(word.end for word in located)]))
        return (Hypothesis(located, is_final=True, end_of_utterance=True, upto=upto),)

    def _before(self, asked: _Asked) -> tuple[HeardWord, ...]:
        return tuple(told.word for told in self._tentative if told.word.middle < asked.sent)

    def _overdue(self, asked: _Asked) -> bool:
        """Whether words that were asked for are of a range that ended: its final is under way, and knows better."""
        return any(told.since < self._range - TOLERANCE and told.word.middle < asked.sent for told in self._tentative)

    def _freeze(self, sent: int) -> tuple[HeardWord, ...]:
        """Let the interims' words up to there stand as final; a late final may still bring words behind them."""
        words = tuple(told.word for told in self._tentative if told.word.middle < sent)
        self._tentative = self._tentative[len(words) :]
        if words:
            self._frozen = max(self._frozen, words[-1].end)
        return words

    def _hypothesis(
        self, words: tuple[HeardWord, ...], sent: int, *, is_final: bool, end_of_utterance: bool
    ) -> Hypothesis:
        located = self._locate(words)
        reached = max([self.timeline.audio_time(sent), *(word.end for word in located)])
        self._upto = max(self._upto, reached)
        return Hypothesis(located, is_final, end_of_utterance, self._settle(reached) if is_final else self._upto)

    def _settle(self, upto: int) -> int:
        """A final covers the audio up to there: never less than one before it."""
        self._final_upto = max(self._final_upto, upto)
        self._upto = max(self._upto, self._final_upto)
        return self._final_upto

    def _locate(self, words: tuple[HeardWord, ...]) -> tuple[Word, ...]:
        placed = [(word, span) for word in words if (span := self.timeline.locate(word.start, word.end)) is not None]
        spans = in_order([span for _, span in placed])
        return tuple(
            Word(word.text, start, end, word.confidence) for (word, _), (start, end) in zip(placed, spans, strict=True)
        )
