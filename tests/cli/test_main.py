from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from tests.engines.missing import without
from typer.testing import CliRunner

from dragoman.cli.main import app, languages_in_words


@pytest.mark.parametrize("package", ["matplotlib", "soundfile", "scipy"])
def test_the_demo_without_its_extra_says_what_to_install(package: str) -> None:
    with without(package, forget="dragoman.demo"):
        result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 1
    assert f"the demo needs {package}" in result.output
    assert 'pip install "dragoman[demo]"' in result.output


def test_all_pairs_of_many_languages_are_said_in_short() -> None:
    every = [f"{a}-{b}" for a, b in permutations(("es", "ca", "en", "fr", "de"), 2)]
    assert languages_in_words(every) == "from and to any of ca de en es fr"
    assert languages_in_words(every[1:]) == " ".join(every[1:])
    assert languages_in_words(("en-es", "es-en")) == "en-es es-en"
    assert languages_in_words(("en", "es", "ca", "fr", "de")) == "en es ca fr de"
    assert languages_in_words(()) == ""


@pytest.mark.parametrize("command", ["prompts", "pbx-config"])
def test_a_folder_that_cannot_be_written_is_named(command: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environ = {"DRAGOMAN_ASTERISK__PASSWORD": "secret"}
    result = CliRunner().invoke(app, [command, str(tmp_path / "file" / "folder")], env=environ)
    assert result.exit_code == 1
    assert "cannot write to" in result.output and "Not a directory" in result.output
