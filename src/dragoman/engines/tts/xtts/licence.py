"""The weights' licence, to which the operator has to say yes."""

from __future__ import annotations

from dragoman.errors import EngineUnavailable

LICENCE = "LicenseRef-CPML AND MPL-2.0"
"""The Coqui Public Model License 1.0.0 of the weights, and that of coqui-tts, which runs them."""


def require_consent(engine: str, accepted: bool) -> None:
    """Refuse to load the weights until the operator has accepted their licence.

    Raises:
        EngineUnavailable: he has not; says what he would accept.
    """
    if accepted:
        return
    raise EngineUnavailable(
        engine,
        "the XTTS v2 weights are under the Coqui Public Model License (LICENSE.txt beside them; "
        "https://coqui.ai/cpml): neither the model nor what it says may be used commercially, and nobody is left to "
        f"sell another licence. If that fits your use, set engines.options.{engine}.accept_cpml = true; a commercial "
        "site uses another engine, such as elevenlabs or espeak",
    )
