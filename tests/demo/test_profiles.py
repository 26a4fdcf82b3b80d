"""The demo's choice of engines: what the daemon is set up with, what is said beforehand, the servers of the clouds."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from tests.fakes.deepgram import ScriptedWords

from dragoman.config.engines import EnginesSettings
from dragoman.demo import fake_cloud as module
from dragoman.demo.fake_cloud import KEY, _phrase_list, checkout, fake_cloud, script, server, settings
from dragoman.demo.occasion import Occasion
from dragoman.demo.profiles import DEFAULT, PROFILES, profile
from dragoman.demo.scenario import Scenario
from dragoman.engines import registry
from dragoman.engines.base import Stage
from dragoman.engines.phrases import default_path, parse_table, tokens
from dragoman.errors import ConfigError, DemoError

SCENARIO = Scenario.model_validate(
    {
        "people": [
            {"name": "Ann", "language": "en", "voice": "flite:rms"},
            {"name": "Inés", "language": "es", "voice": "espeak:es+f1"},
        ],
        "turns": [
            {"speaker": "Ann", "text": "Welcome to our weekly meeting."},
            {"speaker": "Inés", "text": "Ayer vimos elefantes morados."},
            {"speaker": "Ann", "text": "The meeting will start at nine."},
        ],
    }
)


def occasion(folder: Path, said: list[str] | None = None) -> Occasion:
    lines = [] if said is None else said
    return Occasion(SCENARIO, default_path(), False, (2.0, 1.5, 2.5), folder, lines.append)


def test_a_profile_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"--engines fake-clod: there are embedded, fake-cloud.*mean fake-cloud"):
        profile("fake-clod")
    assert profile(DEFAULT) is PROFILES["embedded"]


async def test_embedded_engines_are_the_daemons_own_choice_and_what_they_cannot_hear_is_said(tmp_path: Path) -> None:
    async with profile("embedded").start(occasion(tmp_path)) as engines:
        assert EnginesSettings(**engines.settings) == EnginesSettings()
        assert not engines.simulation
        (remark,) = engines.remarks
        assert re.search(r"'Ayer vimos elefantes morados\.' is not in .*phrases\.tsv \(es\)", remark)


async def test_a_phrase_file_of_ones_own_goes_to_all_that_read_one(tmp_path: Path) -> None:
    async with profile("embedded").start(replace(occasion(tmp_path), own_phrases=True)) as engines:
        options = EnginesSettings(**engines.settings).options
    assert options == {name: {"phrases": str(default_path().resolve())} for name in ("phrasebook", "pocketsphinx")}


def test_the_cloud_engines_take_the_settings_they_are_given() -> None:
    engines = EnginesSettings(**settings("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"))
    for stage, names in (
        (Stage.ASR, engines.recognizers),
        (Stage.MT, engines.translators),
        (Stage.TTS, engines.synthesizers),
    ):
        built = registry.build(stage, names, engines.options)
        assert [engine.info.name for engine in built] == list(names)
        assert len(names) >= 2, "something embedded stands behind each"


def test_the_recogniser_is_told_what_each_leg_says_and_for_how_long(tmp_path: Path) -> None:
    told = script(occasion(tmp_path), {"Inés": "leg-2", "Ann": "leg-1"})
    assert told["leg-2"][0] == {"text": "Ayer vimos elefantes morados.", "seconds": 1.5}
    assert [line["seconds"] for line in told["leg-1"][:4]] == [2.0, 2.5, 2.0, 2.5]  # held again, said again
    (tmp_path / "script.json").write_text(json.dumps(told), "utf-8")
    ScriptedWords.load(tmp_path / "script.json")


async def test_the_translator_knows_the_phrase_file_and_the_rest_of_the_script(tmp_path: Path) -> None:
    table = parse_table((await _phrase_list(occasion(tmp_path))).encode(), "list")
    assert not table.problems
    for turn in SCENARIO.turns:
        language = SCENARIO.person(turn.speaker).language
        found = table.column(language).parse(tokens(turn.text))
        assert found is not None, turn.text
        assert set(SCENARIO.languages) <= set(found[0].texts), turn.text


def test_an_installed_package_says_that_this_takes_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert (checkout() / "pyproject.toml").exists()
    installed = tmp_path / "site-packages" / "dragoman" / "demo" / "fake_cloud.py"
    monkeypatch.setattr(module, "__file__", str(installed))
    with pytest.raises(ConfigError, match=r"tests/fakes.*installed package.*checkout"):
        checkout()


async def test_a_server_that_does_not_come_up_is_told_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"(?s)tests\.fakes\.nothing does not come up: exit status 1.*No module named"):
        async with server("tests.fakes.nothing", log=tmp_path / "log"):
            pass


async def test_the_clouds_are_up_while_the_meeting_lasts_and_gone_after_it(tmp_path: Path) -> None:
    said: list[str] = []
    async with fake_cloud(occasion(tmp_path, said)) as engines:
        assert [line.split()[1] for line in said] == ["deepgram", "deepl", "elevenlabs"]
        assert "simulation" in engines.simulation
        server_url = EnginesSettings(**engines.settings).options["deepl"]["server_url"]
        usage = Request(f"{server_url}/v2/usage", headers={"Authorization": f"DeepL-Auth-Key {KEY}"})
        with urlopen(usage, timeout=5) as answer:
            assert answer.status == 200
        engines.seated({"Ann": "leg-1", "Inés": "leg-2"})
        assert set(json.loads((tmp_path / "fake-deepgram.json").read_text("utf-8"))) == {"leg-1", "leg-2"}
    with pytest.raises(OSError):
        urlopen(usage, timeout=5)
