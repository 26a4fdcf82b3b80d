"""What the translators on CTranslate2 have in common: a model from a local folder, sentencepiece, batches in a thread.

CTranslate2 lets go of the GIL while it translates, so a thread of the daemon will do. Measured (bench/lateness.py, but
6 layers of 512, batches of 8, two cores that others kept busy): a 20 ms tick in the daemon was late by 18 and 22 ms
(p99) with translation in a thread, by 24 and 68 ms with the same in a process of its own; what is left is the cores.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar

from dragoman.engines.base import EngineInfo, Stage, Translation, TranslationRequest
from dragoman.engines.local_models import UNSET, ModelRecipe, importing, require_packages
from dragoman.engines.mt.batching import Batcher
from dragoman.engines.options import Options
from dragoman.errors import EngineCrashed, EngineError, EngineRejected

MAX_TEXT = 1000
"""Characters of one clause: some 250 pieces, half of what these models were trained on at most."""

WINDOW_S = 0.006
"""Seconds the first clause of a batch waits for others: clauses of people who spoke together end within a tick (20 ms)
of each other at best, and a listener does not hear 6 ms."""

MAX_BATCH = 16
"""Clauses in one batch; more make each of them wait."""

MAX_WAITING = 64
"""Clauses waiting: four batches, which take longer than a clause's deadline."""

COMPUTE_TYPES = ("default", "auto", "int8", "int8_float16", "int8_float32", "int16", "float16", "bfloat16", "float32")
"""CTranslate2's names; ``default`` keeps what the model was converted to."""

EXTRA = "ct2"
"""Of ours, with the packages."""

EOS = "</s>"
UNKNOWN = "<unk>"


class CTranslateTranslator:
    """A model of many languages.

    Options: ``model`` (its folder), ``device`` (auto, cpu, cuda), ``compute_type`` (default), ``threads`` (CPU threads;
    1), ``beam`` (1; a careful request has at least 4).
    """

    name: ClassVar[str]
    recipe: ClassVar[ModelRecipe]
    tokenizer: ClassVar[str]
    """File name of the sentencepiece model."""
    tags: ClassVar[Mapping[str, str]]
    """The model's token for each ISO 639-1 language."""
    licence: ClassVar[str]
    commercial_use: ClassVar[bool]
    purpose: ClassVar[str]

    def __init__(self, options: Mapping[str, object]) -> None:
        """Raises ConfigError for a wrong option."""
        reader = Options(self.name, options)
        self._folder = reader.path("model", UNSET)
        self._device = reader.choice("device", "auto", ("auto", "cpu", "cuda"))
        self._compute_type = reader.choice("compute_type", "default", COMPUTE_TYPES)
        self._threads = reader.integer("threads", 1, 1, 256)
        self._beam = reader.integer("beam", 1, 1, 16)
        reader.done()
        self._model: Any = None
        self._pieces: Any = None
        self._batcher: Batcher[TranslationRequest, str] = Batcher(
            self.name, self._translate, max_batch=MAX_BATCH, max_waiting=MAX_WAITING, window=WINDOW_S
        )

    @property
    def info(self) -> EngineInfo:
        """See EngineInfo."""
        return EngineInfo(
            name=self.name,
            stage=Stage.MT,
            languages=tuple(f"{a}-{b}" for a in self.tags for b in self.tags if a != b),
            streaming=False,
            licence=self.licence,
            commercial_use=self.commercial_use,
            purpose=self.purpose,
        )

    def supports(self, source: str, target: str) -> bool:
        """Any two different languages of the model."""
        return source != target and source in self.tags and target in self.tags

    async def start(self, languages: Sequence[str] = ()) -> None:
        """Load the model, and translate once between the first two of these languages that it knows.

        Raises:
            EngineUnavailable: package or model are missing or unusable; says what to do.
        """
        require_packages(self.name, EXTRA, ("ctranslate2", "sentencepiece"))
        self.recipe.require(self._folder)
        try:
            await asyncio.to_thread(self._load)
        except EngineError:
            raise
        except Exception as error:  # whatever it raises, the person has to look at the model
            raise self.recipe.broken(self._folder, f"{type(error).__name__}: {error}") from error
        source, target, *_ = *(language for language in languages if language in self.tags), *self.tags
        if self.supports(source, target):
            with suppress(EngineRejected):  # no answer is one, too
                await self._batcher.ask(TranslationRequest("1", source, target))

    async def translate(self, request: TranslationRequest) -> Translation:
        """See Translator."""
        if not self.supports(request.source, request.target):
            raise EngineRejected(self.name, f"does not translate {request.source} to {request.target}")
        text = " ".join(request.text.split())
        if not text or len(text) > MAX_TEXT:
            raise EngineRejected(self.name, f"{len(text)} characters; takes 1 to {MAX_TEXT}")
        return Translation(await self._batcher.ask(request), self.name)

    async def close(self) -> None:
        """Free the model. Idempotent."""
        await self._batcher.close()
        self._model = self._pieces = None

    def counts(self) -> Mapping[str, int]:
        """See Counting."""
        return {
            "batches": self._batcher.batches,
            "clauses": self._batcher.items,
            "refused": self._batcher.refused,
        }

    def _source(self, pieces: list[str], request: TranslationRequest) -> list[str]:
        """The model's input for a text's pieces."""
        raise NotImplementedError

    def _prefix(self, request: TranslationRequest) -> list[str] | None:
        """What the output must begin with; None: nothing."""
        raise NotImplementedError

    def _load(self) -> None:
        with importing(self.name, EXTRA):
            import ctranslate2
            import sentencepiece

        self._pieces = sentencepiece.SentencePieceProcessor(model_file=str(self._folder / self.tokenizer))
        self._model = ctranslate2.Translator(
            str(self._folder),
            device=self._device,
            compute_type=self._compute_type,
            inter_threads=1,
            intra_threads=self._threads,
        )

    def _translate(self, requests: Sequence[TranslationRequest]) -> list[str | EngineError]:
        """One batch, in the thread; careful requests are one of their own, for they cost more."""
        if self._model is None:
            raise EngineCrashed(self.name, "not started")
        answers: list[str | EngineError] = [EngineRejected(self.name, "no words")] * len(requests)
        for careful in (False, True):
            chosen = [(i, request) for i, request in enumerate(requests) if request.careful is careful]
            pieces = [self._pieces.encode(" ".join(request.text.split()), out_type=str) for _, request in chosen]
            # Control characters alone give no piece; the model would make something up.
            chosen_pieces = [(i, request, found) for (i, request), found in zip(chosen, pieces, strict=True) if found]
            if not chosen_pieces:
                continue
            prefixes = [self._prefix(request) for _, request, _ in chosen_pieces]
            results = self._model.translate_batch(
                [self._source(found, request) for _, request, found in chosen_pieces],
                target_prefix=prefixes if any(prefixes) else None,
                beam_size=max(self._beam, 4) if careful else self._beam,
                # A clause's translation is rarely twice as long; a model that loops must not hold up the others.
                max_decoding_length=20 + 3 * max(len(found) for _, _, found in chosen_pieces),
                max_input_length=0,
            )
            for (i, _, _), prefix, result in zip(chosen_pieces, prefixes, results, strict=True):
                answers[i] = self._text(result.hypotheses[0][len(prefix or ()) :])
        return answers

    def _text(self, output: list[str]) -> str | EngineError:
        pieces = [piece for piece in output if piece not in (EOS, UNKNOWN)]
        text = str(self._pieces.decode(pieces)).strip()
        return text or EngineRejected(self.name, "the model gave no words")
