"""The settings: one TOML file, environment variables over it, everything checked before anything starts.

The file is the one named, else ``$DRAGOMAN_CONFIG``, else ``./dragoman.toml``, else ``/etc/dragoman/dragoman.toml``,
else none. ``DRAGOMAN_HTTP__PORT=8701`` in the environment stands over ``port`` in ``[http]``; lists are written
``en,es`` or as JSON. ``config/dragoman.toml`` names every key with its default.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)
from yarl import URL

from dragoman.config.admin import AdminSettings, AdmissionSettings
from dragoman.config.engines import EnginesSettings
from dragoman.config.errors import explain, key_lines, suggest
from dragoman.config.glossary import GlossarySettings
from dragoman.config.pipeline import PipelineSettings
from dragoman.config.sources import decoded, merge, read_file
from dragoman.config.trace import TraceSettings
from dragoman.config.types import Ipv4, Port, Section, no_bool, secret, split_list, unique
from dragoman.config.voices import VoicesSettings
from dragoman.errors import ConfigError
from dragoman.languages import LANGUAGES
from dragoman.pin import RULE, is_pin

ENV_PREFIX = "DRAGOMAN_"
ENV_DELIMITER = "__"
ENV_CONFIG = "DRAGOMAN_CONFIG"
SYSTEM_FILE = Path("/etc/dragoman/dragoman.toml")
MENU_KEYS = 9
"""Digits 1 to 9 of the language menu; 0 is the prompt's "hear this again"."""
TOKEN_LENGTH = 16
"""Least length of a bearer token that guards an address others can reach: 16 hex digits are 64 bits."""


class AsteriskSettings(Section):
    """Where Asterisk's REST interface (ARI) is, and who we are to it (``ari.conf``)."""

    url: str = "http://127.0.0.1:8088"
    """Base of the HTTP server of Asterisk, without ``/ari``."""
    username: str = Field(default="dragoman", min_length=1)
    """The user of ``ari.conf`` that the daemon logs in as."""
    password_file: Path | None = None
    """File that holds the password, instead of ``password``."""
    password: SecretStr | None = Field(default=None, validate_default=True)
    """That user's password. One of the two is needed by all that talks to Asterisk."""
    app: str = Field(default="dragoman", pattern=r"^[A-Za-z0-9_-]{1,64}$")
    """Name of the Stasis application: another one only if something else on this Asterisk has this name. It does not
    make room for a second daemon: one Asterisk has one, whatever its name, because the dialplan knows of one."""

    @field_validator("password", mode="before")
    @classmethod
    def _password(cls, value: object, info: ValidationInfo) -> object:
        return secret(value, info, key="password")

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        try:
            url = URL(value)
            good = url.scheme in ("http", "https") and bool(url.host) and url.port is not None
        except ValueError:
            good = False
        if not good:
            raise ValueError("should be a URL such as http://127.0.0.1:8088")
        if url.user is not None or url.password is not None:
            raise ValueError("should not carry a user or password; set asterisk.username and asterisk.password")
        if url.query_string or url.fragment:
            raise ValueError("should have no query and no fragment")
        return value.rstrip("/")

    def require_password(self) -> str:
        """The password in clear.

        Raises:
            ConfigError: none is set; only what talks to Asterisk needs one.
        """
        if self.password is None:
            raise ConfigError(
                "asterisk.password is not set: give that of the ARI user in [asterisk] password or password_file, "
                f"or in the environment as {ENV_PREFIX}ASTERISK{ENV_DELIMITER}PASSWORD"
            )
        return self.password.get_secret_value()


class MediaSettings(Section):
    """The RTP side: where Asterisk sends callers' audio, and how speech is found in it."""

    bind: Ipv4 = "127.0.0.1"
    """Address of this host that Asterisk's audio comes to; ``0.0.0.0`` is all of them, and needs ``advertise``."""
    advertise: Ipv4 | None = None
    """The address Asterisk is told to send to; ``bind`` when not set."""
    port: Port = 0
    """One UDP port for all legs; 0 takes a free one."""
    vad: Literal["silero", "energy", "none"] = "silero"
    """How speech is found: a small neural net, the level alone, or not at all (recognizers hear everything)."""
    hangover_ms: Annotated[int, BeforeValidator(no_bool), Field(ge=100, le=2000)] = 400
    """Silence that ends an utterance, ms."""
    echo_guard: bool = True
    """Silence what a phone on its loudspeaker sends back, so that no translation is translated again."""
    floor_db: Annotated[float, BeforeValidator(no_bool), Field(ge=-60.0, le=0.0)] = -18.0
    """Gain of the original speech under its translation, dB."""

    @property
    def advertised(self) -> str:
        """The address to tell Asterisk."""
        return self.advertise or self.bind

    @model_validator(mode="after")
    def _reachable(self) -> MediaSettings:
        if self.bind == "0.0.0.0" and self.advertise is None:
            raise ValueError("bind 0.0.0.0 needs advertise: the address of this host as Asterisk sees it")
        return self


