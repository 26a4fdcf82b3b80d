"""Which of the words recognised at a leg are an echo of what that leg was played. Pure.

The second line behind the echo guard of the media plane, which works on sound: what that leaves of an echo (a
loudspeaker that clips, a delay that jumps, two phones in an office) may still be recognised. But the words that a leg
heard are known: what its booth said, and what the others of its conference said themselves. The rule:

1. *A word is heard again* when it is like a word that was played (``alike``), its middle lies ``delay`` behind that
   one's (give or take ``NEAR`` or ``NEAR_LAID_OUT``), and half of it at least lies within the playback, shifted by
   ``delay``. So what is said behind the end of a playback never is: a voice takes the same way to us as the echo does,
   and who repeats what he heard begins when that echo has ended.
2. *The delay is one number*, from ``SHORTEST`` to ``LONGEST``, for all words that are judged at once: the known one,
   else that with which most words, in the order in which they were played, are heard again.
3. *Words heard again in a row are an echo* when there are enough of them (``Evidence``): many (``SURE``) from a leg of
   which nothing is known, ``FEW`` from one that the guard found to be on a loudspeaker or that sent something back at
   the same delay before, a ``PAIR`` when it did so twice. From a loudspeaker any number is enough where nothing else
   was heard: at the delay that is known, or of a booth's while it speaks, sooner than anybody repeats a word. Where the
   guard found at which delay a booth comes back, that is the known one for what is mostly an echo: it is measured on
   the sound, while the times of words, and delays made of them, are wrong by a third of a second.
4. Between them, as many words that are like nothing are taken for misheard ones as played words are missing there, and
   one before the first, as long as two of three words are like what was played. All other words are the person's own.
5. *Where most words are like nothing that was played, a person speaks* over the echo: none of them is taken for a
   misheard one, and words that are all short (``SHORT``) are his, for the like of these is in every sentence.
6. *Words from a loudspeaker which sound like its echo and nothing else* (``LegAudio.echo_likeness``) are one, whatever
   they say: of an echo's remains a recogniser makes words that nobody was played. Of more than ``FEW`` it takes a
   plainer likeness, of fewer less where one of them was played.

Two people who say the same at once are no echo: of what others say natively nothing is one, until the leg is known to
be on a loudspeaker or has sent back the same delay before; their words of that first time pass.

The words that are an echo are left out of hypotheses, so that they are in no partial, clause or translation; the rest
of the utterance is interpreted. Readers are told by a ``gap`` caption, once per utterance, that something was left out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum
from functools import lru_cache
from itertools import pairwise
from statistics import median
from unicodedata import combining, normalize

from dragoman.pipeline.spoken import Spoken, Stretch

SHORTEST, LONGEST = 0.04, 0.6
"""Seconds by which an echo comes after what was played. Asterisk alone takes 61 ms to the phone and back (measured);
networks, jitter buffers and a wireless loudspeaker take the rest. With more than 600 ms nobody goes on with a call."""

REPEATABLE = 0.4
"""Seconds within which nobody repeats a word that he hears: who shadows speech as fast as anybody can is 250 ms behind
(Marslen-Wilson 1973), and what he says takes the way of the echo to us. Longer delays may be a person reading back, and
need more words."""

NEAR = 0.15
"""Seconds between where a word should come and where it does, if the times of both come from recognisers: each moves a
word's middle by 60 ms (``ledger.JITTER``), and one of them heard it through a loudspeaker."""

NEAR_LAID_OUT = 0.35
"""The same for what a booth said, where only the times of the whole clause are known and its words are laid out by
their letters: 95 of 100 of espeak-ng's own marks of words lie within 210 ms of that (18 sentences of three languages;
behind a number in figures up to 700). To this come a tempo that glides, and a recogniser."""

COVERED = 0.5
"""Share of a word that must lie within the playback."""

ALIKE = 0.75
"""Share of letters that two words must have in common (difflib's ratio): a wrong ending or vowel, no other word."""

SHORT = 3
"""Letters of a word that must be the same as the played one: ``no`` and ``so`` are other words."""

SURE = 5
"""Words in a row that are enough from anybody: four ("thank you very much") are said by two at once now and then."""

