"""faster-whisper: Whisper on CTranslate2 from a local folder, made streaming by LocalAgreement over a sliding window.

The model lives in one worker process for all streams. Measured (bench/lateness.py, a model of Whisper base's size for
two streams, on two cores that others kept busy): a 20 ms tick in the daemon was late by 5.7 ms (p99) with no decoding,
20 ms with decoding in threads of the daemon, 8.0 ms with the worker; and a worker that dies takes no call with it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import ClassVar

from dragoman.engines.asr.messages import encode_at
from dragoman.engines.asr.whisper_messages import (
    Kind,
    Opening,
    Ready,
    Setup,
    address,
    addressed,
    decode_hypothesis,
    encode_stream_audio,
)
from dragoman.engines.base import EngineInfo, Hypothesis, Stage, StreamRequest
from dragoman.engines.local_models import UNSET, ModelRecipe, require_packages, unimportable
from dragoman.engines.options import Options
from dragoman.engines.worker import WorkerProcess
from dragoman.errors import EngineBusy, EngineCrashed, EngineError, EngineRejected, EngineTimeout
from dragoman.media.format import SAMPLE_RATE, Pcm, ms_to_samples

BACKLOG_BYTES = SAMPLE_RATE * 2 * 10
"""Ten seconds of audio of all streams on their way to the worker, which reads at once."""

EXTRA = "whisper"
"""Of ours, with the packages."""

LOAD_DEADLINE_S = 120.0
"""Seconds for loading the model: a large one is 3 GB, from a disk that is busy."""

COMPUTE_TYPES = ("default", "auto", "int8", "int8_float16", "int8_float32", "int16", "float16", "bfloat16", "float32")
"""CTranslate2's names; ``default`` keeps what the model was converted to."""

LANGUAGES = tuple(
    "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha he hi hr ht hu hy id is it "
    "ja ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn "
    "so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo zh".split()
)
"""Whisper's languages with an ISO 639-1 code (its ``haw`` and ``yue`` have none, its ``jw`` is not one)."""

MAX_UNREAD = 1000
"""Finals that may wait for a reader who takes none; then the stream is given up."""


class FasterWhisperStream:
    """One leg's stream in the common worker."""

    def __init__(self, engine: str, number: int, worker: WorkerProcess, on_close: Callable[[], object]) -> None:
        """``on_close`` is called once."""
        self._engine = engine
        self._number = number
        self._worker = worker
        self._on_close = on_close
        self._unread: deque[Hypothesis] = deque()  # bounded: a partial replaces the one before, finals by MAX_UNREAD
        self._news = asyncio.Event()
        self._failure: EngineError | None = None
        self._closed = False

    async def push(self, pcm: Pcm, at: int) -> None:
        """See RecognizerStream."""
        await self._send(Kind.AUDIO, encode_stream_audio(self._number, pcm, at))

    async def finalize(self, at: int) -> None:
        """See RecognizerStream. Answered also without audio, by an empty final."""
        await self._send(Kind.FINALIZE, address(self._number, encode_at(at)))

    async def __aiter__(self) -> AsyncIterator[Hypothesis]:
        """See RecognizerStream."""
        while not self._closed:
            while self._unread:
                yield self._unread.popleft()
            if self._closed:
                return
            if self._failure is not None:
                raise self._failure
            self._news.clear()
            await self._news.wait()

    async def aclose(self) -> None:
        """See RecognizerStream."""
        if self._closed:
            return
        self._closed = True
        self._news.set()
        self._on_close()
        with suppress(EngineCrashed):  # with the worker all its streams are gone
            await self._worker.send(Kind.CLOSE, address(self._number))

    def heard(self, hypothesis: Hypothesis) -> None:
        """The worker answered."""
        if self._unread and not self._unread[-1].is_final:
            self._unread.pop()
        if len(self._unread) >= MAX_UNREAD:
            self.failed(EngineCrashed(self._engine, f"nobody read {MAX_UNREAD} hypotheses"))
        else:
            self._unread.append(hypothesis)
            self._news.set()

    def failed(self, error: EngineError) -> None:
        """Nothing more will come."""
        self._failure = self._failure or error
        self._news.set()

    async def _send(self, kind: Kind, payload: bytes) -> None:
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise EngineCrashed(self._engine, "the stream is closed")
        await self._worker.send(kind, payload)


