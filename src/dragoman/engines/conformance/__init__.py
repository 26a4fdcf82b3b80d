"""The conformance suite: what every engine must do, as pytest classes to subclass. Needs the extra ``dragoman[kit]``.

::

    class TestPigLatin(TranslatorConformance):
        name = "piglatin"  # the entry point's

        @pytest.fixture
        def known(self) -> TranslationRequest:
            return TranslationRequest("good morning", "en", "la")

``docs/engines.md`` says what each class wants to be given; a check that does not fit an engine is overridden in the
subclass, where everybody sees why. A fixture of yours that is ``async`` needs pytest-asyncio's auto mode, or its own
decorator.
"""

from __future__ import annotations

try:
    import pytest
except ModuleNotFoundError as error:
    raise ModuleNotFoundError('the conformance suite needs pytest: pip install "dragoman[kit]"') from error

pytest.register_assert_rewrite(
    "dragoman.engines.conformance.asr",
    "dragoman.engines.conformance.common",
    "dragoman.engines.conformance.mt",
    "dragoman.engines.conformance.running",
    "dragoman.engines.conformance.tts",
)

from dragoman.engines.conformance.asr import RecognizerConformance, hear, until_final  # noqa: E402  # after the rewrite
from dragoman.engines.conformance.common import DEADLINE_S, EngineConformance  # noqa: E402  # likewise
from dragoman.engines.conformance.mt import TranslatorConformance  # noqa: E402  # likewise
from dragoman.engines.conformance.running import children  # noqa: E402  # likewise
from dragoman.engines.conformance.tts import SynthesizerConformance  # noqa: E402  # likewise

__all__ = [
    "DEADLINE_S",
    "EngineConformance",
    "RecognizerConformance",
    "SynthesizerConformance",
    "TranslatorConformance",
    "children",
    "hear",
    "until_final",
]
