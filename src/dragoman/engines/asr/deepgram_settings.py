"""Deepgram's options, and the query of a stream. Pure but for reading the key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr

from dragoman.engines.asr.deepgram_languages import TABLES
from dragoman.engines.base import StreamRequest
from dragoman.engines.options import Options
from dragoman.errors import ConfigError
from dragoman.media.format import SAMPLE_RATE
from dragoman.recovery.asr import silent_after_ms

NAME = "deepgram"

MAX_KEYTERM_TOKENS = 500
"""The provider refuses a stream with more (its page on keyterm prompting)."""

CHARS_PER_TOKEN = 3
"""Characters counted as one token, rounded up per word: byte-pair vocabularies make about four of English, fewer of
other languages. Too low a guess would cost the stream, too high a one the last terms."""

CADENCE_MS = 1000
"""An interim comes about once a second of audio (its page on interim results; measured)."""

MAX_TAG = 128
"""Characters of a tag: the provider's limit; the rest is cut."""


@dataclass(frozen=True, slots=True)
class DeepgramSettings:
    """The option table ``[engines.options.deepgram]``."""

    key: SecretStr | None
    base_url: str
    model: str
    multi: bool
    variants: Mapping[str, str]
    languages: Mapping[str, tuple[str, ...]]
    endpointing_ms: int
    utterance_end_ms: int
    smart_format: bool
    mip_opt_out: bool
    tags: tuple[str, ...]
    max_streams: int
    open_timeout: float
    open_ahead: bool
    idle_s: int
    stall_ms: int

    @property
    def websocket_url(self) -> str:
        """``base_url`` for a WebSocket."""
        return "ws" + self.base_url.removeprefix("http")

    @classmethod
    def of(cls, table: Mapping[str, object]) -> DeepgramSettings:
        """Read the table.

        Raises:
            ConfigError: an option is unknown or wrong.
        """
        reader = Options(NAME, table)
        model = reader.text("model", "nova-3")
        family = next((family for family, _ in TABLES if model == family or model.startswith(f"{family}-")), None)
        if family is None:
            known = ", ".join(dict.fromkeys(family for family, _ in TABLES))
            raise ConfigError(f"engines.options.{NAME}.model: {model!r} is none of {known} (or one of their variants)")
        multi = reader.flag("multi", False)
        languages = TABLES[family, multi]
        settings = cls(
            key=reader.secret("api_key", "DEEPGRAM_API_KEY"),
            base_url=_base_url(reader.text("base_url", "https://api.deepgram.com")),
            model=model,
            multi=multi,
            variants=_variants(reader.table("variants"), languages),
            languages=languages,
            endpointing_ms=reader.integer("endpointing_ms", 300, 10, 5000),
            utterance_end_ms=reader.integer("utterance_end_ms", 1000, 1000, 5000),
            smart_format=reader.flag("smart_format", True),
            mip_opt_out=reader.flag("mip_opt_out", True),
            tags=reader.strings("tags", ("dragoman",)),
            max_streams=reader.integer("max_streams", 50, 1, 10_000),
            open_timeout=reader.number("open_timeout_s", 4.0, 0.1, 30.0),
            open_ahead=reader.flag("open_ahead", False),
            idle_s=reader.integer("idle_s", 60, 0, 3600),
            stall_ms=reader.integer("stall_ms", silent_after_ms(CADENCE_MS), 0, 60_000),
        )
        reader.done()
        return settings

    def query(self, request: StreamRequest) -> dict[str, object]:
        """Parameters of the stream, by the names that the SDK's ``connect`` takes."""
        query: dict[str, object] = {
            "model": self.model,
            "language": "multi" if self.multi else self.variants.get(request.language, request.language),
            "encoding": "linear16",
            "sample_rate": SAMPLE_RATE,
            "channels": 1,
            "interim_results": True,
            "endpointing": self.endpointing_ms,
            "utterance_end_ms": self.utterance_end_ms,
            "vad_events": False,
            "smart_format": self.smart_format,
            "punctuate": True,
            "mip_opt_out": self.mip_opt_out,
            "tag": [tag[:MAX_TAG] for tag in (*self.tags, f"room:{request.room}", f"leg:{request.leg}")],
        }
        newest = self.model.startswith("nova-3")
        if self.multi and newest:
            query["language_hint"] = [request.language]
        if terms := bounded(request.keyterms):
            query["keyterm" if newest else "keywords"] = list(terms)
        return {key: _spelled(value) for key, value in query.items()}


def _spelled(value: object) -> object:
    """A flag as the service spells it: the SDK would write True."""
    return str(value).lower() if isinstance(value, bool) else value


def bounded(terms: Sequence[str]) -> tuple[str, ...]:
    """The first terms that fit into what the provider takes, each once."""
    kept: dict[str, None] = {}
    tokens = 0
    for term in terms:
        words = term.split()
        cost = sum(-(-len(word) // CHARS_PER_TOKEN) for word in words)
        if words and term not in kept:
            tokens += cost
            if tokens > MAX_KEYTERM_TOKENS:
                break
            kept[term] = None
    return tuple(kept)


def _base_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise ConfigError(f"engines.options.{NAME}.base_url: {url!r} is not like https://api.deepgram.com")
    return url.rstrip("/")


def _variants(table: Mapping[str, str], languages: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    for language, variant in table.items():
        known = languages.get(language)
        if known is None:
            raise ConfigError(f"engines.options.{NAME}.variants: {language!r} is no language of this model")
        if variant != language and variant not in known:
            there = ", ".join((language, *known))
            raise ConfigError(f"engines.options.{NAME}.variants.{language}: {variant!r} is none of {there}")
    return table
