"""The option table ``[engines.options.xtts]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dragoman.engines.local_models import UNSET, ModelRecipe
from dragoman.engines.options import Options

NAME = "xtts"

RECIPE = ModelRecipe(
    NAME,
    "coqui/XTTS-v2",
    ("config.json", "model.pth", "vocab.json", "speakers_xtts.pth"),
    ("hf download coqui/XTTS-v2 --local-dir {folder}",),
    precision="dtype",
)

COUNTERS = (
    "clauses",
    "own_voice",
    "voice_unusable",
    "cancelled",
    "steps",
    "batched",
    "self_check_retries",
    "self_check_failures",
    "self_check_cut_short",
    "cut_by_sound",
    "mended",
    "given_up",
)
"""What is counted; ``batched``: clauses that said a token, over all ``steps``: their ratio is the batch's size."""

FROM_MODEL = -1
"""Default of the sampling options: what the model's own config.json says."""


@dataclass(frozen=True, slots=True)
class Settings:
    """As read."""

    model: Path
    accept_cpml: bool
    device: str
    """``auto``: CUDA where there is one."""
    dtype: str
    """``auto``: float16 on CUDA, float32 on the CPU, where half precision gains nothing (measured)."""
    slots: int
    """Clauses spoken at once; others wait."""
    max_waiting: int
    threads: int
    """Of torch, in this process. More than one makes them spin beside each other (measured: 9 times slower)."""
    cuda_graph: bool
    """On CUDA only, and only where it is seen to work."""
    seed: int
    """Changes how everything is said; with the same one, the same text is always said the same way."""
    self_check: bool
    first_tokens: int
    """Tokens before the first sound: 10 are 0.46 s of speech, of which 0.15 to 0.2 s wait for what follows."""
    chunk_tokens: int
    """Tokens from then on."""
    temperature: float
    top_k: int
    top_p: float
    repetition_penalty: float

    @property
    def may_move(self) -> bool:
        """Whether the CPU may do the GPU's work when that fails: not where the operator asked for CUDA by name."""
        return self.device == "auto"

    @classmethod
    def read(cls, options: Mapping[str, object]) -> Settings:
        """Read the table.

        Raises:
            ConfigError: an option is wrong or unknown.
        """
        table = Options(NAME, options)
        settings = cls(
            model=table.path("model", UNSET),
            accept_cpml=table.flag("accept_cpml", False),
            device=table.choice("device", "auto", ("auto", "cpu", "cuda")),
            dtype=table.choice("dtype", "auto", ("auto", "float32", "float16", "bfloat16")),
            slots=table.integer("slots", 8, 1, 64),
            max_waiting=table.integer("max_waiting", 64, 1, 10_000),
            threads=table.integer("threads", 1, 1, 256),
            cuda_graph=table.flag("cuda_graph", True),
            seed=table.integer("seed", 0, 0, (1 << 31) - 1),
            self_check=table.flag("self_check", True),
            first_tokens=table.integer("first_tokens", 10, 7, 200),
            chunk_tokens=table.integer("chunk_tokens", 16, 1, 200),
            temperature=table.number("temperature", FROM_MODEL, FROM_MODEL, 5.0),
            top_k=table.integer("top_k", FROM_MODEL, FROM_MODEL, 10_000),
            top_p=table.number("top_p", FROM_MODEL, FROM_MODEL, 1.0),
            repetition_penalty=table.number("repetition_penalty", FROM_MODEL, FROM_MODEL, 100.0),
        )
        table.done()
        return settings
