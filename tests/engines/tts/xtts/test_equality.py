"""Our decoder, vocoder and loader against coqui's own, on the same weights: the same tokens, latents, samples."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("TTS")

from dragoman.engines.tts.xtts import gpt  # noqa: E402  # torch must be there
from dragoman.engines.tts.xtts.gpt import BatchedDecoder, Seat  # noqa: E402
from dragoman.engines.tts.xtts.hifigan import contexts, generate  # noqa: E402
from dragoman.engines.tts.xtts.load import load, speakers  # noqa: E402
from dragoman.engines.tts.xtts.sampling import Sampling  # noqa: E402
from dragoman.engines.tts.xtts.vocoder import CONTEXT, WindowedVocoder  # noqa: E402

TEXTS = (
    "hello there, this is a test.",
    "a much longer sentence, so that its prefix has quite another length altogether.",
    "no.",
    "and a fourth one, which comes late.",
)
ODD_TEXTS = (
    ("en", ""),
    ("en", "a"),
    ("es", "¿Qué? 😀😀 ¡No!"),
    ("en", "mixed 今日 Привет مرحبا text"),
    ("de", "1.234,50 € am 3.4.2026 um 17:05"),
    ("fr", "ligne un\nligne deux\r\n\tligne trois"),
    ("it", "parola " * 33),
    ("ru", "это проверка, " * 28),
    ("pl", "zażółć gęślą jaźń"),
    ("hi", "नमस्ते दुनिया"),
)
"""Language and text: none, one letter, emoji, several scripts, numbers, line breaks, and up to 400 characters."""

TOKENS = 40
SEEDS = (0, 1, 7)


@dataclass
class Reference:
    """One clause as coqui says it."""

    text: list[int]
    voice: Any
    embedding: Any
    tokens: list[int]
    latents: Any
    """[tokens, width]"""


@dataclass
class Both:
    """One set of weights, loaded twice."""

    coqui: Any
    ours: Any
    clauses: list[Reference]

    def decoder(self, slots: int = 4, **kwargs: Any) -> BatchedDecoder:
        greedy = Sampling(1.0, 1, 1.0, 10.0, (self.coqui.gpt.stop_audio_token,))
        return BatchedDecoder(self.ours.xtts.gpt, slots, 400, kwargs.pop("sampling", greedy), **kwargs)


@pytest.fixture(scope="module", params=SEEDS)
def both(request: pytest.FixtureRequest, one_thread: None, tmp_path_factory: pytest.TempPathFactory) -> Both:
    from tests.engines.tts.xtts import tiny

    folder = tiny.make(tmp_path_factory.mktemp("weights"), request.param)
    with tiny.narrow():
        theirs, ours = tiny.by_coqui(folder), load(folder)
    noise = torch.Generator().manual_seed(request.param)
    clauses = []
    for text in TEXTS:
        voice = torch.randn(32, 64, generator=noise) * 0.2
        embedding = torch.nn.functional.normalize(torch.randn(1, 512, 1, generator=noise), dim=1)
        clauses.append(said_by_coqui(theirs, text, voice, embedding))
    return Both(theirs, ours, clauses)


def said_by_coqui(xtts: Any, text: str, voice: Any, embedding: Any, language: str = "en") -> Reference:
    tokens = xtts.tokenizer.encode(text, lang=language)[: xtts.gpt.max_text_tokens - 2]
    with torch.inference_mode():
        inputs = xtts.gpt.compute_embeddings(voice[None].to(xtts.device), torch.IntTensor(tokens)[None].to(xtts.device))
        made = list(
            xtts.gpt.get_generator(
                fake_inputs=inputs, top_k=1, top_p=1.0, temperature=1.0, do_sample=True, num_beams=1,
                num_return_sequences=1, length_penalty=1.0, repetition_penalty=10.0, output_attentions=False,
                output_hidden_states=True, return_dict_in_generate=True,
                suppress_tokens=[xtts.gpt.stop_audio_token], max_new_tokens=TOKENS,
            )
        )  # fmt: skip
    return Reference(
        tokens, voice, embedding, [int(token) for token, _ in made], torch.cat([latent for _, latent in made])
    )


def test_the_loader_gives_the_same_tensors_each_once(both: Both) -> None:
    theirs, ours = both.coqui.state_dict(), both.ours.xtts.state_dict()
    theirs = {name: value for name, value in theirs.items() if ".gpt_inference." not in name and ".wte." not in name}
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(value, ours[name]) for name, value in theirs.items())
    assert not [name for name, tensor in both.ours.xtts.named_buffers() if tensor.is_meta]
    assert not any(module.training for module in both.ours.xtts.gpt.modules())
    assert not any(module.training for module in both.ours.xtts.hifigan_decoder.modules())


@pytest.mark.parametrize(
    "joins", [(0, 0, 0, 0), (0, 1, 2, 3), (0, 5, 13, 39), (39, 13, 5, 0), (0, 45, 45, 90)], ids=str
)
@pytest.mark.parametrize("slots", [2, 4])
def test_clauses_that_join_and_leave_at_any_step_say_what_coqui_says(
    both: Both, joins: tuple[int, ...], slots: int
) -> None:
    decoder = both.decoder(slots)
    waiting = sorted(range(len(TEXTS)), key=lambda n: joins[n])
    seats: dict[Seat, int] = {}
    said: dict[int, list[Any]] = {n: [] for n in waiting}
    step = 0
    while waiting or seats:
        due = [n for n in waiting if joins[n] <= step][: decoder.free]
        prefixes = [decoder.prefix(both.clauses[n].voice, both.clauses[n].text) for n in due]
        seats.update(zip(decoder.join(prefixes, [0] * len(due)), due, strict=True))
        waiting = [n for n in waiting if n not in due]
        for each in decoder.step():
            number = seats[each.seat]
            said[number].append(each)
            if len(said[number]) == TOKENS:
                decoder.leave(each.seat)
                del seats[each.seat]
        step += 1
    for number, spoken in said.items():
        assert [each.token for each in spoken] == both.clauses[number].tokens
        latents = torch.stack([each.latent for each in spoken])
        assert float((latents - both.clauses[number].latents).abs().max()) < 1e-5
    assert decoder.free == slots


@pytest.mark.parametrize("seed", range(2))
def test_odd_texts_whose_clauses_come_and_go_at_random_say_what_coqui_says(both: Both, seed: int) -> None:
    rng, noise = random.Random(seed), torch.Generator().manual_seed(seed)
    clauses = []
    voices = [torch.randn(32, 64, generator=noise) * rng.uniform(0.05, 1.0) for _ in range(3)]
    for number, (language, text) in enumerate(rng.sample(ODD_TEXTS, 6)):
        voice = voices[number % 3]  # some are kept when they come again, some are not
        embedding = torch.nn.functional.normalize(torch.randn(1, 512, 1, generator=noise), dim=1)
        clauses.append(said_by_coqui(both.coqui, text, voice, embedding, language))
    decoder = both.decoder(3)
    waiting, said = list(clauses), 0
    sitting: dict[Seat, tuple[Reference, int, list[Any]]] = {}
    while waiting or sitting:
        due = [waiting.pop(0) for _ in range(min(decoder.free, len(waiting))) if rng.random() < 0.3]
        prefixes = [decoder.prefix(each.voice, each.text, keep=rng.random() < 0.7) for each in due]
        seats = decoder.join(prefixes, [0] * len(due))
        # Some are cancelled before their end.
        sitting |= {seat: (each, rng.choice((3, 17, TOKENS)), []) for seat, each in zip(seats, due, strict=True)}
        for each in decoder.step():
            reference, last, spoken = sitting[each.seat]
            spoken.append(each)
            if len(spoken) < last:
                continue
            decoder.leave(each.seat)
            del sitting[each.seat]
            said += 1
            assert [one.token for one in spoken] == reference.tokens[:last]
            latents = torch.stack([one.latent for one in spoken])
            assert float((latents - reference.latents[:last]).abs().max()) < 1e-5
            with torch.inference_mode():
                whole = both.coqui.hifigan_decoder(latents[None], g=reference.embedding).reshape(-1)
            vocoder = WindowedVocoder(both.ours.xtts.hifigan_decoder, reference.embedding)
            cut = rng.randint(0, last)
            made = torch.cat([vocoder.push(latents[:cut]), vocoder.push(latents[cut:], last=True)])
            assert made.shape == whole.shape and float((made - whole).abs().max()) < 1e-5 * float(whole.abs().max())
    assert said == 6


def test_a_clause_that_leaves_early_changes_nothing_for_the_others(both: Both) -> None:
    decoder = both.decoder()
    seats = decoder.join([decoder.prefix(clause.voice, clause.text) for clause in both.clauses], [0] * 4)
    said: list[int] = []
    for step in range(TOKENS):
        if step in (3, 9, 20):
            decoder.leave(seats.pop(0))
        said += [each.token for each in decoder.step() if each.seat is seats[-1]]
    assert said == both.clauses[3].tokens


def test_voices_that_are_kept_say_what_coqui_says_in_any_company(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpt, "KEPT_VOICES", 2)
    decoder = both.decoder(5)
    texts, filled = [clause.text for clause in both.clauses], []
    fill = decoder._fill
    decoder._fill = lambda parts, first, begun: (filled.append((len(parts), begun)), fill(parts, first, begun))  # type: ignore[method-assign]  # to see what is computed

    def says(*clauses: int) -> list[tuple[int, int]]:
        """What was computed for them: how many, behind how many positions."""
        filled.clear()
        prefixes = [decoder.prefix(both.clauses[n].voice, texts[n], keep=n != 3) for n in clauses]
        seats = dict(zip(decoder.join(prefixes, [0] * len(clauses)), clauses, strict=True))
        assert sorted(seat.row for seat in seats) == list(range(len(clauses)))
        for step in range(6):
            for each in decoder.step():
                wanted = both.clauses[seats[each.seat]]
                assert each.token == wanted.tokens[step]
                assert float((each.latent - wanted.latents[step]).abs().max()) < 1e-5
        for seat in seats:
            decoder.leave(seat)
        return list(filled)

    assert says(0) == [(1, 0)]
    assert says(1, 0, 1) == [(1, 32), (2, 0)], "who is known and who is not, each in one pass"
    assert says(0, 1) == [(2, 32)]
    assert says(2, 0, 3) == [(1, 32), (2, 0)], "0 is used before 2 takes the place of 1"
    assert says(3, 1, 2, 0) == [(2, 32), (2, 0)], "nobody asked to keep 3"
    assert len(decoder._voices) == 2
    decoder.clear()
    assert says(0, 2) == [(2, 0)], "after an error nothing is believed"


def test_full_rows_and_a_full_house_are_refused(both: Both) -> None:
    decoder = BatchedDecoder(both.ours.xtts.gpt, 1, 80, Sampling(1.0, 1, 1.0, 1.0))
    prefix = decoder.prefix(both.clauses[2].voice, both.clauses[2].text)
    (seat,) = decoder.join([prefix], [0])
    with pytest.raises(ValueError, match="0 free rows"):
        decoder.join([prefix], [0])
    for _ in range(80 - len(prefix)):
        decoder.step()
    with pytest.raises(ValueError, match="80 positions"):
        decoder.step()
    decoder.leave(seat)
    decoder.leave(seat)
    assert decoder.free == 1
    with pytest.raises(ValueError, match="a prefix of"):
        decoder.join([torch.zeros(80, 64)], [0])


def test_the_same_seed_says_the_same_whoever_else_speaks(both: Both) -> None:
    decoder = both.decoder(sampling=Sampling(suppress=(both.coqui.gpt.stop_audio_token,)))

    def says(seed: int, others: int) -> list[int]:
        prefixes = [decoder.prefix(clause.voice, clause.text) for clause in both.clauses]
        seats = decoder.join(prefixes[1 : 1 + others] + prefixes[:1], [*range(50, 50 + others), seed])
        said = [next(each.token for each in decoder.step() if each.seat is seats[-1]) for _ in range(TOKENS)]
        decoder.clear()
        return said

    alone = says(3, 0)
    assert says(3, 0) == alone
    assert says(3, 3) == alone
    assert says(4, 0) != alone


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_stays_near(both: Both, dtype: str) -> None:
    decoder = both.decoder(dtype=getattr(torch, dtype))
    decoder.join([decoder.prefix(clause.voice, clause.text) for clause in both.clauses], [0] * 4)
    for each, clause in zip(decoder.step(), both.clauses, strict=True):
        assert each.latent.dtype == torch.float32
        assert float((each.latent - clause.latents[0]).abs().max()) < 0.1


@pytest.mark.parametrize("chunks", [(1,), (3,), (10, 16), (7, 20), (40,)], ids=str)
def test_the_windowed_vocoder_gives_the_samples_of_one_whole_decoding(both: Both, chunks: tuple[int, ...]) -> None:
    for clause in both.clauses:
        with torch.inference_mode():
            whole = both.coqui.hifigan_decoder(clause.latents[None], g=clause.embedding).reshape(-1)
        vocoder = WindowedVocoder(both.ours.xtts.hifigan_decoder, clause.embedding)
        pieces, start = [], 0
        while start < TOKENS:
            size = chunks[min(len(pieces), len(chunks) - 1)]
            pieces.append(vocoder.push(clause.latents[start : start + size], last=start + size >= TOKENS))
            start += size
        assert torch.cat(pieces).shape == whole.shape
        assert float((torch.cat(pieces) - whole).abs().max()) < 1e-5 * float(whole.abs().max())


@pytest.mark.parametrize("speed", [0.6, 0.85, 0.97, 1.1, 1.2])
@pytest.mark.parametrize("chunks", [(1,), (10, 16), (40,)], ids=str)
def test_another_speed_gives_the_samples_of_coquis_own(both: Both, speed: float, chunks: tuple[int, ...]) -> None:
    from torch.nn.functional import interpolate

    for clause in both.clauses:
        with torch.inference_mode():  # as Xtts.inference does it
            latents = interpolate(clause.latents[None].transpose(1, 2), scale_factor=1 / speed, mode="linear")
            whole = both.coqui.hifigan_decoder(latents.transpose(1, 2), g=clause.embedding).reshape(-1)
        vocoder = WindowedVocoder(both.ours.xtts.hifigan_decoder, clause.embedding, 1 / speed)
        pieces, start = [], 0
        while start < TOKENS:
            size = chunks[min(len(pieces), len(chunks) - 1)]
            pieces.append(vocoder.push(clause.latents[start : start + size], last=start + size >= TOKENS))
            start += size
        assert torch.cat(pieces).shape == whole.shape
        assert float((torch.cat(pieces) - whole).abs().max()) < 1e-5 * float(whole.abs().max())


@pytest.mark.parametrize("chunks", [1, 7, 16, 20])
def test_the_window_is_as_wide_as_the_published_network_sees(one_thread: None, chunks: int) -> None:
    """The tiny model's kernels are small; these are the published ones, on fewer channels."""
    from TTS.tts.layers.xtts.hifigan_decoder import HifiDecoder

    torch.manual_seed(1)
    decoder = HifiDecoder(decoder_input_dim=64, upsample_initial_channel_decoder=32).eval()
    latents, embedding = torch.randn(45, 64), torch.nn.functional.normalize(torch.randn(1, 512, 1), dim=1)
    with torch.inference_mode():
        whole = decoder(latents[None], g=embedding).reshape(-1)
    vocoder = WindowedVocoder(decoder, embedding)
    pieces = [vocoder.push(latents[at : at + chunks], last=at + chunks >= 45) for at in range(0, 45, chunks)]
    assert float((torch.cat(pieces) - whole).abs().max()) < 1e-5 * float(whole.abs().max())


