"""The settings of the administration, ``[admin]``, and of who is admitted, ``[admission]`` (docs/admin.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from dragoman.config.types import Section, no_bool, secret

ADMIN_PATHS: Final = ("store", "store_file", "key_file")
"""Keys that may hold a path, meant from where the settings file is."""

Count = Annotated[int, BeforeValidator(no_bool), Field(ge=0, le=100_000)]
Price = Annotated[float, BeforeValidator(no_bool), Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class AdminSettings(Section):
    """Where rooms, tokens, transcripts and the audit log are kept, and how often one may ask."""

    store_file: Path | None = None
    """File that holds ``store``, instead of it: for a URL with a password."""
    store: SecretStr | None = Field(default=None, validate_default=True)
    """Path of a SQLite file, or ``postgresql://user@host/name``. Without one nothing of it can be set over REST."""
    key_file: Path | None = None
    """File that holds the key, instead of ``key``."""
    key: SecretStr | None = Field(default=None, validate_default=True)
    """Encrypts PINs, glossaries and transcripts: 32 bytes in hexadecimal or base64; from the first start on."""
    requests_per_minute: Annotated[int, BeforeValidator(no_bool), Field(ge=1, le=1_000_000)] = 1200
    """Of one token. Who uses the interface without a token, from this host, is not counted."""
    guesses_per_minute: Annotated[int, BeforeValidator(no_bool), Field(ge=1, le=10_000)] = 10
    """Wrong tokens, or wrong PINs, from one address."""

    @field_validator("store", mode="before")
    @classmethod
    def _store(cls, value: object, info: ValidationInfo) -> object:
        return secret(value, info, key="store")

    @field_validator("key", mode="before")
    @classmethod
    def _key(cls, value: object, info: ValidationInfo) -> object:
        return secret(value, info, key="key")


class AdmissionSettings(Section):
    """How much is taken on; beyond it a caller is told so and not let in. 0: as much as comes."""

    legs: Count = 0
    """People in rooms at once."""
    rooms: Count = 0
    """Rooms at once: who dials one more is refused, who dials one of them is not."""
    cost_per_hour: Price = 0.0
    """What may be spent on engines in an hour before no new room begins, in the currency of the prices."""
    asr_minute: Price = 0.0
    """What a minute of recognized speech costs."""
    mt_thousand: Price = 0.0
    """What a thousand characters to translate cost."""
    tts_thousand: Price = 0.0
    """What a thousand characters to speak cost."""
