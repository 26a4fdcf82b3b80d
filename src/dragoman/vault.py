"""Encryption at rest: AES-256-GCM over every value that says something of a person, with one key of the operator's.

Each value is bound to its place (table, profile, column), so that rows cannot be swapped by who can write to the
database. Caller ids are looked up by a keyed hash and kept encrypted beside it. What stays readable: random profile
ids, times, counts and lengths.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from typing import Final, Protocol

from pydantic import SecretStr

from dragoman.errors import ConfigError, StoreLocked

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
"""NIST SP 800-38D section 8.2.2: 96 random bits are good for 2^32 values under one key."""

PLAIN, SEALED = b"DV0", b"DV1"
"""First bytes of a value: how it is kept."""


class Vault(Protocol):
    """Turns values into what is stored, and back."""

    @property
    def fingerprint(self) -> str:
        """Tells keys apart without telling anything of them; empty: no encryption."""

    def seal(self, value: bytes, place: str) -> bytes:
        """``value`` as it is stored at ``place``."""

    def open(self, stored: bytes, place: str) -> bytes:
        """What was sealed for this place; raises StoreLocked when it was not, or with another key."""

    def name(self, text: str) -> str:
        """What ``text`` is looked up by."""


class OpenVault:
    """No encryption: values are stored as they are."""

    fingerprint = ""

    def __init__(self, table: str) -> None:
        """``table``: of the settings, in which a key could stand."""
        self._table = table

    def seal(self, value: bytes, place: str) -> bytes:
        """See Vault."""
        return PLAIN + value

    def open(self, stored: bytes, place: str) -> bytes:
        """See Vault."""
        if not stored.startswith(PLAIN):
            raise StoreLocked(f"{place} is encrypted: set {self._table}.key or {self._table}.key_file")
        return stored[len(PLAIN) :]

    def name(self, text: str) -> str:
        """See Vault."""
        return text


class KeyVault:
    """With a key."""

    def __init__(self, key: SecretStr, table: str) -> None:
        """``key``: 32 bytes in hexadecimal or base64 (``openssl rand -hex 32``), of this table of the settings.

        Raises:
            ConfigError: it is none.
            StoreLocked: the package is missing.
        """
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError:
            raise StoreLocked(
                f'{table}.key needs the Python package cryptography, which is missing: pip install "dragoman[{table}]"'
            ) from None
        secret = parse_key(key, table)
        self._aead = AESGCM(_derive(secret, b"values"))
        self._names = _derive(secret, b"names")
        self.fingerprint = _derive(secret, b"fingerprint").hex()[:16]

    def seal(self, value: bytes, place: str) -> bytes:
        """See Vault."""
        nonce = os.urandom(NONCE_BYTES)
        return SEALED + nonce + self._aead.encrypt(nonce, value, place.encode())

    def open(self, stored: bytes, place: str) -> bytes:
        """See Vault."""
        from cryptography.exceptions import InvalidTag

        start = len(SEALED) + NONCE_BYTES
        if not stored.startswith(SEALED) or len(stored) < start:
            raise StoreLocked(f"{place} is not encrypted, or damaged")
        try:
            return self._aead.decrypt(stored[len(SEALED) : start], stored[start:], place.encode())
        except InvalidTag:
            raise StoreLocked(f"{place} was encrypted with another key, or changed by somebody") from None

    def name(self, text: str) -> str:
        """See Vault."""
        return hmac.new(self._names, text.encode(), hashlib.sha256).hexdigest()


def parse_key(key: SecretStr, table: str) -> bytes:
    """The 32 bytes of a key in hexadecimal or base64; the error never holds any of it.

    Raises:
        ConfigError: it is none.
    """
    text = key.get_secret_value().strip()
    if re.fullmatch(r"[0-9A-Fa-f]{64}", text, re.ASCII):
        return bytes.fromhex(text)
    try:
        secret = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise ConfigError(f"{table}.key should be 32 bytes in hexadecimal or base64: openssl rand -hex 32 makes one")
    return secret


def vault(key: SecretStr | None, table: str) -> Vault:
    """The vault of the key of this table of the settings; without one nothing is encrypted."""
    return OpenVault(table) if key is None else KeyVault(key, table)


def _derive(secret: bytes, purpose: bytes) -> bytes:
    """A key of its own per purpose: HKDF-Expand (RFC 5869, section 2.3) of a secret that is random already."""
    return hmac.new(secret, b"dragoman voices 1 " + purpose + b"\x01", hashlib.sha256).digest()