FEW = 3
"""The same from a leg that is on a loudspeaker, or from which as many were heard at the same delay before."""

PAIR = 2
"""The same once the leg's delay is known. A single word is enough where it is all that was played and heard."""

ANY = 1
"""The same from a loudspeaker, where nothing but such words was heard."""

FOLLOWS = 0.3
FOLLOWS_PLAYED = 0.15
FOLLOWS_LONG = 0.4
"""Likeness to the echo from which on it is nothing else: of FEW words, of FEW of which one is like one that was played,
and of more. Measured in 160 simulated conferences. Of 46 utterances of five words and fewer in which nobody spoke, 41
had 0.3 and more, and three of the others 0.15. Of 191 in which somebody spoke over an echo twelve had, and in two of
these, of four words and five, he was understood. Of 111 longer ones of people none had 0.35, of an echo the only one
0.43."""

MISSED = 2
"""Words in a row that may be misheard inside of an echo."""

SAME = 0.1
"""Seconds between the delays of two echoes of one phone: its jitter buffer moves by some packets."""

GRID = 0.05
"""Seconds between delays that are tried."""

FORGET = 120.0
"""Seconds after its last echo for which a leg's delay is known: who takes up the receiver is as anybody again."""


class Source(Enum):
    """Whom a leg hears."""

    BOOTH = "booth"
    OTHERS = "others"
    """The other legs of its conference, natively."""

    @property
    def near(self) -> float:
        """Seconds that a word may be away from where it should come."""
        return NEAR_LAID_OUT if self is Source.BOOTH else NEAR


@dataclass(frozen=True, slots=True)
class Echo:
    """What of the words that were judged is one."""

    words: tuple[int, ...]
    """Their places among those that were judged."""
    delay: float
    """Seconds behind what was played."""
    source: Source


Pairs = list[tuple[int, int]]
"""(place among the words heard, place among those played)."""


class Evidence:
    """What is known of one leg's echo of one source, and how many words it takes for that."""

    def __init__(self) -> None:
        self._delay: float | None = None
        self._last: tuple[float, float] | None = None  # the last one's delay and end
        self._until = 0.0

    def delay(self, now: float) -> float | None:
        """Seconds, if two echoes had the same delay; None: none is known."""
        if now > self._until:
            self._delay = self._last = None
        return self._delay

    def seen(self, now: float) -> bool:
        """Whether there was anything like an echo lately."""
        return self._last is not None and now <= self._until

    def needs(self, delay: float, source: Source, start: float, *, loudspeaker: bool) -> int | None:
        """Words in a row that make an echo, which begins at ``start``, of a delay that is not known; None: none do."""
        again = self._last is not None and start >= self._last[1] and abs(delay - self._last[0]) <= SAME
        if delay <= REPEATABLE:
            return FEW if loudspeaker or again else SURE if source is Source.BOOTH else None
        return FEW if loudspeaker else SURE if again else None

    def found(self, delay: float, words: int, start: float, end: float, now: float) -> None:
        """So many words in a row were heard again, between these times; what was told before is not told again."""
        if words < (FEW if delay <= REPEATABLE else SURE) or (self._last is not None and start < self._last[1]):
            return
        if self._last is not None and abs(delay - self._last[0]) <= SAME:
            self._delay = delay
        self._last = (delay, end)
        self.keep(now)

    def keep(self, now: float) -> None:
        """It is not to be forgotten yet: an echo was found."""
        self._until = now + FORGET


