"""What a person's audio conditions XTTS on."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from typing import Final

import numpy as np
import torch

from dragoman.engines.tts.xtts.loading import Loaded
from dragoman.engines.tts.xtts.settings import NAME
from dragoman.engines.tts.xtts.speakers import Floats
from dragoman.engines.tts.xtts.trouble import trouble_of
from dragoman.engines.tts.xtts.worker import Worker
from dragoman.errors import EngineError, VoiceUnavailable
from dragoman.recovery.gpu import Trouble
from dragoman.voices.embedders import Samples
from dragoman.voices.profile import Latents

SECONDS = 30
"""Of a clip, that are listened to; in stretches of STRETCH_S, whose latents are averaged (the public config.json)."""

STRETCH_S = 4

ANSWER_S: Final = 120.0
"""Seconds for one clip's latents, steps of what is being spoken included: 30 s of audio take 3 s on one core."""


def condition(loaded: Loaded, audio: Floats, rate: int) -> tuple[Floats, Floats]:
    """GPT latents [32, width] and speaker embedding [512] of a clip (full scale is 1). In the synthesizer's thread.

    Raises:
        ValueError: the clip is too short (0.33 s).
    """
    xtts = loaded.model.xtts
    samples = torch.from_numpy(np.ascontiguousarray(audio, np.float32))[None]
    with torch.inference_mode():
        try:
            latents = xtts.get_gpt_cond_latents(samples, rate, SECONDS, STRETCH_S)
        except RuntimeError as error:
            if trouble_of(error) is not Trouble.OTHER:
                raise  # the GPU's, and no fault of the clip
            raise ValueError(str(error)) from error
        embedding = xtts.get_speaker_embedding(samples, rate)
    return latents[0].float().cpu().numpy(), embedding.reshape(-1).float().cpu().numpy()


class XttsEncoder:
    """Implements voices.embedders.LatentEncoder, for whoever makes profiles in a thread of his own."""

    def __init__(self, worker: Worker, name: str) -> None:
        self._worker = worker
        self.name = name

    def latents(self, samples: Samples, rate: int) -> Latents:
        """LatentEncoder. Waits for the synthesizer's thread: never call it in the loop's.

        Raises:
            VoiceUnavailable: the clip is too short, the GPU failed, or the synthesizer was closed.
        """
        answer: Future[tuple[Floats, Floats]] | None = None
        try:
            answer = self._worker.ask(partial(condition, audio=samples, rate=rate))
            gpt, speaker = answer.result(ANSWER_S)
        except TimeoutError:
            if answer is not None:
                answer.cancel()
            raise VoiceUnavailable(f"{NAME} is busy: no voice was made within {ANSWER_S:g} s") from None
        except (EngineError, ValueError, RuntimeError) as error:  # torch's, of the GPU, are RuntimeErrors
            raise VoiceUnavailable(f"{NAME} makes no voice of this clip: {error}") from error
        return Latents(gpt, speaker)
