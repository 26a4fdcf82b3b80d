"""Voices that are alike and no echoes: handsets in whose rooms a booth speaks with the same synthesizer's voice.

Nothing comes back at anybody. Caller and booth speak the same language with two voices of one synthesizer, over each
other at random times, some of the sentences the same: whoever is taken for a loudspeaker here is taken for one falsely.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from bench.echo.acoustics import Line
from bench.echo.simulate import AUDIBLE, LEVEL, LOUD_DB, Mouth, Outcome
from bench.echo.speech import clips

from dragoman.media.echo.guard import RAW_FRAMES, EchoGuard
from dragoman.media.format import FRAME_SAMPLES
from dragoman.media.ring import RingBank
from dragoman.media.stats import MediaStats

SAID = {
    "it": (
        "Mio fratello lavora in un panificio.",
        "Ha visto il nuovo ponte?",
        "Buongiorno a tutti e benvenuti alla riunione.",
        "La nuova sede apre lunedì alle nove.",
        "Non sono sicuro che sia quello che il cliente ha chiesto.",
    ),
    "de": (
        "Mein Bruder arbeitet in einer Bäckerei.",
        "Haben Sie die neue Brücke gesehen?",
        "Guten Morgen und willkommen zur Besprechung.",
        "Das neue Büro öffnet am Montag um neun.",
        "Ich bin nicht sicher, ob der Kunde das gewollt hat.",
    ),
    "es": (
        "Mi hermano trabaja en una panadería.",
        "Ha visto usted el nuevo puente?",
        "Buenos días a todos y bienvenidos a la reunión.",
        "La nueva oficina abre el lunes a las nueve.",
        "No estoy seguro de que esto sea lo que pidió el cliente.",
    ),
    "pt": (
        "O meu irmão trabalha numa padaria.",
        "O senhor já viu a nova ponte?",
        "Bom dia a todos e bem-vindos à reunião.",
        "O novo escritório abre na segunda às nove.",
        "Não tenho a certeza de que era isto que o cliente queria.",
    ),
}
PEOPLE = ("+f3", "+f2", "+m3", "+m1", "+f4", "+m7")
"""Variants of the synthesizer's voice: who speaks into phones."""

BOOTHS = ("", "+f2", "+m3")
"""And at booths."""

FLITE = ("flite:slt", "flite:rms", "flite:awb", "flite:kal16")
"""English, by another synthesizer: each talks over each other one."""


def pairs() -> list[tuple[str, str, str]]:
    """(language, caller, booth) of all pairs of different voices of one synthesizer and language."""
    found = [
        (language, f"espeak:{language}{person}", f"espeak:{language}{booth}")
        for language in SAID
        for person in PEOPLE
        for booth in BOOTHS
        if person != booth
    ]
    return found + [("en", person, booth) for person in FLITE for booth in FLITE if person != booth]


ENGLISH = (
    "My brother works in a bakery.",
    "Have you seen the new bridge?",
    "Good morning everybody, and welcome to the meeting.",
    "The new office opens on Monday at nine.",
    "I am not sure that this is what the customer asked for.",
)


def hear(seed: int, seconds: float) -> tuple[Outcome, list[tuple[str, str, str]]]:
    """Every pair in a room of its own, half of the callers by G.711.

    Returns:
        What became of their speech, and the pairs whose caller was taken for a loudspeaker.
    """
    rng = np.random.default_rng([seed, 99])
    rooms = pairs()
    count = len(rooms)
    said = {
        voice: clips((voice,), {**SAID, "en": ENGLISH}[language])[voice]
        for language, *voices in rooms
        for voice in voices
    }
    stats = MediaStats()
    raw, ring = RingBank(count, RAW_FRAMES * FRAME_SAMPLES), RingBank(count)
    guard = EchoGuard(raw, ring, count, count, stats)
    for row in range(count):
        raw.open(row)
        guard.open(row, "-".join(rooms[row]))
        guard.open_stream(row)
        guard.gather(f"{row}", [row], [row])
    lines = [Line(narrow=row % 2 == 0) for row in range(count)]
    people, booths = [Mouth() for _ in rooms], [Mouth() for _ in rooms]
    levels = rng.uniform(-12, 6, count)
    outcome = Outcome()
    sounding: list[npt.NDArray[np.bool_]] = []
    played = np.zeros((count, FRAME_SAMPLES), np.int16)
    frames = np.zeros((count, FRAME_SAMPLES), np.int16)
    least = np.maximum(LEVEL * 10 ** ((levels - LOUD_DB) / 20), AUDIBLE)
    for tick in range(round(seconds / 0.02)):
        for row, (_, person, booth) in enumerate(rooms):
            for mouth, voice, gain in ((people[row], person, levels[row]), (booths[row], booth, 0.0)):
                if not mouth.busy and rng.random() < 0.03:
                    clip = said[voice][rng.integers(len(said[voice]))]
                    mouth.say(np.clip(np.rint(clip * 10 ** (gain / 20)), -32768, 32767).astype(np.int16))
            played[row] = booths[row].frame()
            frames[row] = lines[row](people[row].frame())
        sounding.append(np.sqrt(np.square(frames.astype(np.float64)).mean(axis=1)) > least)
        raw.append(np.arange(count), frames)
        guard.step()
        guard.played(played)
        guard.study()
        wait = int((raw.end - ring.end).max()) / FRAME_SAMPLES
        outcome.longest_wait_ms = max(outcome.longest_wait_ms, wait * 20)
        if tick >= 25:
            past = tick - 25
            out = ring.frames(np.arange(count), np.full(count, past * FRAME_SAMPLES))
            outcome.spoken += int(sounding[past].sum())
            outcome.silenced += int((sounding[past] & ~out.any(axis=1)).sum())
            outcome.taken = outcome.silenced
    outcome.claims = int(guard.loudspeakers.sum())
    return outcome, [rooms[row] for row in np.flatnonzero(guard.loudspeakers).tolist()]
