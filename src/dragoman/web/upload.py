"""Receives forms with files (multipart/form-data, RFC 7578) as a stream: to disk, within limits, never in memory."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from aiohttp import BodyPartReader, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from dragoman.web.patience import IDLE_S, LEAST_RATE, Patience
from dragoman.web.problem import Problem

CHUNK = 64 * 1024
"""Bytes read, and written by a thread, at once."""

CLIP_BYTES = 32 * 1024 * 1024
"""One clip: 60 s (enrolment.decode.CLIP_S) of 96 kHz stereo in 24 bits are 35 MB, of 48 kHz in 16 bits 12 MB."""

TOTAL_BYTES = 120 * 1024 * 1024
"""A whole form."""

FIELD_BYTES = 8 * 1024
"""One field of text: a statement of consent is a page at most."""

PARTS = 64
"""Fields and files of a form."""

DEADLINE_S = 300.0
"""Seconds for a whole form: TOTAL_BYTES at 3.2 Mbit/s. For who sends little in them see patience.py."""

T = TypeVar("T")

_NAME = re.compile(r"[^\w .()+@-]+")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file, told by its first bytes: a name and a Content-Type are whatever the sender likes."""

    what: str
    """What is taken, in words."""
    magic: re.Pattern[bytes]
    limit: int = CLIP_BYTES


AUDIO = Kind(
    "WAV, FLAC, Ogg or MP3",
    # RIFF (RF64 for long files), FLAC, Ogg; MP3: an ID3v2 tag, or a frame header (ISO 11172-3: 11 bits set, layer III).
    re.compile(rb"RI(?:FF|FX)....WAVE|RF64....WAVE|fLaC|OggS|ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", re.DOTALL),
)

MAGIC_BYTES = 12
"""Enough to tell any kind."""


class TooSlow(Problem):
    """408: the sender kept us waiting too long."""

    def __init__(self, detail: str) -> None:
        """``detail`` says how."""
        super().__init__(408, f"{detail} Send it again over a better line, or fewer and shorter clips at once.")


@dataclass(frozen=True, slots=True)
class Received:
    """A file on disk."""

    name: str
    """The sender's, cleaned, and unlike any other in the form; not a path."""
    path: Path
    size: int


