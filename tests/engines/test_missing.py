"""What every engine of ours says where its package, key, model or program is missing, or an option is wrong.

A table with a row per registered engine; an engine without a row, or with one that leaves out what its code needs,
fails here. All of it is said when the daemon loads the engine, which is what ``dragoman check`` does too.
"""

from __future__ import annotations

import ast
import ctypes.util
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import entry_points, metadata, packages_distributions, requires
from pathlib import Path
from unittest import mock

import pytest
from tests.engines.missing import without

from dragoman.check.engines import judge_stage
from dragoman.check.finding import Verdict
from dragoman.config.engines import EnginesSettings
from dragoman.engines.base import EngineInfo, Stage
from dragoman.engines.faults import loading
from dragoman.engines.options import Options
from dragoman.engines.registry import GROUP, build_one
from dragoman.engines.selection import EngineSet
from dragoman.errors import ConfigError, EngineUnavailable


@dataclass(frozen=True)
class Needs:
    """What an engine needs beside its code."""

    packages: tuple[str, ...] = ()
    """Python packages that Dragoman itself does not need."""
    extra: str = ""
    """The extra of ours that brings them."""
    also: tuple[str, ...] = ()
    """Packages that it imports and that come with those, or that it does without."""
    key: tuple[str, str] | None = None
    """The option, and the variable of the environment."""
    model: tuple[str, ...] | None = None
    """Files of the folder that the option ``model`` names."""
    fetch: str = ""
    """The command that makes the folder, with ``{folder}`` in it."""
    given: Mapping[str, object] = field(default_factory=dict)
    """Options without which it says something else first."""


CT2_MODEL = ("model.bin", "config.json", "shared_vocabulary.json")
WHISPER_MODEL = ("model.bin", "config.json", "tokenizer.json", "vocabulary.json")
CONVERT = "convert/bin/ct2-transformers-converter --model {} --output_dir {{folder}} "

ENGINES = {
    "apertium": Needs(),
    "deepgram": Needs(("deepgram", "websockets"), "deepgram", key=("api_key", "DEEPGRAM_API_KEY")),
    "deepl": Needs(("deepl",), "deepl", key=("auth_key", "DEEPL_AUTH_KEY"), given={"auth_key": "x"}),
    "edge": Needs(("edge_tts", "av"), "edge"),
    "elevenlabs": Needs(key=("api_key", "ELEVENLABS_API_KEY")),
    "espeak": Needs(),
    "faster-whisper": Needs(
        ("faster_whisper", "ctranslate2"),
        "whisper",
        model=WHISPER_MODEL,
        fetch="hf download Systran/faster-whisper-small --local-dir {folder}",
    ),
    "gtts": Needs(("gtts", "av"), "gtts"),
    "madlad": Needs(
        ("ctranslate2", "sentencepiece"),
        "ct2",
        model=(*CT2_MODEL, "spiece.model"),
        fetch=CONVERT.format("google/madlad400-3b-mt"),
    ),
    "nllb": Needs(
        ("ctranslate2", "sentencepiece"),
        "ct2",
        model=(*CT2_MODEL, "sentencepiece.bpe.model"),
        fetch=CONVERT.format("facebook/nllb-200-distilled-600M"),
    ),
    "phowhisper": Needs(
        ("faster_whisper", "ctranslate2"),
        "whisper",
        model=WHISPER_MODEL,
        fetch=CONVERT.format("vinai/PhoWhisper-small"),
    ),
    "phrasebook": Needs(),
    "pocketsphinx": Needs(("pocketsphinx",)),
    "xtts": Needs(
        ("torch", "torchaudio", "transformers", "TTS"),
        "xtts",
        also=("pypinyin", "cutlet", "num2words"),
        model=("config.json", "model.pth", "vocab.json", "speakers_xtts.pth"),
        fetch="hf download coqui/XTTS-v2 --local-dir {folder}",
        given={"accept_cpml": True},
    ),
}

OURS = {entry.name: entry for entry in entry_points(group=GROUP) if entry.dist and entry.dist.name == "dragoman"}

WRONG = {
    "integer": "x", "number": "x", "flag": 3, "text": 3, "url": "nowhere", "choice": "xyzzy", "path": 3,
    "strings": 3, "table": 3, "secret": 3,
}  # fmt: skip
"""For each reader of Options a value that it refuses."""


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for needs in ENGINES.values():
        if needs.key is not None:
            monkeypatch.delenv(needs.key[1], raising=False)


