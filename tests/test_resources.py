from __future__ import annotations

from pathlib import Path

import pytest

from dragoman import resources
from dragoman.errors import ConfigError
from dragoman.resources import shared


@pytest.mark.parametrize("name", ["config/demo.toml", "config/phrases.tsv", "asterisk/extensions_dragoman.conf"])
def test_what_is_shipped_is_found(name: str) -> None:
    assert shared(name).is_file()


def test_the_installed_copy_counts_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "packages" / "dragoman"
    (package / "_share" / "asterisk").mkdir(parents=True)
    (tmp_path / "site" / "asterisk").mkdir()
    monkeypatch.setattr(resources, "_PACKAGE", package)
    assert shared("asterisk") == package / "_share" / "asterisk"
    (package / "_share" / "asterisk").rmdir()
    assert shared("asterisk") == tmp_path / "site" / "asterisk"


def test_what_is_missing_is_named_with_its_places() -> None:
    with pytest.raises(ConfigError, match=r"config/no\.toml is missing: neither .*_share/config/no\.toml nor "):
        shared("config/no.toml")
