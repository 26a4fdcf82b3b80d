from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.tts.voices import MAX_SPEAKERS, PROFILES, VoiceAssigner


@given(st.lists(st.text(max_size=5), unique=True, min_size=1, max_size=len(PROFILES)))
def test_no_two_share_while_one_is_free(speakers: list[str]) -> None:
    assign = VoiceAssigner()
    voices = [assign(speaker) for speaker in speakers]
    assert len(set(voices)) == len(speakers)
    assert [assign(speaker) for speaker in reversed(speakers)] == voices[::-1]


def test_who_comes_alone_has_the_same_voice_after_a_restart() -> None:
    assert [VoiceAssigner()(f"leg-{i}") for i in range(50)] == [VoiceAssigner()(f"leg-{i}") for i in range(50)]
    assert len({VoiceAssigner()(f"leg-{i}") for i in range(50)}) == len(PROFILES)


def test_a_ninth_shares_with_who_was_silent_for_longest() -> None:
    assign = VoiceAssigner()
    voices = {speaker: assign(speaker) for speaker in "abcdefgh"}
    for speaker in "abdefgh":
        assign(speaker)
    assert assign("i") == voices["c"]
    assert assign("c") == voices["c"]


def test_what_is_remembered_is_bounded() -> None:
    assign = VoiceAssigner()
    for i in range(MAX_SPEAKERS + 100):
        assert 0 <= assign(str(i)) < len(PROFILES)
    assert len(assign._speakers) == MAX_SPEAKERS
