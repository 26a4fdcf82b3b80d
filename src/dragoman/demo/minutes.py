"""The minutes of the meeting: what the captions of all languages told so far, clause by clause. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from dragoman.pipeline.captions import Caption, CaptionKind

MERGED = "merged with "
"""How a clause's note begins when later clauses were merged into it; their ids follow, with commas."""

SPEAKING_RATE = {"ja": 5.0, "zh": 4.0}
USUAL_RATE = 12.0
"""Letters a second, on the slow side of espeak-ng's 15: the estimate ends after the sound."""


@dataclass(slots=True)
class Line:
    """A clause in one target language."""

    language: str
    text: str = ""
    source_text: str = ""
    """What it translates: more than the clause where later ones were merged into it."""
    start_unix: float = 0.0
    end_unix: float = 0.0
    ear_voice_span_ms: float | None = None
    """At the wire; None while it was not spoken."""
    engine: str | None = None
    dropped: str | None = None
    """Why it will not be spoken."""
    merged: tuple[str, ...] = ()
    """Ids of the clauses that this line holds too."""

    @property
    def spoken_unix(self) -> float | None:
        """When its first sound left the booth."""
        return None if self.ear_voice_span_ms is None else self.end_unix + self.ear_voice_span_ms / 1000

    @property
    def silent_unix(self) -> float | None:
        """When it will have been spoken to its end, by estimate; None while it was not begun."""
        begun = self.spoken_unix
        return None if begun is None else begun + 0.3 + len(self.text) / SPEAKING_RATE.get(self.language, USUAL_RATE)


@dataclass(slots=True)
class Entry:
    """A clause: what was said, and what became of it in each other language."""

    clause: str
    speaker: str
    language: str
    text: str
    start_unix: float
    end_unix: float
    lines: dict[str, Line] = field(default_factory=dict)

    @property
    def leg(self) -> str:
        """Id of the channel that spoke: clause ids are ``channel.epoch/number``."""
        return self.clause.rpartition("/")[0].rpartition(".")[0]


class Minutes:
    """All clauses in the order in which they were first told."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self.partials: dict[str, str] = {}
        """Per speaker, what he is just saying."""
        self.gaps: list[str] = []
        """What was told of times without interpretation."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every clause, in the order of its end."""
        return tuple(sorted(self._entries.values(), key=lambda entry: entry.end_unix))

    def apply(self, caption: Caption) -> None:
        """Take one event of any language."""
        if caption.kind is CaptionKind.GAP:
            if caption.note and caption.note not in self.gaps:
                self.gaps.append(caption.note)
            return
        if caption.kind is CaptionKind.PARTIAL:
            self.partials[caption.speaker] = caption.text
            return
        entry = self._entries.get(caption.clause)
        if entry is None:
            entry = Entry(
                caption.clause,
                caption.speaker,
                caption.source_language,
                caption.source_text,
                caption.start_unix,
                caption.end_unix,
            )
            self._entries[caption.clause] = entry
        if caption.language == caption.source_language:
            entry.text, entry.start_unix, entry.end_unix = caption.text, caption.start_unix, caption.end_unix
            self.partials.pop(caption.speaker, None)
            return
        line = entry.lines.setdefault(caption.language, Line(caption.language))
        line.text = caption.text or line.text
        line.source_text = caption.source_text
        line.start_unix, line.end_unix = caption.start_unix, caption.end_unix
        line.engine = caption.engine or line.engine
        if caption.note and caption.note.startswith(MERGED):
            line.merged = tuple(caption.note.removeprefix(MERGED).split(", "))
        if caption.kind is CaptionKind.SPOKEN:
            line.ear_voice_span_ms = caption.ear_voice_span_ms
        elif caption.kind is CaptionKind.DROPPED:
            line.dropped = caption.note or "no reason given"

    def line(self, entry: Entry, language: str) -> Line | None:
        """The line that holds ``entry`` in ``language``: its own, or that of the clause it was merged into."""
        own = entry.lines.get(language)
        if own is not None:
            return own
        for other in self._entries.values():
            line = other.lines.get(language)
            if line is not None and entry.clause in line.merged:
                return line
        return None

    def sounding_unix(self) -> float:
        """Until when what was begun will sound, by estimate; 0 while nothing was."""
        lines = (line for entry in self._entries.values() for line in entry.lines.values())
        return max((line.silent_unix or 0.0 for line in lines), default=0.0)

    def keep(self, newest: int) -> None:
        """Forget all clauses but so many."""
        self._entries = {entry.clause: entry for entry in self.entries[-newest:]}

    def silent_unix(self, languages: Iterable[str], since: float = 0.0) -> float | None:
        """When all that was said since then will have been spoken in ``languages``; None while some was not begun."""
        latest = 0.0
        for entry in self._entries.values():
            if entry.end_unix < since:
                continue
            for language in languages:
                if language == entry.language:
                    continue
                line = self.line(entry, language)
                if line is None:
                    return None
                if line.dropped is None:
                    silent = line.silent_unix
                    if silent is None:
                        return None
                    latest = max(latest, silent)
        return latest
