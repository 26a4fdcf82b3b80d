"""Speech faster or slower at the same pitch: libsonic, by ctypes. Holds no rules; who asks says how fast.

libsonic (Apache-2.0; Debian's libsonic0, which espeak-ng brings) leaves out or repeats whole pitch periods. It takes
10 us per 20 ms, holds some 60 ms back while the tempo is not 1, and begins and ends without a seam: at tempo 1 it hands
on exactly what it was given.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import cache

import numpy as np

from dragoman.errors import MediaError
from dragoman.media.format import SAMPLE_RATE, Pcm

LIBRARY = "libsonic.so.0"
"""Its ABI name: what ctypes.util finds by asking compilers, the loader knows by itself."""

LEAST = 0.02
"""Least change of the tempo that libsonic is told. At each period of the voice that it leaves out it settles how much
is copied unchanged until the next one, and keeps to that whatever it is told meanwhile: for a
voice of 120 Hz 0.4 s at 1.02, 28 s at 1.0003 (by its formula; measured: 1.3 behind 1.0003 changed nothing for 5 s)."""

_ROOM = 2
"""Times as long as its input the output may be: nobody is slowed down to half."""

_HELD = SAMPLE_RATE // 10
"""Samples that libsonic may have held back from earlier calls: two periods of its lowest pitch (65 Hz), and more."""


@cache
def library() -> ctypes.CDLL | None:
    """The library with its functions declared; None where there is none on this machine."""
    for name in (LIBRARY, ctypes.util.find_library("sonic")):
        if name is None:
            continue
        try:
            found = ctypes.CDLL(name)
        except OSError:
            continue
        stream, samples, count = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int
        for function, result, arguments in (
            ("sonicCreateStream", stream, [count, count]),
            ("sonicDestroyStream", None, [stream]),
            ("sonicSetSpeed", None, [stream, ctypes.c_float]),
            ("sonicWriteShortToStream", count, [stream, samples, count]),
            ("sonicReadShortFromStream", count, [stream, samples, count]),
        ):
            declared = getattr(found, function)
            declared.restype, declared.argtypes = result, arguments
        return found
    return None


class Sonic:
    """One stream of speech, 16 kHz; implements pipeline.ports.Stretcher."""

    def __init__(self) -> None:
        """Raises MediaError where the library is not installed."""
        found = library()
        if found is None:
            raise MediaError(f"{LIBRARY} is not installed")
        self._sonic = found
        self._stream: int | None = found.sonicCreateStream(SAMPLE_RATE, 1)
        if not self._stream:
            raise MediaError("libsonic has no memory for a stream")
        self._out = np.empty(0, np.int16)

    def stretch(self, pcm: Pcm, tempo: float) -> Pcm:
        """The next piece, ``tempo`` times as fast; some of it is held back until more comes.

        Args:
            pcm: int16 samples at 16 kHz, shape (samples,), of any length.
            tempo: 1.25 speaks in 0.8 of the time. At 1.0, or nearer to it than ``LEAST``, nothing is held back.
        """
        pcm = np.ascontiguousarray(pcm, np.int16)
        self._sonic.sonicSetSpeed(self._stream, 1.0 if abs(tempo - 1.0) < LEAST else tempo)
        if not self._sonic.sonicWriteShortToStream(self._stream, pcm.ctypes.data, len(pcm)):
            raise MediaError("libsonic has no memory for its samples")
        room = _ROOM * len(pcm) + _HELD
        if len(self._out) < room:
            self._out = np.empty(room, np.int16)
        count = self._sonic.sonicReadShortFromStream(self._stream, self._out.ctypes.data, len(self._out))
        return self._out[:count].copy()

    def drain(self) -> Pcm:
        """What was held back, at its own tempo; the next piece may follow it without a seam."""
        return self.stretch(np.zeros(0, np.int16), 1.0)

    def __del__(self) -> None:
        """Give the stream's memory back."""
        if getattr(self, "_stream", None):
            self._sonic.sonicDestroyStream(self._stream)
            self._stream = None


def stretcher() -> Sonic | None:
    """A new stream, or None where this machine has no libsonic: then speech keeps its tempo."""
    return Sonic() if library() is not None else None