class EchoEar:
    """Judges one leg's words; knows what it found before."""

    def __init__(self) -> None:
        self._evidence = {source: Evidence() for source in Source}

    def sources(self, words: int, now: float, *, loudspeaker: bool, final: bool) -> tuple[Source, ...]:
        """Whose words ``judge`` might find among so many: of a leg above suspicion partials have little to tell."""
        if not words:
            return ()
        if final or loudspeaker or any(evidence.seen(now) for evidence in self._evidence.values()):
            return tuple(Source)
        return (Source.BOOTH,) if words >= SURE else ()

    @staticmethod
    def follows(likeness: float, heard: Sequence[Spoken], played: Iterable[tuple[Source, Sequence[Stretch]]]) -> bool:
        """Whether a loudspeaker's words are an echo by their sound, whatever they say.

        Args:
            likeness: of their sound to the leg's echo.
            heard: words of the leg, in order, at the times at which they came in.
            played: what each source let this leg hear, as ``judge`` is told.
        """
        if len(heard) > FEW:
            return likeness >= FOLLOWS_LONG
        if not heard or likeness < FOLLOWS_PLAYED:
            return False
        return likeness >= FOLLOWS or any(_Match(heard, said, source.near).pairs for source, said in played)

    def judge(
        self,
        heard: Sequence[Spoken],
        played: Sequence[Stretch],
        source: Source,
        now: float,
        *,
        loudspeaker: bool = False,
        delay: float | None = None,
        final: bool = True,
    ) -> Echo | None:
        """Which of these words are an echo; None: none.

        Args:
            heard: words of the leg, in order, at the times at which they came in.
            played: what ``source`` let this leg hear, at the times at which we sent it or had it.
            source: whose it was.
            now: monotonic seconds.
            loudspeaker: whether the echo guard found the leg to be on one.
            delay: seconds by which the echo guard found this source to come back; None: it did not.
            final: whether the words will not be revised: only these are remembered as evidence.
        """
        match = _Match(heard, played, source.near)
        if not match.pairs:
            return None
        evidence = self._evidence[source]
        known = evidence.delay(now)
        likest, chain = match.best()
        needed = None
        if longest := max(_runs(chain), key=len, default=[]):
            start, end = heard[longest[0][0]].start, heard[longest[-1][0]].end
            needed = evidence.needs(likest, source, start, loudspeaker=loudspeaker)
            if final:
                evidence.found(likest, len(longest), start, end, now)
        if known is not None:
            again = match.chain(known)
            if echoed := match.echoed(known, again, ANY if loudspeaker and match.all_of(again) else PAIR):
                evidence.keep(now)
                return Echo(echoed, known, source)
        if delay is not None:
            again = match.chain(delay)
            if match.most_of(again) and (echoed := match.echoed(delay, again, ANY if match.all_of(again) else PAIR)):
                return Echo(echoed, delay, source)
        if loudspeaker and source is Source.BOOTH and match.all_of(chain) and match.during(chain):
            needed = ANY
        echoed = () if needed is None else match.echoed(likest, chain, needed)
        return Echo(echoed, likest, source) if echoed else None


