"""The rule that tells an echo's words from a person's own: what was played is found, what was not is never touched."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dragoman.pipeline.echoed import FORGET, LONGEST, SHORTEST, EchoEar, Source, alike
from dragoman.pipeline.spoken import Spoken, Stretch, lay_out

LONG = "nos vemos el jueves a las cuatro en la oficina"
NOW = 1000.0


def laid(text: str, start: float = 10.0, length: float | None = None) -> Stretch:
    """A clause at the booth, 300 ms a word."""
    return lay_out(text, start, start + (0.3 * len(text.split()) if length is None else length))


def later(words: Sequence[Spoken], delay: float) -> list[Spoken]:
    return [Spoken(word.text, word.start + delay, word.end + delay) for word in words]


def heard(
    ear: EchoEar,
    words: Sequence[Spoken],
    *played: Stretch,
    source: Source = Source.BOOTH,
    loudspeaker: bool = False,
    delay: float | None = None,
    final: bool = True,
    now: float = NOW,
) -> list[int]:
    """The places of the words that the ear takes for an echo."""
    echo = ear.judge(words, played, source, now, loudspeaker=loudspeaker, delay=delay, final=final)
    return [] if echo is None else list(echo.words)


def acquainted(delay: float = 0.2, source: Source = Source.BOOTH) -> EchoEar:
    """One that has found two echoes of this delay."""
    ear = EchoEar()
    for start in (1.0, 5.0):
        clause = laid("buenos dias a todos", start)
        heard(ear, later(clause.words, delay), clause, source=source)
    return ear


@pytest.mark.parametrize("delay", [0.06, 0.1, 0.2, 0.3, 0.39])
def test_a_clause_that_comes_back_whole_is_an_echo_from_anybody(delay: float) -> None:
    clause = laid(LONG)
    echo = EchoEar().judge(later(clause.words, delay), [clause], Source.BOOTH, NOW)
    assert echo is not None
    assert echo.words == tuple(range(10))
    assert echo.delay == pytest.approx(delay, abs=0.01)


@pytest.mark.parametrize("delay", [0.0, 0.7, 1.5])
def test_outside_of_the_window_nothing_is(delay: float) -> None:
    clause = laid(LONG)
    assert heard(EchoEar(), later(clause.words, delay), clause) == []


def test_beyond_what_a_person_could_repeat_it_takes_a_loudspeaker_or_a_second_time() -> None:
    ear, clause, again = EchoEar(), laid(LONG), laid(LONG, 30.0)
    assert heard(EchoEar(), later(clause.words, 0.55), clause, loudspeaker=True)
    assert heard(ear, later(clause.words, 0.55), clause) == []
    assert heard(ear, later(again.words, 0.55), again) == list(range(10))


def test_three_words_are_enough_from_a_loudspeaker_only_or_the_second_time() -> None:
    ear, first, second = EchoEar(), laid("hasta la vista"), laid("hasta la vista", 20.0)
    assert heard(EchoEar(), later(first.words, 0.2), first, loudspeaker=True) == [0, 1, 2]
    assert heard(ear, later(first.words, 0.2), first) == []
    assert heard(ear, later(second.words, 0.25), second) == [0, 1, 2]


def test_the_same_utterance_told_again_is_no_second_time() -> None:
    ear, clause = EchoEar(), laid("hasta la vista")
    for final in (False, False, True, True):
        assert heard(ear, later(clause.words, 0.2), clause, final=final) == []


def test_a_second_time_at_another_delay_is_none() -> None:
    ear, first, second = EchoEar(), laid("hasta la vista"), laid("hasta la vista", 20.0)
    assert heard(ear, later(first.words, 0.1), first) == []
    assert heard(ear, later(second.words, 0.35), second) == []


def test_two_words_and_a_single_one_are_enough_once_the_delay_is_known() -> None:
    pair, one = laid("muchas gracias", 20.0), laid("Sí.", 30.0)
    assert heard(EchoEar(), later(pair.words, 0.2), pair) == []
    assert heard(acquainted(), later(pair.words, 0.2), pair) == [0, 1]
    assert heard(acquainted(), later(one.words, 0.2), one) == [0]


@pytest.mark.parametrize("place", range(9))
def test_from_a_loudspeaker_one_word_is_enough_where_nothing_else_was_heard(place: int) -> None:
    clause = laid(LONG, 20.0)
    word = later(clause.words, 0.2)[place]
    assert heard(EchoEar(), [word], clause, loudspeaker=True) == [0]
    assert heard(EchoEar(), [word], clause, loudspeaker=False) == []
    assert heard(EchoEar(), [word], clause, source=Source.OTHERS, loudspeaker=True) == [], "two may say it at once"
    own = Spoken("claro", word.end, word.end + 0.3)
    assert heard(EchoEar(), [word, own], clause, loudspeaker=True) == []
    late = later(clause.words, 0.55)[place]
    assert heard(EchoEar(), [late], laid(late.text, 20.0 + 0.3 * place, 0.3), loudspeaker=True) == [], "he repeats it"


def test_at_the_delay_that_the_guard_measured_what_is_mostly_an_echo_is_one() -> None:
    """The recogniser has the first word twice as long as it is: by the words' times it comes 625 ms later."""
    clause = laid("nuestra fabrica vendio mas motores que nunca", 8.7)
    word = Spoken("nuestra", 9.12, 9.73)
    assert heard(EchoEar(), [word], clause, loudspeaker=True) == []
    assert heard(EchoEar(), [word], clause, loudspeaker=True, delay=0.43) == [0]
    assert heard(EchoEar(), [word], clause, loudspeaker=True, delay=0.1) == []
    own = [Spoken("claro", 9.8, 10.1), Spoken("hola", 10.2, 10.5)]
    assert heard(EchoEar(), [word, *own], clause, loudspeaker=True, delay=0.43) == []
    pair = later(clause.words[2:4], 0.5)
    assert heard(EchoEar(), [*pair, *own], clause, loudspeaker=True, delay=0.43) == [0, 1]
    assert heard(EchoEar(), [*pair, *own], clause, loudspeaker=True) == []


