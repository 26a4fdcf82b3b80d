"""The vocoder in windows of fixed shapes: the samples of one whole decoding, whichever windows come together."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("TTS")

from dragoman.engines.tts.xtts import torchaudio_compat  # noqa: E402  # torch must be there
from dragoman.engines.tts.xtts.shapes import SEEN, FixedShapes, Kind, Lengths, Shape  # noqa: E402
from dragoman.engines.tts.xtts.vocoder import CONTEXT, WindowedVocoder, decode  # noqa: E402

LENGTHS = Lengths.of(43.5, 69.7)


def launched(run: Any, pool: object, stream: object) -> Any:
    """In place of a recording: what it does is done when it is replayed."""
    return SimpleNamespace(replay=run)


@pytest.fixture(scope="module")
def hifigan(one_thread: None) -> Any:
    """The published kernels, on fewer channels."""
    torchaudio_compat.ensure()
    from TTS.tts.layers.xtts.hifigan_decoder import HifiDecoder

    torch.manual_seed(1)
    return HifiDecoder(decoder_input_dim=32, upsample_initial_channel_decoder=32).eval()


@pytest.fixture(scope="module")
def shapes(hifigan: Any) -> FixedShapes:
    made = FixedShapes(hifigan.waveform_decoder, LENGTHS, 4)
    assert made.capture(launched) == ""
    assert len(made) == 3 * len(LENGTHS.shapes)
    return made


def test_lengths_are_those_of_a_stream() -> None:
    assert SEEN == CONTEXT
    assert LENGTHS == Lengths(begin=32, middle=72, ends=(48, 96))
    assert [shape.length for shape in LENGTHS.shapes] == [48, 104, 64, 112]


@pytest.mark.parametrize("seed", range(3))
def test_parts_cover_what_is_wanted_once_and_see_enough(seed: int) -> None:
    rng, short = random.Random(seed), 0
    for _ in range(3000):
        begins, ends = rng.random() < 0.5, rng.random() < 0.5
        first = rng.randint(0, SEEN) if begins else SEEN
        last = first + rng.randint(1, 300)
        frames = last if ends else last + SEEN
        parts = LENGTHS.parts(frames, first, last, begins, ends)
        if not parts:
            assert begins and ends and frames < 2 * SEEN, "only a whole piece can be too short"
            short += 1
            continue
        assert [part.first for part in parts] == [first, *(part.last for part in parts[:-1])]
        assert parts[-1].last == last
        for part in parts:
            shape = LENGTHS.shape(part)
            assert 0 <= part.start and part.stop <= frames
            assert part.first - part.start >= SEEN or (part.kind is Kind.BEGIN and begins and part.start == 0)
            assert part.stop - part.last >= SEEN or (part.kind is Kind.END and ends and part.stop == frames)
            assert part.stop - part.start <= shape.length and part.last - part.first <= shape.wanted
    assert short


def test_streams_of_all_lengths_decoded_together_give_the_samples_of_one_whole_decoding(
    hifigan: Any, shapes: FixedShapes
) -> None:
    rng, noise = random.Random(5), torch.Generator().manual_seed(5)
    clauses = []
    for tokens, stretch in ((4, 1.0), (9, 1.0), (10, 1.0), (26, 1.0), (40, 0.8), (58, 1.0), (61, 1.3)):
        latents = torch.randn(tokens, 32, generator=noise)
        voice = torch.nn.functional.normalize(torch.randn(1, 512, 1, generator=noise), dim=1)
        whole = WindowedVocoder(hifigan, voice, stretch).push(latents, last=True)
        clauses.append((latents, WindowedVocoder(hifigan, voice, stretch), whole, []))
    at = dict.fromkeys(range(len(clauses)), 0)
    while at:
        due = rng.sample(sorted(at), rng.randint(1, len(at)))
        windows, whose = [], []
        for number in due:
            latents, vocoder, _, _ = clauses[number]
            until = at[number] + (10 if at[number] == 0 else 16)
            window = vocoder.window(latents[at[number] : until], until >= len(latents))
            at[number] = until
            if until >= len(latents):
                del at[number]
            if window is not None:
                windows.append(window)
                whose.append(number)
        for number, sound in zip(whose, decode(hifigan, windows, shapes), strict=True):
            clauses[number][3].append(sound)
    for _, _, whole, made in clauses:
        together = torch.cat(made)
        assert together.shape == whole.shape
        assert float((together - whole).abs().max()) < 1e-5 * float(whole.abs().max())


def test_what_was_there_before_changes_nothing(hifigan: Any, shapes: FixedShapes) -> None:
    """Numbers that are none of one clause stay its own."""
    voice = torch.full((1, 512, 1), 512**-0.5)
    latents = torch.randn(26, 32, generator=torch.Generator().manual_seed(3))

    def window() -> Any:
        return WindowedVocoder(hifigan, voice).window(latents[:10])

    (wanted,) = decode(hifigan, [window()], shapes)
    bad = WindowedVocoder(hifigan, voice).window(torch.full((10, 32), float("nan")))
    assert bad is not None
    none, beside = decode(hifigan, [bad, window()], shapes)
    assert bool(none.isnan().all())
    (again,) = decode(hifigan, [window()], shapes)
    for sound in (beside, again):
        assert float((sound - wanted).abs().max()) < 1e-6


@pytest.mark.parametrize("wrong", ["fails", "gives something else", "gives numbers that are none"])
def test_a_recording_that_is_not_right_is_not_used(hifigan: Any, wrong: str) -> None:
    def spoilt(run: Any, pool: object, stream: object) -> Any:
        if wrong == "fails":
            raise RuntimeError("operation not permitted when stream is capturing")
        into = run.__defaults__[-1]
        by = float("nan") if "none" in wrong else 1.0
        return SimpleNamespace(replay=lambda: (run(), into[-1, -1:].add_(by)))

    made = FixedShapes(hifigan.waveform_decoder, LENGTHS, 1)
    assert ("not permitted" if wrong == "fails" else "something else") in made.capture(spoilt)
    assert len(made) == 0


def test_the_shapes_of_a_short_first_piece_still_see_enough() -> None:
    assert Lengths.of(20.0, 8.0).begin == SEEN
    assert Shape(Kind.BEGIN, SEEN).length == 2 * SEEN
