"""The settings' table ``[trace]``."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from yarl import URL

from dragoman.config.types import Section, secret


class TraceSettings(Section):
    """Where traces of single clauses go; the last ones of each room can be asked of the daemon without any of it."""

    otlp_url: str | None = None
    """An OpenTelemetry collector's address for traces, ``http://127.0.0.1:4318/v1/traces``; not set: nothing is sent.
    It needs ``pip install 'dragoman[otel]'``."""
    otlp_token_file: Path | None = None
    """File that holds ``otlp_token``."""
    otlp_token: SecretStr | None = Field(default=None, validate_default=True)
    """Sent to it as ``Authorization: Bearer``."""

    @field_validator("otlp_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            url = URL(value)
            good = url.scheme in ("http", "https") and bool(url.host) and url.user is None and url.password is None
        except ValueError:
            good = False
        if not good:
            raise ValueError("should be a URL such as http://127.0.0.1:4318/v1/traces, without user and password")
        return value

    @field_validator("otlp_token", mode="before")
    @classmethod
    def _token(cls, value: object, info: ValidationInfo) -> object:
        return secret(value, info, key="otlp_token")
