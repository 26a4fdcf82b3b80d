"""Values are unreadable without the key, bound to their place, and never the same twice; a bad key is refused early."""

from __future__ import annotations

import base64
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from dragoman.errors import ConfigError, StoreLocked
from dragoman.vault import KeyVault, OpenVault, parse_key, vault

KEY = KeyVault(SecretStr("5b" * 32), "voices")
OTHER = KeyVault(SecretStr("5c" * 32), "voices")


@given(st.binary(max_size=200), st.text(max_size=20))
def test_what_is_sealed_is_opened_only_with_the_key_and_in_its_place(value: bytes, place: str) -> None:
    sealed = KEY.seal(value, place)
    assert KEY.open(sealed, place) == value
    assert KEY.seal(value, place) != sealed
    for vault_, where in ((OTHER, place), (KEY, place + "x"), (OpenVault("voices"), place)):
        with pytest.raises(StoreLocked):
            vault_.open(sealed, where)


@given(st.binary(min_size=1, max_size=100), st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_value_is_noticed(value: bytes, at: int, flip: int) -> None:
    sealed = bytearray(KEY.seal(value, "here"))
    sealed[at % len(sealed)] ^= flip
    with pytest.raises(StoreLocked):
        KEY.open(bytes(sealed), "here")


@given(st.binary(max_size=40))
def test_junk_is_not_opened(junk: bytes) -> None:
    for each in (KEY, OpenVault("voices")):
        if not junk.startswith(b"DV0"):
            with pytest.raises(StoreLocked):
                each.open(junk, "here")


def test_names_are_stable_and_keyed() -> None:
    assert KEY.name("+34600123456") == KEY.name("+34600123456") != OTHER.name("+34600123456")
    assert "34600" not in KEY.name("+34600123456")
    assert KEY.fingerprint != OTHER.fingerprint and vault(None, "voices").fingerprint == ""


@pytest.mark.parametrize(
    "text", ["5b" * 32, base64.b64encode(bytes(32)).decode(), base64.urlsafe_b64encode(b"\xff" * 32).decode()]
)
def test_keys(text: str) -> None:
    assert len(parse_key(SecretStr(text + "\n"), "voices")) == 32


@pytest.mark.parametrize("text", ["", "hunter2", "5b" * 31, "zz" * 32, base64.b64encode(bytes(31)).decode(), "é" * 64])
def test_what_is_no_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ConfigError, match=r"admin\.key .*openssl rand -hex 32") as caught:
        parse_key(SecretStr(text), "admin")
    assert not text or text not in str(caught.value)


def test_what_is_missing_is_named_by_its_own_table(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreLocked, match=r"set admin\.key or admin\.key_file"):
        vault(None, "admin").open(KEY.seal(b"x", "here"), "here")
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(StoreLocked, match=r'admin\.key needs .* pip install "dragoman\[admin\]"'):
        vault(SecretStr("5b" * 32), "admin")
