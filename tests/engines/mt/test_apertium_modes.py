from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.engines.mt.apertium_modes import MODES, Mode, installed, packages, route, stages


def modes(*pairs: str) -> list[Mode]:
    return [Mode(*pair.split("-"), Path(pair)) for pair in pairs]


@pytest.mark.parametrize(
    ("pairs", "source", "target", "way"),
    [
        (["en-es", "es-fr"], "en", "es", ["en-es"]),
        (["en-es", "es-fr"], "en", "fr", ["en-es", "es-fr"]),
        (["en-ca", "ca-fr", "en-es", "es-fr"], "en", "fr", ["en-es", "es-fr"]),  # Spanish before Catalan
        (["en-ca", "ca-fr", "en-es"], "en", "fr", ["en-ca", "ca-fr"]),
        (["en-es", "es-ca", "ca-oc"], "en", "oc", None),  # three steps lose the meaning
        ([], "en", "es", None),
    ],
)
def test_route(pairs: list[str], source: str, target: str, way: list[str] | None) -> None:
    found = route(modes(*pairs), source, target)
    assert (None if found is None else [str(mode.path) for mode in found]) == way


def test_installed_reads_both_kinds_of_codes(tmp_path: Path) -> None:
    for name in ("eng-spa.mode", "es-fr.mode", "eng-cat_valencia.mode", "eco-es-fr.mode", "xxx-yyy.mode", "README"):
        (tmp_path / name).write_text("")
    assert [(mode.source, mode.target) for mode in installed(tmp_path)] == [("en", "es"), ("es", "fr")]
    assert installed(tmp_path / "nothing") == ()


def test_packages() -> None:
    assert packages("en", "es") == ("apertium-eng-spa",)
    assert packages("en", "fr") == ("apertium-eng-spa", "apertium-fr-es")
    assert packages("en", "ja") == ()


def test_stages() -> None:
    mode = "#!/bin/sh\nlt-proc '/a b/c.bin' | apertium-tagger -g $2 '/x.prob' | lt-proc $1 '/y.bin'\n"
    assert stages(mode) == [
        ["lt-proc", "-z", "/a b/c.bin"],
        ["apertium-tagger", "-z", "-g", "/x.prob"],
        ["lt-proc", "-z", "-n", "/y.bin"],
    ]
    with pytest.raises(ValueError, match="cannot keep 'sed s/a/b/' running"):
        stages("lt-proc x | sed s/a/b/")


@pytest.mark.parametrize("mode", installed(), ids=lambda mode: mode.path.stem)
def test_every_installed_mode_can_be_kept_running(mode: Mode) -> None:
    assert len(stages((MODES / mode.path.name).read_text())) > 3
