from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.engines.base import Hypothesis, Word
from dragoman.media.format import ms_to_samples
from dragoman.pipeline.clause import STABLE_AFTER, Clause, ClauseSegmenter, merge
from dragoman.pipeline.cuts import MAX_CLAUSE

MS = ms_to_samples(1)
HALF_JITTER = 30 * MS
"""Samples by which each hypothesis may have a word's edges wrong: two of them then differ by up to 60 ms."""


def sentence(text: str, start: int = 0, length: int = 300, gap: int = 20) -> list[Word]:
    """Words of ``length`` ms with ``gap`` ms between them, from ``start`` ms on."""
    return [
        Word(word, (start + i * (length + gap)) * MS, (start + i * (length + gap) + length) * MS)
        for i, word in enumerate(text.split())
    ]


def partial(words: list[Word]) -> Hypothesis:
    return Hypothesis(tuple(words), False, False, words[-1].end if words else 0)


def final(words: list[Word], end: bool = True) -> Hypothesis:
    return Hypothesis(tuple(words), True, end, words[-1].end if words else 0)


@dataclass
class Talk:
    """A recogniser's hypotheses about some utterances, with all that recognisers do to them."""

    random: Random
    segmenter: ClauseSegmenter = field(default_factory=lambda: ClauseSegmenter("leg", "en"))
    clauses: list[Clause] = field(default_factory=list)
    _wrong: int = 0

    def hear(self, hypothesis: Hypothesis) -> None:
        self.clauses += self.segmenter.feed(hypothesis)

    def exact(self, words: list[Word]) -> list[Word]:
        """The right words, their edges a little wrong."""
        by = self.random.randint
        return [
            Word(w.text, w.start + by(-HALF_JITTER, HALF_JITTER), w.end + by(-HALF_JITTER, HALF_JITTER)) for w in words
        ]

    def guess(self, words: list[Word]) -> list[Word]:
        """As exact, but the last two perhaps misheard."""
        moved = self.exact(words)
        for i in range(max(len(moved) - 2, 0), len(moved)):
            if self.random.random() < 0.5:
                self._wrong += 1
                moved[i] = Word(f"wrong{self._wrong}", moved[i].start, moved[i].end)
        return moved

    def utter(self, words: list[Word]) -> None:
        """Partials that grow, finals inside, a restart now and then, the end; any final perhaps twice."""
        done = 0
        for upto in range(1, len(words) + 1):
            event = self.random.choice(("partial",) * 6 + ("final", "restart"))
            if event == "final":
                heard = self.exact(words[done:upto])
                done = upto
                for _ in range(self.random.randint(1, 2)):
                    self.hear(final(heard, end=False))
            elif event == "restart":  # replayed is what lies behind the last committed word
                mark = self.segmenter.ledger.committed_until
                done = min(done, sum(1 for word in words if (word.start + word.end) // 2 < mark))
            else:
                self.hear(partial(self.guess(words[done:upto])))
        last = final(self.exact(words[done:]))
        for _ in range(self.random.randint(1, 2)):
            self.hear(last)


def utterances(random: Random) -> Iterator[list[Word]]:
    """Up to three, of up to 40 words down to 70 ms, with and without breaths and sentences."""
    at, number = 1000, 0
    for _ in range(random.randint(1, 3)):
        words = []
        breaths = random.choice(((0, 10, 60), (0, 10, 60, 130, 300)))
        for _ in range(random.randint(0, 40)):
            length = random.randint(70, 900)
            words.append(Word(f"w{number}" + random.choice(("",) * 9 + (".", "?")), at * MS, (at + length) * MS))
            number += 1
            at += length + random.choice(breaths)
        yield words
        at += 700


@settings(deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_every_word_comes_once_and_in_order_whatever_the_recogniser_does(seed: int, by_clause: bool) -> None:
    random = Random(seed)
    talk = Talk(random, ClauseSegmenter("leg", "en", by_clause=by_clause))
    said: list[str] = []
    for words in utterances(random):
        talk.utter(words)
        said += [word.text for word in words]
        assert " ".join(clause.text for clause in talk.clauses).split() == said
    assert talk.segmenter.partial == ""
    assert [clause.number for clause in talk.clauses] == list(range(1, len(talk.clauses) + 1))
    for clause in talk.clauses:
        assert clause.start < clause.end
        assert clause.end - clause.start <= MAX_CLAUSE


def test_the_end_of_an_utterance_commits_it() -> None:
    segmenter = ClauseSegmenter("leg", "en")
    words = sentence("good morning everybody")
    assert segmenter.feed(partial(words[:2])) == []
    assert segmenter.partial == "good morning"
    assert segmenter.feed(final(words)) == [
        Clause("leg", 1, "en", "good morning everybody", words[0].start, words[-1].end)
    ]
    assert segmenter.partial == ""


def test_an_empty_final_commits_nothing() -> None:
    segmenter = ClauseSegmenter("leg", "en")
    assert segmenter.feed(final([])) == []
    assert segmenter.feed(partial(sentence("noise"))) == []
    assert segmenter.feed(final([])) == []  # the noise was none of ours
    assert segmenter.flush() == []


def test_a_final_inside_an_utterance_commits_whole_sentences_and_keeps_the_rest() -> None:
    segmenter = ClauseSegmenter("leg", "en")
    words = sentence("It rains. Take a")
    assert [clause.text for clause in segmenter.feed(final(words, end=False))] == ["It rains."]
    assert segmenter.partial == "Take a"
    coat = sentence("coat.", start=2000)
    assert [clause.text for clause in segmenter.feed(final(coat))] == ["Take a coat."]


def test_a_long_monologue_is_cut_at_its_breaths() -> None:
    segmenter = ClauseSegmenter("leg", "en")
    words, at = [], 0
    for breath in range(4):
        words += sentence(" ".join(f"b{breath}w{i}" for i in range(18)), start=at)
        at += 18 * 320 + 200
    clauses = segmenter.feed(final(words))
    assert [clause.text.split()[0] for clause in clauses] == ["b0w0", "b1w0", "b2w0", "b3w0"]
    assert all(clause.end - clause.start <= MAX_CLAUSE for clause in clauses)


def test_who_breathes_but_does_not_stop_is_cut_at_his_breath_before_any_final() -> None:
    segmenter = ClauseSegmenter("leg", "en")
    words = sentence(" ".join(f"a{i}" for i in range(20))) + sentence(
        " ".join(f"b{i}" for i in range(20)), start=20 * 320 + 180
    )
    clauses = [clause for upto in range(1, len(words) + 1) for clause in segmenter.feed(partial(words[:upto]))]
    assert [clause.text for clause in clauses] == [" ".join(f"a{i}" for i in range(20))]
    (rest,) = segmenter.feed(final(words))
    assert rest.text == " ".join(f"b{i}" for i in range(20))
    assert rest.number == 2


def test_who_never_breathes_is_cut_behind_what_is_sure() -> None:
    segmenter = ClauseSegmenter("leg", "en")
    words = sentence(" ".join(f"w{i}" for i in range(60)))
    clauses = []
    for upto in range(1, len(words) + 1):
        clauses += segmenter.feed(partial(words[:upto]))
    assert len(clauses) == 1
    assert clauses[0].text.split() == [word.text for word in words[: len(clauses[0].text.split())]]
    heard = clauses + segmenter.feed(final(words))
    assert " ".join(clause.text for clause in heard).split() == [word.text for word in words]


def test_words_that_still_change_are_not_cut_off() -> None:
    segmenter = ClauseSegmenter("leg", "en")
    for change in range(10):
        words = sentence(" ".join(f"{change}w{i}" for i in range(40)))
        assert segmenter.feed(partial(words)) == []
    for _ in range(STABLE_AFTER - 2):
        assert segmenter.feed(partial(words)) == []
    assert " ".join(clause.text for clause in segmenter.feed(partial(words))).split() == [w.text for w in words]


def test_a_single_word_longer_than_any_clause_ends_all_the_same() -> None:
    segmenter = ClauseSegmenter("leg", "en")
    hum = [Word("mmm", 0, 2 * MAX_CLAUSE), Word("well", 2 * MAX_CLAUSE, 2 * MAX_CLAUSE + 100)]
    assert [clause.text for clause in segmenter.feed(final(hum))] == ["mmm", "well"]


def test_flush_brings_out_what_no_final_will_confirm() -> None:
    segmenter = ClauseSegmenter("leg", "en")
    segmenter.feed(final(sentence("I must"), end=False))
    segmenter.feed(partial(sentence("go", start=700)))
    assert [clause.text for clause in segmenter.flush()] == ["I must go"]
    assert segmenter.flush() == []


def test_merging_neighbours_keeps_the_first_id_and_names_the_others() -> None:
    one, two, three = (Clause("leg", i, "en", f"t{i}", 100 * i, 100 * i + 50) for i in (1, 2, 3))
    merged = merge(one, merge(two, three))
    assert merged == Clause("leg", 1, "en", "t1 t2 t3", 100, 350, merged=("leg/2", "leg/3"))
    assert merge(merge(one, two), three) == merged


def by_clause(agreement: int = 2) -> ClauseSegmenter:
    return ClauseSegmenter("leg", "en", agreement=agreement, by_clause=True)


LONG = "we have moved all the boxes upstairs because it rains again and nobody told us"


def test_long_speech_does_not_wait_for_its_final() -> None:
    segmenter = by_clause()
    words = sentence(LONG)
    clauses = []
    for upto in range(1, 11):
        clauses += segmenter.feed(partial(words[:upto]))
    assert [clause.text for clause in clauses] == ["we have moved all the boxes upstairs"]
    (rest,) = segmenter.feed(final(words))
    assert rest.text == "because it rains again and nobody told us"
    assert (segmenter.early.committed, segmenter.early.revised) == (7, 0)


def test_a_clause_is_not_cut_off_before_its_partials_agree() -> None:
    segmenter = by_clause()
    words = sentence(LONG)
    assert segmenter.feed(partial(words)) == []
    changed = [Word("books" if word.text == "boxes" else word.text, word.start, word.end) for word in words]
    assert segmenter.feed(partial(changed)) == []
    assert [clause.text for clause in segmenter.feed(partial(changed))] == ["we have moved all the books upstairs"]
    segmenter.feed(final(words))
    assert segmenter.early.revised == 1


def test_each_sentence_of_a_final_is_a_clause() -> None:
    segmenter = by_clause()
    words = sentence("It rains. Take a coat. And the")
    assert [clause.text for clause in segmenter.feed(final(words, end=False))] == ["It rains.", "Take a coat."]
    assert segmenter.partial == "And the"


def test_a_mark_at_the_end_of_a_final_ends_a_sentence_only_where_a_partial_had_it_too() -> None:
    """A recogniser that is asked for a final in mid-sentence puts a full stop there."""
    for clauses in (True, False):
        segmenter = ClauseSegmenter("leg", "en", by_clause=clauses)
        assert segmenter.feed(final(sentence("So I think that."), end=False)) == []
        segmenter.feed(partial(sentence("we", start=1400)))
        (whole,) = segmenter.feed(final(sentence("we go.", start=1400)))[-1:]
        assert whole.text.endswith("we go.")
        segmenter.feed(partial(sentence("it rains.", start=3000)))
        assert [clause.text for clause in segmenter.feed(final(sentence("It rains.", start=3000), end=False))] == [
            "It rains."
        ]


def test_the_end_that_comes_behind_the_final_commits_what_was_kept() -> None:
    segmenter = by_clause()
    assert segmenter.feed(final(sentence("we are done"), end=False)) == []
    assert [clause.text for clause in segmenter.feed(final([]))] == ["we are done"]


@settings(deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_what_is_foreseen_is_what_is_committed_when_nothing_is_revised(seed: int, clauses: bool) -> None:
    random = Random(seed)
    for words in utterances(random):
        segmenter = ClauseSegmenter("leg", "en", by_clause=clauses)
        if not words:
            continue
        segmenter.feed(partial(words))
        foreseen = [(clause.text, clause.start, clause.end) for clause in segmenter.foreseen()]
        assert segmenter.foreseen() == segmenter.foreseen()  # it changes nothing
        said = segmenter.feed(final(words))
        assert [(clause.text, clause.start, clause.end) for clause in said] == foreseen
        assert segmenter.foreseen() == []


def number(text: str, end: int) -> Word:
    return Word(text, 640 * MS, end * MS)


@pytest.mark.parametrize("by_clauses", [False, True])
def test_a_number_that_another_stream_tells_whole_is_committed_once(by_clauses: bool) -> None:
    segmenter = ClauseSegmenter("leg", "en", by_clause=by_clauses)
    before = sentence("room number")
    assert segmenter.feed(final([*before, number("20", 900)], end=False)) == []
    segmenter.ledger.expect(number("20", 900).start)  # the stream died
    assert segmenter.feed(partial([number("25", 1300)])) == []
    assert segmenter.partial == "room number 25"
    assert [clause.text for clause in segmenter.foreseen()] == ["room number 25"]
    clauses = segmenter.feed(final([number("25", 1300), *sentence("please", start=1400)]))
    assert [clause.text for clause in clauses] == ["room number 25 please"]


def test_a_number_told_in_part_stands_where_the_next_stream_tells_it_so_too() -> None:
    segmenter = ClauseSegmenter("leg", "en")
    segmenter.feed(final([*sentence("room number"), number("20", 900)], end=False))
    segmenter.feed(partial([number("25", 1300)]))
    (clause,) = segmenter.feed(final([number("20", 910), *sentence("please", start=1000)]))
    assert clause.text == "room number 20 please"


def test_a_partial_that_outgrew_a_number_is_what_flush_brings_out() -> None:
    segmenter = ClauseSegmenter("leg", "en")
    segmenter.feed(final([*sentence("room number"), number("20", 900)], end=False))
    segmenter.feed(partial([number("25", 1300)]))
    assert [clause.text for clause in segmenter.flush()] == ["room number 25"]


@pytest.mark.parametrize(
    ("language", "said", "text"),
    [
        ("ja", "今日 は いい 天気 です ね。", "今日はいい天気ですね。"),
        ("zh", "会议 在 15 点 开始。", "会议在15点开始。"),
        ("th", "ขอบคุณ มาก ครับ", "ขอบคุณมากครับ"),
        ("ko", "감사합니다 여러분.", "감사합니다 여러분."),
    ],
)
def test_a_clause_is_written_as_its_script_writes_it(language: str, said: str, text: str) -> None:
    segmenter = ClauseSegmenter("leg", language)
    segmenter.feed(partial(sentence(said)))
    assert segmenter.partial == text
    (clause,) = segmenter.feed(final(sentence(said)))
    assert clause.text == text
    both = merge(clause, clause).text
    assert both == (f"{text} {text}" if language in ("th", "ko") else text + text)