async def said_at_start(name: str, options: Mapping[str, object]) -> str:
    """What the engine says as the daemon loads it; a second try would say the same."""
    engine = build_one(name, options)
    try:
        with pytest.raises(EngineUnavailable) as caught, loading(name):
            await engine.start(("en", "es", "vi"))
    finally:
        await engine.close()
    assert not caught.value.retryable
    assert str(caught.value).startswith(f"{name}: ")
    return str(caught.value)


@contextmanager
def asked() -> Iterator[dict[str, str]]:
    """Within it: the options that were read, and by which reader."""
    found: dict[str, str] = {}

    def watched(kind: str, read: Callable[..., object]) -> Callable[..., object]:
        def reader(self: Options, key: str, *args: object, **kwargs: object) -> object:
            found.setdefault(key, kind)
            return read(self, key, *args, **kwargs)

        return reader

    with mock.patch.multiple(Options, **{kind: watched(kind, getattr(Options, kind)) for kind in WRONG}):
        yield found


def options_of(name: str) -> dict[str, str]:
    with asked() as found:
        build_one(name, {})
    return found


def imported(module: str, seen: set[str] | None = None) -> set[str]:
    """Top-level packages that a module of the engines imports anywhere, those it imports included."""
    seen = set() if seen is None else seen
    if module in seen:
        return set()
    seen.add(module)
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None
    names = set()
    for node in ast.walk(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names} if node.module in PACKAGES else set()
            names |= inner or {node.module}
    ours = {
        name
        for name in names
        if name.startswith(("dragoman.engines.asr.", "dragoman.engines.mt.", "dragoman.engines.tts."))
    }
    found = {name.partition(".")[0] for name in names - ours}
    return found.union(*(imported(each, seen) for each in ours if importlib.util.find_spec(each)))


PACKAGES = {f"dragoman.engines.{part}" for part in ("asr", "mt", "tts", "tts.xtts")}


def normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", distribution)[0]).lower()  # type: ignore[index]  # it has a name


def required(extra: str) -> set[str]:
    """Distributions that Dragoman needs, with nothing, or beside that for an extra."""
    own = [each for each in requires("dragoman") or () if ("extra ==" in each) is bool(extra)]
    return {normal(each) for each in own if not extra or re.search(rf"extra == ['\"]{extra}['\"]", each)}


# The table


def test_every_engine_has_a_row() -> None:
    assert set(OURS) == set(ENGINES)


@pytest.mark.parametrize("name", ENGINES)
def test_a_row_names_what_the_options_say_of_key_and_model(name: str) -> None:
    read, needs = options_of(name), ENGINES[name]
    assert [key for key, kind in read.items() if kind == "secret"] == ([needs.key[0]] if needs.key else [])
    assert ("model" in read and read["model"] == "path") == (needs.model is not None)


@pytest.mark.parametrize("name", ENGINES)
def test_a_row_names_every_package_that_dragoman_itself_does_not_need(name: str) -> None:
    needs = ENGINES[name]
    base = {package for package, by in packages_distributions().items() if {normal(each) for each in by} & required("")}
    others = imported(OURS[name].value.partition(":")[0]) - base - set(sys.stdlib_module_names) - {"dragoman"}
    assert others <= {*needs.packages, *needs.also}
    if needs.extra:
        assert needs.extra in (metadata("dragoman").get_all("Provides-Extra") or ())


# What is missing


@pytest.mark.parametrize(
    ("name", "package"), [(name, package) for name, needs in ENGINES.items() for package in needs.packages]
)
async def test_a_missing_package_is_named_with_what_brings_it(name: str, package: str) -> None:
    needs = ENGINES[name]
    with without(package):
        assert isinstance(build_one(name, {}).info, EngineInfo)  # dragoman engines lists it all the same
        said = await said_at_start(name, needs.given)
    assert package in said
    assert ("pip install pocketsphinx" if not needs.extra else f'pip install "dragoman[{needs.extra}]"') in said


BREAKABLE = [(name, needs.packages[0]) for name, needs in ENGINES.items() if needs.extra and name != "xtts"]


