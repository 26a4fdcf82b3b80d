"""The settings of the translation cache, ``[engines.cache]``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from dragoman.config.types import Section, no_bool, secret


class CacheSettings(Section):
    """Translations kept, of translators that cost money or a round trip."""

    entries: Annotated[int, BeforeValidator(no_bool), Field(ge=0, le=1_000_000)] = 20_000
    """Kept in this process, per translator; 0: none, and no Redis either."""
    redis_url_file: Path | None = None
    """File that holds ``redis_url``, instead of it: for a URL with a password."""
    redis_url: SecretStr | None = Field(default=None, validate_default=True)
    """A Redis where several daemons share them; it holds translated sentences in plain text."""
    ttl_s: Annotated[int, BeforeValidator(no_bool), Field(ge=1, le=31_536_000)] = 86_400
    """Seconds that Redis keeps one."""

    @field_validator("redis_url", mode="before")
    @classmethod
    def _redis_url(cls, value: object, info: ValidationInfo) -> object:
        return secret(value, info, key="redis_url")

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match(r"(rediss?://[^\s/]|unix:///)", value.get_secret_value()):
            raise ValueError("should be a URL such as redis://127.0.0.1:6379/0, rediss://… or unix:///run/redis.sock")
        return value
