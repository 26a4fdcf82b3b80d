"""The settings of the voice profiles, ``[voices]`` (docs/voices.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from dragoman.config.types import Section, no_bool, secret

VOICES_PATHS: Final = ("store", "store_file", "key_file", "previous_key_file", "ecapa", "style")
"""Keys that may hold a path, meant from where the settings file is."""


class VoicesSettings(Section):
    """Where voice profiles are kept, and what listens to voices. Without ``store`` everybody has a neutral voice."""

    store_file: Path | None = None
    """File that holds ``store``, instead of it: for a URL with a password."""
    store: SecretStr | None = Field(default=None, validate_default=True)
    """Path of a SQLite file, or ``postgresql://user@host/name`` where several daemons share profiles."""
    key_file: Path | None = None
    """File that holds the key, instead of ``key``."""
    key: SecretStr | None = Field(default=None, validate_default=True)
    """Encrypts what is stored: 32 bytes in hexadecimal or base64. What was stored before is then encrypted too."""
    previous_key_file: Path | None = None
    """File that holds the key until now, instead of ``previous_key``."""
    previous_key: SecretStr | None = Field(default=None, validate_default=True)
    """The key until now, at the one start that changes it."""
    cache_mb: Annotated[int, BeforeValidator(no_bool), Field(ge=1, le=65_536)] = 128
    """MB of profiles kept in memory: a profile of ten clips takes 1.4."""
    ecapa: Path | None = None
    """Folder with the public ECAPA weights (speechbrain/spkrec-ecapa-voxceleb)."""
    style: Path | None = None
    """File of a style encoder of your own (dragoman voices train-style); the one that ships when not set."""
    follow_style: bool = True
    """Whether a voice follows how its owner speaks just now; else it always sounds as in all of his clips together."""
    device: str = Field(default="cpu", pattern=r"^(cpu|cuda(:[0-9]+)?)$")
    """Where ECAPA runs."""
    small_identity: bool = True
    """Whether the identity encoder that ships stands in where ``ecapa`` is not set; it only knows synthetic voices."""

    @field_validator("store", mode="before")
    @classmethod
    def _store(cls, value: object, info: ValidationInfo) -> object:
        return secret(value, info, key="store")

    @field_validator("key", mode="before")
    @classmethod
    def _key(cls, value: object, info: ValidationInfo) -> object:
        return secret(value, info, key="key")

    @field_validator("previous_key", mode="before")
    @classmethod
    def _previous_key(cls, value: object, info: ValidationInfo) -> object:
        return secret(value, info, key="previous_key")
