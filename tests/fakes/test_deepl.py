"""The fake DeepL, by DeepL's own client: same texts, same errors, so that the fake cannot drift from the real one."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import aiohttp
import deepl
import pytest
from deepl.api_data import MultilingualGlossaryDictionaryEntries as Dictionary
from tests.fakes.deepl import KEY, MAX_BODY, FakeDeepL
from tests.fakes.deepl_words import marked, phrases, tones
from tests.fakes.latency import Latency

from dragoman.engines.base import TranslationRequest
from dragoman.engines.mt.deepl import DeepLTranslator
from dragoman.engines.mt.deepl_languages import LANGUAGES
from dragoman.errors import EngineBusy, EngineCrashed, EngineDenied, EngineError, EngineRejected
from dragoman.telephony.pbx.ports import free_port

T = TypeVar("T")


@pytest.fixture
async def fake() -> AsyncIterator[FakeDeepL]:
    async with FakeDeepL(phrases()).serve() as fake:
        yield fake


@pytest.fixture
def official(fake: FakeDeepL, monkeypatch: pytest.MonkeyPatch) -> deepl.DeepLClient:
    # Both name what the whole package does: what ours sets at its start, too.
    monkeypatch.setattr("dragoman.engines.mt.deepl_account.RETRIES", 0)
    monkeypatch.setattr("deepl.http_client.max_network_retries", 0)
    return deepl.DeepLClient(KEY, server_url=fake.url)


@pytest.fixture
async def ours(fake: FakeDeepL) -> AsyncIterator[DeepLTranslator]:
    engine = DeepLTranslator({"auth_key": KEY, "server_url": fake.url, "formality": "prefer_more"})
    await engine.start(["en", "es"])
    yield engine
    await engine.close()


async def ask(call: Callable[..., T], *args: Any, **options: Any) -> T:
    return await asyncio.to_thread(call, *args, **options)


@pytest.mark.parametrize(
    ("text", "source", "target", "variant"),
    [
        ("How are you today?", "en", "es", "ES"),
        ("¿Cómo está usted hoy?", "es", "en", "EN-GB"),
        ("Not in the phrases at 10:30, is it?", "en", "pt", "PT-PT"),
        ("Tack så mycket, 3.000 €", "es", "de", "DE"),
        ("  One  line.  ", "en", "fr", "FR"),
    ],
)
async def test_the_official_client_and_ours_hear_the_same(
    fake: FakeDeepL,
    official: deepl.DeepLClient,
    ours: DeepLTranslator,
    text: str,
    source: str,
    target: str,
    variant: str,
) -> None:
    text = " ".join(text.split())
    theirs: Any = await ask(
        official.translate_text,
        text,
        source_lang=source.upper(),
        target_lang=variant,
        context="Hello.",
        split_sentences="0",
        formality="prefer_more" if LANGUAGES[target].formality else None,
        model_type="latency_optimized",
        preserve_formatting=False,
    )
    answer = await ours.translate(TranslationRequest(text, source, target, ("Hello.",)))
    assert answer.text == theirs.text
    assert theirs.billed_characters == len(text) == ours.counts()["billed_characters"]
    assert theirs.detected_source_lang == source.upper()
    assert theirs.model_type_used == "latency_optimized"
    official_body, our_body = fake.asked
    assert our_body == official_body


@pytest.mark.parametrize(
    ("status", "theirs", "ours_kind", "said"),
    [
        (400, deepl.DeepLException, EngineRejected, "Bad request"),
        (403, deepl.AuthorizationException, EngineDenied, "Forbidden"),
        (404, deepl.DeepLException, EngineRejected, "Not found"),
        (413, deepl.DeepLException, EngineRejected, "Request Entity Too Large"),
        (429, deepl.TooManyRequestsException, EngineBusy, "Too many requests"),
        (456, deepl.QuotaExceededException, EngineDenied, "Quota for this billing period has been exceeded."),
        (500, deepl.DeepLException, EngineBusy, "Internal server error"),
        (503, deepl.DeepLException, EngineBusy, "Service unavailable"),
        (504, deepl.DeepLException, EngineBusy, "Gateway Timeout"),
        (529, deepl.DeepLException, EngineBusy, "Too many requests"),
    ],
)
async def test_both_meet_the_same_errors(
    fake: FakeDeepL,
    official: deepl.DeepLClient,
    ours: DeepLTranslator,
    status: int,
    theirs: type[Exception],
    ours_kind: type[EngineError],
    said: str,
) -> None:
    fake.fault("POST /v2/translate", times=3, status=status)
    with pytest.raises(theirs, match=said) as refused:
        await ask(official.translate_text, "Hello.", source_lang="EN", target_lang="ES")
    assert isinstance(refused.value, deepl.DeepLException) and refused.value.http_status_code == status
    with pytest.raises(ours_kind, match=said):
        await ours.translate(TranslationRequest("Hello.", "en", "es"))


@pytest.mark.parametrize("fault", ["hangup", "cut"])
async def test_both_meet_the_same_broken_connections(
    fake: FakeDeepL, official: deepl.DeepLClient, ours: DeepLTranslator, fault: str
) -> None:
    fake.fault("POST /v2/translate", times=3, **{fault: True})
    with pytest.raises(deepl.ConnectionException):
        await ask(official.translate_text, "Hello.", source_lang="EN", target_lang="ES")
    with pytest.raises(EngineCrashed):
        await ours.translate(TranslationRequest("Hello.", "en", "es"))


async def test_the_official_client_reads_the_account(fake: FakeDeepL, official: deepl.DeepLClient) -> None:
    fake.used = 17
    usage = await ask(official.get_usage)
    assert (usage.character.count, usage.character.limit) == (17, fake.limit)
    sources = {language.code for language in await ask(official.get_source_languages)}
    targets = {language.code: language.supports_formality for language in await ask(official.get_target_languages)}
    for language in LANGUAGES.values():
        assert language.source.lower() in {code.lower() for code in sources}
        assert {code.upper(): formality for code, formality in targets.items()}[language.target] is language.formality
    assert "EN" not in {code.upper() for code in targets}


async def test_the_official_client_keeps_glossaries(fake: FakeDeepL, official: deepl.DeepLClient) -> None:
    terms = {"Dragoman": "Trujamán", "floor": "sala"}
    made = await ask(official.create_multilingual_glossary, "mine", [Dictionary("EN", "ES", terms)])
    listed = await ask(official.list_multilingual_glossaries)
    assert [(each.glossary_id, each.name) for each in listed] == [(made.glossary_id, "mine")]
    assert listed[0].dictionaries[0].entry_count == 2
    entries = await ask(official.get_multilingual_glossary_entries, made.glossary_id, "EN", "ES")
    tsv: Any = entries.dictionaries[0].entries
    assert tsv == "Dragoman\tTrujamán\nfloor\tsala"
    one: Any = await ask(
        official.translate_text, "the Dragoman", source_lang="EN", target_lang="ES", glossary=made.glossary_id
    )
    assert one.text == "es_the Trujamán"
    await ask(official.delete_multilingual_glossary, made.glossary_id)
    with pytest.raises(deepl.GlossaryNotFoundException):
        await ask(official.get_multilingual_glossary, made.glossary_id)
    with pytest.raises(deepl.DeepLException, match="Unsupported glossary source and target language pair"):
        await ask(official.create_multilingual_glossary, "mine", [Dictionary("EN", "TH", terms)])


GOOD = {"text": ["a"], "target_lang": "DE"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (GOOD | {"text": None}, "Parameter 'text' not specified"),
        (GOOD | {"text": []}, "Value for 'text' not supported."),
        (GOOD | {"text": ["a"] * 51}, "Value for 'text' not supported."),
        (GOOD | {"text": [1]}, "Value for 'text' not supported."),
        (GOOD | {"target_lang": "XX"}, "Value for 'target_lang' not supported."),
        (GOOD | {"source_lang": "EN-GB"}, "Value for 'source_lang' not supported."),
        (GOOD | {"split_sentences": 0}, "Value for 'split_sentences' not supported."),
        (GOOD | {"formality": "polite"}, "Value for 'formality' not supported."),
        (GOOD | {"target_lang": "EN-GB", "formality": "more"}, "'formality' is not supported for given 'target_lang'."),
        (GOOD | {"model_type": "fast"}, "Value for 'model_type' not supported."),
        (GOOD | {"preserve_formatting": 0}, "Value for 'preserve_formatting' not supported."),
        (GOOD | {"context": ["a"]}, "Value for 'context' not supported."),
        (GOOD | {"glossary_id": "x"}, "Use of a glossary requires the source_lang parameter to be specified"),
        (GOOD | {"glossary_id": "x", "source_lang": "EN"}, "Value for 'glossary_id' not supported."),
        (GOOD | {"txt": "a"}, "Bad request"),
        ([], "Bad request"),
    ],
)
async def test_parameters_are_checked(fake: FakeDeepL, body: object, said: str) -> None:
    status, answer = await post(fake, body)
    assert (status, answer["message"]) == (400, said)


async def post(fake: FakeDeepL, body: object, **headers: str) -> tuple[int, Any]:
    headers = {"Authorization": f"DeepL-Auth-Key {KEY}"} | headers
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{fake.url}/v2/translate", data=json.dumps(body), headers=headers) as response:
            assert re.fullmatch("[0-9a-f]{32}", response.headers["X-Trace-ID"])
            data = await response.read()
            return response.status, json.loads(data) if data else None


async def test_who_may_ask_and_how_much(fake: FakeDeepL) -> None:
    assert await post(fake, GOOD, Authorization="DeepL-Auth-Key wrong") == (403, None)
    assert await post(fake, GOOD, Authorization=f"Bearer {KEY}") == (403, None)
    assert (await post(fake, GOOD | {"text": ["x" * MAX_BODY]}))[0] == 413
    assert (await post(fake, GOOD, **{"X-Fake-Fault": "529"}))[0] == 529
    fake.limit = 3
    assert (await post(fake, GOOD | {"text": ["abcd"]}))[0] == 456
    status, answer = await post(fake, GOOD | {"text": ["ab", "c"]})
    assert (status, [each["text"] for each in answer["translations"]]) == (200, ["de_ab", "de_c"])
    assert answer["translations"][0].keys() == {"detected_source_language", "text"}  # as nothing more was asked for


def test_translations_can_be_told() -> None:
    assert marked("Meet at 10:30, don't wait!", "en", "es") == "es_Meet es_at 10:30, es_don't es_wait!"
    assert tones("en017a EN018b hello", "en", "ca") == "ca017a ca018b ca_hello"


def test_latencies_have_the_quantiles_and_are_seeded() -> None:
    latency, again = Latency(150, 350, seed=3), Latency(150, 350, seed=3)
    samples = sorted(latency.sample() for _ in range(4000))
    assert samples[2000] == pytest.approx(0.150, rel=0.05)
    assert samples[3800] == pytest.approx(0.350, rel=0.08)
    assert sorted(again.sample() for _ in range(4000)) == samples
    assert Latency(0, 0).sample() == 0.0


async def test_as_a_program() -> None:
    port = free_port(socket.SOCK_STREAM)
    command = [sys.executable, "-m", "tests.fakes.deepl", "--port", str(port), "--p50", "0", "--translation", "tone"]
    program = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert program.stdout is not None
        assert await program.stdout.readline() == f"fake DeepL at http://127.0.0.1:{port}\n".encode()
        engine = DeepLTranslator({"auth_key": KEY, "server_url": f"http://127.0.0.1:{port}"})
        await engine.start(["en", "es"])
        assert (await engine.translate(TranslationRequest("en017a en018a", "en", "es"))).text == "es017a es018a"
        await engine.close()
    finally:
        program.terminate()
        await program.wait()
