"""Finding and building engines."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dragoman.engines.base import EngineInfo, Stage
from dragoman.engines.registry import available, build
from dragoman.errors import ConfigError


class NotAnEngine:
    """Says the right thing but cannot do it."""

    def __init__(self, options: object) -> None:
        self.options = options

    @property
    def info(self) -> EngineInfo:
        return EngineInfo("not", Stage.MT, (), False, "MIT", True, "nothing")


def test_ours_are_listed_without_starting_anything() -> None:
    listed = {each.name: each for each in available()}
    assert {"pocketsphinx", "phrasebook", "apertium", "espeak"} <= set(listed)
    assert all(each.problem is None for each in listed.values())
    stages = [each.info.stage for each in available() if each.info]
    assert stages == sorted(stages, key=list(Stage).index)


def test_in_order_with_options() -> None:
    names = [engine.info.name for engine in build(Stage.MT, ["phrasebook", "apertium"], {})]
    assert names == ["phrasebook", "apertium"]
    with pytest.raises(ConfigError, match=r"engines\.options\.phrasebook\.phrase: unknown option"):
        build(Stage.MT, ["phrasebook"], {"phrasebook": {"phrase": "x"}})


def test_a_class_by_its_path() -> None:
    (engine,) = build(Stage.TTS, ["dragoman.engines.tts.espeak:EspeakSynthesizer"], {})
    assert engine.info.name == "espeak"


@pytest.mark.parametrize(
    ("stage", "name", "message"),
    [
        (Stage.TTS, "espaek", "engines.synthesizers: no engine is called 'espaek', did you mean 'espeak'"),
        (Stage.TTS, "zzz", "Installed: .*pocketsphinx"),
        (Stage.TTS, "apertium", "engines.synthesizers: apertium is no engine for tts but for mt"),
        (Stage.MT, "no.such.module:X", "cannot import no.such.module:X"),
        (Stage.MT, "dragoman.engines.mt.apertium:X", "cannot import dragoman.engines.mt.apertium:X"),
        (Stage.MT, ":", "cannot import :"),
        (Stage.MT, "tests.engines.test_registry:NotAnEngine", "no engine for mt"),
    ],
)
def test_what_cannot_be_had_is_named(stage: Stage, name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(stage, [name], {})


def test_importing_engines_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from dragoman.engines.registry import available\n"
        "available()\n"
        "print([m for m in ('pocketsphinx', 'onnxruntime', 'torch', 'scipy') if m in sys.modules])\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