def test_what_was_known_of_a_leg_is_forgotten() -> None:
    pair = laid("muchas gracias", 20.0)
    assert heard(acquainted(), later(pair.words, 0.2), pair, now=NOW + FORGET + 1) == []


def test_one_word_of_many_is_not_an_echo_however_well_the_delay_is_known() -> None:
    clause = laid("el jueves a las cuatro", 20.0)
    assert heard(acquainted(), later(clause.words[1:2], 0.2), clause) == []


@pytest.mark.parametrize("repeated", ["Sí", "gracias", "muchas gracias", "seis cero cero uno dos tres"])
@pytest.mark.parametrize("reaction", [0.0, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("loudspeaker", [False, True])
def test_who_repeats_what_he_heard_is_not_taken_for_it(repeated: str, reaction: float, loudspeaker: bool) -> None:
    """He hears its end half the way later, and what he says needs the other half."""
    for ear in (EchoEar(), acquainted(0.2)):
        clause = laid(repeated, 20.0)
        again = later(clause.words, clause.end - clause.start + 0.2 + reaction)
        assert heard(ear, again, clause, loudspeaker=loudspeaker) == []
        assert heard(ear, again, clause, loudspeaker=loudspeaker, delay=0.2) == []


def test_a_number_that_is_read_back_group_by_group_while_it_is_dictated_is_his_own() -> None:
    """Each digit half a second behind, which is as fast as people read back; the clause goes on meanwhile."""
    clause = laid("seis cero cero uno dos tres cuatro cinco siete", 20.0, 4.5)
    for delay in (0.65, 0.8, 1.0):
        assert heard(EchoEar(), later(clause.words, delay), clause, loudspeaker=True) == []
        assert heard(EchoEar(), later(clause.words, 0.2 + delay), clause, loudspeaker=True, delay=0.2) == []
    for delay in (0.45, 0.5, 0.6):
        assert heard(EchoEar(), later(clause.words, delay), clause) == []


def test_another_figure_is_another_number() -> None:
    clause = laid("es001a es002a es003a es004a es005a es006a")
    others = [Spoken(word.text.replace("00", "01"), *word[1:]) for word in later(clause.words, 0.2)]
    assert heard(acquainted(), others, clause) == []


def test_misheard_words_inside_go_with_it_and_those_behind_do_not() -> None:
    clause = laid(LONG)
    words = later(clause.words, 0.2)
    words[4] = words[4]._replace(text="hola")
    words[9] = words[9]._replace(text="perdone")
    assert heard(EchoEar(), words, clause) == list(range(9))


def test_a_word_of_his_own_in_between_stays() -> None:
    clause = laid(LONG)
    words = later(clause.words, 0.2)
    words.insert(5, Spoken("claro", words[4].end, words[4].end + 0.1))
    assert heard(EchoEar(), words, clause) == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]


def test_who_talks_over_an_echo_keeps_his_words_between_it_and_those_that_are_in_every_sentence() -> None:
    """Of what the recogniser makes of both most is his: it hears the one or the other."""
    clause = laid("we wrote to the bank in the spring and to the shop", 20.0)
    echo = later(clause.words, 0.2)
    said = [Spoken(f"eigenes{n}", 20.2 + 0.3 * n, 20.45 + 0.3 * n) for n in range(12)]
    mixed = [echo[n] if n in (4, 6, 11) else said[n] for n in range(12)]  # "bank", "the", "shop"
    assert heard(acquainted(), mixed, clause, loudspeaker=True) == [4, 6]
    mixed[4] = echo[4]._replace(text="eigenes4")
    mixed[3] = echo[3]  # "the" and "the" around two of his
    assert heard(acquainted(), mixed, clause, loudspeaker=True) == []
    alone = [said[n] if n in (3, 8) else echo[n] for n in range(12)]
    assert heard(acquainted(), alone, clause, loudspeaker=True) == list(range(12)), "an echo, two words misheard"


def test_what_he_says_behind_an_echo_stays() -> None:
    clause = laid(LONG)
    echo = later(clause.words, 0.2)
    own = later(laid("de acuerdo alli estare", echo[-1].end + 0.1).words, 0.0)
    assert heard(EchoEar(), [*echo, *own], clause) == list(range(10))


def test_wrong_endings_are_heard_again_and_small_words_must_be_the_same() -> None:
    assert alike("manana", "mañana")
    assert alike("oficinas", "oficina")
    assert not alike("no", "so")
    assert not alike("2025", "2026")
    assert not alike("jueves", "martes")


def test_an_echo_over_two_clauses_of_a_booth() -> None:
    first, second = laid("nos vemos el jueves", 10.0), laid("a las cuatro", 11.2)
    words = later([*first.words, *second.words], 0.3)
    assert heard(EchoEar(), words, first, second) == list(range(7))


def test_two_who_say_the_same_at_once_both_pass_the_first_time() -> None:
    """The one is a little later than the other; nothing is known of either's phone."""
    clause = laid("thank you very much for having us today")
    assert heard(EchoEar(), later(clause.words, 0.12), clause, source=Source.OTHERS) == []
    assert heard(EchoEar(), later(clause.words, -0.12), clause, source=Source.OTHERS, loudspeaker=True) == []


def test_another_leg_comes_back_from_a_loudspeaker_or_again_and_again() -> None:
    clause, again = laid("thank you very much"), laid("until next week then", 20.0)
    assert heard(EchoEar(), later(clause.words, 0.2), clause, source=Source.OTHERS, loudspeaker=True) == [0, 1, 2, 3]
    ear = EchoEar()
    assert heard(ear, later(clause.words, 0.2), clause, source=Source.OTHERS) == []
    assert heard(ear, later(again.words, 0.2), again, source=Source.OTHERS) == [0, 1, 2, 3]


def test_scripts_that_do_not_part_words_are_compared_by_their_characters() -> None:
    clause = lay_out("我们星期四下午四点见。", 10.0, 12.0)
    assert heard(EchoEar(), later(clause.words, 0.2), clause) == list(range(10))


VOCABULARY = ("no", "si", "gracias", "jueves", "cuatro", "uno", "dos", "tres", "manana", "oficina")
texts = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=12).map(" ".join)
ears = st.sampled_from(("new", "known"))
sources = st.sampled_from(tuple(Source))


