"""That what is published of seams is what is judged: words by their samples, and some clips broken off anew."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from bench.seams import RESULTS, Clip, Row, by_flite, judged, owned

from dragoman.engines.tts.xtts.align import Track
from dragoman.engines.tts.xtts.follower import Follower
from dragoman.engines.tts.xtts.seam import Cut

CLIP = Clip("anna", "en", "one two three", np.zeros(3000, np.int16), ((0, 1000), (1000, 2000), (2200, 3000)))


@pytest.mark.parametrize(
    ("at", "rest", "lost", "twice", "rough"),
    [
        (2000, "three", 0, 0, False),
        (2100, "three", 0, 0, False),
        (1000, "three", 1, 0, False),
        (2000, "two three", 0, 1, False),
        (2000, "one two three", 0, 2, False),
        (1400, "two three", 0, 0, True),
        (1400, "three", 1, 0, True),
        (1600, "three", 0, 0, True),
        (0, "one two three", 0, 0, False),
    ],
)
def test_what_a_listener_hears_of_each_word(at: int, rest: str, lost: int, twice: int, rough: bool) -> None:
    row = judged(CLIP, "followed", Cut(at, rest, 1.0))
    assert (row.lost, row.twice, row.rough) == (lost, twice, rough)


def test_phonemes_belong_to_words_also_where_they_differ_from_those_of_words_alone() -> None:
    expected = [("dh", 0), ("ah", 0), ("k", 1), ("ae", 1), ("t", 1), ("s", 2), ("ae", 2), ("t", 2)]
    assert owned(expected, ["dh", "ax", "k", "ae", "s", "ae", "t"]) == [0, 0, 1, 1, 2, 2, 2]


def test_the_published_figures() -> None:
    """Followed, no word is lost and one in forty failures says one twice; the page says so of what the rows say."""
    found = json.loads((RESULTS / "seams.json").read_text("utf-8"))
    followed = [row for row in found["failures"] if row["way"] == "followed"]
    assert len(followed) >= 300
    assert sum(row["lost"] for row in followed) == 0
    assert sum(row["twice"] > 0 for row in followed) <= len(followed) / 40
    good = sum(not (row["lost"] or row["twice"]) for row in followed)
    page = (RESULTS / "seams.md").read_text("utf-8")
    assert f"| all | followed | {len(followed)} | {good} | 0 | {sum(row['twice'] for row in followed)} |" in page


def test_a_person_like_voice_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """flite's, by the real process: whatever was played, what is left begins with the word that was next."""
    monkeypatch.setattr("dragoman.engines.tts.xtts.follower.ANSWER_S", 60.0)
    clip = by_flite("rms", "He said that he would call at five, and he did, to the minute, as always.", 1.0)
    assert clip is not None
    follower = Follower()
    answers: list[tuple[int, Row]] = []
    try:
        for wrong in (5, 9, 12):
            begin, end = clip.spans[wrong]
            until = (begin + end) // 2
            done = threading.Event()

            def take(track: Track | None, until: int = until, done: threading.Event = done) -> None:
                assert track is not None
                answers.append((until, judged(clip, "followed", track.cut(until - 14_400))))
                done.set()

            follower(clip.sound[:until], clip.text, "en", take)
            assert done.wait(60)
    finally:
        follower.close()
    assert [(row.lost, row.twice) for _, row in answers] == [(0, 0)] * 3
