"""Finding and building engines; packages of others that bring broken ones are told by name and harm no other engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dragoman.engines.base import EngineInfo, Stage
from dragoman.engines.registry import available, build, build_one
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


OURS = {
    Stage.ASR: "deepgram faster-whisper phowhisper pocketsphinx",
    Stage.MT: "apertium deepl madlad nllb phrasebook",
    Stage.TTS: "edge elevenlabs espeak gtts",
}


@pytest.mark.parametrize("stage", Stage)
def test_every_engine_of_ours_can_be_named_in_the_settings(stage: Stage) -> None:
    """An entry point that a merge has lost is noticed nowhere else: an engine's own tests build its class."""
    engines = build(stage, OURS[stage].split(), {})
    assert [engine.info.name for engine in engines] == OURS[stage].split()


GOOD = """
from dragoman.engines.mt.phrasebook import PhraseBook as Good
from dragoman.engines.tts.espeak import EspeakSynthesizer
from dragoman.engines.base import EngineInfo, Stage

class NoInfo:
    info = "piglatin"
    def __init__(self, options): pass

class Raises:
    def __init__(self, options): raise KeyError("voice")

class NoTranslate:
    def __init__(self, options): pass
    info = EngineInfo("x", Stage.MT, (), False, "MIT", True, "nothing")
    def supports(self, source, target): return True
    async def start(self, languages=()): pass
    async def close(self): pass

class NoGenerator(EspeakSynthesizer):
    async def synthesize(self, request): return []

def function(options): return Good(options)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Installs a package with one engine: its module's text, and the name and class of the entry point."""

    def install(module: str, source: str, name: str, attribute: str, distribution: str = "strange-engines") -> None:
        folder = tmp_path / distribution
        info = folder / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir(parents=True)
        (folder / f"{module}.py").write_text(source)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[dragoman.engines]\n{name} = {module}:{attribute}\n")
        monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.syspath_prepend(folder)

    return install


@pytest.mark.parametrize(
    ("number", "source", "attribute", "problem"),
    [
        (
            1,
            "import no_such_module",
            "X",
            "No module named 'no_such_module'; install what it needs: pip install strange",
        ),
        (2, "raise RuntimeError('no licence')", "X", "its module fails: RuntimeError: no licence"),
        (3, "import sys; sys.exit(3)", "X", "its module fails: SystemExit: 3"),
        (4, "def broken(:", "X", "its module fails: SyntaxError"),
        (5, GOOD, "X", "cannot import strange_5:X: module 'strange_5' has no attribute 'X'"),
        (6, GOOD, "NoInfo", "strange_6:NoInfo.info is no EngineInfo of a stage, but str"),
        (7, GOOD, "Raises", "strange_7:Raises cannot be built from its table of options: KeyError: 'voice'"),
        (8, GOOD, "NoTranslate", "is no engine for mt: strange_8:NoTranslate is no Translator, it lacks translate"),
        (9, GOOD, "NoGenerator", "is no Synthesizer, its synthesize is a coroutine that never yields"),
        (10, GOOD, "function", "strange_10:function is no class"),
    ],
)
def test_a_broken_engine_of_others_is_told_with_its_package(
    package: Callable[..., None], number: int, source: str, attribute: str, problem: str
) -> None:
    package(f"strange_{number}", source, "strange", attribute)
    with pytest.raises(ConfigError) as raised:
        build(Stage.MT, ["strange"], {})
    assert "engine strange (of strange-engines 1.2)" in str(raised.value)
    assert problem in str(raised.value)
    listed = {each.name: each for each in available()}
    assert listed["strange"].info is None
    assert problem in (listed["strange"].problem or "")
    assert listed["phrasebook"].problem is None


def test_a_good_one_is_listed_with_its_package(package: Callable[..., None]) -> None:
    package("strange_good", GOOD, "strange", "Good")
    (listed,) = [each for each in available() if each.name == "strange"]
    assert (listed.problem, listed.package) == (None, "strange-engines 1.2")
    assert build_one("strange", {}).info.stage is Stage.MT


def test_two_packages_with_one_name_are_both_told(package: Callable[..., None]) -> None:
    package("strange_one", GOOD, "strange", "Good", "one-engine")
    package("strange_two", GOOD, "strange", "Good", "two-engines")
    both = r"engine strange is brought by one-engine 1\.2 \(strange_one:Good\) and by two-engines 1\.2"
    with pytest.raises(ConfigError, match=both + r".*: uninstall one of them, or name the class: \"strange_one:Good\""):
        build(Stage.MT, ["strange"], {})
    (listed,) = [each for each in available() if each.name == "strange"]
    assert listed.package == "one-engine 1.2 and two-engines 1.2"
    assert listed.problem and "uninstall one of them" in listed.problem
    assert [engine.info.name for engine in build(Stage.MT, ["strange_two:Good"], {})] == ["phrasebook"]


def test_one_that_takes_the_name_of_ours_is_told(package: Callable[..., None]) -> None:
    package("strange_espeak", GOOD, "espeak", "EspeakSynthesizer")
    with pytest.raises(ConfigError, match=r"engine espeak is brought by dragoman .* and by strange-engines 1\.2"):
        build(Stage.TTS, ["espeak"], {})