@pytest.mark.parametrize(("name", "package"), BREAKABLE)
async def test_a_package_that_does_not_load_is_not_taken_for_a_bad_model_or_network(
    name: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text("raise ImportError('libnothing.so.1: cannot open it')")
    needs = ENGINES[name]
    given = dict(needs.given)
    if needs.key is not None:
        given[needs.key[0]] = "x"
    if needs.model is not None:
        given["model"] = str(tmp_path / "model")
        (tmp_path / "model").mkdir()
        for file in needs.model:
            (tmp_path / "model" / file).write_text("x")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # of a worker
    with without(forget=package):
        said = await said_at_start(name, given)
    assert "do not load (ImportError: libnothing.so.1" in said
    assert f'pip install --force-reinstall "dragoman[{needs.extra}]"' in said


def key_of(name: str) -> tuple[str, str]:
    key = ENGINES[name].key
    assert key is not None
    return key


KEYED = [name for name, needs in ENGINES.items() if needs.key is not None]


@pytest.mark.parametrize("name", KEYED)
async def test_without_a_key_the_three_ways_to_set_it_are_said(name: str) -> None:
    key = key_of(name)
    said = await said_at_start(name, {})
    for part in (f"engines.options.{name}.{key[0]}", f"{key[0]}_file", f"${key[1]}"):
        assert part in said


@pytest.mark.parametrize("name", KEYED)
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file"),
        ("", "is empty"),
        ("\n", "is empty"),
        ("cana ry", "one word"),
        ("ñ", "one"),
    ],
)
def test_a_wrong_key_file_is_named_and_what_is_in_it_is_not(
    name: str, content: str | None, says: str, tmp_path: Path
) -> None:
    key = key_of(name)
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        build_one(name, {f"{key[0]}_file": str(file)})
    assert str(caught.value).startswith(f"engines.options.{name}.{key[0]}_file: {file}")
    assert says in str(caught.value)
    assert "cana" not in str(caught.value) and "ñ" not in str(caught.value)


@pytest.mark.parametrize("name", KEYED)
def test_a_wrong_key_in_the_environment_is_named_by_its_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key = key_of(name)
    monkeypatch.setenv(key[1], "cana ry")
    with pytest.raises(ConfigError, match=rf"^\${key[1]}: should hold one word") as caught:
        build_one(name, {})
    assert "cana" not in str(caught.value)


MODELLED = [name for name, needs in ENGINES.items() if needs.model is not None]


@pytest.fixture
def as_if_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """XTTS's packages are tried where they are; what it says of its folder does not need them."""
    monkeypatch.setattr("dragoman.engines.tts.xtts.engine.require_packages", lambda *_: None)


@pytest.mark.usefixtures("as_if_installed")
@pytest.mark.parametrize("name", MODELLED)
async def test_a_missing_model_says_what_to_fetch_and_which_option_names_it(name: str, tmp_path: Path) -> None:
    needs = ENGINES[name]
    assert needs.model is not None
    option = f"engines.options.{name}.model"
    said = await said_at_start(name, needs.given)
    assert f"then set {option} to it" in said and needs.fetch.partition("{folder}")[0] in said
    folder = tmp_path / "folder"
    said = await said_at_start(name, {**needs.given, "model": str(folder)})
    assert f"{option}: there is no folder {folder}" in said and needs.fetch.format(folder=folder) in said
    folder.mkdir()
    for empty in needs.model:
        (folder / empty).touch()
    said = await said_at_start(name, {**needs.given, "model": str(folder)})
    assert f"{option}: {folder} lacks " in said and "(absent or empty)" in said
    for file in needs.model:
        assert file in said
    assert needs.fetch.format(folder=folder) in said
    said = await said_at_start(name, {**needs.given, "model": str(folder / needs.model[0])})
    assert f"{option}: {folder / needs.model[0]} is a file: set it to the folder that holds it" in said


@pytest.mark.usefixtures("as_if_installed")
@pytest.mark.parametrize("name", MODELLED)
async def test_a_relative_folder_is_said_in_full(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = await said_at_start(name, {**ENGINES[name].given, "model": "models/x"})
    assert f"there is no folder {tmp_path}/models/x" in said
    assert ENGINES[name].fetch.format(folder=tmp_path / "models/x") in said


@pytest.mark.parametrize("name", MODELLED)
async def test_wrong_files_say_what_is_wrong_with_them(name: str, tmp_path: Path) -> None:
    needs = ENGINES[name]
    assert needs.model is not None
    for package in needs.packages:  # not imported: torchaudio may need help (xtts/torchaudio_compat.py)
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    for file in needs.model:
        (tmp_path / file).write_text("of something else")
    said = await said_at_start(name, {**needs.given, "model": str(tmp_path)})
    assert f"engines.options.{name}.model: the model in {tmp_path} cannot be loaded (" in said
    assert "set device or " in said and needs.fetch.format(folder=tmp_path) in said


def no_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, object]:
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    return {}


