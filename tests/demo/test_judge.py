from __future__ import annotations

import numpy as np
import pytest
from tests.demo.scene import SPAN_S, Scene, g711, make_scene

from dragoman.demo.judge import Fault, Verdict, word_group_ends
from dragoman.media.format import SAMPLE_RATE, Pcm


@pytest.fixture
async def scene() -> Scene:
    return await make_scene()


def faults(verdict: Verdict) -> list[tuple[Fault, str | None, str | None]]:
    return [(finding.fault, finding.listener, finding.clause) for finding in verdict.findings]


def test_a_good_meeting_passes_and_every_translation_is_placed(scene: Scene) -> None:
    verdict = scene.judge()
    assert faults(verdict) == []
    assert verdict.expected == len(verdict.heard) == 3 + 5 + 4
    for heard in verdict.heard:
        # 50 ms: the captions here say that the last word ended 50 ms early, and the voice itself decides
        assert heard.ear_voice_span_ms == pytest.approx(SPAN_S * 1000, abs=60)


def test_it_passes_over_narrow_band_phones(scene: Scene) -> None:
    scene.codec = g711
    assert faults(scene.judge()) == []


@pytest.mark.parametrize("factor", [1.06, 1.15])
def test_it_passes_when_the_booths_speak_faster(scene: Scene, factor: float) -> None:
    scene.tempo = lambda pcm: overlap_add(pcm, factor)
    assert faults(scene.judge()) == []


def test_it_passes_when_the_booths_stutter(scene: Scene) -> None:
    """A busy host loses a slot now and then: what was to be sent comes 20 ms later."""

    def holes(pcm: Pcm) -> Pcm:
        gap = np.zeros(320, np.int16)
        return np.concatenate([part for i in range(0, len(pcm), 3200) for part in (pcm[i : i + 3200], gap)])

    scene.tempo = holes
    assert faults(scene.judge()) == []


def test_a_lost_translation_is_found_for_its_listener_alone(scene: Scene) -> None:
    scene.lose(1, "ca")
    assert faults(scene.judge()) == [(Fault.NOT_HEARD, "Jordi", "Inés.1/1")]


@pytest.mark.parametrize("turn", [2, 3])
def test_a_translation_lost_under_another_is_found(scene: Scene, turn: int) -> None:
    scene.lose(turn, "es")
    speaker = {2: "Robert", 3: "Sally"}[turn]
    assert faults(scene.judge()) == [(Fault.NOT_HEARD, "Inés", f"{speaker}.1/{turn}")]


def test_a_doubled_translation_is_found(scene: Scene) -> None:
    scene.spoken.append((4, "en", scene.end(4) + 3.5, 1.0))
    assert faults(scene.judge()) == [
        (Fault.HEARD_TWICE, "Sally", "Inés.1/4"),
        (Fault.HEARD_TWICE, "Robert", "Inés.1/4"),
    ]


def test_swapped_translations_are_found(scene: Scene) -> None:
    late = scene.end(4) + 3.0
    scene.move(1, "ca", late)  # Inés said this before the one that is heard first now
    assert faults(scene.judge()) == [(Fault.OUT_OF_ORDER, "Jordi", "Inés.1/4")]


def test_a_translation_that_breaks_off_is_found(scene: Scene) -> None:
    whole = scene.translations[0, "es"]
    scene.tempo = lambda pcm: pcm[: len(whole) * 2 // 3] if pcm is whole else pcm
    assert faults(scene.judge()) == [(Fault.CUT_OFF, "Inés", "Sally.1/0")]


def test_a_sentence_that_the_captions_lack_is_found(scene: Scene) -> None:
    scene.untold.add(3)
    for language in ("es", "ca"):
        scene.lose(3, language)
    verdict = scene.judge()
    assert faults(verdict) == [(Fault.NOT_RECOGNIZED, None, None)]
    assert "We have already signed the contract." in verdict.findings[0].message
    assert (len(verdict.heard), verdict.expected) == (10, 12)


def test_the_translation_of_something_not_said_yet_is_found(scene: Scene) -> None:
    scene.move(0, "ca", 0.01)
    assert faults(scene.judge()) == [(Fault.TOO_EARLY, "Jordi", "Sally.1/0")]


def test_where_a_voice_falls_silent() -> None:
    tone = (8000 * np.sin(np.arange(SAMPLE_RATE // 2) * 0.3)).astype(np.int16)
    gap = np.zeros(SAMPLE_RATE // 5, np.int16)
    closure = np.zeros(SAMPLE_RATE // 25, np.int16)
    assert word_group_ends(np.concatenate((tone, gap, tone, closure, tone, gap))) == pytest.approx(
        [0.5, 1.74], abs=0.01
    )
    assert word_group_ends(gap) == []


def overlap_add(pcm: Pcm, factor: float) -> Pcm:
    """Faster by ``factor``, at the same pitch: WSOLA with 20 ms steps (Verhelst & Roelands 1993)."""
    step, search = 320, 160
    source = np.concatenate((pcm, np.zeros(4 * step))).astype(np.float64)
    fade = np.hanning(2 * step + 1)[:-1]
    count = int(len(pcm) / factor) // step
    out = np.zeros((count + 2) * step)
    at = 0
    for k in range(count):
        ideal = int(k * step * factor)
        if k:
            follow = source[at + step : at + 2 * step]
            low = max(0, ideal - search)
            window = source[low : ideal + search + step]
            if len(window) >= step and len(follow) == step:
                at = low + int(np.correlate(window, follow, "valid").argmax())
            else:
                at = ideal
        piece = source[at : at + 2 * step]
        out[k * step : k * step + len(piece)] += piece * fade[: len(piece)]
    return np.round(out).astype(np.int16)
