"""Files that come with Dragoman: the PBX's templates and the example settings."""

from __future__ import annotations

from pathlib import Path

from dragoman.errors import ConfigError

_PACKAGE = Path(__file__).resolve().parent


def shared(name: str) -> Path:
    """The file or folder ``name`` (``config/phrases.tsv``, ``asterisk``): of the installed package, or of a checkout.

    Raises:
        ConfigError: it is in neither place.
    """
    places = (_PACKAGE / "_share" / name, _PACKAGE.parents[1] / name)
    for place in places:
        if place.exists():
            return place
    raise ConfigError(
        f"{name} is missing: neither {places[0]} nor {places[1]} is there; install Dragoman anew, or run it in a "
        "whole checkout"
    )
