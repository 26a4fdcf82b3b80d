"""Which requests share a translation, and what is made of what somebody else stored."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.base import Translation, TranslationRequest
from dragoman.engines.mt.cache_key import key_of, needs_context, pack, unpack

LONG = "We will sign the contract with the customer on Thursday morning."
REQUEST = TranslationRequest(LONG, "en", "es", context=("Hello.",), terms=(("contract", "contrato"),))
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def key(request: TranslationRequest, engine: str = "deepl", variant: tuple[str, ...] = ("ES", "")) -> bytes:
    return key_of(engine, variant, request)


@pytest.mark.parametrize(
    "other",
    [
        replace(REQUEST, text=LONG.replace("Thursday", "Friday")),
        replace(REQUEST, text=LONG.replace("contract.", "contract?").lower()),
        replace(REQUEST, source="fr"),
        replace(REQUEST, target="ca"),
        replace(REQUEST, careful=True),
        replace(REQUEST, terms=()),
        replace(REQUEST, terms=(("contract", "acuerdo"),)),
    ],
)
def test_what_decides_on_the_translation_is_in_the_key(other: TranslationRequest) -> None:
    assert key(other) != key(REQUEST)


def test_engine_and_settings_are_in_the_key() -> None:
    assert len({key(REQUEST), key(REQUEST, engine="other"), key(REQUEST, variant=("ES-419", "")), key(REQUEST)}) == 3


def test_what_does_not_decide_is_not() -> None:
    assert key(replace(REQUEST, text=f"  {LONG.replace(' ', '  ')}\n")) == key(REQUEST)
    assert key(replace(REQUEST, text=LONG + " mañana")) == key(replace(REQUEST, text=LONG + " man\u0303ana"))  # NFC
    assert key(replace(REQUEST, context=("Something else was said before.",))) == key(REQUEST)  # a long clause


def test_a_short_clause_is_another_one_after_other_words() -> None:
    asked_for_a_key = replace(REQUEST, text="Yes, the second one.", context=("Which key do you want?",))
    asked_for_a_car = replace(asked_for_a_key, context=("Which car do you want?",))
    assert key(asked_for_a_key) != key(asked_for_a_car)
    assert key(asked_for_a_key) == key(replace(asked_for_a_key))


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("Yes, the second one.", True),
        ("I see it in a different way.", True),
        (LONG, False),
        ("第二个", True),
        ("我们星期四早上要跟客户签合同", False),  # a whole sentence in 14 characters
        ("", True),
        ("... --- ... !!! ??? ... --- ... !!! ???", True),
    ],
)
def test_short(text: str, short: bool) -> None:
    assert needs_context(text) is short


@given(TEXT.filter(str.strip), st.none() | TEXT)
def test_what_is_stored_comes_back(text: str, note: str | None) -> None:
    assert unpack(pack(Translation(text, "deepl", note)), "deepl") == Translation(text, "deepl", note)


def test_a_half_of_a_surrogate_pair_can_be_stored() -> None:
    assert unpack(pack(Translation("a\ud800b", "deepl")), "deepl") == Translation("a?b", "deepl")


@given(
    st.binary() | st.sampled_from([b"[", b"[[[", b'["",null]', b'["a"]', b'["a",1]', b'{"a":1}', b"null", b"[" * 9999])
)
def test_junk_is_nothing(data: bytes) -> None:
    found = unpack(data, "deepl")
    assert found is None or found.text.strip()