def made(kind: str, delay: float) -> EchoEar:
    return EchoEar() if kind == "new" else acquainted(delay)


@st.composite
def speech(draw: st.DrawFn, start: float = 0.0, words: st.SearchStrategy[str] | None = None) -> list[Spoken]:
    """Words one after the other."""
    found, at = [], start
    for text in draw(st.lists(st.sampled_from(VOCABULARY) if words is None else words, min_size=1, max_size=12)):
        at += draw(st.floats(0.0, 0.5))
        length = draw(st.floats(0.15, 0.6))
        found.append(Spoken(text, at, at + length))
        at += length
    return found


@st.composite
def playback(draw: st.DrawFn) -> list[Stretch]:
    """Clauses one after the other, 150 ms a word at least."""
    clauses, at = [], 20.0
    for text in draw(st.lists(texts, min_size=1, max_size=3)):
        at += draw(st.floats(0.0, 2.0))
        length = len(text.split()) * draw(st.floats(0.15, 0.5))
        clauses.append(lay_out(text, at, at + length))
        at += length
    return clauses


@given(playback(), st.data(), ears, sources, st.booleans(), st.floats(SHORTEST, LONGEST))
def test_words_that_nothing_played_are_never_dropped(
    played: list[Stretch], data: st.DataObject, kind: str, source: Source, loudspeaker: bool, delay: float
) -> None:
    """Neither words at a time when nothing could come back, nor words that are like none of the played ones."""
    words = data.draw(speech(data.draw(st.floats(15.0, 40.0))))
    for i in heard(made(kind, delay), words, *played, source=source, loudspeaker=loudspeaker):
        assert any(
            words[i].start < clause.end + LONGEST and words[i].end > clause.start + SHORTEST for clause in played
        )
    strange = data.draw(speech(20.0, st.sampled_from(("bonjour", "merci", "demain", "oui"))))
    assert heard(made(kind, delay), strange, *played, source=source, loudspeaker=loudspeaker) == []
    assert heard(made(kind, delay), strange, *played, source=source, loudspeaker=True, delay=delay) == []


