"""The settings of the translation cache, ``[engines.cache]``."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr

from dragoman.config_types import Section, no_bool


class CacheSettings(Section):
    """Translations kept, of translators that cost money or a round trip."""

    entries: Annotated[int, BeforeValidator(no_bool), Field(ge=0, le=1_000_000)] = 20_000
    """Kept in this process, per translator; 0: none, and no Redis either."""
    redis_url: SecretStr | None = None
    """A Redis where several daemons share them; it holds translated sentences in plain text."""
    ttl_s: Annotated[int, BeforeValidator(no_bool), Field(ge=1, le=31_536_000)] = 86_400
    """Seconds that Redis keeps one."""
