"""A DeepL server true to its documentation, with faults on demand; in this process or as a program of its own.

In a test::

    async with FakeDeepL().serve() as fake:
        fake.fault("POST /v2/translate", status=429, headers={"Retry-After": "1"})
        engine = DeepLTranslator({"auth_key": KEY, "server_url": fake.url})

As a program::

    python -m tests.fakes.deepl --port 8790 --p50 150 --p95 350 --translation tone --faults 503:0.02 429:0.01

Any request can carry its own fault: ``X-Fake-Fault: 503`` (a status), ``stall``, ``cut``, ``junk`` or ``hangup``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import re
import socket
import struct
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs

from aiohttp import web
from tests.fakes.deepl_words import (
    FORMALITY,
    NO_GLOSSARY,
    SOURCES,
    TARGETS,
    Translate,
    base,
    marked,
    phrases,
    tones,
    v2_languages,
    v3_languages,
)
from tests.fakes.latency import Latency

KEY = "fake-key-0000"

MAX_BODY = 128 * 1024
MAX_TEXTS = 50

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MESSAGES: Mapping[int, str] = {
    400: "Bad request",
    403: "Forbidden",
    404: "Not found",
    413: "Request Entity Too Large",
    429: "Too many requests",
    456: "Quota for this billing period has been exceeded.",
    500: "Internal server error",
    503: "Service unavailable",
    504: "Gateway Timeout",
    529: "Too many requests",
}

FORMALITIES = ("default", "more", "less", "prefer_more", "prefer_less")
MODELS = ("latency_optimized", "quality_optimized", "prefer_quality_optimized")
BOOLEANS = (True, False, "0", "1")
KNOWN = frozenset(
    "text target_lang source_lang context model_type split_sentences preserve_formatting formality glossary_id "
    "show_billed_characters tag_handling tag_handling_version outline_detection non_splitting_tags splitting_tags "
    "ignore_tags style_id custom_instructions glossary_ids translation_memory_id enable_beta_languages".split()
)


class Refused(Exception):
    """Answered with an error status and the server's words."""

    def __init__(self, status: int, message: str, detail: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"message": message} | ({"detail": detail} if detail else {})


@dataclass
class Fault:
    """What happens to requests ``METHOD /path`` that match the pattern, as often as ``times``."""

    pattern: re.Pattern[str]
    times: int = 1
    status: int = 0
    """Answer with this error; 0: none."""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Answer 200 with this instead of a translation (or with ``status``)."""
    stall: bool = False
    """Never answer."""
    cut: bool = False
    """Close the connection in the middle of the answer's body."""
    hangup: bool = False
    """Close the connection without an answer."""
    reset: bool = False
    """The same, as who does not know of it any more: with an RST."""
    delay: float = 0.0
    """Seconds before whatever else happens."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came."""

    line: str
    """``POST /v2/translate``"""
    body: Any
    agent: str
    connection: int
    """Number of its TCP connection, from 1."""
    at: float
    """Loop time."""


@dataclass
class Glossary:
    id: str
    name: str
    created: datetime
    source: str
    target: str
    entries: dict[str, str]

    def info(self) -> Json:
        counted = {"source_lang": self.source, "target_lang": self.target, "entry_count": len(self.entries)}
        created = self.created.isoformat().replace("+00:00", "Z")
        return {"glossary_id": self.id, "name": self.name, "dictionaries": [counted], "creation_time": created}


