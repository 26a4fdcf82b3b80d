"""The phrase book: sentences of an editable file, translated by looking them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from dragoman.engines.base import EngineInfo, Stage, Translation, TranslationRequest
from dragoman.engines.options import Options
from dragoman.engines.phrases import Column, default_path, load_option, tokens
from dragoman.errors import EngineRejected
from dragoman.writing import joined_clauses

log = structlog.get_logger(__name__)


class PhraseBook:
    """Looks clauses up, between any two columns of the phrase file.

    A clause is compared by its words: case, punctuation and hyphens do not count, accents count unless nothing is found
    with them. A clause made of several phrases is translated phrase by phrase. Anything else is rejected, for the next
    engine. Option: ``phrases``, the file's path.
    """

    def __init__(self, options: Mapping[str, object]) -> None:
        """Raises ConfigError for a wrong option or an unusable file."""
        reader = Options("phrasebook", options)
        path = reader.path("phrases", default_path())
        reader.done()
        self._table = load_option("phrasebook", path)
        self._columns: dict[str, Column] = {code: self._table.column(code) for code in self._table.languages}

    @property
    def info(self) -> EngineInfo:
        """See EngineInfo."""
        languages = self._table.languages
        return EngineInfo(
            name="phrasebook",
            stage=Stage.MT,
            languages=tuple(f"{a}-{b}" for a in languages for b in languages if a != b),
            streaming=False,
            licence="Apache-2.0",
            commercial_use=True,
            purpose="Sentences you wrote down yourself, exactly as you translated them; in front of another engine.",
        )

    def supports(self, source: str, target: str) -> bool:
        """Whether the file has both columns."""
        return source != target and source in self._columns and target in self._columns

    async def start(self, languages: Sequence[str] = ()) -> None:
        """Tell the file's wrong lines; nothing else is needed."""
        for problem in self._table.problems:
            log.warning("phrase file", problem=problem)

    async def translate(self, request: TranslationRequest) -> Translation:
        """Look the clause up; raises EngineRejected when it is not there."""
        column = self._columns.get(request.source)
        phrases = column.parse(tokens(request.text)) if column else None
        if not phrases:
            raise EngineRejected("phrasebook", f"not in the {request.source} phrases")
        if request.target == request.source or any(request.target not in phrase.texts for phrase in phrases):
            raise EngineRejected("phrasebook", f"no {request.target} translation of this phrase")
        return Translation(joined_clauses(phrase.texts[request.target] for phrase in phrases), "phrasebook")

    async def close(self) -> None:
        """Nothing to free."""
