"""Rows of the administration's tables from what they hold, sealed where they say something of people, and back."""

from __future__ import annotations

import json
from typing import Any

from pydantic import SecretStr

from dragoman.admin.model import Entry, Line
from dragoman.admin.rooms import Room
from dragoman.admin.tokens import Scope, Token
from dragoman.vault import Vault

Row = Any
"""sqlalchemy.Row, whose type has one parameter in SQLAlchemy 2.0 and any number in 2.1."""


class Rows:
    """Writes and reads rows with a vault."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def of_room(self, room: Room) -> dict[str, object]:
        """Its row."""
        settings = {
            "name": room.name,
            "pin": None if room.pin is None else room.pin.get_secret_value(),
            "languages": list(room.languages),
            "glossary": room.glossary,
            "most_legs": room.most_legs,
            "most_cost": room.most_cost,
            "keep_hours": room.keep_hours,
        }
        sealed = self._seal(settings, f"room/{room.room}")
        return {"room": room.room, "created": room.created, "changed": room.changed, "settings": sealed}

    def room(self, row: Row) -> Room:
        """The room of its row; raises StoreLocked. A setting that an older Dragoman did not know has its default."""
        settings = self._open(row.settings, f"room/{row.room}")
        pin = settings.get("pin")
        return Room(
            room=row.room,
            name=settings.get("name", ""),
            pin=None if pin is None else SecretStr(pin),
            languages=tuple(settings.get("languages", ())),
            glossary=settings.get("glossary", ""),
            most_legs=settings.get("most_legs"),
            most_cost=settings.get("most_cost"),
            keep_hours=settings.get("keep_hours", 0.0),
            created=row.created,
            changed=row.changed,
        )

    def of_line(self, line: Line, expires: float) -> dict[str, object]:
        """The row of a transcript's line that is to be gone at unix time ``expires``."""
        said = [line.speaker, line.source_language, line.text, line.end, line.note]
        return {
            "room": line.room,
            "language": line.language,
            "start": line.start,
            "expires": expires,
            "line": self._seal(said, f"line/{line.room}/{line.language}"),
        }

    def line(self, row: Row) -> Line:
        """The line of its row; raises StoreLocked."""
        speaker, source, text, end, note = self._open(row.line, f"line/{row.room}/{row.language}")
        return Line(row.room, row.language, speaker, source, text, row.start, end, note)

    def _seal(self, value: object, place: str) -> bytes:
        return self._vault.seal(json.dumps(value, ensure_ascii=False).encode(), place)

    def _open(self, stored: bytes, place: str) -> Any:
        return json.loads(self._vault.open(stored, place))


def of_token(token: Token) -> dict[str, object]:
    """The row of a token."""
    return {
        "id": token.id,
        "name": token.name,
        "scopes": " ".join(sorted(token.scopes)),
        "digest": token.digest,
        "created": token.created,
        "expires": token.expires,
        "revoked": token.revoked,
    }


def token(row: Row) -> Token:
    """The token of its row; scopes that a newer Dragoman knows are no scopes here."""
    known = {scope.value for scope in Scope}
    scopes = frozenset(Scope(word) for word in row.scopes.split() if word in known)
    return Token(row.id, row.name, scopes, bytes(row.digest), row.created, row.expires, row.revoked)


def of_entry(entry: Entry) -> dict[str, object]:
    """The row of an entry of the audit log, its texts cut to what fits."""
    return {
        "at": entry.at,
        "actor": entry.actor[:200],
        "action": entry.action[:40],
        "profile": entry.profile[:32],
        "room": entry.room[:32],
        "detail": entry.detail[:400],
    }


def entry(row: Row) -> Entry:
    """The entry of its row."""
    return Entry(row.at, row.actor, row.action, row.profile, row.room, row.detail, row.id)
