"""docs/engines.md: the package on that page installs, is found, is configured by name and passes the suite."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from dragoman import config
from dragoman.engines.base import (
    EngineInfo,
    Hypothesis,
    SpeechRequest,
    Stage,
    StreamRequest,
    Translation,
    TranslationRequest,
    Word,
)
from dragoman.engines.registry import available
from dragoman.engines.selection import EngineSet

ROOT = Path(__file__).resolve().parents[2]
DOC = ROOT / "docs" / "engines.md"
EXAMPLE = ROOT / "tests" / "example_engine"
NAMED_BLOCK = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OURS = ("piglatin", "beeper", "loudness")


def blocks() -> dict[str, str]:
    """The page's files by their path."""
    found = NAMED_BLOCK.findall(DOC.read_text(encoding="utf-8"))
    assert len(found) == len(dict(found)), "a file stands there twice"
    return dict(found)


@pytest.mark.parametrize(
    "flowing", [EngineInfo, StreamRequest, Hypothesis, Word, TranslationRequest, Translation, SpeechRequest]
)
def test_the_page_names_every_field_of_what_flows(flowing: type[Any]) -> None:
    (row,) = [
        line for line in DOC.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{flowing.__name__}`")
    ]
    assert {field.name for field in fields(flowing)} <= set(re.findall(r"`(\w+)`", row))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, written from the page alone."""
    folder = tmp_path_factory.mktemp("example")
    for name, text in blocks().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def site(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it is installed, by pip and without a network."""
    site = tmp_path_factory.mktemp("site")
    offline = ["--disable-pip-version-check", "--no-index", "--no-deps", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "install", "-q", *offline, "-t", str(site), str(project)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return site


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(site)
    importlib.invalidate_caches()
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "dragoman_example"]:
        del sys.modules[name]


def run(site: Path, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "200", "NO_COLOR": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    return subprocess.run([sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True)


def test_the_page_holds_the_example_and_all_of_it() -> None:
    files = {
        str(path.relative_to(EXAMPLE)): path.read_text(encoding="utf-8")
        for path in EXAMPLE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert blocks() == files


def test_a_translator_is_thirty_lines_of_code() -> None:
    code = [line for line in blocks()["src/dragoman_example/piglatin.py"].splitlines() if line.strip()]
    assert len(code) <= 30


@pytest.mark.usefixtures("installed")
def test_they_are_found_by_their_entry_points() -> None:
    listed = {each.name: each for each in available()}
    for name in OURS:
        assert (listed[name].problem, listed[name].package) == (None, "dragoman-example 1.0")
        info = listed[name].info
        assert info is not None and info.name == name


@pytest.mark.usefixtures("installed")
async def test_they_are_configured_by_their_names(project: Path) -> None:
    settings = config.load(project / "dragoman.toml")
    engines = EngineSet.build(settings.engines)
    for stage in Stage:
        assert engines.names(stage)[0] in OURS
    translation = await engines.translator.translate(TranslationRequest("good morning", "en", "es"))
    assert (translation.text, translation.engine) == ("oodgay orningmay", "piglatin")
    await engines.close()


def test_they_pass_the_suite(project: Path, site: Path) -> None:
    done = run(site, project, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "tests")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b\d\d+ passed", done.stdout)
    assert "error" not in done.stdout and "failed" not in done.stdout


def test_the_command_lists_them_with_their_package(project: Path, site: Path) -> None:
    listed = run(site, project, "-m", "dragoman", "engines")
    assert listed.returncode == 0, listed.stderr
    for name in OURS:
        assert re.search(rf"^{name}\b", listed.stdout, re.MULTILINE), listed.stdout
    assert "dragoman-example 1.0" in listed.stdout


@pytest.mark.parametrize("name", OURS)
def test_the_command_tries_them(project: Path, site: Path, name: str) -> None:
    tried = run(site, project, "-m", "dragoman", "engines", "--test", name)
    assert tried.returncode == 0, tried.stdout + tried.stderr
    if name == "piglatin":
        assert "en to es" in tried.stdout and "ay" in tried.stdout
