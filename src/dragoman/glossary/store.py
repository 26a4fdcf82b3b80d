"""The glossary files of a site, watched: what somebody saves counts some seconds later, without a restart."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import structlog

from dragoman.errors import ConfigError
from dragoman.glossary.model import EMPTY, Glossary
from dragoman.glossary.parse import MAX_BYTES, Parsed, parse_glossary

log = structlog.get_logger(__name__)

INTERVAL = 2.0
"""Seconds between looks at the files: who saved one waits no longer than he needs to go back to his phone."""

_ROOM_FILE = re.compile(r"\w[\w-]*\.tsv")
"""``1000.tsv``, but no hidden file and no backup of an editor."""

MAX_ROOMS = 1000
"""Files of the folder that are looked at: each costs a stat at every look."""

PATIENCE = 2
"""Looks at which a file must be gone before its terms are: an editor may delete a file and write it anew."""

Signature = tuple[int, int, int]
"""What tells one version of a file from the next: mtime in ns, size, inode."""


@dataclass(frozen=True, slots=True)
class Version:
    """What is known of one file."""

    signature: Signature | None
    """Of the version that was read last, a bad one too; None: it could not be looked at."""
    glossary: Glossary
    """Of the last good version."""
    problems: tuple[str, ...] = ()
    """Of the version that was read last."""
    failed: bool = False
    missed: int = 0


@dataclass(slots=True)
class Counts:
    """What the store counts; they only grow."""

    loaded: int = 0
    """Versions of files that were read."""
    failed: int = 0
    """Versions that could not be read: the last good one stays."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is in force; replaced as a whole."""

    site: Glossary = EMPTY
    rooms: Mapping[str, Glossary] = field(default_factory=lambda: MappingProxyType({}))


class GlossaryStore:
    """The site's file and a folder of one file per room (``1000.tsv``), whose terms stand over the site's.

    ``refresh`` reads files and belongs in a thread; everything else may be called at any time from the loop's.
    """

    def __init__(self, site: Path | None, folder: Path | None, on_read: Callable[[bool], None] | None = None) -> None:
        """Nothing is read yet. ``on_read`` is told of every version of a file whether it could be read."""
        self._site = site
        self._folder = folder
        self._on_read = on_read
        self._versions: dict[Path, Version] = {}
        self._snapshot = Snapshot()
        self._given: Mapping[str, Glossary] = {}
        self._over: dict[str, tuple[Glossary, Glossary]] = {}  # room -> what it was put over, and both together
        self.counts = Counts()

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the files as they were read last: each names its file and line."""
        return tuple(problem for version in self._versions.values() for problem in version.problems)

    @property
    def terms(self) -> int:
        """Terms in force, over all files."""
        return sum(len(version.glossary) for version in self._versions.values())

    def of(self, room: str) -> Glossary:
        """What holds in a room now."""
        snapshot = self._snapshot
        below = snapshot.rooms.get(room, snapshot.site)
        given = self._given.get(room)
        if given is None:
            return below
        made = self._over.get(room)
        if made is None or made[0] is not below:
            made = self._over[room] = (below, given.over(below))
        return made[1]

    def give(self, rooms: Mapping[str, Glossary]) -> None:
        """Glossaries of rooms from elsewhere; they stand over those of the files, and replace those given before."""
        self._given, self._over = rooms, {}

    def room(self, room: str) -> RoomTerms:
        """The terms of a room, always as they are now."""
        return RoomTerms(self, room)

    async def watch(self) -> None:
        """Look at the files every INTERVAL, for ever."""
        if self._site is None and self._folder is None:
            return
        while True:
            await asyncio.sleep(INTERVAL)
            await asyncio.to_thread(self.refresh)

    def refresh(self) -> bool:
        """Look at the files and read what changed; True when something did. Never raises for what a file holds."""
        versions: dict[Path, Version] = {}
        for path in dict.fromkeys((*self._paths(), *self._versions)):
            if (version := self._look(path)) is not None:
                versions[path] = version
        if versions == self._versions:
            return False
        changed = {p: v.glossary for p, v in versions.items()} != {p: v.glossary for p, v in self._versions.items()}
        self._versions = versions
        if changed:
            self._snapshot = self._merged(versions)
        return changed

    def _paths(self) -> list[Path]:
        paths = [] if self._site is None else [self._site]
        if self._folder is not None:
            with suppress(OSError):  # `dragoman check` tells; it may be made later
                paths += room_files(self._folder)
        return paths

    def _look(self, path: Path) -> Version | None:
        known = self._versions.get(path)
        try:
            stat = path.stat()
        except FileNotFoundError:
            if known is None or known.missed + 1 >= PATIENCE:
                if known is not None:
                    log.warning("glossary is gone", file=str(path))
                return None
            return replace(known, missed=known.missed + 1)
        except OSError as error:
            return self._failed(path, known, None, f"{path}: {error.strerror or error}")
        signature = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if known is not None and known.signature == signature:
            return replace(known, missed=0) if known.missed else known
        return self._read(path, known, signature)

    def _read(self, path: Path, known: Version | None, signature: Signature) -> Version:
        try:
            parsed = read_glossary(path)
        except ConfigError as error:
            return self._failed(path, known, signature, str(error))
        for problem in parsed.problems:
            log.warning("glossary", problem=problem)
        log.info("glossary read", file=str(path), terms=len(parsed.entries), problems=len(parsed.problems))
        self.counts.loaded += 1
        if self._on_read is not None:
            self._on_read(True)
        return Version(signature, Glossary(parsed.entries), parsed.problems)

    def _failed(self, path: Path, known: Version | None, signature: Signature | None, problem: str) -> Version:
        """The last good version stays; told once per version of the file."""
        if known is not None and known.failed and known.signature == signature:
            return known
        log.error("glossary not read, the last good version stays", problem=problem)
        self.counts.failed += 1
        if self._on_read is not None:
            self._on_read(False)
        return Version(signature, EMPTY if known is None else known.glossary, (problem,), failed=True)

    def _merged(self, versions: Mapping[Path, Version]) -> Snapshot:
        site = versions[self._site].glossary if self._site is not None and self._site in versions else EMPTY
        rooms = {
            path.stem: version.glossary.over(site) for path, version in versions.items() if path.parent == self._folder
        }
        return Snapshot(site, MappingProxyType(rooms))


def room_files(folder: Path) -> list[Path]:
    """The files of ``folder`` that are a room's, at most MAX_ROOMS; raises OSError when it cannot be listed."""
    return sorted(path for path in folder.iterdir() if _ROOM_FILE.fullmatch(path.name))[:MAX_ROOMS]


def read_glossary(path: Path) -> Parsed:
    """Read a glossary file.

    Raises:
        ConfigError: it cannot be read or nothing of it counts; the message names it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    return parse_glossary(data, str(path))


class RoomTerms:
    """pipeline.ports.Terms of one room; follows every reload."""

    def __init__(self, store: GlossaryStore, room: str) -> None:
        self._store = store
        self._room = room

    def keyterms(self, language: str) -> tuple[str, ...]:
        """Terms."""
        return self._store.of(self._room).keyterms(language)

    def pairs(self, source: str, target: str) -> tuple[tuple[str, str], ...]:
        """Terms."""
        return self._store.of(self._room).pairs(source, target)

    def say(self, text: str, language: str) -> str:
        """Terms."""
        return self._store.of(self._room).say(text, language)
