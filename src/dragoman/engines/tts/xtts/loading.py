"""From the settings to a model that is ready to speak."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

import structlog
import torch
from torch import Tensor
from torch.nn.utils import parametrize

from dragoman.engines.tts.xtts.clause import Manner
from dragoman.engines.tts.xtts.encoders import encoder_name
from dragoman.engines.tts.xtts.gpt import BatchedDecoder
from dragoman.engines.tts.xtts.load import Model, load, speakers
from dragoman.engines.tts.xtts.sampling import Sampling
from dragoman.engines.tts.xtts.settings import FROM_MODEL, NAME, Settings
from dragoman.engines.tts.xtts.shapes import FixedShapes, Lengths
from dragoman.engines.tts.xtts.speakers import OwnVoices, StockVoices, Voices, VoiceSource
from dragoman.engines.tts.xtts.speller import Speller
from dragoman.engines.tts.xtts.trouble import free_memory, trouble_of
from dragoman.engines.tts.xtts.vocoder import AT_ONCE, WindowedVocoder, decode
from dragoman.errors import EngineUnavailable
from dragoman.recovery.gpu import Trouble

log = structlog.get_logger(__name__)

VOICE_POSITIONS = 32
"""Of the cache: the latents of a voice."""

MAX_TEXT_TOKENS = 200
"""Of a piece: MAX_CHARACTERS of the languages whose pieces of words are shortest."""

MAX_AUDIO_S = 24.0
"""Seconds that a piece may take: twice what MAX_CHARACTERS take in a conversation."""


HALF_SNR_DB = 35.0
"""dB that half precision's error must stay below the sound: a phone line's own coding is at 38."""


TRIED = 40
"""Tokens of text, from all of the vocabulary, and of audio, with which half precision is tried: it ends at 65504, which
one weight of the wrong size passes with any of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A model, ready to speak."""

    model: Model
    decoder: BatchedDecoder
    speller: Speller
    manner: Manner
    voices: Voices
    device: str
    precision: torch.dtype
    """Of the vocoder, and of the speaker embeddings it is given."""
    encoder: str
    """Name of what makes voices of audio, with a hash of its weights: voices of another one are noise to this model."""


def loading(settings: Settings, voices: VoiceSource | None = None) -> Loaded:
    """Load what the settings name; ``voices``: people's own, where they have one.

    Raises:
        EngineUnavailable: a file is missing or unusable.
    """
    device_of(settings)  # a lost one is found before the work of seconds, not after it
    model = load(settings.model)
    tensors = speakers(settings.model).items()
    stock = StockVoices({name: (a.float().numpy(), b.float().numpy()) for name, (a, b) in tensors})
    return prepare(model, stock if voices is None else OwnVoices(voices, stock), settings)


def prepare(model: Model, voices: Voices, settings: Settings, suppress: tuple[int, ...] = ()) -> Loaded:
    """Put a model on its device, and let every part of it run once; ``suppress``: tokens that never come.

    Raises:
        EngineUnavailable: CUDA is asked for and not there, or its memory does not suffice.
    """
    device = device_of(settings)
    try:
        return _prepared(model, voices, settings, suppress, device)
    except RuntimeError as error:  # torch's, OutOfMemoryError among them
        trouble, what = trouble_of(error), (str(error).splitlines() or [""])[0]
        if trouble is Trouble.MEMORY:
            raise EngineUnavailable(
                NAME, f"the GPU has not enough memory ({what}): fewer slots than {settings.slots}, "
                "or a GPU that nothing else uses"
            ) from error  # fmt: skip
        if trouble is Trouble.DEVICE:
            raise _lost(what) from error
        raise


def device_of(settings: Settings) -> str:
    """``cuda``, seen to work, or ``cpu``.

    Raises:
        EngineUnavailable: CUDA is asked for and not there, or does not work.
    """
    if settings.device == "cpu" or (settings.device == "auto" and not torch.cuda.is_available()):
        return "cpu"
    if not torch.cuda.is_available():
        raise EngineUnavailable(NAME, 'there is no CUDA device, or torch was built without it: set device = "auto"')
    try:
        torch.zeros(1, device="cuda").item()  # waits for the device, so that an error shows here
    except RuntimeError as error:
        if trouble_of(error) is Trouble.DEVICE:
            raise _lost((str(error).splitlines() or [""])[0]) from error
        # Too little memory even for that: _prepared says so.
    return "cuda"


def _lost(what: str) -> EngineUnavailable:
    return EngineUnavailable(
        NAME, f'CUDA does not work in this process ({what}): see nvidia-smi, and restart the daemon; or device = "cpu"'
    )


def _prepared(model: Model, voices: Voices, settings: Settings, suppress: tuple[int, ...], device: str) -> Loaded:
    if device == "cuda":
        # cuDNN's attention makes a plan for each length of text and number of clauses that it first meets: 50 to 100
        # ms, now and then 700, on an H200, in which nobody gets his next token. torch's own kernels need none.
        torch.backends.cuda.enable_cudnn_sdp(False)
    dtype = settings.dtype
    if dtype == "auto":
        dtype = "float16" if device == "cuda" else "float32"
    gpt = model.xtts.gpt
    encoder = encoder_name(model.xtts)
    text = min(MAX_TEXT_TOKENS, int(gpt.max_text_tokens) - 2)
    audio = min(int(MAX_AUDIO_S * 22_050 / 1024), int(gpt.max_gen_mel_tokens))
    voice = voices.conditioning("", None)
    latents = torch.from_numpy(voice.latents)

    def made(dtype: str) -> BatchedDecoder:
        positions, sampling = VOICE_POSITIONS + text + 2 + audio, _sampling(model, settings, suppress)
        return BatchedDecoder(
            gpt, settings.slots, positions, sampling, device, getattr(torch, dtype), settings.cuda_graph
        )

    decoder = made(dtype)
    if dtype == "float16" and (why := _unfit(decoder, latents, int(gpt.number_text_tokens))):
        log.warning("the GPT is not spoken in float16, but in bfloat16", engine=NAME, reason=why)
        del decoder  # there may not be room for both
        dtype = "bfloat16"
        decoder = made(dtype)
    _drop_what_was_copied(gpt)
    hifigan = model.xtts.hifigan_decoder
    bake(hifigan.waveform_decoder)
    hifigan.to(device)
    gpt.to(device)
    for part in (gpt, hifigan):
        _unmap(part)
    manner = Manner(
        hifigan, decoder.stop_token, audio, settings.first_tokens, settings.chunk_tokens, settings.self_check
    )
    if why := decoder.capture():
        log.warning("no CUDA graphs: each step is launched operation by operation", engine=NAME, reason=why)
    embedding = torch.from_numpy(voice.embedding).reshape(1, -1, 1).to(device)
    spoken = _warm_up(decoder, manner, latents, embedding)
    precision = torch.float32
    if device == "cuda":
        if dtype != "float32":
            precision = halved(hifigan, spoken, embedding)
        if settings.cuda_graph:
            manner = replace(manner, shapes=_shapes(hifigan, settings))
        free_memory()  # half as much again was needed for the trials
        _warm_up(decoder, manner, latents, embedding.to(precision), decoder.slots)
    log.info(
        "model ready",
        engine=NAME,
        device=device,
        dtype=dtype,
        vocoder=str(precision).removeprefix("torch."),
        slots=settings.slots,
        graphs=decoder.graphs,
        vocoder_graphs=len(manner.shapes or ()),
    )
    speller = Speller(model.xtts.tokenizer, text)
    return Loaded(model, decoder, speller, manner, voices, device, precision, encoder)


def _unfit(decoder: BatchedDecoder, voice: Tensor, texts: int) -> str:
    """Why this decoder does not speak; empty: it does. Tried on a text of ``TRIED`` of its ``texts`` tokens."""
    try:
        (seat,) = decoder.join([decoder.prefix(voice, range(0, texts, max(1, texts // TRIED)))], [0])
        finite = all(bool(each.latent.isfinite().all()) for _ in range(TRIED) for each in decoder.step())
    except RuntimeError as error:
        if trouble_of(error) is not Trouble.OTHER:
            raise
        return f"{type(error).__name__}: {error}"
    decoder.leave(seat)
    return "" if finite else "its numbers grow beyond it"


def _sampling(model: Model, settings: Settings, suppress: tuple[int, ...]) -> Sampling:
    """The operator's choice, else the model's."""

    def chosen(of_settings: Any, of_model: Any) -> Any:
        return of_model if of_settings == FROM_MODEL else of_settings

    return Sampling(
        chosen(settings.temperature, model.temperature),
        chosen(settings.top_k, model.top_k),
        chosen(settings.top_p, model.top_p),
        chosen(settings.repetition_penalty, model.repetition_penalty),
        suppress,
    )


def _drop_what_was_copied(gpt: Any) -> None:
    """The decoder has its own weights; what makes voices of audio stays."""
    for name in ("gpt", "text_embedding", "mel_embedding", "text_head", "mel_head", "final_norm"):
        delattr(gpt, name)


def _unmap(part: Any) -> None:
    """Copy what is still mapped from the file: who cuts that off would take the process with it."""
    for tensor in (*part.parameters(), *part.buffers()):
        tensor.data = tensor.data.clone()


def bake(generator: Any) -> None:
    """Compute what its weights are, once: weight norm computes them at each call, in a third of all its operations."""
    for module in list(generator.modules()):
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
    generator.requires_grad_(False)


def halved(hifigan: Any, latents: Tensor, embedding: Tensor) -> torch.dtype:
    """Put the vocoder in half precision if what it says then is the same as far as one can hear; the precision it has.

    Tried on ``latents`` [tokens, width] of the model itself: whether it is so depends on the weights.
    """
    window = WindowedVocoder(hifigan, embedding).window(latents, last=True)
    if window is None:
        return torch.float32
    (wanted,) = decode(hifigan, [window])
    exact = hifigan.waveform_decoder
    try:
        hifigan.waveform_decoder = copy.deepcopy(exact).half()
        (made,) = decode(hifigan, [replace(window, embedding=embedding.half())])
        error, loud = (float(sound.square().mean()) for sound in (made - wanted, wanted))
        if error <= loud * 10 ** (-HALF_SNR_DB / 10):  # false for numbers that are none
            return torch.float16
        why = f"an error of {error:.2g} in {loud:.2g}"
    except RuntimeError as failed:  # cuDNN has not every convolution for every device
        why = f"{type(failed).__name__}: {failed}"
        hifigan.waveform_decoder = exact
        decode(hifigan, [window])  # raises where the device is lost
    hifigan.waveform_decoder = exact
    log.warning("the vocoder stays in single precision", engine=NAME, reason=why)
    return torch.float32


def _shapes(hifigan: Any, settings: Settings) -> FixedShapes | None:
    """The vocoder's graphs, where they are seen to give what it gives itself."""
    generator = hifigan.waveform_decoder
    if not hasattr(generator, "ups"):
        return None
    per_token = WindowedVocoder(hifigan, torch.zeros(0)).frames_per_token
    first, chunk = settings.first_tokens * per_token, settings.chunk_tokens * per_token
    made = FixedShapes(generator, Lengths.of(first, chunk), AT_ONCE["cuda"])
    if why := made.capture():
        log.warning("no CUDA graphs of the vocoder: it is launched operation by operation", engine=NAME, reason=why)
        return None
    return made


def _warm_up(decoder: BatchedDecoder, manner: Manner, voice: Tensor, embedding: Tensor, rows: int = 1) -> Tensor:
    """Let everything run that a clause needs, in ``rows`` clauses at once: a GPU loads its code at the first use.

    Returns:
        Latents of one of them [tokens, width].
    """
    prefix = decoder.prefix(voice, [0] * 8, keep=True)
    seats = decoder.join([prefix] * rows, [0] * rows)
    vocoders = [WindowedVocoder(manner.hifigan, embedding) for _ in seats]
    spoken: list[Tensor] = []
    chunks = (manner.first_tokens,) if rows == 1 else (manner.first_tokens, manner.chunk_tokens, manner.chunk_tokens)
    for number, tokens in enumerate(chunks):
        latents = torch.stack([torch.stack([each.latent for each in decoder.step()]) for _ in range(tokens)], 1)
        last = number == len(chunks) - 1
        windows = [vocoder.window(row, last) for vocoder, row in zip(vocoders, latents, strict=True)]
        decode(manner.hifigan, [window for window in windows if window is not None], manner.shapes)
        spoken.append(latents[0])
    for seat in seats:
        decoder.leave(seat)
    return torch.cat(spoken)
