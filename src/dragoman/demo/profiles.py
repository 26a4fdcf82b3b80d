"""With which engines the demo is held: ``dragoman demo --engines NAME``.

A profile brings up what its engines need and says how the daemon is to be set up for them. A further one is a function
like ``_embedded`` and a line in ``PROFILES``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from dragoman.config.errors import suggest
from dragoman.demo.fake_cloud import fake_cloud
from dragoman.demo.occasion import Engines, Occasion
from dragoman.demo.tiny_xtts import tiny_xtts
from dragoman.engines.phrases import load_table, tokens
from dragoman.errors import ConfigError

OPEN_LANGUAGE = "en"
"""The embedded recogniser knows any English, of other languages the sentences of the phrase file."""

Start = Callable[[Occasion], AbstractAsyncContextManager[Engines]]


@dataclass(frozen=True, slots=True)
class Profile:
    """A choice of engines, and what ``--help`` says of it."""

    name: str
    purpose: str
    start: Start
    """Its engines are up while its context is entered."""


@asynccontextmanager
async def _embedded(occasion: Occasion) -> AsyncIterator[Engines]:
    engines: dict[str, Any] = {}
    if occasion.own_phrases:
        phrases = {"phrases": str(occasion.phrases.resolve())}
        engines = {"options": {"phrasebook": phrases, "pocketsphinx": phrases}}
    yield Engines(engines, remarks=_unknown_sentences(occasion))


def _unknown_sentences(occasion: Occasion) -> tuple[str, ...]:
    """What the embedded recogniser cannot know, said beforehand."""
    table = load_table(occasion.phrases)
    remarks = []
    for turn in occasion.scenario.turns:
        language = occasion.scenario.person(turn.speaker).language
        if language != OPEN_LANGUAGE and table.column(language).parse(tokens(turn.text)) is None:
            remarks.append(
                f"{turn.text!r} is not in {occasion.phrases} ({language}): the embedded recogniser knows of languages "
                "other than English only what stands there"
            )
    return tuple(remarks)


DEFAULT = "embedded"

PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(DEFAULT, "pocketsphinx, the phrase book and Apertium, espeak-ng: no key, no network", _embedded),
        Profile(
            "fake-cloud",
            "Deepgram, DeepL and ElevenLabs, played by local servers as fast as the real ones (needs a checkout)",
            fake_cloud,
        ),
        Profile(
            "xtts-tiny",
            "the embedded ones, but XTTS speaks, with random weights made on the spot; all but one of those who speak "
            "have voice profiles, enrolled over REST (needs the extras xtts and voices)",
            tiny_xtts,
        ),
    )
}
"""By name, as they are offered."""


def profile(name: str) -> Profile:
    """The profile of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in PROFILES:
        raise ConfigError(f"--engines {name}: there are {', '.join(PROFILES)}{suggest(name, PROFILES)}")
    return PROFILES[name]
