"""What a delete removed, and what it cannot reach. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a delete removed, and what is known of traces."""

    found: bool
    clips: int = 0
    callers: int = 0
    wiped: bool = False
    """Whether the database's own files were cleaned of it too."""
    note: str = ""
    """What is beyond our reach."""


def beyond_reach(refresh_s: float, *, postgres: bool, wiped: bool, encrypted: bool) -> str:
    """In words, where traces of what was deleted may be; ``refresh_s``: until other daemons forget it."""
    elsewhere = f"other daemons forget it within {refresh_s:g} s; backups and exported files are yours to delete"
    if postgres:
        elsewhere += "; PostgreSQL's write-ahead log and replicas keep copies until they are recycled"
    if not wiped:
        elsewhere += "; the database was busy and its files may hold traces until the next delete"
    return elsewhere + ("" if encrypted else "; with voices.key set such traces would be unreadable")
