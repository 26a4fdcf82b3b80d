"""libespeak-ng by ctypes (espeak-ng/speak_lib.h). Only for a process of its own: it is GPL and global state."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable

import numpy as np

from dragoman.engines.tts.voices import VoiceProfile
from dragoman.media.format import Pcm

LIBRARY = "libespeak-ng.so.1"

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT: report a missing voice folder instead of ending the process
_CHARS_UTF8 = 1  # and neither SSML nor phoneme input: markup in a text is data
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4  # espeak_PARAMETER
_VOLUME_NORMAL = 100

CHUNK_MS = 60
"""Audio per callback; measured: first audio after 0.2 ms with 20, 60 and 200."""

_EVENT_WORD, _EVENT_LIST_TERMINATED = 1, 0  # espeak_EVENT_TYPE


class _Event(ctypes.Structure):
    """espeak_EVENT."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Library:
    """The loaded library; one per process, one call at a time."""

    def __init__(self) -> None:
        """Raises OSError when the library or its voices are missing."""
        self._library = ctypes.CDLL(LIBRARY)
        self._library.espeak_Synth.argtypes = [
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]
        self.rate: int = self._library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, CHUNK_MS, None, _DONT_EXIT)
        """Hz of what it makes (22050)."""
        if self.rate <= 0:
            raise OSError("espeak-ng finds no voices (package espeak-ng-data)")
        self._callback = _Callback(self._on_audio)  # kept: the library holds only its address
        self._library.espeak_SetSynthCallback(self._callback)
        self._sink: Callable[[Pcm], bool] = lambda pcm: False
        self._words: Callable[[int, int], None] | None = None
        self._voice = ""

    def speak(
        self,
        text: str,
        voice: str,
        profile: VoiceProfile,
        sink: Callable[[Pcm], bool],
        words: Callable[[int, int], None] | None = None,
    ) -> None:
        """Give ``sink`` audio at ``rate`` piece by piece until it returns False; returns when all is made.

        ``words`` is told of each word as espeak-ng reads it (two of the text may be one): the character of the text
        that it begins with, and the sample.

        ``voice`` is espeak-ng's voice of the language. Raises ValueError when it, or the profile's variant, is unknown.
        """
        name = f"{voice}+{profile.variant}" if profile.variant else voice
        if name != self._voice:
            if self._library.espeak_SetVoiceByName(name.encode()):
                raise ValueError(f"espeak-ng has no voice {name}")
            self._voice = name
        for parameter, value in (
            (_RATE, profile.rate),
            (_VOLUME, _VOLUME_NORMAL),
            (_PITCH, profile.pitch),
            (_RANGE, profile.range),
        ):
            self._library.espeak_SetParameter(parameter, value, 0)
        data = text.encode() + b"\0"
        self._sink, self._words = sink, words
        self._library.espeak_Synth(data, len(data), 0, 1, 0, _CHARS_UTF8, None, None)

    def _on_audio(self, samples: ctypes._Pointer[ctypes.c_short], count: int, events: ctypes._Pointer[_Event]) -> int:
        """Called by the library in ``espeak_Synth``; returns 1 to stop."""
        if self._words is not None and events:
            for event in itertools.takewhile(
                lambda event: event.type != _EVENT_LIST_TERMINATED, map(events.__getitem__, itertools.count())
            ):
                if event.type == _EVENT_WORD:
                    self._words(event.text_position - 1, event.sample)
        if not samples or count <= 0:
            return 0
        return 0 if self._sink(np.ctypeslib.as_array(samples, (count,)).astype(np.int16)) else 1
