"""How words are written together: a space between two words, or none where their script puts none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.writing import WORD, joined, joined_clauses, spaceless, worth

SPACED = st.text("abcdefghijñäéşабвгδεשלعربहि한국어의12.,'", min_size=1, max_size=8).filter(
    lambda text: text == text.strip()
)
SPACELESS = st.text("これは日本語中文我们。、！ไทยดีลาวພາສាខ្មែរမြန်မာ", min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["Good", "morning,", "everybody."], "Good morning, everybody."),
        (["今日", "は", "いい", "天気", "です。", "そう", "です", "ね。"], "今日はいい天気です。そうですね。"),
        (["我们", "明天", "走。"], "我们明天走。"),
        (["会议", "在", "15", "点", "开始"], "会议在15点开始"),
        (["我", "用", "Dragoman", "开会"], "我用 Dragoman 开会"),
        (["ขอบคุณ", "มาก"], "ขอบคุณมาก"),
        (["ราคา", "15", "บาท"], "ราคา 15 บาท"),
        (["ຂອບ", "ໃຈ"], "ຂອບໃຈ"),
        (["សូម", "អរគុណ"], "សូមអរគុណ"),
        (["ကျေးဇူး", "တင်ပါတယ်"], "ကျေးဇူးတင်ပါတယ်"),
        (["감사", "합니다", "여러분"], "감사 합니다 여러분"),
        (["cảm", "ơn"], "cảm ơn"),
        (["", "well", ""], "well"),
        ([], ""),
    ],
)
def test_words_are_written_as_their_script_writes_them(words: list[str], text: str) -> None:
    assert joined(words) == text


def test_sentences_are_parted_where_their_script_parts_them() -> None:
    assert joined_clauses(["Yes.", "I agree."]) == "Yes. I agree."
    assert joined_clauses(["はい。", "そうです。"]) == "はい。そうです。"
    assert joined_clauses(["ใช่", "ขอบคุณมาก"]) == "ใช่ ขอบคุณมาก"
    assert joined_clauses(["はい。", "OK."]) == "はい。 OK."


@given(st.lists(st.one_of(SPACED, SPACELESS), max_size=8))
def test_nothing_is_lost_or_added_but_single_spaces(words: list[str]) -> None:
    for join in (joined, joined_clauses):
        text = join(words)
        assert text.replace(" ", "") == "".join(words).replace(" ", "")
        assert "  " not in text and text == text.strip()


@given(st.lists(SPACED, min_size=1, max_size=8))
def test_scripts_with_spaces_have_one_between_two_words(words: list[str]) -> None:
    assert joined(words) == joined_clauses(words) == " ".join(words)
    assert sum(map(worth, words)) == WORD * len(words)


@given(st.lists(SPACELESS, min_size=1, max_size=8))
def test_scripts_without_have_none_and_are_worth_the_same_however_they_are_parted(words: list[str]) -> None:
    assert joined(words) == "".join(words)
    assert sum(map(worth, words)) == worth("".join(words))


@given(st.lists(st.one_of(SPACED, SPACELESS), max_size=8), st.integers(0, 8))
def test_joining_some_words_first_changes_nothing(words: list[str], at: int) -> None:
    assert joined([joined(words[:at]), joined(words[at:])]) == joined(words)


def test_a_clause_of_any_script_is_worth_about_its_words() -> None:
    assert worth("今日はいい天気ですね。") // WORD == 5  # it's nice weather today
    assert worth("我们明天早上再谈。") // WORD == 4  # we talk again tomorrow morning
    assert worth("ขอบคุณมากครับ") // WORD == 2  # thank you very much
    assert worth("。") == 0 and worth("…") == WORD


def test_the_scripts() -> None:
    assert all(map(spaceless, "日本語かなカナｶﾅ。、「」ไทยລາວខ្មែរမြန်မာ𠀀々"))
    assert not any(map(spaceless, "abcñßбע한국어हिन्दीتركி.,…'1٣"))
