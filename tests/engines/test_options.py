"""Options: what each reader takes, and that a wrong value is named by its key and a secret never by its value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dragoman.engines.options import Options
from dragoman.errors import ConfigError


def options(**table: object) -> Options:
    return Options("toy", table)


def test_what_is_set_counts_and_what_is_not_set_is_the_default() -> None:
    reader = options(n=2, x=1, on=False, text="t", one="b", many=["c"], both={"es": "d"}, file="~/f")
    assert (reader.integer("n", 1, 0, 9), reader.integer("m", 1, 0, 9)) == (2, 1)
    assert (reader.number("x", 0.5, 0, 9), reader.number("y", 0.5, 0, 9)) == (1.0, 0.5)
    assert (reader.flag("on", True), reader.flag("off", True)) == (False, True)
    assert (reader.text("text", "u"), reader.text("none", "")) == ("t", "")
    assert (reader.choice("one", "a", ("a", "b")), reader.choice("other", "a", ("a", "b"))) == ("b", "a")
    assert (reader.strings("many", ("z",)), reader.strings("few", ("z",))) == (("c",), ("z",))
    assert (reader.table("both"), reader.table("neither")) == ({"es": "d"}, {})
    assert reader.path("file", "/srv") == Path.home() / "f"
    assert (reader.path("folder", "/srv"), reader.path("nothing", None)) == (Path("/srv"), None)
    reader.done()


WRONG: dict[str, tuple[object, Callable[[Options], object]]] = {
    "a number for a text": (1, lambda o: o.text("key", "")),
    "an empty text where one is needed": ("", lambda o: o.text("key", "x")),
    "true for a number": (True, lambda o: o.integer("key", 0, 0, 9)),
    "a fraction for a whole number": (0.5, lambda o: o.integer("key", 0, 0, 9)),
    "too much": (10, lambda o: o.integer("key", 0, 0, 9)),
    "too little": (-0.1, lambda o: o.number("key", 0, 0, 9)),
    "no number at all": (float("nan"), lambda o: o.number("key", 0, 0, 9)),
    "a text for a list": ("a", lambda o: o.strings("key", ())),
    "a list for a table": (["a"], lambda o: o.table("key")),
    "a table of numbers": ({"es": 1}, lambda o: o.table("key")),
    "another choice": ("c", lambda o: o.choice("key", "a", ("a", "b"))),
    "a list for a choice": (["a"], lambda o: o.choice("key", "a", ("a", "b"))),
    "1 for true": (1, lambda o: o.flag("key", False)),
    "an empty path": ("", lambda o: o.path("key", None)),
    "a number for a path": (3, lambda o: o.path("key", None)),
    "a number for a secret": (3, lambda o: o.secret("key", "TOY_KEY")),
    "a key that nobody asked for": ("x", lambda o: o.done()),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_named_by_its_key(name: str) -> None:
    value, read = WRONG[name]
    with pytest.raises(ConfigError, match=r"^engines\.options\.toy\.key: "):
        read(options(key=value))


def test_an_unknown_key_is_told_what_is_known() -> None:
    reader = options(colour="red")
    reader.text("color", "")
    with pytest.raises(ConfigError, match="unknown option; known: color"):
        reader.done()


def test_a_secret_comes_from_the_option_then_the_file_then_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def secret(**table: object) -> str | None:
        found = options(**table).secret("key", "TOY_KEY")
        assert "from" not in repr(found)
        return found.get_secret_value() if found else None

    file = tmp_path / "key"
    file.write_text("from-file\n")
    assert secret() is None
    monkeypatch.setenv("TOY_KEY", "from-environment")
    assert secret() == "from-environment"
    assert secret(key_file=str(file)) == "from-file"
    assert secret(key_file=str(file), key="from-option") == "from-option"
    with pytest.raises(ConfigError, match=r"key_file: .*nonesuch"):
        secret(key_file=str(tmp_path / "nonesuch"))