@given(playback(), st.data(), ears, sources, st.booleans(), st.floats(SHORTEST, LONGEST))
def test_what_comes_when_the_echo_of_a_playback_would_be_over_is_never_dropped(
    played: list[Stretch], data: st.DataObject, kind: str, source: Source, loudspeaker: bool, delay: float
) -> None:
    words = data.draw(speech(played[-1].end + LONGEST + data.draw(st.floats(0.0, 3.0))))
    assert heard(made(kind, delay), words, *played, source=source, loudspeaker=loudspeaker) == []
    assert heard(made(kind, delay), words, *played, source=source, loudspeaker=True, delay=delay) == []


@given(texts, st.floats(0.2, 0.5), ears, st.booleans(), st.floats(SHORTEST, 0.4), st.floats(0.0, 1.0))
def test_whoever_says_it_all_again_behind_it_is_never_taken_for_it(
    text: str, each: float, kind: str, loudspeaker: bool, delay: float, reaction: float
) -> None:
    """At any delay of his phone: it ends for him when its echo ends for us. He speaks as fast as he heard it."""
    clause = lay_out(text, 20.0, 20.0 + each * len(text.split()))
    assume(len(set(text.split())) == len(text.split()))  # else he may say what is being played once more
    again = later(clause.words, clause.end - clause.start + delay + reaction)
    assert heard(made(kind, delay), again, clause, loudspeaker=loudspeaker) == []
    assert heard(made(kind, delay), again, clause, loudspeaker=True, delay=delay) == []


@given(texts, st.floats(0.2, 0.5), st.floats(0.06, 0.39), st.randoms())
def test_an_echo_with_moved_word_times_is_found_whole_once_the_delay_is_known(
    text: str, each: float, delay: float, chance: object
) -> None:
    words = text.split()
    assume(len(words) > 1)
    clause = lay_out(text, 20.0, 20.0 + each * len(words))
    moved = [
        Spoken(word.text, word.start + delay + shift, word.end + delay + shift)
        for word in clause.words
        for shift in (chance.uniform(-0.05, 0.05),)  # type: ignore[attr-defined]  # hypothesis gives a Random
    ]
    assert heard(acquainted(delay), moved, clause) == list(range(len(words)))


@given(playback(), st.data(), sources, st.booleans(), st.booleans())
def test_places_are_in_order_and_each_once(
    played: list[Stretch], data: st.DataObject, source: Source, loudspeaker: bool, final: bool
) -> None:
    words = data.draw(speech(20.0))
    places = heard(EchoEar(), words, *played, source=source, loudspeaker=loudspeaker, final=final)
    assert places == sorted(set(places))
    assert all(0 <= place < len(words) for place in places)