class FasterWhisperRecognizer:
    """Streams of one model.

    Options: ``model`` (its folder), ``device`` (auto, cpu, cuda), ``compute_type`` (default; see COMPUTE_TYPES),
    ``threads`` (CPU threads of one decoding; 1), ``parallel`` (decodings at once; 1), ``beam`` (1), ``interval_ms``
    (new audio between two decodings of one stream; 600), ``max_streams`` (8).
    """

    name: ClassVar[str] = "faster-whisper"
    recipe: ClassVar[ModelRecipe] = ModelRecipe(
        "faster-whisper",
        "Systran/faster-whisper-small",
        ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt|vocabulary.json"),
        ("hf download Systran/faster-whisper-small --local-dir {folder}",),
    )
    languages: ClassVar[tuple[str, ...]] = LANGUAGES
    licence: ClassVar[str] = "MIT"
    purpose: ClassVar[str] = "Recognising 97 languages on your own GPU; on a CPU only the smallest models keep up."

    def __init__(self, options: Mapping[str, object]) -> None:
        """Raises ConfigError for a wrong option."""
        reader = Options(self.name, options)
        self._folder = reader.path("model", UNSET)
        device = reader.choice("device", "auto", ("auto", "cpu", "cuda"))
        compute_type = reader.choice("compute_type", "default", COMPUTE_TYPES)
        threads = reader.integer("threads", 1, 1, 256)
        parallel = reader.integer("parallel", 1, 1, 64)
        beam = reader.integer("beam", 1, 1, 10)
        interval = ms_to_samples(reader.integer("interval_ms", 600, 100, 5000))
        self._max_streams = reader.integer("max_streams", 8, 1, 1000)
        reader.done()
        self._setup = Setup(str(self._folder), device, compute_type, threads, parallel, beam, interval)
        self._known = self.languages
        self._streams: dict[int, FasterWhisperStream] = {}
        self._opening = 0
        """Streams that take their place but are not among ``_streams`` yet."""
        self._number = 0
        self._worker: WorkerProcess | None = None
        self._reader: asyncio.Task[None] | None = None
        self._loading: asyncio.Task[WorkerProcess] | None = None
        self._closed = False

    @property
    def info(self) -> EngineInfo:
        """See EngineInfo."""
        return EngineInfo(
            name=self.name,
            stage=Stage.ASR,
            languages=self._known,
            streaming=True,
            licence=self.licence,
            commercial_use=True,
            purpose=self.purpose,
            chunk_ms=100,
        )

    def supports(self, language: str) -> bool:
        """What the model knows; before it is loaded, what this kind of model can know."""
        return language in self._known

    async def start(self, languages: Sequence[str] = ()) -> None:
        """Load the model.

        Raises:
            EngineUnavailable: package or model are missing or unusable; says what to do.
        """
        require_packages(self.name, EXTRA, ("faster_whisper", "ctranslate2"))
        self.recipe.require(self._folder)
        await self._running()

    async def open(self, request: StreamRequest) -> FasterWhisperStream:
        """See Recognizer; loads the model again if the worker has died."""
        if not self.supports(request.language):
            raise EngineRejected(self.name, f"the model does not know {request.language!r}")
        if len(self._streams) + self._opening >= self._max_streams:
            raise EngineBusy(self.name, f"all {self._max_streams} streams are in use (option max_streams)")
        self._opening += 1  # its place is taken before anything is awaited, or two could take the last one
        try:
            worker = await self._running()
            self._number = number = (self._number + 1) % (1 << 32)
            await worker.send(Kind.OPEN, address(number, Opening(request.language, request.keyterms).encode()))
            stream = FasterWhisperStream(self.name, number, worker, lambda: self._streams.pop(number, None))
            self._streams[number] = stream
            return stream
        finally:
            self._opening -= 1

    async def close(self) -> None:
        """End the worker. Idempotent."""
        self._closed = True
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.wait([self._loading])
        for stream in tuple(self._streams.values()):
            await stream.aclose()
        await self._stop()

    async def _running(self) -> WorkerProcess:
        """The worker; started now if it is not, or has died. A caller who gives up does not stop the loading."""
        if self._closed:
            raise EngineCrashed(self.name, "closed")
        if self._worker is not None and self._worker.alive and self._reader and not self._reader.done():
            return self._worker
        if self._loading is None:
            self._loading = asyncio.create_task(self._load(), name=f"{self.name} loading")
            self._loading.add_done_callback(self._loaded)
        return await asyncio.shield(self._loading)

    def _loaded(self, task: asyncio.Task[WorkerProcess]) -> None:
        self._loading = None
        if not task.cancelled():
            task.exception()  # seen, also when all who waited have given up

    async def _load(self) -> WorkerProcess:
        await self._stop()
        worker = await WorkerProcess.spawn(self.name, "dragoman.engines.asr.whisper_worker", BACKLOG_BYTES)
        try:
            async with asyncio.timeout(LOAD_DEADLINE_S):
                await worker.send(Kind.SETUP, self._setup.encode())
                kind, payload = await worker.receive()
            if kind == Kind.UNIMPORTABLE:
                raise unimportable(self.name, EXTRA, payload.decode(errors="replace"))
            if kind == Kind.UNUSABLE:
                raise self.recipe.broken(self._folder, payload.decode(errors="replace"))
            if not Ready.decode(payload).multilingual:
                self._known = tuple(language for language in self.languages if language == "en")
                if not self._known:
                    raise self.recipe.broken(self._folder, "it knows English only")
        except BaseException as error:
            worker.kill()
            await worker.close()
            if isinstance(error, TimeoutError):
                raise EngineTimeout(self.name, f"the model was not loaded within {LOAD_DEADLINE_S:g} s") from None
            raise
        self._worker = worker
        self._reader = asyncio.create_task(self._read(worker), name=f"{self.name} reader")
        return worker

    async def _read(self, worker: WorkerProcess) -> None:
        """Hand each answer to its stream until the worker dies; then all its streams are told."""
        try:
            while True:
                kind, payload = await worker.receive()
                number, rest = addressed(payload)
                stream = self._streams.get(number)
                if stream is None:
                    continue  # closed since
                if kind == Kind.HYPOTHESIS:
                    stream.heard(decode_hypothesis(rest))
                else:
                    stream.failed(EngineCrashed(self.name, f"decoding failed: {rest.decode(errors='replace')}"))
        except EngineCrashed as error:
            for stream in self._streams.values():
                stream.failed(error)

    async def _stop(self) -> None:
        worker, reader = self._worker, self._reader
        self._worker = self._reader = None
        if worker is not None:
            worker.kill()
        if reader is not None:
            await reader
        if worker is not None:
            await worker.close()
