"""Voice profiles joined to XTTS: who speaks in which clips' latents, and who in a stock voice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.voices.test_make import ALL
from tests.voices.test_source import OWNER as PROFILE
from tests.voices.test_source import Shelf
from tests.voices.vectors import tone_voice

from dragoman.engines.tts.xtts.profiles import ProfileVoices
from dragoman.engines.tts.xtts.speakers import OwnVoices, StockVoices
from dragoman.voices.profile import Defaults
from dragoman.voices.source import LiveVoices

LATENTS = next(clip.latents for clip in PROFILE.clips if clip.latents is not None)
STOCK = StockVoices({"Ana Florence": (np.zeros_like(LATENTS.gpt), np.zeros_like(LATENTS.speaker))})


@pytest.fixture
def live() -> LiveVoices:
    return LiveVoices(Shelf(), ALL)


async def test_a_speaker_has_the_voice_of_his_profile_and_others_a_stock_one(live: LiveVoices) -> None:
    voices = OwnVoices(ProfileVoices(lambda: live), STOCK)
    assert await live.enter("a", "+34600123456")
    own, other = voices.conditioning("a", None), voices.conditioning("b", None)
    assert own.own and own.voice.startswith("profile:v_") and other.voice == "stock:Ana Florence"
    expected = live.conditioning("a")
    assert expected is not None
    assert np.array_equal(own.latents, expected.gpt) and np.array_equal(own.embedding, expected.speaker)


async def test_while_no_profiles_can_be_had_all_have_stock_voices(live: LiveVoices) -> None:
    assert not OwnVoices(ProfileVoices(lambda: None), STOCK).conditioning("a", None).own


async def test_what_the_profile_says_of_speed_pitch_and_gain_is_spoken_so() -> None:
    shelf = Shelf(replace(PROFILE, defaults=Defaults(1.1, -2.0, 3.0)))
    live = LiveVoices(shelf, ALL)
    await live.enter("a", "+34600123456")
    voice = ProfileVoices(lambda: live).conditioning("a", None)
    assert voice is not None and (voice.speed, voice.pitch, voice.gain_db) == (1.1, -2.0, 3.0)


async def test_how_he_speaks_picks_the_clips(live: LiveVoices) -> None:
    source = ProfileVoices(lambda: live)
    await live.enter("a", "+34600123456")
    before = source.conditioning("a", None)
    for _ in range(3):
        await live.hear("a", tone_voice(112, 3, level=0.1), 3.0)
    after = source.conditioning("a", None)
    assert before is not None and after is not None
    assert not np.array_equal(before.latents, after.latents) and np.array_equal(before.embedding, after.embedding)
    assert after.gain_db < 0 and after.voice == before.voice


async def test_a_stranger_on_the_owners_phone_is_spoken_for_by_a_stock_voice(live: LiveVoices) -> None:
    voices = OwnVoices(ProfileVoices(lambda: live), STOCK)
    await live.enter("a", "+34600123456")
    for _ in range(2):
        await live.hear("a", tone_voice(230, 3), 3.0)
    assert not voices.conditioning("a", None).own
