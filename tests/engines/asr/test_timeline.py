"""The map from audio sent on one connection to the leg's timeline: piece by piece, exact, in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.asr.timeline import KEPT, Timeline, in_order

PIECES = st.lists(st.tuples(st.integers(0, 50_000), st.integers(1, 20_000), st.booleans()), min_size=1, max_size=12)


def build(pieces: list[tuple[int, int, bool]]) -> tuple[Timeline, list[int | None]]:
    """A timeline, and by sent sample the audio time it belongs to, None where silence of ours was sent."""
    timeline, truth, at = Timeline(), [], 0
    for gap, length, silence in pieces:
        if silence:
            timeline.silence(length)
            truth += [None] * length
        else:
            at += gap
            timeline.audio(at, length)
            truth += range(at, at + length)
            at += length
    return timeline, truth


@given(PIECES, st.data())
def test_a_word_within_one_piece_is_found_where_it_was_said(
    pieces: list[tuple[int, int, bool]], data: st.DataObject
) -> None:
    timeline, truth = build(pieces)
    assert timeline.sent == len(truth)
    start = data.draw(st.integers(0, len(truth) - 1))
    end = data.draw(st.integers(start + 1, min(start + 8000, len(truth))))
    found = timeline.locate(start, end)
    middle = truth[min((start + end) // 2, len(truth) - 1)]
    if middle is None:
        assert found is None
        return
    assert found is not None
    first, last = found
    assert first <= middle <= last
    assert last - first <= end - start
    if truth[start] is not None and truth[end - 1] is not None and truth[end - 1] - truth[start] == end - 1 - start:
        assert found == (truth[start], truth[start] + end - start)


@given(PIECES, st.integers(-500, 250_000), st.integers(-500, 250_000))
def test_no_time_is_outside_of_what_was_sent(pieces: list[tuple[int, int, bool]], start: int, end: int) -> None:
    timeline, truth = build(pieces)
    known = [time for time in truth if time is not None]
    found = timeline.locate(start, end)
    if found is not None:
        assert known[0] <= found[0] <= found[1] <= known[-1] + 1


@given(PIECES, st.data())
def test_audio_time_never_goes_back_and_undoes_sent_at(
    pieces: list[tuple[int, int, bool]], data: st.DataObject
) -> None:
    timeline, truth = build(pieces)
    times = [timeline.audio_time(sent) for sent in range(0, len(truth) + 1, 997)]
    assert times == sorted(times)
    known = [(sent, time) for sent, time in enumerate(truth) if time is not None]
    if known:
        sent, time = data.draw(st.sampled_from(known[:: max(len(known) // 50, 1)]))
        assert timeline.sent_at(time) == sent
        assert timeline.audio_time(sent) in (time, timeline.audio_time(max(sent - 1, 0)), time)


def test_hours_of_utterances_are_forgotten() -> None:
    timeline = Timeline()
    for second in range(0, 20_000, 2):
        timeline.audio(second * 16_000, 16_000)
    assert len(timeline._segments) <= KEPT // 16_000 + 3
    assert timeline.locate(timeline.sent - 100, timeline.sent) == (19_998 * 16_000 + 15_900, 19_998 * 16_000 + 16_000)


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=20))
def test_words_are_put_in_order_without_overlap(spans: list[tuple[int, int]]) -> None:
    times = [time for span in in_order([(min(span), max(span)) for span in spans]) for time in span]
    assert times == sorted(times)