def test_each_stage_computes_only_what_is_wanted_and_seen(one_thread: None) -> None:
    from TTS.tts.layers.xtts.hifigan_decoder import HifiDecoder

    torch.manual_seed(2)
    network = HifiDecoder(decoder_input_dim=64, upsample_initial_channel_decoder=32).eval().waveform_decoder
    assert contexts(network) == [12, 16, 49, 34], "of the published kernels: 12 frames, 2 frames, 0.8, 0.3"
    sees = contexts(network)[0] + 3
    assert sees <= CONTEXT
    frames, voices = torch.randn(2, 64, 60), torch.nn.functional.normalize(torch.randn(2, 512, 1), dim=1)
    lengths: list[int] = []
    network.resblocks[3].register_forward_hook(lambda layer, x, made: lengths.append(made.shape[-1]))
    with torch.inference_mode():
        whole = network(frames, g=voices)[:, 0]
        for first, last in ((0, 60), (0, 20), (15, 16), (17, 41), (40, 60)):
            start, stop = max(0, first - sees), min(60, last + sees)
            lengths.clear()
            made = generate(network, frames[:, :, start:stop], voices, first - start, last - start)
            wanted = whole[:, first * 256 : last * 256]
            assert made.shape == wanted.shape and float((made - wanted).abs().max()) < 1e-5 * float(whole.abs().max())
            assert lengths[0] <= 64 * (last - first + 4), "the second stage has two frames to either side"


