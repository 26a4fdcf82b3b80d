"""Settings: what is read from where, what is said of every mistake, and that the example file is true."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from dragoman import config
from dragoman.config import Settings, load
from dragoman.config.errors import key_lines
from dragoman.engines import registry
from dragoman.errors import ConfigError
from dragoman.pipeline.options import PipelineOptions

EXAMPLE = Path(__file__).parents[2] / "config" / "dragoman.toml"


def read(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> Settings:
    file = tmp_path / "dragoman.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, environ or {})


def test_the_example_equals_the_defaults() -> None:
    assert load(EXAMPLE, {}) == Settings()


def uncommented() -> str:
    """The example with all that stands in it as a comment in force: keys without a default, and tables of engines."""
    return re.sub(r"^# (\w+ = |\[)", r"\1", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def keys_of(section: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of the keys of a section, and of the sections within it."""
    for key, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from keys_of(inner, (*path, key))
        else:
            yield (*path, key)


def test_the_example_names_every_key_and_no_other() -> None:
    named = set(key_lines(uncommented()))
    sections = {path[:depth] for path in keys_of(Settings) for depth in range(1, len(path))}
    free = tuple(("engines", name) for name in ("languages", "pairs", "options"))
    assert {path for path in named if path[:2] not in free} - sections == set(keys_of(Settings)) - set(free)
    assert set(free) <= named


def test_what_the_example_shows_of_engines_is_right() -> None:
    shown = tomllib.loads(uncommented())["engines"]
    assert shown["languages"] and shown["pairs"] and len(shown["options"]) > 5
    for name, table in shown["options"].items():
        # No such key lies here, but a key without a file reads as any option does.
        options = {key.removesuffix("_file"): value for key, value in table.items()}
        assert registry.build_one(name, options).info.name == name
    del shown["cache"]["redis_url_file"]  # the other way to give redis_url
    config.validate({"engines": shown}, {})  # languages, pairs and the engines they name


def test_a_key_file_of_an_engine_is_meant_from_where_the_settings_are(tmp_path: Path) -> None:
    text = "[engines.options.deepgram]\napi_key_file = 'key'\n[engines.options.deepl]\nauth_key_file = '/etc/key'"
    options = read(tmp_path, text).engines.options
    assert options["deepgram"]["api_key_file"] == str(tmp_path / "key")
    assert options["deepl"]["auth_key_file"] == "/etc/key"


