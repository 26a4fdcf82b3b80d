"""Tokens: only the right text of one in force is known again, and nothing that is kept tells it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.admin.tokens import Scope, TokenBook, allows, mint


def test_a_token_is_known_by_its_text_and_kept_without_it() -> None:
    token, text = mint("grafana", [Scope.READ], now=100.0)
    assert TokenBook([token]).find(text, 100.0) == token
    assert text.rpartition("_")[2] not in repr(token) and bytes.fromhex(text.rpartition("_")[2]) not in token.digest


@pytest.mark.parametrize("at", [7, 25, 40, -1])
def test_one_wrong_digit_is_wrong(at: int) -> None:
    token, text = mint("x", [Scope.READ], now=0.0)
    at %= len(text)
    wrong = text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]
    assert TokenBook([token]).find(wrong, 0.0) is None


def test_a_token_ends_when_it_expires_or_is_revoked() -> None:
    token, text = mint("x", [Scope.READ], now=100.0, life_s=10.0)
    assert TokenBook([token]).find(text, 109.9) and TokenBook([token]).find(text, 110.0) is None
    assert TokenBook([replace(token, revoked=101.0)]).find(text, 100.0) is None


def test_anothers_secret_does_not_fit_ones_id() -> None:
    (one, first), (two, second) = mint("one", [Scope.READ], 0.0), mint("two", [Scope.ADMIN], 0.0)
    mixed = second[: len("dgm_") + 12] + first[len("dgm_") + 12 :]
    assert TokenBook([one, two]).find(mixed, 0.0) is None


def test_admin_is_enough_for_everything_and_nothing_else_is() -> None:
    assert all(allows({Scope.ADMIN}, needed) for needed in Scope)
    assert [allows({Scope.READ, Scope.ENROL}, needed) for needed in Scope] == [True, True, False]
    assert not any(allows(set(), needed) for needed in Scope)


@given(st.text() | st.from_regex(r"dgm_[0-9a-f]{12}_[0-9a-f]{64}"))
def test_no_text_is_a_token_by_accident(text: str) -> None:
    token, _ = mint("x", [Scope.ADMIN], 0.0)
    assert TokenBook([token]).find(text, 0.0) is None
