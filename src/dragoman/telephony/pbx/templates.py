"""The PBX's configuration: the templates in ``asterisk/`` and how they are filled in.

A template is an Asterisk configuration file with ``%{name}`` where a value goes in; Asterisk's own ``${name}`` stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from dragoman.errors import ConfigError, PbxError
from dragoman.languages import LANGUAGES
from dragoman.pin import RULE, is_pin
from dragoman.resources import shared
from dragoman.telephony.prompts import MENU_KEYS

_DEFAULTS = ("acl", "ccss", "cdr", "cel", "manager", "pjproject", "udptl", "websocket_client")
"""Files that we have nothing to say in: Asterisk logs an error for each that is missing, an empty one is defaults."""

_ROOMS = re.compile(r"[0-9XZN]{1,20}")


class _ConfTemplate(Template):
    """``%{name}`` only: ``$`` belongs to Asterisk's variables."""

    delimiter = "%"
    pattern = r"%(?:(?P<escaped>%)|(?P<named>(?!))|\{(?P<braced>[a-z_]+)\}|(?P<invalid>))"  # type: ignore[assignment]  # as Template documents it


@dataclass(frozen=True, slots=True)
class Site:
    """What a site decides about its rooms.

    ``languages`` are ISO 639-1 codes in the order of the menu's keys. ``rooms`` is the pattern of room numbers in
    Asterisk's letters (X 0-9, Z 1-9, N 2-9), without the leading underscore. ``pin`` is asked before any room.
    """

    languages: tuple[str, ...] = ("en", "es", "ca")
    rooms: str = "1XXX"
    pin: str | None = None
    notice: bool = True

    def __post_init__(self) -> None:
        """Refuse what would not be a dialplan.

        Raises:
            ConfigError: names the setting and what would be right.
        """
        unknown = [code for code in self.languages if code not in LANGUAGES]
        if unknown:
            raise ConfigError(f"rooms.languages: {', '.join(unknown)} unknown; known are {', '.join(LANGUAGES)}")
        if not self.languages or len(set(self.languages)) != len(self.languages):
            raise ConfigError("rooms.languages: at least one language, each once")
        if not _ROOMS.fullmatch(self.rooms):
            raise ConfigError(f"rooms pattern {self.rooms!r}: digits and the letters X, Z, N, at most 20")
        if self.pin is not None and not is_pin(self.pin):
            raise ConfigError(f"rooms.pin: should be {RULE}")  # the value itself is a secret


def render(template: str, values: Mapping[str, str], *, name: str) -> str:
    """Fill in one template; ``name`` is what an error calls it.

    Raises:
        PbxError: it asks for a value that there is not, or has a stray ``%``.
    """
    try:
        return _ConfTemplate(template).substitute(values)
    except KeyError as error:
        raise PbxError(f"{name}: no value for %{{{error.args[0]}}}") from None
    except ValueError as error:
        raise PbxError(f"{name}: {error} (a % itself is written %%)") from None


def write_config(directory: Path, values: Mapping[str, str]) -> None:
    """Fill in every template and write it below ``directory``, readable by its owner only: ari.conf has a password."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in _DEFAULTS:
        (directory / f"{name}.conf").touch()
    for path in sorted(shared("asterisk").glob("*.conf")):
        target = directory / path.name
        target.touch(mode=0o600)
        target.chmod(0o600)  # one that was there keeps its mode else
        target.write_text(render(path.read_text("utf-8"), values, name=path.name), "utf-8")


def site_values(site: Site, prompts: str) -> dict[str, str]:
    """The values that come from the site's settings; ``prompts`` is the prompts' folder as Asterisk sees it."""
    return {
        "prompts": prompts,
        "pin": site.pin or "",
        "notice": "yes" if site.notice else "no",
        "language_globals": language_globals(site.languages, prompts),
        "language_extensions": language_extensions(site.languages, site.rooms),
    }


def language_globals(languages: Sequence[str], prompts: str) -> str:
    """Dialplan globals: what the menu says, and the language behind each of its keys."""
    offered = languages[:MENU_KEYS]
    lines = [f"DRAGOMAN_MENU={'&'.join(f'{prompts}/{code}/choose' for code in offered)}"]
    lines += [f"DRAGOMAN_KEY_{key}={code}" for key, code in enumerate(offered, 1)]
    return "\n".join(lines)


def language_extensions(languages: Sequence[str], rooms: str) -> str:
    """Dialplan extensions: a room alone, and a room with each language's calling code."""
    lines = [
        f"exten => _{rooms},1,Set(DRAGOMAN_ROOM=${{FILTER(0-9,${{EXTEN}})}})",
        " same => n,Goto(dragoman-join,s,1)",
    ]
    for code in languages:
        language = LANGUAGES[code]
        lines += [
            f"; {language.name}",
            f"exten => _{rooms}*{language.calling_code},1,Set(DRAGOMAN_ROOM=${{FILTER(0-9,${{CUT(EXTEN,*,1)}})}})",
            f" same => n,Set(DRAGOMAN_LANG={code})",
            " same => n,Goto(dragoman-join,s,1)",
        ]
    return "\n".join(lines)
