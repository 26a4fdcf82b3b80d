"""What goes wrong on a connection to the fake, by script or by chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

NET_0000 = "Deepgram did not provide a response message within the timeout window. See https://dpgr.am/net0000"
NET_0001 = (
    "Deepgram did not receive audio data or a text message within the timeout window. See https://dpgr.am/net0001"
)
DATA_0000 = "Deepgram could not decode the audio data. See https://dpgr.am/data0000"


@dataclass(frozen=True, slots=True)
class Faults:
    """One connection's. Times are seconds since its handshake."""

    refuse: int = 0
    """Status that answers the handshake: 400, 401, 402, 403, 429, 5xx; 0: 101."""
    retry_after: int | None = None
    handshake_s: float = 0.0
    """How long the handshake takes."""
    close_at: float | None = None
    close_code: int = 1011
    """1006: the TCP connection breaks without a close frame."""
    close_reason: str = NET_0000
    half_open_at: float | None = None
    """From then on nothing is read and nothing is sent, pongs too."""
    stall_at: float | None = None
    stall_s: float = float("inf")
    """From ``stall_at`` on nothing is recognised for so long; pongs still come."""
    error_at: float | None = None
    """An Error message, and close 1011 behind it."""
    duplicate_finals: float = 0.0
    """Probability that a final comes twice."""
    late_finals: float = 0.0
    """Probability that a final comes so much later, behind what follows it:"""
    late_s: float = 0.5
    parted_finals: float = 0.0
    """Probability that a final comes in parts: an empty one, one of its first words and one of the others."""
    untimed: float = 0.0
    """Probability that the words of a result lack their times."""
    lost_flags: float = 0.0
    """Probability that a final lacks ``from_finalize`` and ``speech_final`` though it is so."""
    mute_finalize: float = 0.0
    """Probability that a Finalize with nothing to answer gets no answer (as documented: not guaranteed)."""
    junk: float = 0.0
    """Probability that junk comes before a message."""
    wrong_interims: float = 0.0
    """Probability that an interim's last word is wrong; the next ones put it right."""
    word_jitter: float = 0.0
    """Seconds by which each time of each word may be wrong, each time that it is told."""


def parted(message: Mapping[str, Any], random: Random) -> list[dict[str, Any]]:
    """A final's parts, of ranges that follow each other; it alone where it has no two words."""
    alternative = message["channel"]["alternatives"][0]
    words, start, end = alternative["words"], message["start"], message["start"] + message["duration"]
    if len(words) < 2:
        return [dict(message)]
    count = random.randrange(1, len(words))
    cut = (words[count - 1]["end"] + words[count]["start"]) / 2
    parts = []
    for first, last, some in ((start, start, []), (start, cut, words[:count]), (cut, end, words[count:])):
        text = " ".join(word["punctuated_word"] for word in some)
        part = {**message, "start": first, "duration": last - first}
        part["channel"] = {"alternatives": [alternative | {"transcript": text, "words": some}]}
        parts.append(part | ({} if last == end else {"speech_final": False, "from_finalize": False}))
    return parts


def untimed(message: Mapping[str, Any]) -> dict[str, Any]:
    """A result whose words lack their times."""
    (alternative,) = message["channel"]["alternatives"]
    bare = [{key: value for key, value in word.items() if key not in ("start", "end")} for word in alternative["words"]]
    return {**message, "channel": {"alternatives": [alternative | {"words": bare}]}}


FaultPlan = Callable[[int, str], Faults]
"""(number of the connection from 0, its leg's tag or "") to its faults."""


def scripted(*faults: Faults, rest: Faults | None = None) -> FaultPlan:
    """These for the first connections, in order, and ``rest`` for all behind them."""
    return lambda number, tag: faults[number] if number < len(faults) else rest or Faults()


def chaos(seed: int, mean_life_s: float = 4.0, base: Faults | None = None, refusals: float = 0.2) -> FaultPlan:
    """Connections that end after an exponentially distributed life, in each of the ways there are; some are refused."""
    endings: Sequence[dict[str, object]] = (
        {"close_code": 1011},
        {"close_code": 1011, "close_reason": NET_0001},
        {"close_code": 1006},
        {"close_code": 1000, "close_reason": ""},
        {"close_code": 1008, "close_reason": DATA_0000},
    )

    def plan(number: int, tag: str) -> Faults:
        random = Random(f"{seed}/{number}/{tag}")
        faults = base or Faults()
        if random.random() < refusals:
            return replace(faults, refuse=random.choice((429, 500, 503)))
        life = random.expovariate(1 / mean_life_s)
        faults = replace(faults, handshake_s=random.uniform(0, 0.5))
        kind = random.random()
        if kind < 0.08:
            return replace(faults, half_open_at=life)
        if kind < 0.16:
            return replace(faults, stall_at=life)
        if kind < 0.24:
            return replace(faults, error_at=life)
        return replace(faults, close_at=life, **random.choice(endings))  # type: ignore[arg-type]  # of one field each

    return plan
