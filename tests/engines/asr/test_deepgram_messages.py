"""Reading what the provider says: the documented messages exactly, and anything else as junk, never an exception."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.deepgram.server import JUNK

from dragoman.engines.asr.deepgram_messages import Failure, HeardWord, Junk, Notice, Result, UtteranceEnd, parse

RESULT: dict[str, Any] = {
    "type": "Results",
    "channel_index": [0, 1],
    "duration": 1.0,
    "start": 2.0,
    "is_final": True,
    "speech_final": False,
    "channel": {
        "alternatives": [
            {
                "transcript": "Hello everybody",
                "confidence": 0.99,
                "words": [
                    {"word": "hello", "start": 2.08, "end": 2.32, "confidence": 0.998, "punctuated_word": "Hello"},
                    {"word": "everybody", "start": 2.4, "end": 2.9},
                ],
            }
        ]
    },
    "metadata": {"request_id": "2e0897fc"},
    "from_finalize": True,
}


def test_a_result_is_read_in_samples_with_its_punctuation() -> None:
    assert parse(json.dumps(RESULT)) == Result(
        start=32_000,
        end=48_000,
        words=(HeardWord("Hello", 33_280, 37_120, 0.998), HeardWord("everybody", 38_400, 46_400, None)),
        is_final=True,
        speech_final=False,
        from_finalize=True,
    )


@pytest.mark.parametrize(
    ("message", "read"),
    [
        ({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": 2.395}, UtteranceEnd(38_320)),
        ({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": -1}, UtteranceEnd(-16_000)),
        ({"type": "SpeechStarted", "channel": [0, 1], "timestamp": 9.54}, Notice("SpeechStarted")),
        ({"type": "Metadata", "duration": 3.4}, Notice("Metadata")),
        (
            {"type": "Error", "variant": "SchemaError", "description": "Could not", "message": "x"},
            Failure("SchemaError: Could not: x"),
        ),
        ({"type": "Error"}, Failure("no text")),
    ],
)
def test_the_other_messages(message: dict[str, Any], read: object) -> None:
    assert parse(json.dumps(message)) == read


@pytest.mark.parametrize("junk", JUNK)
def test_the_fakes_junk_is_junk(junk: str | bytes) -> None:
    assert isinstance(parse(junk), Junk)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.text() | st.binary() | JSON.map(json.dumps))
def test_anything_is_read(raw: str | bytes) -> None:
    parse(raw)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += paths(inner, (*path, key))
    return found


@given(st.sampled_from(paths(RESULT)), JSON)
def test_a_result_with_one_wrong_part_is_read_or_junk(path: tuple[Any, ...], wrong: Any) -> None:
    message = json.loads(json.dumps(RESULT))
    inner = message
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = wrong
    read = parse(json.dumps(message))
    if isinstance(read, Result):
        assert 0 <= read.start <= read.end
        assert all(0 <= word.start <= word.end and word.text for word in read.words)


def test_json_of_any_depth_is_junk() -> None:
    assert isinstance(parse("[" * 100_000), Junk)


@pytest.mark.parametrize("words", [None, []])
def test_a_transcript_without_its_words_is_laid_over_its_range(words: list[Any] | None) -> None:
    message = {
        "type": "Results",
        "start": 1.0,
        "duration": 1.0,
        "is_final": True,
        "channel": {"alternatives": [{"transcript": "one three", "words": words}]},
    }
    read = parse(json.dumps(message))
    assert isinstance(read, Result)
    assert [(word.text, word.start, word.end) for word in read.words] == [
        ("one", 16_000, 22_000),
        ("three", 22_000, 32_000),
    ]


def final_of(words: list[Any], transcript: str = "one two three four") -> Result:
    message = {
        "type": "Results",
        "start": 1.0,
        "duration": 2.0,
        "is_final": True,
        "channel": {"alternatives": [{"transcript": transcript, "words": words}]},
    }
    read = parse(json.dumps(message))
    assert isinstance(read, Result)
    return read


def test_words_without_times_lie_between_their_neighbours() -> None:
    timed = {"word": "two", "start": 1.6, "end": 1.8}
    read = final_of([{"word": "one"}, timed, {"word": "three", "start": None}, {"word": "four", "start": 2.5}])
    assert [(word.text, word.start, word.end) for word in read.words] == [
        ("one", 16_000, 25_600),
        ("two", 25_600, 28_800),
        ("three", 28_800, 39_467),
        ("four", 39_467, 48_000),
    ]


@pytest.mark.parametrize("broken", [{}, {"word": None}, {"punctuated_word": 7}, None, "one", 5])
def test_where_a_word_has_no_text_the_transcript_has_it(broken: Any) -> None:
    read = final_of([broken, {"word": "two", "start": 1.6, "end": 1.8}])
    assert [word.text for word in read.words] == ["one", "two", "three", "four"]
    assert (read.words[0].start, read.words[-1].end) == (16_000, 48_000)


def test_json_in_a_binary_frame_is_read() -> None:
    assert parse(json.dumps(RESULT).encode()) == parse(json.dumps(RESULT))
