from __future__ import annotations

import numpy as np
import pytest
from tests.demo.scene import CACHE, g711, g722

from dragoman.demo.match import find
from dragoman.demo.voices import Voice, render
from dragoman.media.format import SAMPLE_RATE, Pcm


async def voice(name: str, text: str) -> Pcm:
    return await render(Voice("espeak", name), text, CACHE)


def place(length: float, *sounds: tuple[Pcm, float, float]) -> Pcm:
    total = np.zeros(int(length * SAMPLE_RATE))
    for pcm, second, gain in sounds:
        at = int(second * SAMPLE_RATE)
        total[at : at + len(pcm)] += pcm * gain
    return np.clip(np.round(total), -32768, 32767).astype(np.int16)


async def test_every_occurrence_is_found_to_the_millisecond() -> None:
    yes = await voice("es+m3", "Tenemos un problema con la última factura.")
    other = await voice("es+m3", "Creo que debemos esperar hasta el lunes.")
    recording = g722(place(16, (yes, 1.234, 0.5), (other, 5.0, 1.0), (yes, 11.5, 1.2)))
    found = find(recording, {"a": yes, "b": other})
    assert [round(o.start, 3) for o in found["a"]] == [pytest.approx(1.234, abs=0.003), pytest.approx(11.5, abs=0.003)]
    assert [round(o.start, 3) for o in found["b"]] == [pytest.approx(5.0, abs=0.003)]
    assert all(o.complete > 0.9 and o.tempo == 1.0 for places in found.values() for o in places)


@pytest.mark.parametrize("codec", [g722, g711])
async def test_two_voices_at_once(codec: object) -> None:
    first = await voice("es+f2", "El servidor estuvo fuera de servicio dos horas ayer.")
    second = await voice("es+m3", "El cliente quiere cambiar la fecha de entrega.")
    absent = await voice("es+m3", "Podemos pasar la reunión al jueves por la tarde.")
    assert callable(codec)
    recording = codec(place(6, (first, 1.0, 0.5), (second, 1.4, 1.0)))
    found = find(recording, {1: first, 2: second, 3: absent})
    assert [len(found[key]) for key in (1, 2, 3)] == [1, 1, 0]
    assert found[1][0].start == pytest.approx(1.0, abs=0.03)


async def test_a_piece_of_a_longer_sentence_is_not_heard_in_it() -> None:
    long = await voice("es+f2", "Muchas gracias, por su ayuda en este proyecto.")
    short = long[: int(0.8 * SAMPLE_RATE)]
    found = find(g722(place(8, (long, 1.0, 1.0))), {"long": long, "short": short})
    assert (len(found["long"]), len(found["short"])) == (1, 0)
    found = find(g722(place(8, (long, 1.0, 1.0), (short, 5.0, 1.0))), {"long": long, "short": short})
    assert [round(o.start, 1) for o in found["short"]] == [5.0]


def test_silence_and_scraps_hold_nothing() -> None:
    rng = np.random.default_rng(1)
    tone = (3000 * np.sin(np.arange(SAMPLE_RATE) * 0.2)).astype(np.int16)
    for recording in (
        np.zeros(5 * SAMPLE_RATE, np.int16),
        np.zeros(10, np.int16),
        rng.normal(0, 500, 80000).astype(np.int16),
    ):
        assert find(recording, {"tone": tone}) == {"tone": []}
    assert find(tone, {}) == {}
