"""The ledger: each kind of loss is told from the others, and what is wrong is never taken for good."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bench.latency.figures import Sound
from hypothesis import given
from hypothesis import strategies as st
from tests.chaos.ledger import ATTACH_S, TOLD_S, TORN, Dropped, Fate, Gap, Page, judge, numbers_of, reasons, summary

START = 1_000.0
PACE = 0.36


def said(count: int, language: str = "en", after: float = 0.0) -> list[Sound]:
    """Words in a row, the first at ``START + after``."""
    begins = [START + after + PACE * i for i in range(count)]
    return [Sound(f"{language}{i:03}a", begin, begin + 0.315) for i, begin in enumerate(begins)]


def page(
    heard: list[Sound],
    *,
    count: int = 6,
    tapped: list[Sound] | None = None,
    sent: list[Sound] | None = None,
    marks: Iterable[Gap | Dropped] = (),
    bad_in: Callable[[float], bool] = lambda at: False,
    bad_out: Callable[[float], bool] = lambda at: False,
    froze: Callable[[float, float], bool] = lambda start, end: False,
    holes: Sequence[tuple[float, float]] = (),
    kept: Callable[[float, float], float] = lambda start, end: end - start,
    listening: Sequence[tuple[float, float]] = (),
) -> Page:
    spoken = said(count)
    return judge(
        "a",
        "es",
        said=spoken,
        tapped=spoken if tapped is None else tapped,
        sent=heard if sent is None else sent,
        heard=heard,
        marks=marks,
        bad_in=bad_in,
        bad_out=bad_out,
        froze=froze,
        holes=holes,
        kept=kept,
        listening=listening,
    )


def fates(found: Page) -> list[Fate]:
    return [row.fate for row in found.rows]


TRANSLATED = said(6, "es", 3.0)


def test_all_that_is_heard_once_and_in_order_is_good() -> None:
    found = page(TRANSLATED)
    assert fates(found) == [Fate.HEARD] * 6
    figures = summary([found], 0)
    assert (figures["spoken"], figures["heard"]) == (6, 6)
    assert reasons(figures) == []


def test_a_word_that_nobody_tells_of_is_lost() -> None:
    found = page(TRANSLATED[:2] + TRANSLATED[3:])
    assert fates(found) == [Fate.HEARD] * 2 + [Fate.LOST] + [Fate.HEARD] * 3
    assert any("lost" in reason for reason in reasons(summary([found], 0)))


def test_a_gap_covers_the_words_in_it_and_no_others() -> None:
    gap = Gap(1010.0, 1020.0)
    for start, covered in (
        (1009.2, False),
        (1009.8, True),
        (1015.0, True),
        (1020.2, True),
        (1020 + ATTACH_S + 0.1, False),
    ):
        assert gap.covers(Sound("en001a", start, start + 0.315), due=start) is covered
    assert fates(page([], marks=[Gap(START - 1, START + 10)])) == [Fate.MARKED] * 6
    assert fates(page([], marks=[Gap(START + 10, START + 20)])) == [Fate.LOST] * 6


def test_a_gap_covers_what_was_due_to_be_heard_in_it_by_the_lag_that_the_booth_had() -> None:
    gap = Gap(TRANSLATED[2].start + 0.2, TRANSLATED[5].start)
    assert fates(page(TRANSLATED[:2], marks=[gap])) == [Fate.HEARD] * 2 + [Fate.MARKED] * 4
    sooner = [Sound(word.text, word.start - 2.5, word.end - 2.5) for word in TRANSLATED[:2]]
    assert fates(page(sooner, marks=[gap])) == [Fate.HEARD] * 2 + [Fate.LOST] * 4


def test_a_clause_that_was_dropped_marks_its_own_words_of_its_own_time() -> None:
    dropped = Dropped(START, START + PACE * 2, numbers_of("en000a en001a, rest."))
    assert fates(page([], marks=[dropped])) == [Fate.MARKED] * 2 + [Fate.LOST] * 4
    long_ago = Dropped(START - 60, START - 58, numbers_of("en000a en001a"))
    assert fates(page([], marks=[long_ago])) == [Fate.LOST] * 6


def test_a_mark_does_not_make_a_word_that_was_heard_a_lost_one() -> None:
    assert fates(page(TRANSLATED, marks=[Gap(0, 2 * START)])) == [Fate.HEARD] * 6


def test_the_line_is_to_blame_only_where_it_was_bad_and_the_daemon_did_its_part() -> None:
    without = said(6)[:3]
    at = said(6)[3].start
    assert fates(page(TRANSLATED[:3], tapped=without))[3] is Fate.LOST  # the line was good
    assert fates(page(TRANSLATED[:3], bad_in=lambda _: True))[3] is Fate.LOST  # it came whole to the daemon
    assert fates(page(TRANSLATED[:3], tapped=without, bad_in=lambda when: when >= at))[3] is Fate.ON_THE_LINE
    assert fates(page(TRANSLATED[:3], sent=TRANSLATED, bad_out=lambda _: True))[3] is Fate.ON_THE_LINE
    assert fates(page(TRANSLATED[:3], sent=TRANSLATED[:3], bad_out=lambda _: True))[3] is Fate.LOST


def test_a_word_that_never_came_whole_is_no_loss_of_a_daemon_that_listened_all_the_while() -> None:
    without = said(6)[:3] + said(6)[4:]
    at = said(6)[3]
    missing = TRANSLATED[:3] + TRANSLATED[4:]
    for listening, fate in (
        ([(START - 1, START + 10)], Fate.ON_THE_LINE),
        ([(START - 1, at.start + 0.1), (at.end, START + 10)], Fate.LOST),  # nothing came: it was not attached
        ([(at.start + 0.1, START + 10)], Fate.LOST),
        ([(START - 1, at.end + 0.2)], Fate.LOST),
    ):
        assert fates(page(missing, tapped=without, listening=listening))[3] is fate
    assert fates(page(missing, listening=[(START - 1, START + 10)]))[3] is Fate.LOST, "it came whole"


def test_the_first_word_of_a_clause_is_due_as_the_second_is() -> None:
    sent = [*TRANSLATED[:3], *(Sound(w.text, w.start + 1.0, w.end + 1.0) for w in TRANSLATED[3:])]
    heard = [*sent[:3], *sent[4:]]  # the clause before was spoken a second sooner
    true = sent[3].start + 0.1
    for gap, fate in (
        (Gap(true, true + 0.1), Fate.MARKED),
        (Gap(TRANSLATED[3].start + 0.1, TRANSLATED[3].start + 0.2), Fate.MARKED),  # as the word before
        (Gap(sent[3].start - 0.5, sent[3].start - 0.4), Fate.LOST),  # between the two
        (Gap(sent[4].end, sent[5].end), Fate.LOST),
    ):
        assert fates(page(heard, sent=heard, marks=[gap]))[3] is fate
    whole_clause_gone = sent[:3]
    assert fates(page(whole_clause_gone, sent=whole_clause_gone, marks=[Gap(true, true + 0.1)]))[3] is Fate.LOST


def test_the_first_word_of_a_clause_that_is_gone_is_not_due_as_the_next_clause_is() -> None:
    for gone, fate in ((3, Fate.MARKED), (4, Fate.LOST)):  # no clause has less than four words
        sent = [*said(3, "es", 3.0), *said(8, "es", 4.0)[3 + gone :]]
        true = START + 3 * PACE + 4.0 + 0.1
        assert fates(page(sent, count=8, marks=[Gap(true, true + 0.1)]))[3] is fate


def test_what_was_sent_whole_and_came_damaged_to_the_phone_was_damaged_on_the_way() -> None:
    sent = TRANSLATED[3]
    for at, fate in ((0.06, Fate.ON_THE_LINE), (-0.2, Fate.LOST), (1.5, Fate.LOST)):
        torn = Sound(None, sent.start + at, sent.start + at + 0.2)
        heard = sorted([*TRANSLATED[:3], torn, *TRANSLATED[4:]], key=lambda sound: sound.start)
        assert fates(page(heard, sent=TRANSLATED))[3] is fate
    assert fates(page(TRANSLATED[:3] + TRANSLATED[4:], sent=TRANSLATED))[3] is Fate.LOST, "the phone heard nothing"


def test_one_damaged_sound_is_no_excuse_for_more_words_than_may_meet_in_it() -> None:
    torn = Sound(None, TRANSLATED[2].start + 0.1, TRANSLATED[2].start + 0.3)
    found = fates(page([*TRANSLATED[:1], torn, *TRANSLATED[5:]], sent=TRANSLATED))
    assert found == [Fate.HEARD] + [Fate.ON_THE_LINE] * TORN + [Fate.LOST] * 2 + [Fate.HEARD]


def test_a_short_hole_is_the_machines_only_where_it_kept_the_daemon_from_running() -> None:
    word = TRANSLATED[3]
    sent = [*TRANSLATED[:3], Sound(None, word.start, word.end + 0.06), *TRANSLATED[4:]]
    hole = (word.start + 0.1, word.start + 0.15)
    for seconds, fate in ((0.05, Fate.TORN), (0.016, Fate.TORN), (0.014, Fate.LOST), (0.0, Fate.LOST)):
        found = page(TRANSLATED[:3] + TRANSLATED[4:], sent=sent, holes=[hole], kept=lambda start, end, s=seconds: s)
        assert fates(found)[3] is fate
        figures = summary([found], 0)
        assert (figures["torn_by_the_machine"], figures["lost_unmarked"]) == (fate is Fate.TORN, fate is Fate.LOST)
        assert figures["lost_to_the_machine"] == 0


def test_a_short_hole_in_what_was_sent_is_the_machines_and_a_long_one_has_to_be_told() -> None:
    word = TRANSLATED[3]
    torn = Sound(None, word.start, word.end + 0.06)
    sent = [*TRANSLATED[:3], torn, *TRANSLATED[4:]]
    inside = word.start + 0.1
    for hole, fate in (
        ((inside, inside + TOLD_S - 0.001), Fate.TORN),
        ((inside, inside + TOLD_S + 0.001), Fate.LOST),
        ((word.end + 1.0, word.end + 1.06), Fate.LOST),  # not in this word
    ):
        assert fates(page(TRANSLATED[:3] + TRANSLATED[4:], sent=sent, holes=[hole]))[3] is fate
    assert fates(page(TRANSLATED[:3] + TRANSLATED[4:], sent=sent))[3] is Fate.LOST, "the daemon spoilt it"
    whole = page(TRANSLATED[:3] + TRANSLATED[4:], sent=TRANSLATED[:3] + TRANSLATED[4:], holes=[(inside, inside + 0.05)])
    assert fates(whole)[3] is Fate.LOST, "nothing was sent there"


def test_a_hole_may_have_cut_off_the_edge_of_a_word() -> None:
    word = TRANSLATED[3]
    sent = [*TRANSLATED[:3], Sound(None, word.start, word.end - 0.1), *TRANSLATED[4:]]
    for begun, fate in ((word.end - 0.1, Fate.TORN), (word.end - 0.05, Fate.LOST)):
        holes = [(begun, begun + 0.04)]
        assert fates(page(TRANSLATED[:3] + TRANSLATED[4:], sent=sent, holes=holes))[3] is fate


def test_a_torn_word_behind_others_that_are_accounted_for_is_told_from_them() -> None:
    word = TRANSLATED[5]
    hole = (word.start + 0.1, word.start + 0.16)
    torn, early = Sound(None, word.start, word.end + 0.06), Sound(None, START + 0.1, START + 0.4)
    holes, marks = [hole, (START + 0.2, START + 0.26)], [Gap(START - 1, said(6)[3].end - ATTACH_S)]
    for sent, fate in (
        ([TRANSLATED[4], torn], [Fate.HEARD, Fate.TORN]),
        ([torn], [Fate.TORN] * 2),  # where two of them meet
        ([TRANSLATED[4]], [Fate.HEARD, Fate.LOST]),
        ([early, TRANSLATED[4]], [Fate.HEARD, Fate.LOST]),  # before it was said
    ):
        heard = [sound for sound in sent if sound.text is not None]
        assert fates(page(heard, sent=sent, holes=holes, marks=marks)) == [Fate.MARKED] * 4 + fate


def test_a_machine_that_stood_still_is_told_apart() -> None:
    frozen = (START + PACE * 1.2, START + PACE * 1.3)
    found = page([], froze=lambda start, end: start <= frozen[1] and frozen[0] <= end)
    assert fates(found) == [Fate.LOST, Fate.MACHINE] + [Fate.LOST] * 4


def test_a_machine_that_stood_still_as_a_word_was_due_excuses_it_only_where_it_was_torn() -> None:
    due = TRANSLATED[3]

    def froze(start: float, end: float) -> bool:
        return start <= due.end and due.start <= end

    missing = [*TRANSLATED[:3], *TRANSLATED[4:]]
    torn = sorted([*missing, Sound(None, due.start + 0.05, due.end)], key=lambda sound: sound.start)
    assert fates(page(missing, froze=froze))[3] is Fate.LOST
    assert fates(page(missing, sent=torn, froze=froze))[3] is Fate.TORN
    assert fates(page(missing, sent=torn))[3] is Fate.LOST


def test_twice_and_out_of_order_are_seen() -> None:
    late = [Sound(word.text, word.start + 10, word.end + 10) for word in TRANSLATED[1:3]]
    twice = page(TRANSLATED + late)
    assert [sound.text for sound in twice.doubled] == ["es001a", "es002a"]
    moved = page([*TRANSLATED[:1], *TRANSLATED[2:], late[0]])
    assert [sound.text for sound in moved.out_of_order] == ["es001a"]
    assert fates(moved) == [Fate.HEARD] * 6
    for found in (twice, moved):
        assert reasons(summary([found], 0))


def test_what_nobody_said_and_calls_that_dropped_are_reasons() -> None:
    invented = page([*TRANSLATED, Sound("es077a", START + 9, START + 9.3)])
    assert [sound.text for sound in invented.never_said] == ["es077a"]
    assert reasons(summary([invented], 0))
    assert reasons(summary([page(TRANSLATED)], 1))
    assert reasons(summary([], 0))


@given(st.sets(st.integers(0, 29)))
def test_every_word_has_one_fate(missing: set[int]) -> None:
    heard = [word for i, word in enumerate(said(30, "es", 12.0)) if i not in missing]
    figures = summary([page(heard, count=30)], 0)
    assert figures["spoken"] == 30
    assert figures["heard"] + figures["lost_unmarked"] == 30
    assert figures["lost_unmarked"] == len(missing)
