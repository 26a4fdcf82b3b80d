"""Which encoders there are: the public ECAPA weights where the operator has them, else the small ones that ship."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import structlog

from dragoman.errors import VoiceUnavailable
from dragoman.voices.ecapa import EcapaIdentity
from dragoman.voices.embedders import Encoders, IdentityEmbedder, LatentEncoder, StyleEmbedder
from dragoman.voices.small import IDENTITY_FILE, STYLE_FILE, WEIGHTS, SmallIdentity, SmallStyle

log = structlog.get_logger(__name__)

_Encoder = TypeVar("_Encoder")


def load_encoders(
    ecapa: Path | None = None,
    style: Path | None = None,
    latents: LatentEncoder | None = None,
    *,
    device: str = "cpu",
    small_identity: bool = True,
    follow_style: bool = True,
) -> Encoders:
    """Load them; to be called in a thread. What cannot be had is None, and the log says why: no call fails for it.

    Args:
        ecapa: folder with the public ECAPA weights.
        style: file of a style encoder trained elsewhere (``dragoman voices train-style``); None: the one that ships.
        latents: the synthesizer's, if it clones.
        device: where ECAPA runs: cpu or cuda.
        small_identity: whether the identity encoder that ships may stand in for ECAPA.
        follow_style: whether there is to be a style encoder at all.
    """
    identity: IdentityEmbedder | None = None
    if ecapa is not None:
        identity = _try("identity", lambda: EcapaIdentity(ecapa, device))
    elif small_identity:
        identity = _try("identity", lambda: SmallIdentity(WEIGHTS / IDENTITY_FILE))
        if identity is not None:
            log.warning(
                "identities come from the small encoder, which only knows synthetic voices: it is no proof of who "
                "speaks; set voices.ecapa to a folder with the public ECAPA weights",
                encoder=identity.name,
            )
    styles: StyleEmbedder | None = None
    if follow_style:
        styles = _try("style", lambda: SmallStyle(style or WEIGHTS / STYLE_FILE))
    return Encoders(identity, styles, latents)


def _try(kind: str, make: Callable[[], _Encoder]) -> _Encoder | None:
    try:
        return make()
    except VoiceUnavailable as error:
        log.warning("no encoder", kind=kind, reason=str(error))
        return None
