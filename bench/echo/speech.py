"""What is said in the simulation: sentences of several voices, made once and kept."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from dragoman.demo.voices import Voice, render
from dragoman.media.format import Pcm

CACHE = Path(tempfile.gettempdir()) / "dragoman-bench-echo"

PEOPLE = ("flite:slt", "flite:rms", "flite:awb", "flite:kal16", "espeak:en-us+f3", "espeak:en-gb+m3")
"""Who speaks into phones."""

BOOTHS = {"en": "espeak:en-us+m1", "es": "espeak:es+f2"}
"""Who speaks at the booths."""

SAID = (
    "good morning everybody and welcome to the meeting",
    "let us look at the numbers of the last quarter",
    "the new office opens on monday at nine",
    "can you hear me well, or shall I call again",
    "we should send the invoice before the end of the week",
    "yes, of course",
    "I am not sure that this is what the customer asked for",
    "no, wait, please say that again",
    "the second shipment left the harbour of Bilbao on Thursday evening",
    "what does it cost, and who pays for the transport",
)
TRANSLATED = {
    "en": SAID,
    "es": (
        "buenos días a todos y bienvenidos a la reunión",
        "veamos las cifras del último trimestre",
        "la nueva oficina abre el lunes a las nueve",
        "me oye usted bien, o vuelvo a llamar",
        "deberíamos enviar la factura antes del fin de semana",
        "sí, por supuesto",
        "no estoy seguro de que esto sea lo que pidió el cliente",
        "no, espere, por favor repita eso",
        "el segundo envío salió del puerto de Bilbao el jueves por la tarde",
        "cuánto cuesta, y quién paga el transporte",
    ),
}


async def _all(wanted: list[tuple[str, str]]) -> list[Pcm]:
    gate = asyncio.Semaphore(2)

    async def one(voice: str, text: str) -> Pcm:
        async with gate:
            return await render(Voice.parse(voice), text, CACHE)

    return list(await asyncio.gather(*(one(voice, text) for voice, text in wanted)))


def clips(voices: tuple[str, ...], texts: tuple[str, ...]) -> dict[str, list[Pcm]]:
    """Every voice's reading of every text, about -20 dBFS.

    Raises:
        DemoError: flite or espeak-ng is not installed, or failed.
    """
    wanted = [(voice, text) for voice in voices for text in texts]
    made = asyncio.run(_all(wanted))
    found: dict[str, list[Pcm]] = {voice: [] for voice in voices}
    for (voice, _), pcm in zip(wanted, made, strict=True):
        found[voice].append(pcm)
    return found
