from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.demo.scenario import load
from dragoman.errors import ConfigError

GOOD = """
room = "1000"
[[people]]
name = "Ann"
language = "en"
voice = "flite:slt"
[[people]]
name = "Pia"
language = "es"
voice = "espeak:es+f2"
[[people]]
name = "Jordi"
language = "ca"
dial = "1000*376"
[[turns]]
speaker = "Ann"
text = "Good morning."
[[turns]]
speaker = "Pia"
text = "Hola."
start = "over"
over_s = 0.5
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "demo.toml"


def test_the_script_that_comes_with_it_is_right() -> None:
    scenario = load(Path(__file__).parents[2] / "config" / "demo.toml")
    engines = {person.voice.split(":")[0] for person in scenario.people if person.voice}
    assert engines == {"flite", "espeak"}
    assert any(turn.start == "over" for turn in scenario.turns)
    assert any(person.voice is None for person in scenario.people)


def test_a_good_script(script: Path) -> None:
    script.write_text(GOOD)
    scenario = load(script)
    assert scenario.languages == ("en", "es", "ca")
    assert [person.name for person in scenario.speakers] == ["Ann", "Pia"]
    assert [person.number("1000") for person in scenario.people] == ["1000*44", "1000*34", "1000*376"]


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ('language = "es"', 'language = "xx"', "people[1].language: 'xx' is not known"),
        ('language = "es"', 'langauge = "es"', "people[1].langauge: unknown key; did you mean language?"),
        ('room = "1000"', 'rooom = "1000"', "rooom: unknown key; did you mean room?"),
        ('room = "1000"', 'room = "main"', "room: 'main'"),
        ("flite:slt", "slt", "people[0].voice: voice 'slt': want flite:NAME"),
        ("espeak:es+f2", "flite:rms", "people[1]: voice flite:rms speaks English only"),
        ('name = "Pia"', 'name = "Ann"', "people: two are called 'Ann'"),
        ('speaker = "Pia"', 'speaker = "Pía"', "turns[1].speaker: nobody is called 'Pía'; did you mean Pia?"),
        ('speaker = "Pia"', 'speaker = "Jordi"', "turns[1].speaker: Jordi has no voice"),
        ('speaker = "Pia"', 'speaker = "Ann"', "turns[1].start: Ann cannot speak over himself"),
        ('text = "Hola."', 'text = "..."', "turns[1].text: says nothing"),
        ('start = "over"', 'start = "before"', "turns[1].start: Input should be 'after' or 'over'"),
        ('text = "Good morning."', 'text = "Hi."\nstart = "over"', "turns[0].start: the first turn cannot be over"),
        ("over_s = 0.5", "over_s = -1", "turns[1].over_s: Input should be greater than"),
        ('room = "1000"', "room = ", "Invalid value"),
    ],
)
def test_what_is_wrong_is_named(script: Path, right: str, wrong: str, message: str) -> None:
    assert right in GOOD
    script.write_text(GOOD.replace(right, wrong, 1))
    with pytest.raises(ConfigError) as caught:
        load(script)
    assert str(caught.value).startswith(str(script))
    assert message in str(caught.value)


def test_a_meeting_in_one_language_is_refused(script: Path) -> None:
    script.write_text(GOOD.replace('"es"', '"en"').replace('"ca"', '"en"'))
    with pytest.raises(ConfigError, match="nothing to interpret"):
        load(script)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        load(tmp_path / "nowhere.toml")
