"""The DeepL engine against a server true to its documentation: what it asks, what it makes of every fault, and when."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.engines.conformance import TranslatorConformance
from tests.fakes.deepl import KEY, FakeDeepL
from tests.fakes.deepl_words import v3_languages
from tests.fakes.latency import Latency
from tests.pipeline.fakes import FakeTranslator
from tests.virtual_time import settled, virtual_time

from dragoman.engines.base import TranslationRequest
from dragoman.engines.mt.cache import CachedTranslator
from dragoman.engines.mt.chain import TranslatorChain
from dragoman.engines.mt.deepl import DeepLTranslator
from dragoman.engines.mt.deepl_messages import NAME
from dragoman.engines.mt.hedging import SAVED, SHARE
from dragoman.errors import (
    ConfigError,
    EngineBusy,
    EngineCrashed,
    EngineDenied,
    EngineError,
    EngineRejected,
    EngineTimeout,
    EngineUnavailable,
)
from dragoman.recovery.mt import REQUEUE_S, STRIKES

TRANSLATE = "POST /v2/translate"
REQUEST = TranslationRequest("We meet at 10:30.", "en", "es")
SAID = "es_We es_meet es_at 10:30."
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
async def fake() -> AsyncIterator[FakeDeepL]:
    async with FakeDeepL().serve() as fake:
        yield fake


@asynccontextmanager
async def started(fake: FakeDeepL | None, *languages: str, **options: Any) -> AsyncIterator[DeepLTranslator]:
    given = {"auth_key": KEY, "server_url": fake.url if fake else NOWHERE} | options
    engine = DeepLTranslator(given)
    try:
        await engine.start(languages or ("en", "es"))
        yield engine
    finally:
        await engine.close()


@pytest.fixture
async def engine(fake: FakeDeepL) -> AsyncIterator[DeepLTranslator]:
    async with started(fake) as engine:
        yield engine


def now() -> float:
    return asyncio.get_running_loop().time()


class TestConformance(TranslatorConformance):
    crashes = False

    @pytest.fixture
    def options(self, fake: FakeDeepL) -> dict[str, Any]:
        return {"auth_key": KEY, "server_url": fake.url, "deadline_ms": 20_000}  # the clock is the real one

    @pytest.fixture
    def known(self) -> TranslationRequest:
        return TranslationRequest("how are you today", "en", "es")


class TestConformanceBehindTheCache(TranslatorConformance):
    crashes = False
    has_options = False

    @pytest.fixture
    async def engine(self, fake: FakeDeepL) -> AsyncIterator[CachedTranslator]:
        async with started(fake, deadline_ms=20_000) as engine:
            yield CachedTranslator(engine, 100)

    @pytest.fixture
    def fresh(self, fake: FakeDeepL) -> Any:
        return lambda: CachedTranslator(DeepLTranslator({"auth_key": KEY, "server_url": fake.url}), 100)

    @pytest.fixture
    def known(self) -> TranslationRequest:
        return TranslationRequest("how are you today", "en", "es")


# ---- what is asked


@virtual_time
async def test_the_request(fake: FakeDeepL) -> None:
    options = {"variants": {"en": "en-us"}, "formality": "prefer_more"}
    async with started(fake, "en", "de", **options) as engine:
        await engine.translate(
            TranslationRequest("Gut.\0\n", "de", "en", context=("Und?", "Wie war es?"), careful=True)
        )
        await engine.translate(TranslationRequest("Good.", "en", "de"))
    to_english, to_german = fake.asked
    assert to_english == {
        "text": ["Gut."],
        "source_lang": "DE",
        "target_lang": "EN-US",
        "context": "Und? Wie war es?",
        "split_sentences": "0",
        "preserve_formatting": False,
        "model_type": "prefer_quality_optimized",
        "show_billed_characters": True,
    }
    assert to_german["formality"] == "prefer_more" and to_german["model_type"] == "latency_optimized"


@virtual_time
async def test_plain_english_and_portuguese_are_never_asked_for(fake: FakeDeepL) -> None:
    async with started(fake, "en", "pt", "zh") as engine:
        for target in ("en", "pt", "zh"):
            await engine.translate(TranslationRequest("Hola.", "es", target))
    assert [body["target_lang"] for body in fake.asked] == ["EN-GB", "PT-PT", "ZH-HANS"]


@virtual_time
async def test_connections_are_there_before_the_first_clause(fake: FakeDeepL) -> None:
    async with started(fake, connections=3) as engine:
        warm = {seen.connection for seen in fake.seen if seen.agent.startswith("dragoman/")}
        assert len(warm) == 3
        await asyncio.gather(*(engine.translate(REQUEST) for _ in range(3)))
    assert {seen.connection for seen in fake.seen if seen.line == TRANSLATE} == warm


async def test_characters_are_counted_as_billed(fake: FakeDeepL, engine: DeepLTranslator) -> None:
    await engine.translate(REQUEST)
    assert (await engine.translate(REQUEST)).text == SAID
    assert engine.counts()["billed_characters"] == fake.used == 2 * len(REQUEST.text)


# ---- faults


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, EngineRejected), (403, EngineDenied), (404, EngineRejected), (413, EngineRejected), (456, EngineDenied)],
)
@virtual_time
async def test_what_no_retry_helps_is_asked_once(
    fake: FakeDeepL, engine: DeepLTranslator, status: int, kind: type[EngineError]
) -> None:
    fake.fault(TRANSLATE, status=status)
    with pytest.raises(kind, match=f"{status} .*X-Trace-ID|{status}"):
        await engine.translate(REQUEST)
    assert len(fake.asked) == 1
    assert (await engine.translate(REQUEST)).text == SAID


FAULTS: list[dict[str, Any]] = [
    *({"status": status} for status in (429, 500, 502, 503, 504, 529)),
    {"cut": True},
    {"body": b'{"translations": [{"text'},
    {"body": b"<html>hello</html>"},
    {"body": b"x" * (2 << 20)},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault)[:20])
@virtual_time
async def test_what_passes_is_told_at_once_and_asked_again_by_the_one_policy_of_all_translators(
    fake: FakeDeepL, engine: DeepLTranslator, fault: dict[str, Any]
) -> None:
    fake.fault(TRANSLATE, times=STRIKES - 1, **fault)
    assert (await TranslatorChain([engine, FakeTranslator(name="fallback")]).translate(REQUEST)).text == SAID
    times = [seen.at for seen in fake.seen if seen.line == TRANSLATE]
    assert [after - before for before, after in pairwise(times)] == [pytest.approx(REQUEUE_S, abs=0.01)] * 2


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault)[:20])
@virtual_time
async def test_what_does_not_pass_has_three_strikes_and_then_the_fallback_translates(
    fake: FakeDeepL, engine: DeepLTranslator, fault: dict[str, Any]
) -> None:
    fake.fault(TRANSLATE, times=STRIKES, **fault)
    chain, failures = TranslatorChain([engine, FakeTranslator(name="fallback")]), list[EngineError]()
    chain.on_failure = failures.append
    assert (await chain.translate(REQUEST)).engine == "fallback"
    assert len(fake.asked) == STRIKES
    kind = EngineBusy if "status" in fault else EngineCrashed
    assert [type(failure) for failure in failures] == [kind] * STRIKES and failures[0].retryable


@virtual_time
async def test_retry_after_is_waited_for_where_there_is_time(fake: FakeDeepL) -> None:
    async with started(fake, deadline_ms=3000) as engine:
        fake.fault(TRANSLATE, status=429, headers={"Retry-After": "1"})
        begun = now()
        with pytest.raises(EngineBusy):
            await engine.translate(REQUEST)
        assert (await engine.translate(REQUEST)).text == SAID
        assert now() == pytest.approx(begun + 1.0, abs=0.01)


@virtual_time
async def test_retry_after_keeps_all_others_away_too(fake: FakeDeepL, engine: DeepLTranslator) -> None:
    fake.fault(TRANSLATE, status=503, headers={"Retry-After": "30"})
    begun = now()
    with pytest.raises(EngineBusy) as busy:
        await engine.translate(REQUEST)
    assert (busy.value.retry_after, now()) == (30.0, begun)
    await asyncio.sleep(10)
    with pytest.raises(EngineBusy) as busy:
        await engine.translate(REQUEST)
    assert busy.value.retry_after == pytest.approx(20.0, abs=0.01)
    assert len(fake.asked) == 1
    await asyncio.sleep(19.5)
    assert (await engine.translate(REQUEST)).text == SAID  # waits the last half second
    assert now() == pytest.approx(begun + 30.0, abs=0.01)


@virtual_time
async def test_a_late_answer_is_overtaken_by_a_second_request_and_cancelled(
    fake: FakeDeepL, engine: DeepLTranslator
) -> None:
    fake.fault(TRANSLATE, stall=True)
    begun = now()
    assert (await engine.translate(REQUEST)).text == SAID
    assert now() == pytest.approx(begun + 0.26)
    await settled()
    assert (len(fake.asked), fake.disconnects, engine.counts()["hedges"]) == (2, 1, 1)


@virtual_time
async def test_the_first_may_still_win(fake: FakeDeepL, engine: DeepLTranslator) -> None:
    fake.fault(TRANSLATE, delay=0.4)
    fake.fault(TRANSLATE, stall=True)
    begun = now()
    assert (await engine.translate(REQUEST)).text == SAID
    assert now() == pytest.approx(begun + 0.4)
    await settled()
    assert (len(fake.asked), fake.disconnects) == (2, 1)


@virtual_time
async def test_one_of_two_that_fails_leaves_it_to_the_other(fake: FakeDeepL, engine: DeepLTranslator) -> None:
    fake.fault(TRANSLATE, delay=0.4, status=503)
    fake.fault(TRANSLATE, delay=0.2)
    assert (await engine.translate(REQUEST)).text == SAID
    assert len(fake.asked) == 2


@virtual_time
async def test_a_refusal_of_one_of_two_ends_both(fake: FakeDeepL, engine: DeepLTranslator) -> None:
    fake.fault(TRANSLATE, stall=True)
    fake.fault(TRANSLATE, status=456)
    with pytest.raises(EngineDenied):
        await engine.translate(REQUEST)
    await settled()
    assert (len(fake.asked), fake.disconnects) == (2, 1)


@virtual_time
async def test_quick_answers_are_not_hedged(fake: FakeDeepL, engine: DeepLTranslator) -> None:
    fake.fault(TRANSLATE, times=20, delay=0.25)
    for _ in range(20):
        await engine.translate(REQUEST)
    assert (len(fake.asked), engine.counts()["hedges"]) == (20, 0)


@virtual_time
async def test_hedging_can_be_turned_off(fake: FakeDeepL) -> None:
    async with started(fake, hedge_ms=0) as engine:
        fake.fault(TRANSLATE, delay=0.7)
        assert (await engine.translate(REQUEST)).text == SAID
        assert len(fake.asked) == 1


@virtual_time
async def test_no_answer_is_given_up_in_time_and_leaves_nothing_running(
    fake: FakeDeepL, engine: DeepLTranslator
) -> None:
    fake.fault(TRANSLATE, times=9, stall=True)
    begun = now()
    with pytest.raises(EngineTimeout):
        await engine.translate(REQUEST)
    assert now() == pytest.approx(begun + 0.8)
    await settled()
    assert (len(fake.asked), fake.disconnects) == (2, 2)


@virtual_time
async def test_the_deadline_holds_for_the_wait_that_was_asked_for_and_the_request_together(fake: FakeDeepL) -> None:
    async with started(fake, hedge_ms=0) as engine:
        fake.fault(TRANSLATE, status=429, headers={"Retry-After": "1"})
        fake.fault(TRANSLATE, stall=True)
        with pytest.raises(EngineBusy):
            await engine.translate(REQUEST)
        await asyncio.sleep(0.5)
        begun = now()
        with pytest.raises(EngineTimeout):
            await engine.translate(REQUEST)
        assert now() == pytest.approx(begun + 1.1, abs=0.01)
        await settled()
        assert (len(fake.asked), fake.disconnects) == (2, 1)


@virtual_time
async def test_an_outage_does_not_double_the_load(fake: FakeDeepL, engine: DeepLTranslator) -> None:
    fake.fault(TRANSLATE, times=10_000, stall=True)
    clauses = 20
    for _ in range(5):
        results = await asyncio.gather(*(engine.translate(REQUEST) for _ in range(clauses)), return_exceptions=True)
        assert all(isinstance(result, EngineTimeout) for result in results)
    assert 5 * clauses < len(fake.asked) <= 5 * clauses * (1 + SHARE) + SAVED


@virtual_time
async def test_a_cancelled_clause_frees_its_request_at_once(fake: FakeDeepL, engine: DeepLTranslator) -> None:
    fake.fault(TRANSLATE, times=2, stall=True)
    begun = now()
    task = asyncio.ensure_future(engine.translate(REQUEST))
    await asyncio.sleep(0.5)  # with its hedge under way
    task.cancel()
    await settled()
    assert task.cancelled()
    assert (now(), len(fake.asked), fake.disconnects) == (begun + 0.5, 2, 2)


@virtual_time
async def test_closing_ends_what_is_under_way(fake: FakeDeepL, engine: DeepLTranslator) -> None:
    fake.fault(TRANSLATE, times=9, stall=True)
    task = asyncio.ensure_future(engine.translate(REQUEST))
    await settled()
    await engine.close()
    await engine.close()
    with pytest.raises(EngineError):
        await task
    with pytest.raises(EngineCrashed, match="closed"):
        await engine.translate(REQUEST)


@virtual_time
@pytest.mark.parametrize("how", ["hangup", "reset"])
async def test_a_connection_that_went_while_it_lay_idle_costs_no_clause(
    fake: FakeDeepL, engine: DeepLTranslator, how: str
) -> None:
    await engine.translate(REQUEST)
    before = {seen.connection for seen in fake.seen}
    fake.fault(TRANSLATE, times=1, **{how: True})
    begun = now()
    assert (await engine.translate(REQUEST)).text == SAID
    assert now() == begun  # it was no failure of the server's
    assert len(before) > 1 and fake.seen[-1].connection not in before  # others that lie there may have gone with it
    assert engine.counts()["requests"] == len(fake.asked) == 3


@virtual_time
@pytest.mark.parametrize(("how", "told"), [("hangup", "disconnected"), ("reset", "reset")])
async def test_one_that_was_made_for_a_request_and_goes_is_the_servers_failure(
    fake: FakeDeepL, engine: DeepLTranslator, how: str, told: str
) -> None:
    fake.fault(TRANSLATE, times=2, **{how: True})
    with pytest.raises(EngineCrashed, match=told):
        await engine.translate(REQUEST)
    assert len(fake.asked) == 2


@virtual_time
async def test_seeded_latencies_stay_within_the_promise() -> None:
    async with FakeDeepL(latency=Latency(150, 350, seed=7)).serve() as fake, started(fake) as engine:
        took = []
        for _ in range(300):
            begun = now()
            await engine.translate(REQUEST)
            took.append(now() - begun)
        took.sort()
        assert took[150] == pytest.approx(0.15, abs=0.03)
        assert took[-1] < 0.8  # without the hedge one in a hundred is later than 0.5 s
        assert len(fake.asked) <= 300 * (1 + SHARE) + SAVED


@virtual_time
async def test_a_redirect_is_not_followed_with_our_key(fake: FakeDeepL, engine: DeepLTranslator) -> None:
    async with FakeDeepL().serve() as other:
        fake.fault(TRANSLATE, times=2, status=307, headers={"Location": f"{other.url}/v2/translate"})
        with pytest.raises(EngineCrashed, match="307"):
            await engine.translate(REQUEST)
        assert other.seen == []


@virtual_time
async def test_the_quota_alarms(fake: FakeDeepL, engine: DeepLTranslator, capsys: pytest.CaptureFixture[str]) -> None:
    fake.limit = 20
    await engine.translate(REQUEST)
    with pytest.raises(EngineDenied, match="quota is used up: 456 Quota for this billing period"):
        await engine.translate(REQUEST)
    logged = capsys.readouterr().out
    assert "error" in logged and "quota is used up" in logged and "trace_id" in logged


@virtual_time
async def test_the_key_is_nowhere(
    fake: FakeDeepL, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = ""
    async with started(fake) as engine:
        for fault in [*FAULTS, {"status": 403}, {"status": 456}, {"status": 400}, {"stall": True}]:
            fake.fault(TRANSLATE, times=3, **fault)
            with pytest.raises(EngineError) as failed:
                await engine.translate(REQUEST)
            said += repr(failed.value) + repr(vars(engine))
            fake.faults.clear()
    said += capsys.readouterr().out + caplog.text
    assert "403" in said and KEY not in said


OK = b"HTTP/1.1 200 OK\r\n"
HALF = b'{"translations":[{"text":"a"'
RAW = [
    b"",
    b"junk\r\n\r\n",
    b"HTTP/1.1 200\r\n",
    b"HTTP/9.9 999 ?\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    OK + b"Content-Length: -5\r\n\r\n",
    OK + b"Content-Length: 99\r\n\r\n" + HALF,
    OK + b"Content-Length: 5\r\n\r\n" + HALF,
    OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + HALF,
    OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n" + HALF,
    OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain",
    OK + b"Content-Encoding: br\r\nContent-Length: 5\r\n\r\nplain",
    OK + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
    OK + b"Content-Type: application/json; charset=\xff\r\nContent-Length: 2\r\n\r\n\xff\xfe",
    b"HTTP/1.1 429 \xff\r\nRetry-After: -1\r\nRetry-After: \xff\r\nContent-Length: 1\r\n\r\n{",
]


@pytest.mark.parametrize("answer", RAW, ids=lambda answer: repr(answer)[:40])
@virtual_time
async def test_whatever_comes_over_the_wire_is_an_engine_error(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = "http://{}:{}".format(*server.sockets[0].getsockname())
    async with server, started(None, server_url=address) as engine:
        with pytest.raises(EngineError) as failed:
            await engine.translate(REQUEST)
        assert failed.value.retryable and "\n" not in str(failed.value)


@virtual_time
async def test_what_was_said_is_in_no_error_and_no_log_though_a_proxy_says_it_back(
    fake: FakeDeepL, engine: DeepLTranslator
) -> None:
    page = f"<h1>502</h1> {json.dumps({'text': [REQUEST.text], 'context': 'Good morning. How are you?'})}".encode()
    fake.fault(TRANSLATE, times=2, status=502, body=page)
    with capture_logs() as logs, pytest.raises(EngineBusy) as failed:
        await engine.translate(replace(REQUEST, context=("Good morning.", "How are you?")))
    for told in (str(failed.value), repr(logs)):
        assert "10:30" not in told and "morning" not in told and "502" in told


@virtual_time
async def test_an_answer_of_megabytes_is_not_read_to_its_end(fake: FakeDeepL, engine: DeepLTranslator) -> None:
    fake.fault(TRANSLATE, times=2, body=b'{"translations": [{"text": "' + b"x" * (2 << 20) + b'"}]}')
    with pytest.raises(EngineCrashed, match="more than"):
        await engine.translate(REQUEST)


# ---- what is no clause


@pytest.mark.parametrize("text", ["", " \n", "\0\x07", "\ud800", "x" * 2001])
@virtual_time
async def test_what_is_no_clause_is_not_paid_for(fake: FakeDeepL, engine: DeepLTranslator, text: str) -> None:
    with pytest.raises(EngineRejected):
        await engine.translate(TranslationRequest(text, "en", "es"))
    assert fake.asked == []


@virtual_time
async def test_an_empty_translation_is_left_to_the_next_engine(fake: FakeDeepL, engine: DeepLTranslator) -> None:
    fake.fault(TRANSLATE, body=b'{"translations": [{"text": " "}]}')
    with pytest.raises(EngineRejected, match="empty"):
        await engine.translate(REQUEST)


@virtual_time
async def test_control_characters_of_a_translation_go_no_further(fake: FakeDeepL, engine: DeepLTranslator) -> None:
    fake.fault(TRANSLATE, body=b'{"translations": [{"text": "ho\\u0000la,\\n \\u0007amigo"}]}')
    assert (await engine.translate(REQUEST)).text == "hola, amigo"


# ---- start


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"variants": {"en": "EN"}}, "plain EN"),
        ({"variants": {"pt": "PT"}}, "PT-PT"),
        ({"variants": {"en": "DE"}}, "no variant of EN"),
        ({"variants": {"xx": "XX"}}, "known are ar ca"),
        ({"formality": "more"}, "prefer_more"),
        ({"server_url": "api.deepl.com"}, "https://api.deepl.com"),
        ({"server_url": "http://["}, "https://api.deepl.com"),
        ({"deadline_ms": 0}, "100 to"),
        ({"auth_key": "two words"}, "auth_key"),
        ({"key": "x"}, "unknown option"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as wrong:
        DeepLTranslator({"auth_key": KEY} | options)
    assert "engines.options.deepl." in str(wrong.value) and "two words" not in str(wrong.value)


async def test_without_a_key_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEEPL_AUTH_KEY", raising=False)
    engine = DeepLTranslator({})
    assert engine.info.name == NAME and "en-es" in engine.info.languages
    with pytest.raises(EngineUnavailable, match=r"engines\.options\.deepl\.auth_key.*\$DEEPL_AUTH_KEY"):
        await engine.start(["en"])
    await engine.close()


async def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deepl", None)
    engine = DeepLTranslator({"auth_key": KEY})
    with pytest.raises(EngineUnavailable, match=r'pip install "dragoman\[deepl\]"'):
        await engine.start(["en"])
    await engine.close()


@virtual_time
async def test_a_wrong_key_keeps_it_from_starting(fake: FakeDeepL) -> None:
    with pytest.raises(EngineUnavailable, match="DEEPL_AUTH_KEY") as refused:
        async with started(fake, auth_key="wrong-key-0000"):
            pass
    assert "wrong-key-0000" not in str(refused.value)


@virtual_time
async def test_a_network_that_is_down_at_start_is_no_reason_to_stop(capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeDeepL().serve() as gone:
        address, port = gone.url.rsplit(":", 1)
    async with started(None, server_url=f"{address}:{port}") as engine:
        assert "deepl not checked" in capsys.readouterr().out
        with pytest.raises(EngineCrashed):
            await engine.translate(REQUEST)
        async with FakeDeepL().serve(port=int(port)):
            assert (await engine.translate(REQUEST)).text == SAID


@pytest.mark.parametrize("path", ["/v2/usage", "/v3/languages"])
@pytest.mark.parametrize("fault", [{"body": b"junk"}, {"status": 400}, {"hangup": True}], ids=str)
@virtual_time
async def test_a_check_that_fails_is_no_reason_to_stop(fake: FakeDeepL, path: str, fault: dict[str, Any]) -> None:
    fake.fault(f"GET {path}", times=99, **fault)
    async with started(fake) as engine:
        assert (await engine.translate(REQUEST)).text == SAID


@virtual_time
async def test_what_the_server_lacks_is_not_offered(fake: FakeDeepL, capsys: pytest.CaptureFixture[str]) -> None:
    listed = [each for each in v3_languages("translate_text") if each["lang"] != "ca"]
    fake.fault("GET /v3/languages", body=json.dumps(listed).encode())
    async with started(fake, "en", "ca") as engine:
        assert not engine.supports("en", "ca") and not engine.supports("ca", "en")
        assert engine.supports("en", "es") and "en-ca" not in engine.info.languages
    assert "deepl does not translate these languages" in capsys.readouterr().out


@virtual_time
async def test_a_chosen_variant_must_be_there_and_another_is_found(fake: FakeDeepL) -> None:
    listed = [each for each in v3_languages("translate_text") if each["lang"] not in ("en-GB", "zh-Hans")]
    fake.fault("GET /v3/languages", times=2, body=json.dumps(listed).encode())
    with pytest.raises(EngineUnavailable, match=r"no target EN-GB: set .*variants\.en to one of EN, EN-US"):
        async with started(fake, "en", "es", variants={"en": "EN-GB"}):
            pass
    async with started(fake, "en", "zh") as engine:
        await engine.translate(TranslationRequest("Hello.", "en", "zh"))
    assert fake.asked[-1]["target_lang"] == "ZH"


@virtual_time
async def test_a_server_with_the_older_list_alone_will_do(fake: FakeDeepL) -> None:
    fake.fault("GET /v3/languages", status=404)
    async with started(fake, formality="prefer_less") as engine:
        assert (await engine.translate(REQUEST)).text == SAID
        assert not engine.supports("en", "xx")
    assert fake.lines("GET /v2/languages") and fake.asked[-1]["formality"] == "prefer_less"


def test_keys_of_the_free_plan_have_their_own_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPL_AUTH_KEY", "abc:fx")
    assert DeepLTranslator({}).url == "https://api-free.deepl.com"
    assert DeepLTranslator({"auth_key": "abc"}).url == "https://api.deepl.com"
    assert DeepLTranslator({"server_url": "http://127.0.0.1:9"}).url == "http://127.0.0.1:9"


# ---- glossaries

TERMS = (("Dragoman", "Trujamán"), ("10:30", "las diez y media"))
WITH_TERMS = TranslationRequest("Dragoman speaks at 10:30.", "en", "es", terms=TERMS)


@virtual_time
async def test_a_glossary_is_made_behind_the_first_clause_and_found_again(fake: FakeDeepL) -> None:
    async with started(fake) as engine:
        first = await engine.translate(WITH_TERMS)
        assert (first.text, first.provisional) == ("es_Dragoman es_speaks es_at 10:30.", True)
        await settled()
        second = await engine.translate(WITH_TERMS)
        assert (second.text, second.provisional) == ("Trujamán es_speaks es_at las diez y media.", False)
        assert engine.counts()["without_glossary"] == 1
    async with started(fake) as engine:
        await engine.translate(WITH_TERMS)
        await settled()
        assert (await engine.translate(WITH_TERMS)).text == second.text
    assert len(fake.lines("POST /v3/glossaries")) == 1


@virtual_time
async def test_a_glossary_that_somebody_deleted_costs_no_clause(fake: FakeDeepL, engine: DeepLTranslator) -> None:
    await engine.translate(WITH_TERMS)
    await settled()
    fake.glossaries.clear()
    again = await engine.translate(WITH_TERMS)
    assert (again.text, again.provisional) == ("es_Dragoman es_speaks es_at 10:30.", True)
    await engine.translate(WITH_TERMS)
    await settled()
    assert (await engine.translate(WITH_TERMS)).text.startswith("Trujamán")


@virtual_time
async def test_a_pair_without_glossaries_goes_without(fake: FakeDeepL, engine: DeepLTranslator) -> None:
    to_catalan = TranslationRequest("Dragoman speaks.", "en", "ca", terms=TERMS)
    await engine.translate(to_catalan)
    await settled()
    for _ in range(3):
        assert not (await engine.translate(to_catalan)).provisional  # it will not get any better: fit to be kept
        await asyncio.sleep(600)
    assert len(fake.lines("POST /v3/glossaries")) == 1
