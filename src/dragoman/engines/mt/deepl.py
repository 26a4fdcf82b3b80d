"""DeepL: the production translator, by its HTTP API.

Options (``[engines.options.deepl]``): ``auth_key`` or ``auth_key_file`` (else $DEEPL_AUTH_KEY); ``variants``, a table
of target variants such as ``{ en = "EN-US", pt = "PT-BR" }``; ``formality`` (``default``, ``prefer_more``,
``prefer_less``); ``deadline_ms``, ``attempt_ms``, ``hedge_ms`` (0: no hedging), ``hedge_share``; ``glossaries``, how
many of ours may lie in the account (0: none are made); ``connections`` opened at start; ``server_url`` for tests.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import permutations

import structlog

from dragoman.engines.base import EngineInfo, Stage, Translation, TranslationRequest
from dragoman.engines.mt.deepl_account import Account
from dragoman.engines.mt.deepl_client import DeepLClient, Timing
from dragoman.engines.mt.deepl_glossaries import Glossaries
from dragoman.engines.mt.deepl_languages import LANGUAGES, Listed, variant_problem
from dragoman.engines.mt.deepl_messages import KEY_HELP, NAME, translate_body
from dragoman.engines.mt.hedging import SHARE
from dragoman.engines.options import Options
from dragoman.errors import ConfigError, EngineCrashed, EngineDenied, EngineError, EngineRejected, EngineUnavailable

log = structlog.get_logger(__name__)

SERVER, FREE_SERVER = "https://api.deepl.com", "https://api-free.deepl.com"

MAX_TEXT = 2000
"""Characters of one clause; more is no clause, and each is paid for."""

START_S = 15.0
"""Seconds for all that is asked at start: a daemon must come up where the network does not."""


class DeepLTranslator:
    """Clauses by ``deepl_client``; languages, usage and glossaries by DeepL's own client in a thread.

    A clause costs at most ``deadline_ms`` and two requests: the second when the first is late.
    """

    def __init__(self, options: Mapping[str, object]) -> None:
        """Raises ConfigError for a wrong option."""
        reader = Options(NAME, options)
        self._key = reader.secret("auth_key", "DEEPL_AUTH_KEY")
        self._server_url = reader.url("server_url", "", SERVER)
        self._formality = reader.choice("formality", "default", ("default", "prefer_more", "prefer_less"))
        variants = {code.lower(): variant.upper() for code, variant in reader.table("variants").items()}
        timing = Timing(
            deadline=reader.integer("deadline_ms", 1100, 100, 60_000) / 1000,
            attempt=reader.integer("attempt_ms", 800, 50, 60_000) / 1000,
            hedge=reader.integer("hedge_ms", 260, 0, 60_000) / 1000,
        )
        share = reader.number("hedge_share", SHARE, 0.0, 1.0)
        self._keep = reader.integer("glossaries", 50, 0, 900)
        self._connections = reader.integer("connections", 2, 0, 32)
        reader.done()
        self._check(variants)
        self._chosen = frozenset(variants)
        self._targets = {code: variants.get(code, language.target) for code, language in LANGUAGES.items()}
        self._sources = frozenset(LANGUAGES)
        self._formal = frozenset(self._targets[code] for code, language in LANGUAGES.items() if language.formality)
        self._timing, self._share = timing, share
        self._client: DeepLClient | None = None
        self._account: Account | None = None
        self._glossaries: Glossaries | None = None
        self._without_glossary = 0
        self.unchecked = ""
        """See Unsure."""

    @property
    def info(self) -> EngineInfo:
        """See EngineInfo."""
        return EngineInfo(
            name=NAME,
            stage=Stage.MT,
            languages=tuple(f"{a}-{b}" for a, b in permutations(LANGUAGES, 2) if self.supports(a, b)),
            streaming=False,
            licence="LicenseRef-DeepL",
            commercial_use=True,
            purpose="Production: the best translations, by a paid service (a key); the text leaves this host.",
        )

    @property
    def url(self) -> str:
        """The server that is asked: the one set, else the one that belongs to the key's plan."""
        free = self._key is not None and self._key.get_secret_value().endswith(":fx")
        return self._server_url or (FREE_SERVER if free else SERVER)

    def supports(self, source: str, target: str) -> bool:
        """Whether this pair can be translated."""
        return source != target and source in self._sources and target in self._targets

    async def start(self, languages: Sequence[str] = ()) -> None:
        """Check key, package and languages, log the usage, open connections.

        A network that fails just now is warned of, and no reason not to start.
        """
        if self._key is None:
            raise EngineUnavailable(NAME, f"no key: {KEY_HELP}")
        await self.close()  # what a start before has opened
        self.unchecked = ""
        account = self._account = Account(self._key, self._server_url or None)
        await account.open()
        client = self._client = DeepLClient(self.url, self._key, self._timing, hedge_share=self._share)
        client.open()
        try:
            async with asyncio.timeout(START_S):
                await client.warm(max(1, self._connections), START_S)
                self._fit(await self._listed(client, account), languages)
                await self._tell_usage(account)
        except EngineDenied as error:
            raise EngineUnavailable(NAME, str(error).removeprefix(f"{NAME}: ")) from None
        except EngineUnavailable:
            raise
        except (EngineError, TimeoutError) as error:
            self.unchecked = str(error).removeprefix(f"{NAME}: ") or f"no answer within {START_S:g} s"
            log.warning("deepl not checked, used all the same", error=self.unchecked)
        self._glossaries = Glossaries(account, self._keep, asyncio.get_running_loop().time)
        self._glossaries.start()

    async def translate(self, request: TranslationRequest) -> Translation:
        """See Translator; raises EngineDenied and EngineBusy too."""
        source, target = request.source, request.target
        if not self.supports(source, target):
            raise EngineRejected(NAME, f"no way from {source} to {target}")
        text = _clean(request.text)
        if not text or len(text) > MAX_TEXT:
            raise EngineRejected(NAME, f"{len(text)} characters; takes 1 to {MAX_TEXT}")
        client, glossaries = self._client, self._glossaries
        if client is None or glossaries is None:
            raise EngineCrashed(NAME, "not started")
        until = asyncio.get_running_loop().time() + self._timing.deadline
        glossary, expected = glossaries.find(LANGUAGES[source].source, LANGUAGES[target].source, request.terms)
        body = translate_body(
            text,
            LANGUAGES[source].source,
            self._targets[target],
            context=tuple(map(_clean, request.context)),
            careful=request.careful,
            formality=self._formality_of(target),
            glossary=glossary,
        )
        try:
            answer = await client.translate(body, until)
        except EngineRejected:
            if glossary is None:
                raise
            # Deleted by somebody, most likely: it is made anew in the background, and the clause goes without.
            glossaries.forget(glossary)
            expected = True
            del body["glossary_id"]
            answer = await client.translate(body, until)
        self._without_glossary += expected
        translated = _clean(answer.text)
        if not translated:
            raise EngineRejected(NAME, "an empty translation")
        return Translation(translated, NAME, provisional=expected)

    def variant(self, request: TranslationRequest) -> tuple[str, ...]:
        """See ``cache.Cacheable``: what beside the request decides how it is translated."""
        return (self._targets.get(request.target, ""), self._formality_of(request.target) or "")

    def counts(self) -> Mapping[str, int]:
        """See ``base.Counting``."""
        counters = self._client.counters if self._client else None
        return {
            "requests": counters.requests if counters else 0,
            "hedges": counters.hedges if counters else 0,
            "billed_characters": counters.billed_characters if counters else 0,
            "without_glossary": self._without_glossary,
        }

    async def close(self) -> None:
        """Drop connections and what is under way. Idempotent."""
        if self._glossaries is not None:
            await self._glossaries.close()
        if self._client is not None:
            await self._client.close()
        if self._account is not None:
            self._account.close()

    def _formality_of(self, target: str) -> str | None:
        known = self._formality != "default" and self._targets.get(target) in self._formal
        return self._formality if known else None

    def _check(self, variants: Mapping[str, str]) -> None:
        where = f"engines.options.{NAME}"
        for code, variant in variants.items():
            if problem := variant_problem(code, variant):
                raise ConfigError(f"{where}.variants.{code}: {problem}")

    def _fit(self, listed: Listed, wanted: Sequence[str]) -> None:
        """Keep what the server has, too.

        Raises:
            EngineUnavailable: it lacks the variant that the settings choose for a language that is wanted.
        """
        for code, target in list(self._targets.items()):
            if target in listed.targets:
                continue
            others = sorted(each for each in listed.targets if each.partition("-")[0] == LANGUAGES[code].source)
            if code not in self._chosen and others:
                self._targets[code] = others[0]  # the plain code where there is one
                continue
            if code in wanted and others:
                raise EngineUnavailable(
                    NAME,
                    f"the server has no target {target}: set engines.options.{NAME}.variants.{code} "
                    f"to one of {', '.join(others)}",
                )
            del self._targets[code]
        self._sources = frozenset(code for code in self._sources if LANGUAGES[code].source in listed.sources)
        self._formal = listed.formality
        missing = [code for code in wanted if code not in self._sources or code not in self._targets]
        if missing:
            log.warning("deepl does not translate these languages", languages=missing)

    @staticmethod
    async def _listed(client: DeepLClient, account: Account) -> Listed:
        try:
            return await client.languages()
        except EngineDenied:
            raise
        except EngineError:  # a server without /v3/languages, or with another
            return await account.languages()

    async def _tell_usage(self, account: Account) -> None:
        used, allowed = await account.usage()
        tell = log.error if used is not None and allowed is not None and used >= allowed else log.info
        tell("deepl usage", characters=used, limit=allowed)


def _clean(text: str) -> str:
    """One line without control characters and halves of surrogate pairs, which no JSON should carry."""
    return " ".join("".join(c for c in text if c.isspace() or unicodedata.category(c) not in ("Cc", "Cs")).split())
