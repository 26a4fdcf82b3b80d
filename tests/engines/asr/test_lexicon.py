"""espeak-ng's IPA to ARPABET."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.asr.lexicon import MAX_VARIANTS, arpabet, pronounce, read_cmudict, variants
from dragoman.errors import EngineUnavailable

ARPABET = set(
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH".split()
)


@pytest.mark.parametrize(
    ("ipa", "phones"),
    [
        ("ˈola", "OW L AA"),
        ("mˈutʃo", "M UW CH OW"),
        ("bɔ̃", "B AO N"),
        ("ɡaʁsˈɔ̃", "G AA R S AO N"),
        ("fʁɑ̃sˈɛ", "F R AA N S EH"),
        ("ˈiç", "IY HH"),
        ("kwˈe(en)pˈasə(es)", "K W EY P AA S AH"),
        ("seɲˈoɾ", "S EY N Y OW R"),
        ("", ""),
        ("123 ?!", ""),
    ],
)
def test_known_words(ipa: str, phones: str) -> None:
    assert arpabet(ipa) == tuple(phones.split())


@given(st.text(max_size=40))
def test_any_text_gives_phones_of_the_model(ipa: str) -> None:
    assert set(arpabet(ipa)) <= ARPABET


@given(st.lists(st.sampled_from(sorted(ARPABET)), min_size=1, max_size=12).map(tuple))
def test_variants_are_few_and_different(phones: tuple[str, ...]) -> None:
    found = variants(phones)
    assert found[0] == phones
    assert len(found) == len(set(found)) <= MAX_VARIANTS
    assert all(len(each) == len(phones) and set(each) <= ARPABET for each in found)


async def test_espeak_pronounces_words_apart() -> None:
    found = await pronounce(["reunión", "hola", "l'hospital"], "es", "x")
    assert found["hola"][0] == ("OW", "L", "AA")
    assert set(found) == {"reunión", "hola", "l'hospital"}


async def test_an_unknown_voice_is_named() -> None:
    with pytest.raises(EngineUnavailable, match="espeak-ng -v zzz"):
        await pronounce(["hola"], "zzz", "x")


async def test_without_espeak_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(EngineUnavailable, match="apt-get install espeak-ng"):
        await pronounce(["hola"], "es", "x")


def test_cmudict(tmp_path: Path) -> None:
    path = tmp_path / "dict"
    path.write_text("read R EH D\nread(2) R IY D\nreader R IY D ER\n")
    assert read_cmudict(path, ["read", "lead"]) == {"read": [("R", "EH", "D"), ("R", "IY", "D")]}
