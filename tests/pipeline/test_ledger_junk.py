"""Whatever a recogniser tells, in whatever order: the ledger never raises and its mark never goes back."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from dragoman.engines.base import Word
from dragoman.media.format import ms_to_samples
from dragoman.pipeline.ledger import RECENT, WordLedger

MS = ms_to_samples(1)

LANGUAGES = ("", "en", "de", "fr", "ja", "zh", "th", "vi", "xx")

texts = st.one_of(
    st.sampled_from(
        ("", " ", "-", ".", "'", "no", "No,", "twenty", "20", "25", "twenty-five", "4155551212", "$5", "½")
    ),
    st.sampled_from(("三", "二十", "不", "は", "ๆ", "สิบ", "٣", "²", "İ", "ß", "\x00", "\ufffd")),
    st.text(max_size=6),
)
times = st.one_of(st.integers(0, 400).map(lambda at: at * 10 * MS), st.sampled_from((0, 1, -MS, 2**40)))
"""Close together, so that words meet; and where none can be."""


@st.composite
def junk_words(draw: st.DrawFn) -> tuple[Word, ...]:
    """Words empty, of no length or less, at the same time, or that go backwards."""
    return tuple(Word(*word) for word in draw(st.lists(st.tuples(texts, times, times), max_size=12)))


steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("partial", "final")), junk_words(), times),
        st.tuples(st.sampled_from(("hold", "retell", "commit")), junk_words(), times),
        st.tuples(st.sampled_from(("expect", "replay", "hurried")), junk_words(), times),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(st.sampled_from(LANGUAGES), steps)
@example("", [("commit", (Word("", 0, 0),), 0), ("final", (Word("", 0, 0),), 0)])
@example("en", [("retell", (Word("1", 5, 0),), 0), ("final", (Word("1", 0, 0), Word("1", 0, 0)), 0)])
def test_it_never_raises_and_its_mark_never_goes_back(
    language: str, told: list[tuple[str, tuple[Word, ...], int]]
) -> None:
    ledger = WordLedger(language)
    for what, words, at in told:
        before, repeats = ledger.committed_until, ledger.repeats
        if what in ("partial", "final"):
            held = len(ledger._held)
            fresh, outgrown = ledger.hear(words, at, is_final=what == "final")
            assert fresh == words[len(words) - len(fresh) :]
            assert ledger.repeats == repeats + len(words) - len(fresh)
            assert 0 <= outgrown <= held
        elif what == "hold":
            ledger.hold(words)
        elif what == "retell":
            ledger.retell(words)
        elif what == "commit":
            ledger.commit(words)
        elif what == "expect":
            ledger.expect(at)
        else:
            assert ledger.replay_from(words, (at,), hurried=what == "hurried") >= 0
            assert ledger.known_until(words) >= ledger.committed_until
        assert ledger.committed_until >= before
        assert len(ledger._recent) <= RECENT
