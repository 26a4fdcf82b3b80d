"""Tokens are drawn from the distribution that transformers' own processors leave, in their order."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("TTS")

from dragoman.engines.tts.xtts import torchaudio_compat  # noqa: E402  # torch must be there
from dragoman.engines.tts.xtts.sampling import Sampling, choose, scored  # noqa: E402

torchaudio_compat.ensure()

from transformers.generation.logits_process import (  # noqa: E402  # torchaudio must come first
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    SuppressTokensLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

VOCABULARY = 66


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(),
        Sampling(0.3, 5, 0.5, 10.0),
        Sampling(1.0, 1, 1.0, 10.0, (3,)),
        Sampling(1.7, 500, 0.99, 1.0, (0, 65)),
        Sampling(0.75, 50, 0.01, 5.0),
    ],
)
def test_scores_are_those_of_transformers(sampling: Sampling, one_thread: None) -> None:
    random = torch.Generator().manual_seed(1)
    logits = torch.randn(20, VOCABULARY, generator=random) * 4
    before = torch.randint(0, VOCABULARY, (20, 30), generator=random)
    processors = LogitsProcessorList(
        [
            RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty),
            *([SuppressTokensLogitsProcessor(list(sampling.suppress))] if sampling.suppress else []),
            TemperatureLogitsWarper(sampling.temperature),
            TopKLogitsWarper(sampling.top_k),
            *([TopPLogitsWarper(sampling.top_p)] if sampling.top_p < 1 else []),
        ]
    )
    expected = processors(before, logits.clone())
    seen = torch.zeros(20, VOCABULARY, dtype=torch.bool).scatter(1, before, True)
    banned = torch.zeros(VOCABULARY)
    banned[list(sampling.suppress)] = -float("inf")
    assert torch.allclose(scored(logits, seen, banned, sampling), expected)


def test_draws_follow_the_softmax(one_thread: None) -> None:
    scores = torch.tensor([2.0, 1.0, 0.0, -float("inf"), 0.5])
    random = torch.Generator().manual_seed(2)
    noise = torch.empty(40_000, 5).exponential_(generator=random)
    drawn = choose(scores.expand(40_000, 5), noise).bincount(minlength=5) / 40_000
    assert torch.allclose(drawn, scores.softmax(-1), atol=0.01)
    assert drawn[3] == 0
    assert choose(scores[None], None).tolist() == [0]
    assert choose(scores[None], torch.zeros(1, 5)).tolist() == [0], "noise of exactly 0 must not choose what is masked"
