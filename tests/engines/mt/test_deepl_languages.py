"""DeepL's languages as data: all that callers can choose, and no variant that the server would refuse."""

from __future__ import annotations

import pytest

from dragoman import languages
from dragoman.engines.mt.deepl_languages import LANGUAGES, variant_problem


def test_every_language_that_callers_can_choose_is_there() -> None:
    assert languages.LANGUAGES.keys() <= LANGUAGES.keys()


@pytest.mark.parametrize("code", LANGUAGES)
def test_its_own_target_is_a_variant_of_it(code: str) -> None:
    assert LANGUAGES[code].source == code.upper()
    assert variant_problem(code, LANGUAGES[code].target) is None


@pytest.mark.parametrize(
    ("code", "variant", "fine"),
    [
        ("en", "EN-US", True),
        ("es", "ES-419", True),
        ("zh", "ZH", True),
        ("en", "EN", False),
        ("pt", "PT", False),
        ("es", "ESP", False),
        ("es", "", False),
        ("xx", "XX", False),
    ],
)
def test_variants(code: str, variant: str, fine: bool) -> None:
    assert (variant_problem(code, variant) is None) is fine
