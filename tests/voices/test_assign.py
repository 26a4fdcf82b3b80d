"""Caller ids in one form, whoever wrote them; hidden ones are nobody's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import ProfileInvalid
from dragoman.voices.assign import MAX_CALLER, normalize_caller


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("+34600123456", "+34600123456"),
        ("sip:+34600123456@pbx.example.org;user=phone", "+34600123456"),
        ("0034 600 123 456", "+34600123456"),
        ("+34 (600) 123-456", "+34600123456"),
        ('"Ada" <sip:1001@10.0.0.1>', "1001"),
        ("tel:+1-201-555-0123", "+12015550123"),
        ("600123456", "600123456"),
        ("1001", "1001"),
        ("00", "00"),
        ("Ada.Lovelace", "ada.lovelace"),
        ("SIP:ada@Example.org", "ada"),
    ],
)
def test_one_form(written: str, meant: str) -> None:
    assert normalize_caller(written) == meant


@pytest.mark.parametrize(
    "text", ["", "  ", "anonymous", "sip:anonymous@anonymous.invalid", "Unknown", "a b", "x" * 81, "1" * 200, "é"]
)
def test_nobody(text: str) -> None:
    with pytest.raises(ProfileInvalid):
        normalize_caller(text)


@given(st.text(max_size=200))
def test_normal_forms_are_stable(text: str) -> None:
    try:
        normal = normalize_caller(text)
    except ProfileInvalid:
        return
    assert normalize_caller(normal) == normal
    assert 0 < len(normal) <= MAX_CALLER
