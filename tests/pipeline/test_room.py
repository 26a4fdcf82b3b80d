from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.pipeline.room import Need, floor, needs

languages = st.sampled_from(("en", "es", "ca"))
present = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), languages, max_size=8)
readers = st.sets(languages)


@settings(deadline=None)
@given(present, readers)
def test_every_leg_is_translated_into_what_others_hear_or_read_and_never_into_its_own(
    legs: dict[str, str], read: set[str]
) -> None:
    result = needs(legs, read)
    assert result.keys() == legs.keys()
    for leg, need in result.items():
        assert legs[leg] not in need.targets
        others = {language for other, language in legs.items() if other != leg}
        assert need.targets == (others | read) - {legs[leg]}
        assert need.source_captions == (legs[leg] in read)


def test_a_room_of_one_language_needs_nothing() -> None:
    assert needs({"a": "en", "b": "en"}, ()) == dict.fromkeys("ab", Need(frozenset(), False))
    assert needs({}, {"en"}) == {}


@settings(deadline=None)
@given(present, languages)
def test_the_floor_is_everybody_of_another_language(legs: dict[str, str], language: str) -> None:
    under = floor(legs, language)
    assert {leg: legs[leg] for leg in legs if leg not in under} == {
        leg: spoken for leg, spoken in legs.items() if spoken == language
    }
    assert len(set(under)) == len(under)
