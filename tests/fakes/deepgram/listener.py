"""What the fake makes of one connection's audio: interims, finals, ends of utterance. No I/O; time comes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from tests.fakes.deepgram.faults import Faults
from tests.fakes.deepgram.hearing import RATE, Ear, EnergyVad, Heard, Hearing
from tests.fakes.deepgram.query import Query
from tests.fakes.latency import Latency

INTERIM_S = 0.1
"""Audio between two interims."""

LONG_S = 5.0
"""A range so long is frozen behind its last word, also without a pause."""

THROTTLE = 1.25
THROTTLE_SLACK_S = 1.0
"""Audio that comes faster than 1.25 times real time by more than so much waits."""


@dataclass(frozen=True, slots=True)
class Due:
    """A message, and when it is sent."""

    at: float
    message: Mapping[str, Any]


class Throttle:
    """When audio that came at ``now`` is listened to."""

    def __init__(self) -> None:
        self.ahead = 0.0
        """Seconds by which audio was ahead of 1.25 times real time, at most."""
        self._due = float("-inf")

    def ready(self, seconds: float, now: float) -> float:
        self._due = max(self._due, now) + seconds / THROTTLE
        self.ahead = max(self.ahead, (self._due - now) * THROTTLE)
        return max(now, self._due - THROTTLE_SLACK_S / THROTTLE)


class Listener:
    """Takes audio and Finalize in order, gives messages with their times (which never go back)."""

    def __init__(
        self,
        query: Query,
        hearing: Hearing,
        faults: Faults,
        interim: Latency,
        final: Latency,
        request_id: str,
        random: Random,
    ) -> None:
        self._query = query
        self._hearing = hearing
        self._ear: Ear = hearing.ear(query.leg, query.language)
        self.faults = faults
        self._interim, self._final = interim, final
        self._request_id = request_id
        self._random = random
        self._vad = EnergyVad()
        self.received = 0
        self._frozen = 0
        self._given = 0  # words in finals
        self._told = 0  # where the last interim ended
        self._endpointed = 0
        self._utterance_ended = 0
        self._last = 0.0

    def audio(self, pcm: np.ndarray[Any, np.dtype[np.int16]], now: float) -> list[Due]:
        found: list[Due] = []
        for at in range(0, len(pcm), RATE // 50):
            found += self._piece(pcm[at : at + RATE // 50], now)
        return found

    def finalize(self, now: float) -> list[Due]:
        """Whatever is buffered is told; with nothing, an answer may be missing."""
        words = self._ear.flush(ended=True)
        if self.received == self._frozen and self._random.random() < self.faults.mute_finalize:
            return []
        return self._freeze(self.received, words, now, speech_final=False, from_finalize=True)

    def metadata(self, now: float) -> Due:
        message = {
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": self._request_id,
            "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "created": "2026-01-01T00:00:00.000Z",
            "duration": self.received / RATE,
            "channels": 1,
        }
        return self._due(now, 0.0, message)

    def _piece(self, pcm: np.ndarray[Any, np.dtype[np.int16]], now: float) -> list[Due]:
        found = []
        self._ear.feed(pcm)
        self.received += len(pcm)
        for onset in self._vad.feed(pcm):
            if self._query.vad_events:
                message = {"type": "SpeechStarted", "channel": [0, 1], "timestamp": round(onset / RATE, 2)}
                found.append(self._due(now, self._interim.sample(), message))
        silent = self._vad.end - self._vad.speech_end
        endpointing = self._query.endpointing_ms
        spoken = self._vad.speech_end > self._endpointed
        if endpointing is not None and spoken and silent >= endpointing * RATE // 1000:
            self._endpointed = self._vad.speech_end
            found += self._freeze(self.received, self._ear.flush(ended=False), now, speech_final=True)
        elif self.received - self._frozen >= LONG_S * RATE and (words := self._pending(self._ear.words())):
            found += self._freeze(words[-1].end + RATE // 100, self._ear.words(), now)
        elif self._query.interim_results and self.received - self._told >= INTERIM_S * RATE:
            self._told = self.received
            found.append(self._interim_of(now))
        gap = self._query.utterance_end_ms
        words = self._ear.words()
        if gap is not None and words and words[-1].end > self._utterance_ended:
            if self.received - words[-1].end >= gap * RATE // 1000:
                self._utterance_ended = words[-1].end
                message = {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": round(words[-1].end / RATE, 3)}
                found.append(self._due(now, self._final.sample(), message))
        return found

    def _pending(self, words: list[Heard]) -> list[Heard]:
        return words[self._given :]

    def _interim_of(self, now: float) -> Due:
        # The decoder tells a word 70 ms after its end; an interim's latency is all that it is meant to lag.
        words = self._pending(self._ear.flush(ended=False))
        if words and self._random.random() < self.faults.wrong_interims:
            last = words[-1]
            words = [*words[:-1], Heard(self._hearing.wrong(last.text), last.start, last.end)]
        return self._due(now, self._interim.sample(), self._results(self.received, words, is_final=False))

    def _freeze(
        self, end: int, heard: list[Heard], now: float, *, speech_final: bool = False, from_finalize: bool = False
    ) -> list[Due]:
        words = [word for word in self._pending(heard) if word.middle < end]
        message = self._results(end, words, is_final=True, speech_final=speech_final, from_finalize=from_finalize)
        self._given += len(words)
        self._frozen = max(self._frozen, end)
        self._told = max(self._told, self._frozen)
        return [self._due(now, self._final.sample(), message)]

    def _results(
        self,
        end: int,
        words: list[Heard],
        *,
        is_final: bool,
        speech_final: bool = False,
        from_finalize: bool = False,
    ) -> dict[str, Any]:
        if self._random.random() < self.faults.lost_flags:
            speech_final = from_finalize = False
        start = self._frozen
        told = [self._word(word) for word in words]
        alternative: dict[str, Any] = {
            "transcript": " ".join(word["punctuated_word"] for word in told),
            "confidence": 0.99 if told else 0.0,
            "words": told,
        }
        if self._query.language == "multi":
            alternative["languages"] = ["en"] if told else []
            for word in told:
                word["language"] = "en"
        return {
            "type": "Results",
            "channel_index": [0, 1],
            "duration": round((end - start) / RATE, 2),
            "start": round(start / RATE, 2),
            "is_final": is_final,
            "speech_final": speech_final,
            "channel": {"alternatives": [alternative]},
            "metadata": {
                "request_id": self._request_id,
                "model_info": {"name": f"general-{self._query.model}", "version": "0", "arch": self._query.model},
                "model_uuid": "1ed36bac-0000-4000-8000-000000000000",
            },
            "from_finalize": from_finalize,
        }

    def _word(self, word: Heard) -> dict[str, Any]:
        jitter = self.faults.word_jitter
        start = max(word.start / RATE + self._random.uniform(-jitter, jitter), 0.0)
        end = max(word.end / RATE + self._random.uniform(-jitter, jitter), start)
        return {
            "word": word.text.strip(".,;:!?¿¡").lower(),
            "start": round(start, 3),
            "end": round(end, 3),
            "confidence": 0.99,
            "punctuated_word": word.text,
        }

    def _due(self, now: float, latency: float, message: Mapping[str, Any]) -> Due:
        self._last = max(self._last, now + latency)
        return Due(self._last, message)
