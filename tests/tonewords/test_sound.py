"""What the code of tones must survive, and what must never be taken for a word."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tonewords import channel
from tests.tonewords.code import VOICES, WORD_MS, Source, ToneWord
from tests.tonewords.decode import ToneDecoder, decode
from tests.tonewords.encode import encode, silence
from tests.tonewords.measure import BOOTH_MIX, random_words
from tests.tonewords.test_code import tone_words
from tests.tonewords.verdict import judge

from dragoman.media.format import SAMPLE_RATE, Pcm
from dragoman.media.vad import EnergyVad

few_words = st.lists(tone_words.map(str), min_size=1, max_size=6)


@settings(max_examples=30, deadline=None)
@given(few_words, st.integers(0, 3_000), st.floats(-20, 6), st.sampled_from(["g711", "g722", "none"]), st.booleans())
def test_what_is_said_is_heard(said: list[str], lead: int, gain_db: float, codec: str, booth: bool) -> None:
    pcm = channel.gain(np.concatenate([np.zeros(lead, np.int16), encode(said, booth=booth)]), gain_db)
    heard = decode(pcm if codec == "none" else getattr(channel, codec)(pcm))
    assert [word.text for word in heard] == said
    assert [word.source for word in heard] == [Source(ToneWord.parse(text).voice, booth) for text in said]


@settings(max_examples=10, deadline=None)
@given(few_words)
def test_a_narrow_band_recording_is_read_at_its_own_rate(said: list[str]) -> None:
    assert [word.text for word in decode(channel.resample(encode(said), 16_000, 8_000), 8_000)] == said


@settings(max_examples=20, deadline=None)
@given(few_words, st.lists(st.integers(1, 9_000), min_size=1, max_size=5))
def test_a_stream_gives_the_same_words_in_pieces_of_any_length(said: list[str], lengths: list[int]) -> None:
    pcm = encode(said)[: 3 * 5_760]
    decoder, heard, at = ToneDecoder(), [], 0
    for length in itertools.cycle([max(length, 50) for length in lengths]):
        if at >= len(pcm):
            break
        heard += decoder.feed(pcm[at : at + length])
        at += length
    heard += decoder.flush()
    heard.sort(key=lambda word: word.start_s)
    whole = decode(pcm)
    assert [word.text for word in heard] == [word.text for word in whole] == said[:3]
    assert np.allclose([word.start_s for word in heard], [word.start_s for word in whole])


def test_times_are_those_of_the_sound() -> None:
    pcm = np.concatenate([silence(0.5), encode("en001a"), silence(0.2), encode("en002a")])
    first, second = decode(channel.g722(pcm))
    # G.722's filters delay by 22 samples; half of the fade is outside of the times that are reported.
    assert first.start_s == pytest.approx(0.5, abs=0.008)
    assert first.end_s == pytest.approx(0.5 + WORD_MS / 1000, abs=0.008)
    assert second.start_s - first.start_s == pytest.approx(0.2 + 0.360, abs=0.002)
    assert first.level_db == pytest.approx(-20, abs=0.5)


@pytest.mark.parametrize("codec", [channel.g711, channel.g722])
def test_a_booth_with_two_translations_over_three_originals_is_told_apart(codec: Callable[[Pcm], Pcm]) -> None:
    rng = np.random.default_rng(1)
    said = {source: random_words(source.voice, 30, rng) for source in BOOTH_MIX}
    lead = {source: silence(rng.uniform(0, 0.4)) for source in said}
    mixed = channel.mix(
        [(np.concatenate([lead[s], encode(said[s], booth=s.booth)]), db) for s, db in BOOTH_MIX.items()]
    )
    verdict = judge(decode(codec(mixed)), said)
    verdict.check()
    for source, db in BOOTH_MIX.items():
        levels = [word.level_db for word in verdict.by_source[source].heard]
        assert np.median(levels) == pytest.approx(-20 + db, abs=1.0)


def test_lost_packets_damage_words_but_never_change_them() -> None:
    rng = np.random.default_rng(2)
    said = random_words("b", 300, rng)
    verdict = judge(decode(channel.lose(channel.g722(encode(said)), 0.03, rng)), {Source("b", False): said})
    (source,) = verdict.by_source.values()
    assert len(source.heard) >= 0.95 * len(said)
    assert not source.foreign and not source.doubled and not source.out_of_order


def test_a_jitter_buffers_cuts_damage_words_but_hardly_change_them() -> None:
    rng = np.random.default_rng(3)
    said = random_words("a", 300, rng)
    verdict = judge(decode(channel.jitter(encode(said), 2.0, rng)), {Source("a", False): said})
    (source,) = verdict.by_source.values()
    assert len(source.heard) >= 0.85 * len(said)
    assert len(source.foreign) + len(source.doubled) + len(source.out_of_order) <= 1


def test_a_word_cut_in_half_is_damaged() -> None:
    whole = encode("en010a en020a en030a")
    cut = np.concatenate([whole[:5760], whole[5760:8960], silence(0.3), whole[11520:]])
    assert [word.text for word in decode(cut)] == ["en010a", None, "en030a"]


def test_nothing_is_heard_in_silence_and_noise() -> None:
    rng = np.random.default_rng(4)
    assert decode(silence(20)) == []
    assert decode(channel.noise(30, -20, rng)) == []
    assert decode(channel.g722(channel.noise(30, -60, rng))) == []


@pytest.mark.skipif(not shutil.which("flite"), reason="flite is not installed")
@pytest.mark.parametrize("voice", ["slt", "rms", "awb", "kal16"])
def test_no_word_is_heard_in_speech(voice: str) -> None:
    text = "the committee agreed that every translation of the report should be ready by nine on friday morning"
    assert [word for word in decode(channel.speech(text, voice)) if word.text] == []


def test_a_rate_that_is_not_supported_is_refused() -> None:
    with pytest.raises(ValueError, match="48000"):
        ToneDecoder(48_000)


def test_sound_has_the_promised_level_and_starts_at_once() -> None:
    for voice in VOICES:
        pcm = encode(f"en001{voice}")
        word = pcm[: WORD_MS * 16].astype(float)
        assert 20 * np.log10(np.sqrt((word**2).mean()) / 32768) == pytest.approx(-20, abs=0.3)
        assert np.abs(word[:160]).max() > 1000


def test_an_energy_vad_takes_words_in_a_row_for_one_utterance() -> None:
    pcm = np.concatenate([silence(1.0), channel.gain(encode(random_words("a", 30, np.random.default_rng(6))), -20)])
    vad = EnergyVad(1)
    windows = pcm[: len(pcm) // vad.window * vad.window].reshape(-1, vad.window)
    speech = [bool(vad.probabilities(np.array([0]), window[None])[0]) for window in windows]
    pauses = [len(list(run)) for spoken, run in itertools.groupby(speech) if not spoken]
    assert pauses[0] * vad.window >= 0.9 * SAMPLE_RATE
    assert max(pauses[1:]) * vad.window < 0.1 * SAMPLE_RATE