@dataclass(slots=True)
class Form:
    """What was received."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    files: list[Received] = field(default_factory=list)


async def receive(request: web.Request, folder: Path, files: Mapping[str, Kind], texts: frozenset[str]) -> Form:
    """Receive a form whose file fields and text fields are these; files go to ``folder``.

    Raises:
        Problem: 415, no form, or a file of another kind; 413, too large; 422, unknown fields or broken framing. What
            was received until then lies in ``folder``.
        TooSlow: it took more than DEADLINE_S, or he sent less than patience.py allows.
    """
    if request.content_type != "multipart/form-data":
        raise Problem(415, f"Send multipart/form-data, not {request.content_type}.")
    if request.content_length is not None and request.content_length > TOTAL_BYTES:
        raise Problem(413, f"The form has {request.content_length} bytes; {TOTAL_BYTES} are taken at most.")
    reading = _Reading(folder, files, texts)
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await reading.read(request)
    except TimeoutError:
        raise TooSlow(f"The form did not arrive within {DEADLINE_S:.0f} s.") from None
    except HttpProcessingError:
        raise Problem(422, "The form is broken: a line of its framing is too long.") from None
    except (ValueError, AssertionError, EOFError, RuntimeError) as error:
        # What aiohttp raises about framing is not one class: no boundary, a part without headers, an end too early.
        raise Problem(422, f"The form is broken: {error}".rstrip(": ") + ".") from None


class _Reading:
    def __init__(self, folder: Path, files: Mapping[str, Kind], texts: frozenset[str]) -> None:
        self._folder = folder
        self._files = files
        self._texts = texts
        self._total = 0
        self._form = Form()
        self._patience = Patience()

    async def read(self, request: web.Request) -> Form:
        parts = 0
        reader = await request.multipart()
        while (part := await self._sent(reader.next())) is not None:
            parts += 1
            if parts > PARTS:
                raise Problem(422, f"The form has more than {PARTS} fields.")
            if not isinstance(part, BodyPartReader) or not part.name:
                raise Problem(422, "Every part of the form should be one field with a name.")
            if part.name in self._files:
                self._form.files.append(await self._file(part, self._files[part.name], part.name))
            elif part.name in self._texts:
                self._form.texts.setdefault(part.name, []).append(await self._text(part))
            else:
                known = ", ".join(sorted({*self._files, *self._texts}))
                raise Problem(422, f"body.{_clean(part.name)}: there is no such field; there are {known}.")
        return self._form

    async def _sent(self, reading: Awaitable[T]) -> T:
        """What the sender lets us wait for: bytes, or the next part."""
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(self._patience.left):
                got = await reading
        except TimeoutError:
            raise TooSlow(
                f"Nothing came for {IDLE_S:.0f} s, or less than {LEAST_RATE} bytes a second over longer; the form had "
                f"{self._total} bytes by then."
            ) from None
        self._patience.waited(clock() - began, len(got) if isinstance(got, bytes | bytearray) else 0)
        return got

    async def _chunk(self, part: BodyPartReader) -> bytes:
        chunk = bytes(await self._sent(part.read_chunk(CHUNK)))
        self._total += len(chunk)
        if self._total > TOTAL_BYTES:
            raise Problem(413, f"The form is larger than {TOTAL_BYTES} bytes.")
        return chunk

    async def _text(self, part: BodyPartReader) -> str:
        text = b""
        while chunk := await self._chunk(part):
            text += chunk
            if len(text) > FIELD_BYTES:
                raise Problem(413, f"body.{part.name}: larger than {FIELD_BYTES} bytes.")
        try:
            return text.decode()
        except UnicodeDecodeError:
            raise Problem(422, f"body.{part.name}: not UTF-8.") from None

    async def _file(self, part: BodyPartReader, kind: Kind, name: str) -> Received:
        shown = self._unlike_others(_clean(part.filename or name) or name)
        if hdrs.CONTENT_TRANSFER_ENCODING in part.headers or hdrs.CONTENT_ENCODING in part.headers:
            raise Problem(415, f"{shown}: send the file as it is, not encoded.")
        path = self._folder / f"{len(self._form.files):02d}"
        size, head = 0, b""
        with await asyncio.to_thread(path.open, "xb") as file:
            while chunk := await self._chunk(part):
                size += len(chunk)
                if size > kind.limit:
                    raise Problem(413, f"{shown}: larger than {kind.limit} bytes.", file=shown)
                if len(head) < MAGIC_BYTES:
                    head += chunk[:MAGIC_BYTES]
                    self._check(shown, kind, head, whole=False)
                await asyncio.to_thread(file.write, chunk)
        self._check(shown, kind, head, whole=True)
        return Received(shown, path, size)

    def _check(self, shown: str, kind: Kind, head: bytes, *, whole: bool) -> None:
        """Refuse what is of another kind as soon as that can be seen."""
        if (whole or len(head) >= MAGIC_BYTES) and not kind.magic.match(head):
            what = "empty" if not head else f"not {kind.what}"
            raise Problem(415, f"{shown}: it is {what}.", file=shown)

    def _unlike_others(self, name: str) -> str:
        taken = {received.name for received in self._form.files}
        numbered = (f"{name} ({number})" for number in range(2, PARTS + 2))
        return name if name not in taken else next(each for each in numbered if each not in taken)


def _clean(name: str) -> str:
    """A file's name as it may be shown and logged: no folders, no control characters, not long."""
    return _NAME.sub("", name.replace("\\", "/").rpartition("/")[2])[:80].strip()
