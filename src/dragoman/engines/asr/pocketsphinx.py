"""PocketSphinx: the recogniser that needs no key, no GPU and no download.

English: its open language model, and beside it the sentences of the phrase file, which it knows nearly perfectly. Other
languages: the sentences of the phrase file only; anything else is no words rather than wrong ones.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

import structlog

from dragoman.engines.asr import grammar
from dragoman.engines.asr.lexicon import pronounce, read_cmudict
from dragoman.engines.asr.messages import Kind, Setup, decode_hypothesis, encode_at, encode_audio
from dragoman.engines.asr.spares import Spares
from dragoman.engines.base import EngineInfo, Hypothesis, Stage, StreamRequest
from dragoman.engines.options import Options
from dragoman.engines.phrases import default_path, load_option
from dragoman.engines.worker import WorkerProcess
from dragoman.errors import EngineBusy, EngineCrashed, EngineRejected, EngineTimeout, EngineUnavailable
from dragoman.languages import LANGUAGES
from dragoman.media.format import SAMPLE_RATE, Pcm

log = structlog.get_logger(__name__)

NAME = "pocketsphinx"

OPEN_BIAS = 0.1
"""Log score per frame that the phrase list may be worse than the open model by. Set on four synthetic English voices,
wide band and G.711. Afterwards, with other sentences: 48 of 48 of the list found, 1 of 45 others taken for a sentence
of the list (one that differed from it in a single word)."""

PHONE_BIAS = 4.1
"""Log score per frame that the phrase list may be worse than a loop of phones by. The scores are relative to the best
of the states that a search keeps, so this holds for the beams in ``pocketsphinx_models`` only. Set on five synthetic
Spanish voices (107 of 110 found, 2 of 65 others taken for one of the list; G.711: 73 of 80, none of 50). With three
voices and sentences that it was not set on: 39 of 48 found, none of 45 others taken."""

BACKLOG_BYTES = SAMPLE_RATE * 2
"""A second of audio waits for a busy worker (beside the pipe's own two); then ``push`` waits, and the audio stays in
the leg's ring."""

LOAD_DEADLINE_S = 60.0
"""Seconds for loading the models: 0.3-0.6 s on an idle machine, many at once on a loaded one take their time."""


class PocketsphinxStream:
    """One leg's stream: a worker process of its own."""

    def __init__(self, worker: WorkerProcess, on_close: Callable[[], None]) -> None:
        """The worker is set up; ``on_close`` is called once, when it has ended."""
        self._worker = worker
        self._on_close = on_close
        self._closed = False

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._worker.pid

    async def push(self, pcm: Pcm, at: int) -> None:
        """See RecognizerStream."""
        await self._send(Kind.AUDIO, encode_audio(pcm, at))

    async def finalize(self, at: int) -> None:
        """See RecognizerStream. Answered also without audio, by an empty final."""
        await self._send(Kind.FINALIZE, encode_at(at))

    async def __aiter__(self) -> AsyncIterator[Hypothesis]:
        """See RecognizerStream."""
        while not self._closed:
            try:
                _, payload = await self._worker.receive()
            except EngineCrashed:
                if self._closed:
                    return
                raise
            yield decode_hypothesis(payload)

    async def aclose(self) -> None:
        """See RecognizerStream."""
        self._worker.kill()
        if not self._closed:
            self._closed = True
            self._on_close()
        await self._worker.close()

    async def _send(self, kind: Kind, payload: bytes) -> None:
        if self._closed:
            raise EngineCrashed(NAME, "the stream is closed")
        await self._worker.send(kind, payload)


class PocketsphinxRecognizer:
    """Streams in worker processes, with spare ones that have their models loaded already.

    Options: ``phrases`` (path of the phrase file), ``max_streams`` (16), ``spares`` (ready workers per language; 1).
    """

    def __init__(self, options: Mapping[str, object]) -> None:
        """Raises ConfigError for a wrong option or an unusable phrase file."""
        reader = Options(NAME, options)
        path = reader.path("phrases", default_path())
        self._max_streams = reader.integer("max_streams", 16, 1, 1000)
        spares = reader.integer("spares", 1, 0, 100)
        reader.done()
        self._table = load_option(NAME, path)
        listed = [code for code in self._table.languages if self._table.column(code).texts]
        self._languages = tuple(dict.fromkeys(("en", *listed)))
        self._setups: dict[str, Setup] = {}
        self._spares = Spares(NAME, spares, self._load)
        self._streams: set[PocketsphinxStream] = set()
        self._in_use = 0

    @property
    def info(self) -> EngineInfo:
        """See EngineInfo."""
        return EngineInfo(
            name=NAME,
            stage=Stage.ASR,
            languages=self._languages,
            streaming=True,
            licence="BSD-2-Clause",
            commercial_use=True,
            purpose="Trying Dragoman without a key: free English; of other languages the phrase file's sentences only.",
        )

    def supports(self, language: str) -> bool:
        """English, and the languages of the phrase file."""
        return language in self._languages

    async def start(self, languages: Sequence[str] = ()) -> None:
        """Make the grammars and load the spare workers; returns when they are ready."""
        for problem in self._table.problems:
            log.warning("phrase file", problem=problem)
        for language in self._languages if not languages else [each for each in self._languages if each in languages]:
            await self._setup(language)
            self._spares.fill(language)
        await self._spares.filled()

    async def open(self, request: StreamRequest) -> PocketsphinxStream:
        """See Recognizer; takes a spare worker, and has another one loaded."""
        language = request.language
        if not self.supports(language):
            raise EngineRejected(NAME, f"no sentences in {language!r}; known: {', '.join(self._languages)}")
        if self._in_use >= self._max_streams:
            raise EngineBusy(NAME, f"no stream free: all {self._max_streams} are in use (option max_streams)")
        self._in_use += 1
        try:
            worker = await self._spares.take(language)
        except BaseException:
            self._in_use -= 1
            raise
        stream = PocketsphinxStream(worker, on_close=lambda: self._freed(stream))
        self._streams.add(stream)
        return stream

    async def close(self) -> None:
        """End every worker. Idempotent."""
        await self._spares.close()
        for stream in tuple(self._streams):
            await stream.aclose()

    def _freed(self, stream: PocketsphinxStream) -> None:
        self._in_use -= 1
        self._streams.discard(stream)

    async def _load(self, language: str) -> WorkerProcess:
        """A worker that is ready for this language."""
        setup = await self._setup(language)
        worker = await WorkerProcess.spawn(NAME, "dragoman.engines.asr.pocketsphinx_worker", BACKLOG_BYTES)
        try:
            async with asyncio.timeout(LOAD_DEADLINE_S):
                await worker.send(Kind.SETUP, setup.encode())
                await worker.receive()
        except BaseException as error:
            worker.kill()
            await worker.close()
            if isinstance(error, TimeoutError):
                raise EngineTimeout(NAME, f"the models were not loaded within {LOAD_DEADLINE_S:g} s") from None
            raise
        return worker

    async def _setup(self, language: str) -> Setup:
        """What a worker of this language has to know; made once.

        Raises:
            EngineUnavailable: pocketsphinx or espeak-ng is missing.
        """
        if importlib.util.find_spec("pocketsphinx") is None:
            raise EngineUnavailable(NAME, "the package is missing: pip install pocketsphinx==5.1.1")
        if language not in self._setups:
            self._setups[language] = await self._make_setup(language)
        return self._setups[language]

    async def _make_setup(self, language: str) -> Setup:
        english = language == "en"
        texts = self._table.column(language).texts
        words = grammar.vocabulary(texts)
        lexicon: dict[str, list[tuple[str, ...]]] = {}
        if english:
            lexicon = await asyncio.to_thread(read_cmudict, _model_folder() / "cmudict-en-us.dict", words)
        missing = [word for word in words if word not in lexicon]
        if missing:
            lexicon |= await pronounce(missing, LANGUAGES[language].espeak, NAME)
        made = grammar.build(texts, lexicon)
        bias = OPEN_BIAS if english else PHONE_BIAS
        if made is None:
            return Setup(open_model=english, bias=bias)
        for text in made.left_out:
            log.warning("a phrase cannot be pronounced", language=language, phrase=text)
        return Setup(english, bias, made.jsgf, made.dictionary, made.written)


def _model_folder() -> Path:
    """Where the package keeps its English model; found without importing it, for that loads the decoder."""
    spec = importlib.util.find_spec("pocketsphinx")
    if spec is None or spec.origin is None:
        raise EngineUnavailable(NAME, "the package is missing: pip install pocketsphinx==5.1.1")
    return Path(spec.origin).parent / "model" / "en-us"
