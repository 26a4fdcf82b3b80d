from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import ConfigError, PbxError
from dragoman.languages import LANGUAGES
from dragoman.resources import shared
from dragoman.telephony.pbx.templates import (
    Site,
    language_extensions,
    language_globals,
    render,
    site_values,
    write_config,
)

VALUES = {
    **site_values(Site(languages=("en", "es", "ca"), pin="4711"), "/prompts"),
    "jitter_buffer": "yes",
    "run_dir": "/run/x",
    "sip_port": "5060",
    "http_port": "8088",
    "rtp_start": "10000",
    "rtp_end": "10199",
    "ari_password": "s3cret",
}


def test_every_template_is_filled_and_keeps_what_is_asterisks_own(tmp_path: Path) -> None:
    write_config(tmp_path, VALUES)
    written = {path.name: path.read_text() for path in tmp_path.glob("*.conf")}
    assert {path.name for path in shared("asterisk").glob("*.conf")} <= set(written)
    assert not [name for name, text in written.items() if "%{" in text]
    assert "password = s3cret" in written["ari.conf"]
    assert "DRAGOMAN_PIN=4711" in written["extensions.conf"]
    assert "${CONFBRIDGE_RESULT}" in written["extensions_dragoman.conf"]
    assert "dateformat = %F %T.%3q" in written["logger.conf"]


def test_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    write_config(tmp_path, VALUES)
    assert (tmp_path / "ari.conf").stat().st_mode & 0o077 == 0
    assert (tmp_path / "extensions.conf").stat().st_mode & 0o077 == 0
    (tmp_path / "ari.conf").chmod(0o644)
    write_config(tmp_path, VALUES)
    assert (tmp_path / "ari.conf").stat().st_mode & 0o777 == 0o600


def test_a_missing_value_and_a_stray_percent_are_named() -> None:
    with pytest.raises(PbxError, match=r"x\.conf: no value for %\{who\}"):
        render("a = %{who}", {}, name="x.conf")
    with pytest.raises(PbxError, match=r"x\.conf: .*line 2"):
        render("a\nb % c", {}, name="x.conf")


@given(st.text())
def test_rendering_any_text_gives_it_back_or_names_the_file(text: str) -> None:
    assert render(text.replace("%", "%%"), {}, name="x.conf") == text
    try:
        render(text, {}, name="x.conf")
    except PbxError as error:
        assert "x.conf" in str(error)


def test_the_menu_speaks_every_language_in_its_own_tongue_in_the_order_of_the_keys() -> None:
    lines = language_globals(["ca", "en"], "/p").splitlines()
    assert lines == ["DRAGOMAN_MENU=/p/ca/choose&/p/en/choose", "DRAGOMAN_KEY_1=ca", "DRAGOMAN_KEY_2=en"]


def test_the_menu_has_no_more_languages_than_keys_but_all_can_be_dialled() -> None:
    codes = list(LANGUAGES)
    assert len(codes) > 9
    assert language_globals(codes, "/p").count("DRAGOMAN_KEY_") == 9
    assert language_extensions(codes, "1XXX").count("exten => _1XXX*") == len(codes)


def test_rooms_are_matched_by_digits_and_filtered() -> None:
    """Every extension is a closed pattern, and nothing dialled is used but through FILTER."""
    text = language_extensions(["es"], "1XXX")
    assert re.findall(r"exten => (\S+?),", text) == ["_1XXX", "_1XXX*34"]
    assert text.count("EXTEN") == text.count("FILTER(0-9,") == 2


def test_no_two_languages_are_dialled_alike() -> None:
    dialled = [language.calling_code for language in LANGUAGES.values()]
    assert len(set(dialled)) == len(dialled)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"languages": ("en", "xx")}, "xx"),
        ({"languages": ()}, "at least one"),
        ({"languages": ("en", "en")}, "each once"),
        ({"rooms": "1XXX,1,System(id)"}, "pattern"),
        ({"rooms": "_1."}, "pattern"),
        ({"rooms": ""}, "pattern"),
        ({"pin": ""}, "digits"),
        ({"pin": "12\n[globals]"}, "digits"),
    ],
)
def test_a_site_that_would_be_no_dialplan_is_refused(settings: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        Site(**settings)  # type: ignore[arg-type]


def test_a_wrong_pin_is_not_repeated_in_the_error() -> None:
    with pytest.raises(ConfigError) as caught:
        Site(pin="12x45")
    assert "12x45" not in str(caught.value)
