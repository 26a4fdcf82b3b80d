"""Apertium: rule-based translation in running pipelines, 1.5 ms a sentence; separate programs (GPL) behind pipes."""

from __future__ import annotations

import asyncio
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from dragoman.engines.base import EngineInfo, Stage, Translation, TranslationRequest
from dragoman.engines.mt import apertium_modes as modes
from dragoman.engines.mt import apertium_text as edit
from dragoman.engines.mt.apertium_pipe import Pipeline
from dragoman.engines.options import Options
from dragoman.errors import EngineCrashed, EngineRejected, EngineUnavailable

NAME = "apertium"

MAX_TEXT = 2000
"""Characters of one clause; more is no clause, and would hold up the others behind it."""

KNOWN_WORDS = 20_000
"""Words whose spelling is remembered; a language's everyday words are far fewer."""

_REPAIR = (
    "install the package of that pair again (apt-get install --reinstall), or set engines.options.apertium.modes to "
    "the folder of the .mode files that Apertium's packages bring"
)
"""What to do about a mode file that is none."""


class ApertiumTranslator:
    """Direct pairs, and by way of a third language where there is none.

    Raw English (no capitals, no punctuation) is edited before, see ``apertium_text``. Options: ``modes`` (folder of the
    mode files). Pipelines of other languages than those it was started for start at the first use of a pair.
    """

    def __init__(self, options: Mapping[str, object]) -> None:
        """Raises ConfigError for a wrong option."""
        reader = Options(NAME, options)
        self._folder = reader.path("modes", modes.MODES)
        reader.done()
        self._modes = modes.installed(self._folder)
        self._pipelines: dict[str, Pipeline] = {}
        self._starting: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._case: defaultdict[Path, dict[str, str]] = defaultdict(dict)
        self._closed = False

    @property
    def info(self) -> EngineInfo:
        """See EngineInfo."""
        return EngineInfo(
            name=NAME,
            stage=Stage.MT,
            languages=tuple(f"{mode.source}-{mode.target}" for mode in self._modes),
            streaming=False,
            licence="GPL-3.0-or-later",  # programs GPL-2.0-or-later, some of the dictionaries GPL-3.0-or-later
            commercial_use=True,
            purpose="Translating without a key: good between Romance languages, understandable from and to English.",
        )

    def supports(self, source: str, target: str) -> bool:
        """Whether there is a way, directly or by a third language."""
        return source != target and modes.route(self._modes, source, target) is not None

    async def start(self, languages: Sequence[str] = ()) -> None:
        """Check that it is installed; start the pipelines between these languages."""
        if shutil.which("lt-proc") is None or not self._modes:
            packages = " ".join(dict.fromkeys(modes.packages("en", "es") + modes.packages("es", "ca")))
            what = "not installed" if shutil.which("lt-proc") is None else f"no language pair lies in {self._folder}"
            elsewhere = "" if self._folder == modes.MODES else f", or see engines.options.{NAME}.modes"
            raise EngineUnavailable(NAME, f"{what}: apt-get install apertium {packages}{elsewhere}")
        for source in languages:
            for target in languages:
                if self.supports(source, target):
                    await self.translate(TranslationRequest("a", source, target))

    async def translate(self, request: TranslationRequest) -> Translation:
        """See Translator."""
        source, target = request.source, request.target
        way = modes.route(self._modes, source, target) if source != target else None
        if way is None:
            packages = modes.packages(source, target)
            hint = f": apt-get install {' '.join(packages)}" if packages else ""
            raise EngineRejected(NAME, f"no way from {source} to {target}{hint}")
        text = " ".join(request.text.split())
        if not text or len(text) > MAX_TEXT:
            raise EngineRejected(NAME, f"{len(text)} characters; takes 1 to {MAX_TEXT}")
        please = False
        if source == "en":
            if target in edit.PLEASE:
                text, please = edit.take_please(text)
            if edit.is_raw(text):
                case = await self._learn_case(way[0].path, text.split())
                text = edit.pre_edit_english(text, lambda word: case.get(word, word))
        text, added = edit.with_end(text)
        text = await self._through(way, text)
        if added:
            text = text.rstrip().removesuffix(".")
        return Translation(edit.post_edit(text, target, please), NAME)

    async def close(self) -> None:
        """End all pipelines, those that are just starting too. Idempotent."""
        self._closed = True
        for starting in tuple(self._starting.values()):
            async with starting:
                pass
        running = tuple(self._pipelines.values())
        self._pipelines.clear()
        await asyncio.gather(*(pipeline.close() for pipeline in running))

    async def _through(self, way: tuple[modes.Mode, ...], text: str) -> str:
        for mode in way:
            pipeline = await self._pipeline(mode.path.stem, self._stages(mode.path))
            text = edit.unescape(await pipeline.ask(edit.escape(text)))
        return text

    async def _learn_case(self, mode: Path, words: list[str]) -> dict[str, str]:
        """How words are written, by the mode's analyser: unknown in lower case but known with a capital is a name."""
        case = self._case[mode]
        new = sorted({word for word in words if word.isalpha() and word not in case})
        if not new:
            return case
        analyser = await self._pipeline(f"analyser of {mode.stem}", self._stages(mode)[:1])
        lines = [line for word in new for line in (word, word.title())]
        answer = await analyser.ask("\n".join(f"{line} ." for line in lines))
        # Each line is answered by ^word/analysis$ ^./sent$; an unknown word's analysis is *word.
        known = ["/*" not in line.partition("$")[0] for line in answer.strip("\n").split("\n")]
        if len(known) != len(lines):
            raise EngineCrashed(NAME, f"analyser of {mode.stem}: {len(known)} answers to {len(lines)} words")
        if len(case) > KNOWN_WORDS:
            case.clear()
        for i, word in enumerate(new):
            lower_known, title_known = known[2 * i : 2 * i + 2]
            case[word] = word.title() if title_known and not lower_known else word
        return case

    async def _pipeline(self, name: str, stages: list[list[str]]) -> Pipeline:
        """The running pipeline of this name; started now if it is not, or has died."""
        async with self._starting[name]:
            if self._closed:
                raise EngineCrashed(NAME, "closed")
            pipeline = self._pipelines.get(name)
            if pipeline is None or not pipeline.alive:
                if pipeline is not None:
                    await pipeline.close()
                pipeline = self._pipelines[name] = await Pipeline.start(NAME, name, stages)
            return pipeline

    @staticmethod
    def _stages(path: Path) -> list[list[str]]:
        try:
            return modes.stages(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise EngineUnavailable(NAME, f"mode file {path}: {error}: {_REPAIR}") from error
