"""What is said to DeepL, and what is made of all that can come back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.mt.deepl_messages import (
    MAX_CONTEXT,
    Answer,
    Refusal,
    error_of,
    parse_answer,
    parse_languages,
    parse_refusal,
    translate_body,
)
from dragoman.errors import EngineBusy, EngineCrashed, EngineDenied, EngineError, EngineRejected

NOW = 1_800_000_000.0
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["translations", "text", "lang", "usable_as_source", "message"]) | st.text(), inner
        )
    ),
    max_leaves=12,
)


def test_a_clause_is_said_whole_with_all_that_helps() -> None:
    body = translate_body("Yes.", "EN", "PT-BR", context=("Is it done?", "Really?"), careful=True, glossary="g")
    assert body == {
        "text": ["Yes."],
        "source_lang": "EN",
        "target_lang": "PT-BR",
        "context": "Is it done? Really?",
        "split_sentences": "0",
        "preserve_formatting": False,
        "model_type": "prefer_quality_optimized",
        "glossary_id": "g",
        "show_billed_characters": True,
    }
    plain = translate_body("Yes.", "EN", "DE", formality="prefer_more")
    assert plain["model_type"] == "latency_optimized" and plain["formality"] == "prefer_more"
    assert not {"context", "glossary_id"} & plain.keys()


def test_context_keeps_its_end() -> None:
    said = str(translate_body("a", "EN", "DE", context=("x" * 4000, "the last"))["context"])
    assert len(said) == MAX_CONTEXT and said.endswith("x the last")


def test_an_answer() -> None:
    data = (
        b'{"translations":[{"detected_source_language":"EN","text":"Ja.","billed_characters":4,"model_type_used":"m"}]}'
    )
    assert parse_answer(data) == Answer("Ja.", 4, "m")
    assert parse_answer(b'{"translations":[{"text":"Ja."}]}') == Answer("Ja.")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b"\xff",
        b"null",
        b"[]",
        b'{"translations":[]}',
        b'{"translations":[{"text":"a"},{"text":"b"}]}',
        b'{"translations":[{"text":null}]}',
        b'{"translations":["a"]}',
        b'{"translations":{"text":"a"}}',
        b'{"translations":[{"text":"\\ud800"}]}',
        b'{"translations":[{"text":"cut in the mid',
        b"[" * 100_000,
    ],
)
def test_what_is_no_answer_is_a_crash(data: bytes) -> None:
    with pytest.raises(EngineCrashed):
        parse_answer(data)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_answer_raises_anything_else(data: bytes) -> None:
    for parse in (parse_answer, parse_languages):
        try:
            parse(data)
        except EngineCrashed:
            pass


@given(
    st.integers(100, 599),
    st.binary() | JSON.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.sampled_from(["Retry-After", "X-Trace-ID"]), st.text()),
)
def test_every_refusal_is_an_error_of_ours_on_one_line(status: int, data: bytes, headers: dict[str, str]) -> None:
    error = error_of(parse_refusal(status, data, headers, NOW))
    assert isinstance(error, EngineError)
    assert "\n" not in str(error).replace(headers.get("X-Trace-ID", ""), "")


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, EngineRejected, False),
        (401, EngineDenied, False),
        (403, EngineDenied, False),
        (404, EngineRejected, False),
        (413, EngineRejected, False),
        (414, EngineRejected, False),
        (429, EngineBusy, True),
        (456, EngineDenied, False),
        (500, EngineBusy, True),
        (502, EngineBusy, True),
        (503, EngineBusy, True),
        (504, EngineBusy, True),
        (529, EngineBusy, True),
        (302, EngineCrashed, True),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[EngineError], retryable: bool) -> None:
    error = error_of(Refusal(status, "what it says", trace="abc"))
    assert type(error) is kind and error.retryable is retryable
    assert f"{status} what it says (X-Trace-ID abc)" in str(error)


def test_who_is_refused_is_told_what_to_set() -> None:
    assert "DEEPL_AUTH_KEY" in str(error_of(Refusal(403, "")))
    assert "quota" in str(error_of(Refusal(456, "")))
    assert "DeepL takes 128 KiB" in str(error_of(Refusal(413, "Request Entity Too Large")))


def test_the_servers_words() -> None:
    refusal = parse_refusal(400, b'{"message":"Bad request","detail":"Invalid\\nJSON"}', {"X-Trace-ID": "t"}, NOW)
    assert refusal == Refusal(400, "Bad request; Invalid JSON", None, "t")
    assert parse_refusal(502, b"<html>\n<h1>Bad gateway</h1>", {}, NOW).message == "<html> <h1>Bad gateway</h1>"


def test_languages() -> None:
    data = json.dumps(
        [
            {"lang": "en", "usable_as_source": True, "usable_as_target": False, "features": {}},
            {"lang": "zh-Hans", "usable_as_source": False, "usable_as_target": True},
            {"lang": "de", "usable_as_source": True, "usable_as_target": True, "features": {"formality": {}}},
        ]
    ).encode()
    listed = parse_languages(data)
    assert (listed.sources, listed.targets, listed.formality) == ({"EN", "DE"}, {"ZH-HANS", "DE"}, {"DE"})
    with pytest.raises(EngineCrashed):
        parse_languages(b"[]")
