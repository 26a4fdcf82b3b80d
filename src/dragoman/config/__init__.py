"""The settings: a module per table of the file; ``settings`` reads and checks the whole."""

from dragoman.config.settings import (
    ENV_CONFIG,
    ENV_DELIMITER,
    ENV_PREFIX,
    SYSTEM_FILE,
    AsteriskSettings,
    HttpSettings,
    LogSettings,
    MediaSettings,
    RoomsSettings,
    Settings,
    find,
    load,
    validate,
)

__all__ = [
    "ENV_CONFIG",
    "ENV_DELIMITER",
    "ENV_PREFIX",
    "SYSTEM_FILE",
    "AsteriskSettings",
    "HttpSettings",
    "LogSettings",
    "MediaSettings",
    "RoomsSettings",
    "Settings",
    "find",
    "load",
    "validate",
]