class _Match:
    """What was heard beside what was played."""

    def __init__(self, heard: Sequence[Spoken], played: Sequence[Stretch], near: float) -> None:
        self._heard = heard
        self._near = near
        first = heard[0].start - LONGEST - near if heard else 0.0
        last = heard[-1].end - SHORTEST + near if heard else 0.0
        self._stretches = [stretch for stretch in played if stretch.end > first and stretch.start < last]
        self._words = sorted((word for each in self._stretches for word in each.words), key=lambda word: word.middle)
        self.pairs: Pairs = []
        """Of words that are alike and may be one another's echo."""
        middles = [word.middle for word in self._words]
        for i, word in enumerate(heard if middles else ()):
            j = bisect_left(middles, word.middle - LONGEST - near)
            while j < len(middles) and middles[j] <= word.middle - SHORTEST + near:
                if alike(word.text, self._words[j].text):
                    self.pairs.append((i, j))
                j += 1

    def best(self) -> tuple[float, Pairs]:
        """The delay with which most words are heard again, and these; none where it is no echo's."""
        tried = sorted({round(self._offset(pair) / GRID) * GRID for pair in self.pairs})
        chain = max(map(self.chain, tried), key=len)
        delay = median(self._offset(pair) for pair in chain) if chain else 0.0
        if not SHORTEST <= delay <= LONGEST:
            return delay, []
        return delay, [(i, j) for i, j in chain if self._covered(i, delay)]

    def chain(self, delay: float) -> Pairs:
        """The most words that are heard again with this delay, in the order in which they were played."""
        fitting = [
            (i, j) for i, j in self.pairs if abs(self._offset((i, j)) - delay) <= self._near and self._covered(i, delay)
        ]
        # The longest increasing subsequence (patience sorting): of one word's pairs the latest comes first, so that no
        # chain takes two of them.
        fitting.sort(key=lambda pair: (pair[0], -pair[1]))
        ends: list[int] = []  # of the best chain of each length: where the played word is
        at: list[int] = []  # and which pair that is
        before: list[int | None] = []
        for index, (_, j) in enumerate(fitting):
            length = bisect_left(ends, j)
            before.append(at[length - 1] if length else None)
            ends[length : length + 1] = [j]
            at[length : length + 1] = [index]
        chain: Pairs = []
        last = at[-1] if at else None
        while last is not None:
            chain.append(fitting[last])
            last = before[last]
        return chain[::-1]

    def echoed(self, delay: float, chain: Pairs, needed: int) -> tuple[int, ...]:
        """The places of the words that are an echo, where so many in a row are needed."""
        if needed == PAIR and len(self._heard) == 1 and any(self._all_of_it(pair, delay) for pair in chain):
            return (0,)
        runs = [run for run in _runs(chain) if len(run) >= needed]
        if self.most_of(chain):
            return tuple(i for run in runs for i in self._filled(run, delay))
        told = [run for run in runs if any(len(self._heard[i].text) > SHORT for i, _ in run)]
        return tuple(i for run in told for i, _ in run)

    def all_of(self, chain: Pairs) -> bool:
        """Whether nothing else was heard."""
        return len(chain) == len(self._heard)

    def most_of(self, chain: Pairs) -> bool:
        """Whether no more was heard than that once more."""
        return 2 * len(chain) >= len(self._heard)

    def during(self, chain: Pairs) -> bool:
        """Whether all of these were heard while it was played, sooner than anybody repeats a word."""
        sounded = all(any(each.start <= self._heard[i].start < each.end for each in self._stretches) for i, _ in chain)
        return sounded and all(self._offset(pair) <= REPEATABLE for pair in chain)

    def _all_of_it(self, pair: tuple[int, int], delay: float) -> bool:
        """Whether the one word that was heard is the one word that was played."""
        word = self._words[pair[1]]
        alone = any(stretch.words == (word,) for stretch in self._stretches)
        return alone and abs(self._offset(pair) - delay) <= NEAR

    def _filled(self, run: Pairs, delay: float) -> list[int]:
        """The words of a run, with those that are taken for misheard ones."""
        spare = len(run) // 2
        echoed = [i for i, _ in run]
        for (i, j), (k, m) in pairwise(run):
            between = k - i - 1
            if between <= min(spare, m - j - 1):
                echoed += range(i + 1, k)
                spare -= between
        i, j = run[0][0] - 1, run[0][1] - 1
        if len(run) >= FEW and spare and i >= 0 and j >= 0 and self._covered(i, delay):
            if abs(self._offset((i, j)) - delay) <= self._near:
                echoed.append(i)
        return sorted(echoed)

    def _offset(self, pair: tuple[int, int]) -> float:
        return self._heard[pair[0]].middle - self._words[pair[1]].middle

    def _covered(self, i: int, delay: float) -> bool:
        """Whether the playback, shifted by the delay, lies over enough of a word."""
        word = self._heard[i]
        over = sum(
            max(min(word.end, stretch.end + delay) - max(word.start, stretch.start + delay), 0.0)
            for stretch in self._stretches
        )
        return over > 0 and over >= COVERED * (word.end - word.start)


@lru_cache(maxsize=4096)
def alike(heard: str, played: str) -> bool:
    """Whether a recogniser may have made the one of the other; a number with another figure is another number."""
    if heard == played:
        return True
    if min(len(heard), len(played)) <= SHORT or any(letter.isdigit() for letter in heard + played):
        return False
    return SequenceMatcher(None, _unaccented(heard), _unaccented(played), autojunk=False).ratio() >= ALIKE


def _unaccented(word: str) -> str:
    """Not every recogniser writes the marks above letters."""
    return "".join(letter for letter in normalize("NFD", word) if not combining(letter))


def _runs(chain: Pairs) -> Iterator[Pairs]:
    """Words heard again that follow each other, but for MISSED at most."""
    run: Pairs = []
    for pair in chain:
        if run and pair[0] - run[-1][0] - 1 > MISSED:
            yield run
            run = []
        run.append(pair)
    if run:
        yield run
