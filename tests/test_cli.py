from __future__ import annotations

import sys

import pytest
from typer.testing import CliRunner

from dragoman.cli import app


@pytest.mark.parametrize("package", ["matplotlib", "soundfile", "scipy"])
def test_the_demo_without_its_extra_says_what_to_install(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("dragoman.demo", package))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)  # its import fails as if it were not there
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 1
    assert f"the demo needs {package}" in result.output
    assert 'pip install "dragoman[demo]"' in result.output
