"""What the media plane costs: CPU per leg, tick lateness, loss, and the time from a packet in to a packet out.

    python -m bench.media                       every row, about 3 minutes
    python -m bench.media audio --legs 100      one of them

Kinds of rows:

``audio``
    The audio path alone: 50 packets a second each way for every leg, one booth per leg that
    hears it through the floor mixer, no VAD, no echo guard, a codec that costs nothing.
``kernel``
    The floor under ``audio``: the same packets received and sent each tick with nothing done to them.
``dsp``
    VAD, echo guard and G.722 on, speech on 30 % of the legs, rooms of five legs and two booths, each listener reading
    60 ms at a time. Nobody has his phone on loudspeaker.

The load comes from a second process; a third only sleeps, to show what the machine itself adds to lateness. Rows are
merged into ``results/media.json`` by kind, legs and booths, and shown in ``results/media.md``.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the daemon does (cli/main.py), before numpy is imported

import argparse
import asyncio
import gc
import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bench.plane import Cut, Recorder, answer, percentiles, publish, spawn, watch

from dragoman.media.codec import Encoder, G722Encoder
from dragoman.media.format import Pcm
from dragoman.media.leg_audio import LegAudio
from dragoman.media.plane import MediaConfig, MediaPlane
from dragoman.media.socket import BATCH

DSP_CHUNK = 960
"""Samples (60 ms) that a recogniser takes at a time."""

LEGS_IN_ROOM = 5
BOOTHS_IN_ROOM = 2

SENTENCES = (
    "good morning everybody and welcome to the meeting",
    "let us look at the numbers of the last quarter",
    "the new office opens on monday at nine",
    "can you hear me well, or shall I call again",
    "we should send the invoice before the end of the week",
)


class Quiet:
    """A booth's source that has nothing to say: only the floor is heard."""

    def next_frame(self, now: float) -> Pcm | None:
        """Nothing."""
        return None

    def on_sent(self, at: float) -> None:
        """Never called."""


class Recogniser:
    """Listens as a leg's recognition does: reads 60 ms at a time while there is speech."""

    def __init__(self) -> None:
        self.audio: LegAudio | None = None
        self.heard = 0
        self.events = 0
        self._at = 0
        self._speaking = False

    def on_audio(self, end: int) -> None:
        """Take a chunk, ask for the next."""
        if self.audio is not None and self._speaking:
            self.heard += len(self.audio.read(self._at, end))
            self._at = end
            self.audio.wake_when(end + DSP_CHUNK)

    def on_speech_start(self, at: int) -> None:
        """Begin to read."""
        self.events += 1
        self._speaking = True
        self._at = at
        if self.audio is not None:
            self.audio.wake_when(at + DSP_CHUNK)

    def on_speech_end(self, at: int) -> None:
        """Stop reading."""
        self.events += 1
        self._speaking = False


def speech_clip(folder: str) -> str:
    """Some seconds of flite's speech with natural pauses, as a file for the load process."""
    parts = []
    for sentence in SENTENCES:
        made = subprocess.run(
            ["flite", "-voice", "rms", "-t", sentence, "-o", "/dev/stdout"], capture_output=True, check=True
        )
        parts += [np.frombuffer(made.stdout[44:], np.int16), np.zeros(9600, np.int16)]
    path = str(Path(folder) / "speech.npy")
    np.save(path, np.concatenate(parts))
    return path


class Bare(MediaPlane):
    """Receives and sends what a plane does, and does nothing in between."""

    def tick(self, now: float, skipped: int = 0) -> None:
        """Drain, and send a packet to every booth."""
        wire = self._open()
        count = wire.socket.receive()
        self.stats.packets_in += count
        while count == BATCH:
            count = wire.socket.receive()
            self.stats.packets_in += count
        self.stats.packets_out += wire.socket.send(self.rows)

    rows = np.zeros(0, np.int64)


async def measure(
    recorder: Recorder, kind: str, legs: int, booths: int, seconds: float, clip: str | None
) -> dict[str, Any]:
    """One row: build a plane, load it, watch it for so many seconds."""
    light = kind != "dsp"
    encoder: Callable[[], Encoder] = Cut if light else G722Encoder
    config = MediaConfig(vad="none" if light else "silero", echo_guard=not light)
    plane = (Bare if kind == "kernel" else MediaPlane)(config, encoder)
    if isinstance(plane, Bare):
        plane.rows = np.arange(booths)
    await plane.start()
    order = {"media": plane.address, "legs": legs, "speaking": 0.3, "clip": clip}
    load = await spawn("bench.load", json.dumps(order))
    sleeper = await spawn("bench.sleeper")
    ports = (await answer(load))["ports"]
    listeners = []
    for leg, port in enumerate(ports):
        listener = None if light else Recogniser()
        audio = plane.add_leg(f"leg {leg}", ("127.0.0.1", port), listener)
        if listener is not None:
            listener.audio = audio
            listeners.append(listener)
    for booth in range(booths):
        plane.add_booth(f"booth {booth}", ("127.0.0.1", ports[booth]), Quiet())
        heard = [leg for leg in range(legs) if leg * booths // legs == booth]
        plane.set_floor(f"booth {booth}", [f"leg {leg}" for leg in heard], 0.0 if light else -18.0)
    if not light:
        for room in range(legs // LEGS_IN_ROOM):
            plane.set_room(
                f"room {room}",
                [f"leg {LEGS_IN_ROOM * room + leg}" for leg in range(LEGS_IN_ROOM)],
                [f"booth {BOOTHS_IN_ROOM * room + booth}" for booth in range(BOOTHS_IN_ROOM)],
            )
    watched = await watch(recorder, plane, load, sleeper, seconds)
    await plane.close()
    gc.unfreeze()
    return {
        "kind": kind,
        "legs": legs,
        "booths": booths,
        **watched.row(legs),
        "rtp_in_to_out_ms": percentiles(watched.outside["in_to_out_ms"], 50, 99),
        "vad_windows_per_s": round(watched.counted["vad_windows"] / seconds),
        "speech_events": sum(listener.events for listener in listeners),
        "sender_slipped_ms": round(watched.outside["slipped_ms"], 1),
        "nice": os.nice(0),
    }


async def run(kinds: list[str], legs: list[int] | None, seconds: float) -> None:
    """Measure and publish."""
    recorder = Recorder()
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            clip = speech_clip(folder) if kind == "dsp" else None
            for count in legs or ([100] if kind == "dsp" else [50, 100, 200, 400]):
                booths = count * BOOTHS_IN_ROOM // LEGS_IN_ROOM if kind == "dsp" else count
                row = await measure(recorder, kind, count, booths, seconds, clip)
                print(json.dumps(row), flush=True)
                publish([row])


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("kinds", nargs="*", choices=["kernel", "audio", "dsp", []], help="which rows (default: all)")
    parser.add_argument("--legs", type=int, nargs="+", help="how many legs (default: the published sizes)")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the measurement")
    options = parser.parse_args()
    asyncio.run(run(options.kinds or ["kernel", "audio", "dsp"], options.legs, options.seconds))


if __name__ == "__main__":
    main()