def no_voices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, object]:
    monkeypatch.setenv("ESPEAK_DATA_PATH", str(tmp_path))
    return {}


def no_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, object]:
    monkeypatch.setenv("PATH", str(tmp_path))
    return {}


def no_modes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, object]:
    return {"modes": str(tmp_path / "nowhere")}


def wrong_mode(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, object]:
    (tmp_path / "eng-spa.mode").write_text("something | else")
    return {"modes": str(tmp_path)}


@pytest.mark.parametrize(
    ("name", "break_it", "says"),
    [
        ("espeak", no_library, "library espeak-ng is missing: apt-get install libespeak-ng1 espeak-ng-data"),
        ("espeak", no_voices, "finds no voices .*: apt-get install --reinstall libespeak-ng1 espeak-ng-data"),
        ("pocketsphinx", no_programs, "espeak-ng is needed for pronunciations: apt-get install espeak-ng"),
        ("apertium", no_programs, "not installed: apt-get install apertium apertium-eng-spa"),
        (
            "apertium",
            no_modes,
            r"no language pair lies in \S+nowhere: apt-get .* or see engines\.options\.apertium",
        ),
        ("apertium", wrong_mode, r"eng-spa\.mode: .*'something'.*--reinstall.*engines\.options\.apertium\.modes"),
    ],
)
async def test_a_missing_program_is_named_with_the_package_that_brings_it(
    name: str, break_it: Callable[..., dict[str, object]], says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert re.search(says, await said_at_start(name, break_it(monkeypatch, tmp_path)))


@pytest.mark.parametrize("name", ["phrasebook", "pocketsphinx"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file"),
        (b"", "no line names the languages"),
        (b"\xff\xfeen\tes", "no line names the languages.*not UTF-8"),
        (b"xx\tyy\na\tb\n", "unknown language 'xx'"),
    ],
)
def test_a_wrong_phrase_file_is_named_with_its_option(
    name: str, content: bytes | None, says: str, tmp_path: Path
) -> None:
    file = tmp_path / "phrases.tsv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"^engines\.options\.{name}\.phrases: .*{file}.*{says}"):
        build_one(name, {"phrases": str(file)})


# What is set wrong


@pytest.mark.parametrize("name", ENGINES)
def test_every_option_refuses_another_type_by_its_name(name: str) -> None:
    for key, kind in options_of(name).items():
        with pytest.raises(ConfigError) as caught:
            build_one(name, {key: WRONG[kind]})
        assert str(caught.value).startswith(f"engines.options.{name}.{key}: ")


@pytest.mark.parametrize("name", ENGINES)
def test_an_unknown_option_is_told_all_that_are_known(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"^engines\.options\.{name}\.xyzzy: unknown option; known: ") as caught:
        build_one(name, {"xyzzy": 1})
    for key in options_of(name):
        assert key in str(caught.value)


@pytest.mark.parametrize(
    ("voices", "says"),
    [
        ({"Spanish": "es-MX-DaliaNeural"}, "'Spanish' is no language"),
        ({"es": "Dalia"}, r"voices\.es: 'Dalia' is no voice such as es-MX-DaliaNeural"),
        ({"es": "es-MX-DaliaNeural es-MX-Jorge"}, r"'es-MX-Jorge' is no voice"),
    ],
)
def test_a_voice_that_the_package_would_refuse_in_a_call_is_refused_before(voices: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        build_one("edge", {"voices": voices})


# Where it is said


def settings(name: str) -> EnginesSettings:
    stage = build_one(name, {}).info.stage
    setting = {Stage.ASR: "recognizers", Stage.MT: "translators", Stage.TTS: "synthesizers"}[stage]
    return EnginesSettings.model_validate({setting: (name,)})


@pytest.mark.parametrize("name", [name for name, needs in ENGINES.items() if needs.extra or needs.key])
async def test_check_and_start_say_it_alike(name: str) -> None:
    stage = build_one(name, {}).info.stage
    with without(*ENGINES[name].packages):
        checked, started = EngineSet.build(settings(name)), EngineSet.build(settings(name))
        (finding,) = judge_stage(stage, await checked.load(stage, ("en", "es")))
        with pytest.raises(EngineUnavailable) as caught:
            await started.start(stage, ("en", "es"))
    assert finding.verdict is Verdict.FAIL and finding.found == str(caught.value)
    assert "install or set what it says" in finding.remedy
    await checked.close()
    await started.close()