def test_how_hastily_the_pipeline_works_is_a_setting(tmp_path: Path) -> None:
    assert config.Settings().pipeline.options == PipelineOptions()
    file = tmp_path / "slow.toml"
    file.write_text("[pipeline]\nspeculate = false\nmode = 'sentence'\nfinalize_after_ms = 0")
    assert load(file).pipeline.options == PipelineOptions(speculate=False, by_clause=False, finalize_after_ms=0)


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a settings file, which is the working directory and which this user may not look into."""
    if os.geteuid() != 0:
        pytest.skip("becoming another user takes root")
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    (folder / "dragoman.toml").write_text("[http]\nport = 8701", encoding="utf-8")
    monkeypatch.chdir(folder)
    os.seteuid(65534)
    try:
        yield folder
    finally:
        os.seteuid(0)


def test_a_working_directory_that_is_closed_to_us_has_no_file_for_us(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config.settings, "SYSTEM_FILE", Path("/nonesuch/dragoman.toml"))
    assert load(environ={}) == Settings()


def test_a_named_file_that_is_closed_to_us_is_named(closed: Path) -> None:
    with pytest.raises(ConfigError, match=r"dragoman\.toml: this user may not look into its folder"):
        load(closed / "dragoman.toml", {})


def test_no_file_gives_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config.settings, "SYSTEM_FILE", tmp_path / "nonesuch.toml")
    assert load(None, {}) == Settings()


def test_files_are_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["named", "environment", "here", "system"]
    files = {name: tmp_path / f"{name}.toml" for name in names}
    files["here"] = tmp_path / "dragoman.toml"
    for port, name in enumerate(names, start=8000):
        files[name].write_text(f"[http]\nport = {port}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config.settings, "SYSTEM_FILE", files["system"])
    environ = {"DRAGOMAN_CONFIG": str(files["environment"])}
    assert load(files["named"], environ).http.port == 8000
    assert load(None, environ).http.port == 8001
    assert load(None, {}).http.port == 8002
    files["here"].unlink()
    assert load(None, {}).http.port == 8003


def test_the_environment_stands_over_the_file(tmp_path: Path) -> None:
    environ = {
        "DRAGOMAN_HTTP__PORT": "9000",
        "DRAGOMAN_ROOMS__LANGUAGES": "ca, en",
        "DRAGOMAN_ENGINES__RECOGNIZERS": '["scripted"]',
        "DRAGOMAN_ENGINES__OPTIONS__ESPEAK__RATE": "170",
        "DRAGOMAN_ENGINES__OPTIONS__ESPEAK__VOICE": "robosoft",
        "UNRELATED": "x",
        "DRAGOMAN_HOME": "/not/a/setting",
    }
    settings = read(tmp_path, '[http]\nport = 1\nbind = "::1"\n[engines.options.espeak]\nrate = 1\npitch = 2', environ)
    assert (settings.http.port, settings.http.bind) == (9000, "::1")
    assert settings.rooms.languages == ("ca", "en")
    assert settings.engines.recognizers == ("scripted",)
    assert settings.engines.options == {"espeak": {"rate": 170, "pitch": 2, "voice": "robosoft"}}


def test_engines_of_a_language_and_of_a_pair(tmp_path: Path) -> None:
    text = """
        [engines.languages.vi]
        recognizers = ["phowhisper", "pocketsphinx"]
        [engines.pairs.en-vi]
        translators = ["deepl", "apertium"]
        [engines.options.phowhisper]
        folder = "x"
    """
    environ = {
        "DRAGOMAN_ENGINES__LANGUAGES__VI__SYNTHESIZERS": "edge,espeak",
        "DRAGOMAN_ENGINES__PAIRS": '{"vi-en": {"translators": ["nllb"]}}',
        "DRAGOMAN_ENGINES__OPTIONS__EDGE__RATE": "1",
    }
    engines = read(tmp_path, text, environ).engines
    assert engines.languages["vi"].recognizers == ("phowhisper", "pocketsphinx")
    assert engines.languages["vi"].synthesizers == ("edge", "espeak")
    assert {pair: own.translators for pair, own in engines.pairs.items()} == {
        "en-vi": ("deepl", "apertium"),
        "vi-en": ("nllb",),
    }
    assert set(engines.options) == {"phowhisper", "edge"}


def test_the_process_environment_is_read_when_none_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DRAGOMAN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DRAGOMAN_LOG__LEVEL", "debug")
    (tmp_path / "empty.toml").touch()
    assert load(tmp_path / "empty.toml").log.level == "debug"
    assert Settings().log.level == "info"  # only load looks around


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().http.port = 1  # type: ignore[misc]


BAD = {
    "unknown key": ("[http]\nprt = 1", ["http.prt", ":2", "unknown key", "did you mean port?"]),
    "unknown section": ("[asterix]\nurl = 'x'", ["asterix", ":1", "unknown section", "did you mean asterisk?"]),
    "unlike any key": ("[log]\nxyzzy = 1", ["log.xyzzy", "known are format, level, transcripts"]),
    "section is a value": ("http = 3", ["http", ":1", "should be a table of keys", "an integer"]),
    "port is text": ("[http]\n\n# hm\nport = 'abc'", ["http.port", ":4", "valid integer", "it is a string"]),
    "port is a boolean": ("[http]\nport = true", ["http.port", "should be a number"]),
    "port is too large": ("[media]\nport = 65536", ["media.port", "65535"]),
    "vad is unknown": ("[media]\nvad = 'webrtc'", ["media.vad", "'silero', 'energy' or 'none'"]),
    "media on a name": ("[media]\nbind = 'localhost'", ["media.bind", "IPv4 address"]),
    "media on all addresses": ("[media]\nbind = '0.0.0.0'", ["media", ":1", "needs advertise"]),
    "gain above 0": ("[media]\nfloor_db = 3", ["media.floor_db", "less than or equal to 0"]),
    "hangover too short": ("[media]\nhangover_ms = 20", ["media.hangover_ms", "greater than or equal to 100"]),
    "final too late": ("[pipeline]\nfinalize_after_ms = 2001", ["pipeline.finalize_after_ms", "less than or equal to"]),
    "no such mode": ("[pipeline]\nmode = 'word'", ["pipeline.mode", "'clause' or 'sentence'"]),
    "unknown language": ("[rooms]\nlanguages = ['en', 'xx']", ["rooms.languages", ":2", "'xx' unknown", "en, es, ca"]),
    "no language": ("[rooms]\nlanguages = []", ["rooms.languages", "at least 1"]),
    "language twice": ("[rooms]\nlanguages = ['en', 'en']", ["rooms.languages", "named twice: en"]),
    "pin is a number": ("[rooms]\npin = 4711", ["rooms.pin", "a string, in quotes", "an integer"]),
    "pin is too long": ("[rooms]\npin = '1234567890123'", ["rooms.pin", "3 to 12 digits"]),
    "pin has letters": ("[rooms]\npin = '47a1'", ["rooms.pin", "3 to 12 digits"]),
    "engine name": ("[engines]\nrecognizers = ['No Such']", ["engines.recognizers[0]", "package.module:Class"]),
    "one engine as text": ("[engines]\nsynthesizers = ''", ["engines.synthesizers", "at least 1"]),
    "options of no engine": ("[engines.options.esspeak]\na = 1", ["engines.options", "'esspeak'", "mean espeak?"]),
    "options not a table": ("[engines.options]\nespeak = 1", ["engines.options.espeak", ":2", "should be a table"]),
    "engines of no language": (
        "[engines.languages.en-vi]\nrecognizers = ['espeak']",
        ["languages.en-vi", "no language"],
    ),
    "engines of a language": ("[engines.languages.vo]\nsynthesizers = ['x']", ["'vo' is no language", "en", ":1"]),
    "translators of a language": (
        "[engines.languages.vi]\ntranslators = ['x']",
        ["engines.languages.vi.translators", ":2", "unknown key; known are recognizers, synthesizers"],
    ),
    "engine name of a language": (
        "[engines.languages.vi]\nrecognizers = ['No Such']",
        ["engines.languages.vi.recognizers[0]", ":2", "package.module:Class"],
    ),
    "pair of one": ("[engines.pairs.vi]\ntranslators = ['x']", ["'vi' should be a pair", "such as en-vi"]),
    "pair with itself": ("[engines.pairs.en-en]\ntranslators = ['x']", ["'en-en'", "two languages"]),
    "pair of no language": ("[engines.pairs.en-vo]\ntranslators = ['x']", ["'vo' is no language"]),
    "pair without translators": ("[engines.pairs.en-vi]", ["engines.pairs.en-vi.translators", ":1", "required"]),
    "pair is a list": ("[engines.pairs]\nen-vi = ['x']", ["engines.pairs.en-vi", ":2", "should be a table"]),
    "url without scheme": ("[asterisk]\nurl = '127.0.0.1:8088'", ["asterisk.url", "http://127.0.0.1:8088"]),
    "url with password": ("[asterisk]\nurl = 'http://a:b@h'", ["asterisk.url", "should not carry a user"]),
    "app with a slash": ("[asterisk]\napp = 'a/b'", ["asterisk.app", "pattern"]),
    "open without token": ("[http]\nbind = '0.0.0.0'", ["http", "token is required when bind is 0.0.0.0"]),
    "token too short": ("[http]\nbind = '0.0.0.0'\ntoken = 'abc'", ["http", "at least 16 characters"]),
    "token not sendable": ("[http]\ntoken = 'ä b'", ["http.token", "letters, digits"]),
    "bind is a name": ("[http]\nbind = 'example.org'", ["http.bind", "IP address"]),
    "secret twice": ("[http]\ntoken = 'a'\ntoken_file = 'b'", ["http.token", "token and token_file are both set"]),
    "secret file missing": ("[asterisk]\npassword_file = 'nope'", ["asterisk.password", "nope cannot be read"]),
    "log level": ("[log]\nlevel = 'loud'", ["log.level", "'debug', 'info', 'warning' or 'error'"]),
    "languages are a table": (
        "[rooms]\nlanguages = {en = 1}",
        ["rooms.languages", ":2", "should be a list", "a table"],
    ),
    "engines are a table": ("[engines]\ntranslators = {a = 1}", ["engines.translators", "should be a list", "a table"]),
    "language in a list": ("[rooms]\nlanguages = [['en']]", ["rooms.languages[0]", "a string, in quotes", "an array"]),
    "options are a list": ("[engines]\noptions = ['a']", ["engines.options", "should be a table", "an array"]),
    "section is a list": ("[[rooms]]\nnotice = true", ["rooms", "should be a table of keys", "an array"]),
    "redis is no URL": ("[engines.cache]\nredis_url = 'localhost'", ["engines.cache.redis_url", "redis://127.0.0.1"]),
    "key twice": ("[http]\nport = 1\nport = 2", ["is no TOML", "overwrite"]),
    "not TOML": ("[http\nport", ["dragoman.toml", "line 1"]),
}


@pytest.mark.parametrize("name", BAD)
def test_every_mistake_is_named_with_its_place_and_what_would_be_right(tmp_path: Path, name: str) -> None:
    text, parts = BAD[name]
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    message = str(caught.value)
    assert str(tmp_path / "dragoman.toml") in message
    for part in parts:
        assert part in message, message
    assert len(message.splitlines()) == 1


def test_all_mistakes_are_listed_at_once(tmp_path: Path) -> None:
    environ = {"DRAGOMAN_LOG__LEVEL": "loud", "DRAGOMAN_HTP__PORT": "1", "DRAGOMAN_HTTP__PRT": "1"}
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "[media]\nport = 'x'\n[rooms]\nnotice = 7\n", environ)
    lines = str(caught.value).splitlines()
    assert len(lines) == 5
    for start in (
        "media.port",
        "rooms.notice",
        "log.level (environment",
        "DRAGOMAN_HTP__PORT",
        "http.prt (environment",
    ):
        assert any(line.startswith(start) for line in lines), lines


@pytest.mark.parametrize(
    "environ",
    [
        {"DRAGOMAN_CONFIG": "/nonesuch/dragoman.toml"},
        {"DRAGOMAN_ROOMS": "{not json"},
        {"DRAGOMAN_ROOMS__LANGUAGES": "[not json"},
        {"DRAGOMAN_ROOMS__NOTICE": "perhaps"},
    ],
)
def test_mistakes_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"environment|DRAGOMAN_CONFIG"):
        load(None, environ)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("[http]\n# ñ".encode("latin-1"), r"dragoman\.toml:2: is not in UTF-8"),
        ("[http]\nport = 1".encode("utf-16"), r"dragoman\.toml:1: is not in UTF-8"),
        (b"[http]\nport = 1\x00", r"dragoman\.toml: is no TOML: .*line 2"),
    ],
)
def test_a_file_in_another_encoding_is_told_so(tmp_path: Path, data: bytes, says: str) -> None:
    (tmp_path / "dragoman.toml").write_bytes(data)
    with pytest.raises(ConfigError, match=says):
        load(tmp_path / "dragoman.toml", {})


def test_a_file_that_says_that_it_is_utf_8_is_read(tmp_path: Path) -> None:
    (tmp_path / "dragoman.toml").write_bytes("[http]\nport = 7001".encode("utf-8-sig"))
    assert load(tmp_path / "dragoman.toml", {}).http.port == 7001


def test_a_folder_is_no_settings_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a folder, not a settings file"):
        load(tmp_path, {})


def test_a_variable_with_one_underscore_is_told_the_right_name() -> None:
    environ = {"DRAGOMAN_HTTP_PORT": "8701", "DRAGOMAN_MUTED": "1", "DRAGOMAN_HTTP": "{}"}
    with pytest.raises(ConfigError) as caught:
        config.validate({}, environ)
    assert str(caught.value).startswith("DRAGOMAN_HTTP_PORT (environment): should be DRAGOMAN_HTTP__PORT")
    assert len(str(caught.value).splitlines()) == 1


def test_a_wrong_secret_is_not_in_the_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "[http]\ntoken = 'hunter2 hunter2'\n[rooms]\npin = 'hunter3'\n[asterisk]\npassword = 31337\n")
    assert "hunter" not in str(caught.value)
    assert "31337" not in str(caught.value)


def test_glossaries_are_meant_from_where_the_settings_are(tmp_path: Path) -> None:
    settings = read(tmp_path, '[glossary]\nsite = "site.tsv"\nfolder = "/srv/rooms"\n')
    assert settings.glossary.site == tmp_path / "site.tsv"
    assert settings.glossary.folder == Path("/srv/rooms")


def test_secrets_from_files_are_meant_from_where_the_settings_are(tmp_path: Path) -> None:
    (tmp_path / "ari").write_text("s3cret\n")
    settings = read(tmp_path, '[asterisk]\npassword_file = "ari"\n')
    assert settings.asterisk.require_password() == "s3cret"
    assert "s3cret" not in repr(settings)


def test_an_empty_secret_file_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    with pytest.raises(ConfigError, match=r"token_file .* is empty"):
        read(tmp_path, '[http]\ntoken_file = "token"\n')


def test_the_password_is_asked_for_only_when_it_is_needed() -> None:
    with pytest.raises(ConfigError, match="DRAGOMAN_ASTERISK__PASSWORD"):
        Settings().asterisk.require_password()


@pytest.mark.parametrize(
    ("bind", "loopback"), [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("::", False)]
)
def test_loopback(tmp_path: Path, bind: str, loopback: bool) -> None:
    settings = read(tmp_path, f'[http]\nbind = "{bind}"\ntoken = "{"a1" * 16}"\n')
    assert settings.http.loopback is loopback


def test_media_address_told_to_asterisk() -> None:
    assert Settings().media.advertised == "127.0.0.1"
    assert config.MediaSettings(bind="0.0.0.0", advertise="192.0.2.7").advertised == "192.0.2.7"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from([key for section in Settings.model_fields.values() for key in section.annotation.model_fields])  # type: ignore[union-attr]


@given(
    st.dictionaries(
        st.sampled_from(sorted(Settings.model_fields)) | st.text(max_size=8), st.dictionaries(keys, values) | values
    )
)
def test_any_table_is_settings_or_a_config_error(data: dict[str, Any]) -> None:
    try:
        config.validate(data, {})
    except ConfigError as error:
        assert str(error)


@given(st.text(max_size=200))
def test_line_numbers_of_any_text(text: str) -> None:
    count = len(text.splitlines())
    assert all(1 <= line <= count for line in key_lines(text).values())