class FakeDeepL:
    """One account. ``seen`` are all requests so far, ``disconnects`` counts clients that went before their answer."""

    def __init__(
        self,
        translate: Translate = marked,
        *,
        latency: Latency | None = None,
        keys: frozenset[str] = frozenset({KEY}),
        limit: int = 500_000,
        random_faults: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        """``limit``: characters of the billing period; ``random_faults``: share of translate requests per fault."""
        self.translate = translate
        self.latency = latency
        self.keys = keys
        self.limit = limit
        self.used = 0
        self.url = ""
        self.seen: list[Seen] = []
        self.disconnects = 0
        self.faults: list[Fault] = []
        self.glossaries: dict[str, Glossary] = {}
        self.random_faults = dict(random_faults or {})
        self._random = random.Random(seed)
        self._connections: dict[object, int] = {}

    # ---- what a test does

    def fault(self, pattern: str, times: int = 1, **what: Any) -> Fault:
        fault = Fault(re.compile(pattern), times, **what)
        self.faults.append(fault)
        return fault

    @property
    def asked(self) -> list[Json]:
        """Bodies of the translate requests so far."""
        return [seen.body for seen in self.seen if seen.line == "POST /v2/translate"]

    def lines(self, pattern: str = ".*") -> list[str]:
        """The requests so far whose ``METHOD /path`` matches."""
        return [seen.line for seen in self.seen if re.fullmatch(pattern, seen.line)]

    # ---- serving

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Self]:
        app = web.Application(middlewares=[self._middleware], client_max_size=64 * MAX_BODY)
        app.router.add_post("/v2/translate", self._translate)
        app.router.add_route("*", "/v2/usage", self._usage)
        app.router.add_route("*", "/v2/languages", self._languages)
        app.router.add_get("/v3/languages", self._languages_v3)
        app.router.add_get("/v3/glossaries", self._list)
        app.router.add_post("/v3/glossaries", self._create)
        app.router.add_get("/v3/glossaries/{id}", self._get)
        app.router.add_get("/v3/glossaries/{id}/entries", self._entries)
        app.router.add_delete("/v3/glossaries/{id}", self._delete)
        # Handlers are cancelled when their client goes: that is how the fake sees it.
        runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        self.url = "http://{}:{}".format(*runner.addresses[0][:2])
        try:
            yield self
        finally:
            await runner.cleanup()

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        line = f"{request.method} {request.path}"
        data = await request.read()
        with contextlib.suppress(ValueError):
            data = json.loads(data)
        assert request.transport is not None
        peer = request.transport.get_extra_info("peername")
        if peer not in self._connections:
            self._connections[peer] = len(self._connections) + 1
        number = self._connections[peer]
        agent = request.headers.get("User-Agent", "")
        self.seen.append(Seen(line, data or None, agent, number, asyncio.get_running_loop().time()))
        try:
            response = await self._answer(request, line, handler)
        except asyncio.CancelledError:
            self.disconnects += 1
            raise
        except Refused as refused:
            response = web.json_response(refused.body, status=refused.status)
        except web.HTTPException as error:
            response = web.json_response({"message": MESSAGES.get(error.status, error.reason)}, status=error.status)
        if not response.prepared:
            response.headers["X-Trace-ID"] = uuid.uuid4().hex
        return response

    async def _answer(self, request: web.Request, line: str, handler: Handler) -> web.StreamResponse:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme != "DeepL-Auth-Key" or key not in self.keys:
            return web.Response(status=403)  # as the real one, without a word
        fault = self._fault_of(request, line)
        if fault is not None:
            await asyncio.sleep(fault.delay)
            if fault.stall:
                await asyncio.Event().wait()
            if fault.hangup or fault.reset:
                assert request.transport is not None
                if fault.reset:
                    connection = request.transport.get_extra_info("socket")
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                request.transport.abort()
                return web.Response()
            if fault.status or fault.body is not None:
                status = fault.status or 200
                body = fault.body
                if body is None:
                    body = json.dumps({"message": MESSAGES.get(status, "")}).encode()
                return web.Response(status=status, body=body, headers=fault.headers, content_type="application/json")
        if self.latency is not None and line == "POST /v2/translate":
            await asyncio.sleep(self.latency.sample())
        response = await handler(request)
        if fault is not None and fault.cut:
            return await self._cut(request, response)
        return response

    def _fault_of(self, request: web.Request, line: str) -> Fault | None:
        if asked := request.headers.get("X-Fake-Fault"):
            return fault_of(asked)
        for fault in self.faults:
            if fault.times > 0 and fault.pattern.fullmatch(line):
                fault.times -= 1
                return fault
        if line == "POST /v2/translate":
            drawn = self._random.random()
            for name, share in self.random_faults.items():
                if drawn < share:
                    return fault_of(name)
                drawn -= share
        return None

    @staticmethod
    async def _cut(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        assert isinstance(response, web.Response) and isinstance(response.body, bytes)
        half = web.StreamResponse(headers={"Content-Length": str(len(response.body))})
        await half.prepare(request)
        await half.write(response.body[: len(response.body) // 2])
        assert request.transport is not None
        request.transport.close()
        return half

    # ---- translating

    async def _translate(self, request: web.Request) -> web.StreamResponse:
        data = await request.read()
        if len(data) > MAX_BODY:
            raise Refused(413, MESSAGES[413])
        try:
            body = json.loads(data)
        except ValueError:
            raise Refused(400, MESSAGES[400], "Invalid JSON") from None
        if not isinstance(body, dict):
            raise Refused(400, MESSAGES[400], "Invalid JSON")
        texts, source, target = self._checked(body)
        glossary = self._glossary_of(body, source, target)
        billed = sum(map(len, texts))
        if self.used + billed > self.limit:
            raise Refused(456, MESSAGES[456])
        self.used += billed
        translations = []
        for text in texts:
            answer: Json = {
                "detected_source_language": source or "EN",
                "text": self._with_terms(text, base(source or "EN"), base(target), glossary),
            }
            if body.get("show_billed_characters") in (True, "1"):
                answer["billed_characters"] = len(text)
            if model := body.get("model_type"):
                answer["model_type_used"] = "latency_optimized" if model == MODELS[0] else "quality_optimized"
            translations.append(answer)
        return web.json_response({"translations": translations})

    def _with_terms(self, text: str, source: str, target: str, glossary: Glossary | None) -> str:
        """Terms are translated as the glossary says, the rest between them as ever."""
        if glossary is None:
            return self.translate(text, source, target) if text.strip() else text
        terms = sorted(glossary.entries, key=len, reverse=True)
        pieces = re.split(rf"(?<!\w)({'|'.join(map(re.escape, terms))})(?!\w)", text)
        return "".join(
            glossary.entries.get(p) or (self.translate(p, source, target) if p.strip() else p) for p in pieces
        )

    @staticmethod
    def _checked(body: Json) -> tuple[list[str], str | None, str]:
        """Texts, source and target (upper case); every parameter is looked at."""

        def one_of(name: str, allowed: tuple[object, ...]) -> None:
            if name in body and (body[name] not in allowed or type(body[name]) not in map(type, allowed)):
                raise Refused(400, f"Value for '{name}' not supported.")

        for name in sorted(body.keys() - KNOWN):
            raise Refused(400, MESSAGES[400], f"Unknown parameter: {name}")
        if body.get("text") is None:
            raise Refused(400, "Parameter 'text' not specified")
        texts = body["text"] if isinstance(body["text"], list) else [body["text"]]
        if not texts or len(texts) > MAX_TEXTS or not all(isinstance(text, str) for text in texts):
            raise Refused(400, "Value for 'text' not supported.")
        target, source = body.get("target_lang"), body.get("source_lang")
        if not isinstance(target, str) or target.upper() not in TARGETS:
            raise Refused(400, "Value for 'target_lang' not supported.")
        if source is not None and (not isinstance(source, str) or source.upper() not in SOURCES):
            raise Refused(400, "Value for 'source_lang' not supported.")
        one_of("split_sentences", ("0", "1", "nonewlines"))
        for name in ("preserve_formatting", "show_billed_characters", "outline_detection"):
            one_of(name, BOOLEANS)
        one_of("formality", FORMALITIES)
        one_of("model_type", MODELS)
        one_of("tag_handling", ("xml", "html"))
        if body.get("formality") in ("more", "less") and target.upper() not in {code.upper() for code in FORMALITY}:
            raise Refused(400, "'formality' is not supported for given 'target_lang'.")
        if not isinstance(body.get("context", ""), str):
            raise Refused(400, "Value for 'context' not supported.")
        return texts, source.upper() if source else None, target.upper()

    def _glossary_of(self, body: Json, source: str | None, target: str) -> Glossary | None:
        wanted = body.get("glossary_id")
        if wanted is None:
            return None
        if source is None:
            raise Refused(400, "Use of a glossary requires the source_lang parameter to be specified")
        glossary = self._glossary(wanted)
        if (base(source), base(target)) != (glossary.source, glossary.target):
            raise Refused(400, "The glossary does not match the language pair of the request")
        return glossary

    # ---- the account

    async def _usage(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"character_count": self.used, "character_limit": self.limit})

    async def _languages(self, request: web.Request) -> web.StreamResponse:
        form = parse_qs((await request.read()).decode())  # the official client sends a body with its GET
        kind = request.query.get("type") or form.get("type", ["source"])[0]
        if kind not in ("source", "target"):
            raise Refused(400, "Parameter 'type' is invalid. 'source' and 'target' are valid values.")
        return web.json_response(v2_languages(kind == "target"))

    async def _languages_v3(self, request: web.Request) -> web.StreamResponse:
        resource = request.query.get("resource", "")
        if resource not in ("translate_text", "translate_document", "glossary", "voice", "write", "style_rules"):
            raise Refused(400, "Value for 'resource' not supported.")
        return web.json_response(v3_languages(resource))

    def _glossary(self, wanted: object) -> Glossary:
        try:
            known = str(uuid.UUID(str(wanted)))
        except ValueError:
            raise Refused(400, "Value for 'glossary_id' not supported.") from None
        if known not in self.glossaries:
            raise Refused(404, "Glossary not found")
        return self.glossaries[known]

    async def _list(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"glossaries": [each.info() for each in self.glossaries.values()]})

    async def _get(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._glossary(request.match_info["id"]).info())

    async def _entries(self, request: web.Request) -> web.StreamResponse:
        glossary = self._glossary(request.match_info["id"])
        if (base(request.query["source_lang"]), base(request.query["target_lang"])) != (
            glossary.source,
            glossary.target,
        ):
            raise Refused(404, "Dictionary not found")
        entries = "\n".join(f"{source}\t{target}" for source, target in glossary.entries.items())
        named = {"source_lang": glossary.source, "target_lang": glossary.target}
        return web.json_response({"dictionaries": [named | {"entries": entries, "entries_format": "tsv"}]})

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        del self.glossaries[self._glossary(request.match_info["id"]).id]
        return web.Response(status=204)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if not body.get("name"):
            raise Refused(400, "Missing or invalid argument: name")
        if not isinstance(body.get("dictionaries"), list) or not body["dictionaries"]:
            raise Refused(400, "Glossary dictionaries must be provided")
        (only,) = body["dictionaries"]  # of ours each has one
        source, target = base(only["source_lang"]), base(only["target_lang"])
        if source == target or {source.upper(), target.upper()} - SOURCES or {source, target} & NO_GLOSSARY:
            raise Refused(400, "Unsupported glossary source and target language pair")
        if only.get("entries_format") != "tsv":
            raise Refused(400, "Value for entries_format not supported.")
        glossary = Glossary(str(uuid.uuid4()), body["name"], datetime.now(UTC), source, target, _tsv(only["entries"]))
        self.glossaries[glossary.id] = glossary
        return web.json_response(glossary.info(), status=201)


def _tsv(text: str) -> dict[str, str]:
    entries: dict[str, str] = {}
    for index, line in enumerate(filter(None, map(str.strip, text.split("\n")))):
        source, tab, target = line.partition("\t")
        key = f"Key with the index {index} (starting at position 0)"
        if not tab:
            raise Refused(400, "Invalid glossary entries provided", f"{key} misses tab separator")
        if source in entries:
            raise Refused(400, "Invalid glossary entries provided", f"{key} duplicates key with the index 0")
        if max(len(source.encode()), len(target.encode())) > 1024:
            raise Refused(400, "Invalid glossary entries provided", f"{key} is too long")
        entries[source] = target
    if not entries:
        raise Refused(400, MESSAGES[400], "Missing or invalid argument: entries")
    return entries


def fault_of(name: str) -> Fault:
    """The fault that a header or the command line names."""
    any_request = re.compile(".*")
    if name.isdigit():
        return Fault(any_request, status=int(name))
    if name == "junk":
        return Fault(any_request, body=b'{"translations": [{"te')
    return Fault(any_request, **{name: True})


def _share(text: str) -> tuple[str, float]:
    name, _, share = text.partition(":")
    fault_of(name)
    return name, float(share)


async def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.deepl", description="A fake DeepL server.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8790)
    parser.add_argument("--key", action="append", help=f"an auth key that is let in (default {KEY})")
    parser.add_argument("--p50", type=float, default=150.0, help="ms; 0: no latency")
    parser.add_argument("--p95", type=float, default=350.0, help="ms")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=int, default=500_000_000, help="characters until 456")
    parser.add_argument("--translation", choices=("tone", "phrases"), default="phrases")
    parser.add_argument("--phrases", type=Path, help="phrase file; default: config/phrases.tsv")
    parser.add_argument("--faults", type=_share, nargs="*", default=[], metavar="FAULT:SHARE", help="such as 503:0.02")
    args = parser.parse_args()
    fake = FakeDeepL(
        tones if args.translation == "tone" else phrases(args.phrases),
        latency=Latency(args.p50, args.p95, args.seed) if args.p50 else None,
        keys=frozenset(args.key or [KEY]),
        limit=args.limit,
        random_faults=dict(args.faults),
        seed=args.seed,
    )
    async with fake.serve(args.host, args.port):
        print(f"fake DeepL at {fake.url}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main())
