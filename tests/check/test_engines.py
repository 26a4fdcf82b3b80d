"""What ``dragoman check`` says of engines that do not load, ours and others': what to install, and whose bug it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.fakes.deepgram.server import FakeDeepgram

from dragoman.check.engines import check_engines
from dragoman.check.finding import Finding, Verdict
from dragoman.config import Settings
from dragoman.engines.mt.phrasebook import PhraseBook
from dragoman.errors import EngineUnavailable


class Raising(PhraseBook):
    error: Exception = EngineUnavailable("strange", "no model: put model.bin into /srv/models (convert it with x)")

    async def start(self, languages: Sequence[str] = ()) -> None:
        raise self.error


class Buggy(Raising):
    error = KeyError("voice")


class Slow(Raising):
    error = TimeoutError()


class Unlisted:
    """Lacks what a translator needs."""

    def __init__(self, options: Mapping[str, object]) -> None:
        self.info = PhraseBook(options).info


HERE = "tests.check.test_engines"


async def found(*translators: str, **options: Mapping[str, object]) -> list[Finding]:
    engines = {"recognizers": ["pocketsphinx"], "translators": list(translators), "options": options}
    settings = Settings.model_validate({"engines": engines, "rooms": {"languages": ["en", "es"]}})
    return [finding for finding in await check_engines(settings) if finding.verdict is not Verdict.OK]


@pytest.mark.parametrize(
    ("engine", "text"),
    [
        ("Raising", "strange: no model: put model.bin into /srv/models (convert it with x)"),
        ("Buggy", "phrasebook: KeyError: 'voice'"),
        ("Slow", "phrasebook: a deadline of its own passed"),
    ],
)
async def test_one_that_does_not_load(engine: str, text: str) -> None:
    (beside,) = await found(f"{HERE}:{engine}", "phrasebook")
    assert (beside.verdict, beside.what, beside.found) == (Verdict.WARN, "engines, mt", text)
    assert "until then it is not used" in beside.remedy
    alone = await found(f"{HERE}:{engine}")
    assert (alone[0].verdict, alone[0].found) == (Verdict.FAIL, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (f"{HERE}:Unlisted", "is no Translator, it lacks supports, start, translate, close"),
        ("espeak", "engines.translators: espeak is no engine for mt but for tts"),
        ("no.such:Engine", "cannot import no.such:Engine: No module named 'no'"),
    ],
)
async def test_one_that_is_none(name: str, text: str) -> None:
    (finding,) = await found(name)
    assert finding.verdict is Verdict.FAIL
    assert text in finding.found
    assert "dragoman engines" in finding.remedy


@pytest.mark.parametrize(
    ("key", "verdict", "text"),
    [("right-key", None, ""), ("wrong-key", Verdict.WARN, "DEEPGRAM_API_KEY")],
)
async def test_a_key_that_the_provider_refuses_is_found_before_any_call(
    key: str, verdict: Verdict | None, text: str
) -> None:
    async with FakeDeepgram(keys=frozenset(("right-key",))) as fake:
        settings = Settings.model_validate(
            {
                "engines": {
                    "recognizers": ["deepgram", "pocketsphinx"],
                    "options": {"deepgram": {"api_key": key, "base_url": fake.url}},
                },
                "rooms": {"languages": ["en", "es"]},
            }
        )
        findings = await check_engines(settings)
    (deepgram,) = [finding for finding in findings if "deepgram" in finding.found]
    assert deepgram.verdict is (verdict or Verdict.OK)
    assert text in deepgram.found and key not in deepgram.found


async def test_a_wrong_option_of_an_engine_that_no_list_names_is_told() -> None:
    (finding,) = await found("phrasebook", deepl={"formalty": "prefer_more"})
    assert (finding.verdict, finding.what) == (Verdict.WARN, "engine options")
    assert "engines.options.deepl.formalty: unknown option; known: " in finding.found
    assert "take out [engines.options.deepl]: no list of [engines] names this engine" in finding.remedy


async def test_right_options_of_an_engine_that_no_list_names_are_right() -> None:
    engines = {"translators": ["phrasebook"], "options": {"deepl": {"formality": "prefer_more"}, "phrasebook": {}}}
    findings = await check_engines(Settings.model_validate({"engines": engines}))
    (finding,) = [finding for finding in findings if finding.what == "engine options"]
    assert finding.verdict is Verdict.OK and finding.found.startswith("deepl: right, but not used")


async def test_ours_without_their_programs_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    findings = await found("apertium", apertium={"modes": str(tmp_path)})
    texts = [finding.found for finding in findings]
    assert any("apt-get install libespeak-ng1 espeak-ng-data" in text for text in texts)
    assert any("apt-get install apertium apertium-eng-spa" in text for text in texts)


@pytest.mark.parametrize(("engine", "key"), [("deepl", "auth_key"), ("elevenlabs", "api_key")])
async def test_a_provider_that_does_not_answer_is_not_called_well(engine: str, key: str) -> None:
    server = "server_url" if engine == "deepl" else "url"
    option = {key: "a-key-of-nobody", server: "http://127.0.0.1:9"}  # discard: nobody listens
    lists = (
        {"translators": ["deepl", "phrasebook"]} if engine == "deepl" else {"synthesizers": ["elevenlabs", "espeak"]}
    )
    given = {"recognizers": ["pocketsphinx"], "options": {engine: option}, **lists}
    settings = Settings.model_validate({"engines": given, "rooms": {"languages": ["en", "es"]}})
    (doubt,) = [finding for finding in await check_engines(settings) if engine in finding.found]
    assert doubt.verdict is Verdict.WARN and "127.0.0.1" in doubt.found and "reached" in doubt.remedy