def test_the_vocoder_holds_back_only_what_may_still_change(both: Both) -> None:
    clause = both.clauses[0]
    vocoder = WindowedVocoder(both.ours.xtts.hifigan_decoder, clause.embedding)
    assert len(vocoder.push(clause.latents[:10])) / 24_000 > 0.2  # of 0.46 s
    assert len(vocoder.push(clause.latents[:0])) == 0
    assert len(WindowedVocoder(both.ours.xtts.hifigan_decoder, clause.embedding).push(clause.latents[:0], True)) == 0


def test_the_published_pickle_with_its_old_class_names_is_read(both: Both, tmp_path: Path) -> None:
    from tests.engines.tts.xtts import tiny
    from TTS.tts.models import xtts as coqui

    folder = tiny.make(tmp_path)
    checkpoint = torch.load(folder / "model.pth", weights_only=True)
    checkpoint["model"] = {f"xtts.{name}": value for name, value in checkpoint["model"].items()}
    checkpoint["model"]["xtts.dvae.weight"] = torch.zeros(1)
    checkpoint["model"]["xtts.gpt.gpt_inference.lm_head.1.bias"] = torch.zeros(1)
    config = coqui.XttsConfig()
    config.load_json(str(folder / "config.json"))
    names = {each: each.__module__ for each in (coqui.XttsArgs, coqui.XttsAudioConfig)}
    for each in names:
        each.__module__ = "TTS.tts.models.xtts"
    try:
        torch.save(checkpoint | {"config": config}, folder / "model.pth")
    finally:
        for each, name in names.items():
            each.__module__ = name
    size = (folder / "model.pth").stat().st_size
    with tiny.narrow():
        assert load(folder).xtts.gpt.layers == 2
    assert (folder / "model.pth").stat().st_size == size, "it is the operator's file: not to be written"


def test_stock_voices_are_read(plain: Path) -> None:
    voices = speakers(plain)
    assert set(voices) == {"Ana Florence", "Luis Moray", "Tammie Ema"}
    latents, embedding = voices["Luis Moray"]
    assert (latents.shape, embedding.shape) == ((32, 64), (512,))