class RoomsSettings(Section):
    """What callers are offered."""

    languages: Annotated[
        tuple[str, ...],
        NoDecode,
        BeforeValidator(split_list),
        Field(min_length=1, max_length=MENU_KEYS),
        AfterValidator(unique),
    ] = ("en", "es", "ca")
    """ISO 639-1 codes in the order of the menu's keys 1, 2, 3 ..."""
    pin: SecretStr | None = None
    """Digits a caller must key before he enters a room."""
    notice: bool = True
    """Whether callers hear, on entering, that speech is processed by a machine."""

    @field_validator("languages")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [code for code in value if code not in LANGUAGES]
        if unknown:
            raise ValueError(f"{', '.join(map(repr, unknown))} unknown; known are {', '.join(LANGUAGES)}")
        return value

    @field_validator("pin")
    @classmethod
    def _digits(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not is_pin(value.get_secret_value()):
            raise ValueError(f"should be a string of {RULE}")
        return value


class HttpSettings(Section):
    """The REST interface, captions and metrics."""

    bind: str = "127.0.0.1"
    """Address of this host to listen on; anything but loopback needs a token."""
    port: Port = 8700
    """TCP port; 0 takes a free one."""
    token_file: Path | None = None
    """File that holds the token, instead of ``token``."""
    token: SecretStr | None = Field(default=None, validate_default=True)
    """Bearer token that a client must show; required unless ``bind`` is this host only."""

    @field_validator("token", mode="before")
    @classmethod
    def _token(cls, value: object, info: ValidationInfo) -> object:
        return secret(value, info, key="token")

    @field_validator("token")
    @classmethod
    def _sendable(cls, value: SecretStr | None) -> SecretStr | None:
        # RFC 6750 section 2.1: what fits an Authorization header.
        if value is not None and not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", value.get_secret_value(), re.ASCII):
            raise ValueError("should be of letters, digits and -._~+/ (openssl rand -hex 32 makes one)")
        return value

    @field_validator("bind")
    @classmethod
    def _address(cls, value: str) -> str:
        if value != "localhost":
            try:
                ip_address(value)
            except ValueError:
                raise ValueError("should be an IP address of this host such as 127.0.0.1, or localhost") from None
        return value

    @property
    def loopback(self) -> bool:
        """Whether only this host can reach the interface."""
        return self.bind == "localhost" or ip_address(self.bind).is_loopback

    @model_validator(mode="after")
    def _guarded(self) -> HttpSettings:
        if not self.loopback:
            if self.token is None:
                raise ValueError(f"token is required when bind is {self.bind}: others than this host can reach it")
            if len(self.token.get_secret_value()) < TOKEN_LENGTH:
                raise ValueError(f"token should have at least {TOKEN_LENGTH} characters when bind is {self.bind}")
        return self


class LogSettings(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""
    format: Literal["console", "json"] = "console"
    """For people to read, or one JSON object a line."""
    transcripts: bool = False
    """Whether logs may hold what people say."""


class Settings(BaseSettings):
    """All settings; ``Settings()`` is the defaults, ``load`` reads the file and the environment."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=ENV_PREFIX, env_nested_delimiter=ENV_DELIMITER
    )

    admin: AdminSettings = AdminSettings()
    admission: AdmissionSettings = AdmissionSettings()
    asterisk: AsteriskSettings = AsteriskSettings()
    media: MediaSettings = MediaSettings()
    rooms: RoomsSettings = RoomsSettings()
    engines: EnginesSettings = EnginesSettings()
    glossary: GlossarySettings = GlossarySettings()
    pipeline: PipelineSettings = PipelineSettings()
    voices: VoicesSettings = VoicesSettings()
    http: HttpSettings = HttpSettings()
    log: LogSettings = LogSettings()
    trace: TraceSettings = TraceSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed: ``load`` decides what is read, so that tests and tools get no surprise from outside."""
        return (init_settings,)


class _Environment(EnvSettingsSource):
    """The settings in a given environment, not always in this process's own."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._given = {name.lower(): value for name, value in environ.items()}
        super().__init__(Settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._given


def find(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The settings file that counts, or None when there is none.

    Raises:
        ConfigError: a file was named, by ``path`` or by ``$DRAGOMAN_CONFIG``, and is not there.
    """
    named = path or (Path(environ[ENV_CONFIG]) if environ.get(ENV_CONFIG) else None)
    try:
        if named is not None:
            if not named.is_file():
                what = "a folder, not a settings file" if named.is_dir() else "no such file"
                raise ConfigError(f"{named}: {what}{'' if path else f' (named by ${ENV_CONFIG})'}")
            return named
        # A working directory that we may not look into (`sudo -u dragoman` in somebody's home) has no file for us.
        here = Path("dragoman.toml")
        if os.access(".", os.X_OK, effective_ids=True) and here.is_file():
            return here
        return SYSTEM_FILE if SYSTEM_FILE.is_file() else None
    except PermissionError as error:
        raise ConfigError(f"{error.filename}: this user may not look into its folder") from None


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the file and the environment (``os.environ`` when not given).

    Raises:
        ConfigError: naming every key that is unknown or wrong, where it stands, and what would be right.
    """
    environ = os.environ if environ is None else environ
    file = find(path, environ)
    text, data = read_file(file) if file else ("", {})
    return validate(data, environ, file, text)


def validate(data: Mapping[str, Any], environ: Mapping[str, str], file: Path | None = None, text: str = "") -> Settings:
    """Settings from a parsed file (``file`` and ``text`` are for messages) and an environment.

    Raises:
        ConfigError: as ``load``.
    """
    problems = _unknown_variables(environ)
    # Names with an underscore are BaseSettings' own parameters (_env_file ...), which no file may set.
    problems += [f"{key} ({file}): unknown section" for key in data if key.startswith("_")]
    merged = merge({key: value for key, value in data.items() if key[:1] != "_"}, _from_environment(environ))
    try:
        settings = Settings(**merged)
    except ValidationError as error:
        lines = key_lines(text)
        problems += [
            explain(detail, Settings, _origin(detail["loc"], file, lines, environ)) for detail in error.errors()
        ]
    if problems:
        raise ConfigError("\n".join(problems))
    return settings


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    try:
        data: dict[str, Any] = _Environment(environ)()
    except SettingsError as error:
        raise ConfigError(f"environment: {error}: a whole section is written as JSON") from None
    engines = data.get("engines")
    if isinstance(engines, dict) and "options" in engines:
        engines["options"] = decoded(engines["options"])
    return data


def _origin(
    loc: tuple[int | str, ...], file: Path | None, lines: Mapping[tuple[str, ...], int], environ: Mapping[str, str]
) -> str:
    """Where the key at ``loc``, or the nearest table around it, was set; empty for what nobody set."""
    keys = [str(part) for part in loc if isinstance(part, str)]
    names = {name.upper(): name for name in environ}
    for depth in range(len(keys), 0, -1):
        name = ENV_PREFIX + ENV_DELIMITER.join(keys[:depth]).upper()
        if name in names:
            return f"environment {names[name]}"
        if file and tuple(keys[:depth]) in lines:
            return f"{file}:{lines[tuple(keys[:depth])]}"
    return str(file or "")


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Variables that name a section we lack, or none; of a wrong key in a right section the models tell."""
    problems = []
    for name in sorted(environ):
        rest = name.removeprefix(ENV_PREFIX)
        section, delimiter, _ = rest.partition(ENV_DELIMITER)
        if rest == name or section.lower() in Settings.model_fields:
            continue
        if delimiter:
            problems.append(f"{name} (environment): unknown section{suggest(section.lower(), Settings.model_fields)}")
            continue
        section, _, key = rest.partition("_")
        if section.lower() in Settings.model_fields and key:
            meant = f"{ENV_PREFIX}{section}{ENV_DELIMITER}{key}"
            problems.append(f"{name} (environment): should be {meant}, with two underscores behind the section")
    return problems
