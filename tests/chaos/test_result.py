"""When a line, Asterisk, or what lies between may be to blame: while it was struck, and no longer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.chaos.ledger import NEAR_S
from tests.chaos.meeting import Happened, Held
from tests.chaos.people import Call
from tests.chaos.result import ENTER_S, bad
from tests.chaos.schedule import Fault, Part

from dragoman.demo.recording import RecordingClock, Track

BEGUN, ENDED, DIALLED = 1000.0, 1030.0, 1008.0


def call(voice: str, begun: float) -> Call:
    pcm = np.zeros(16_000, np.int16)
    track = Track(pcm, RecordingClock.of(lambda sample: begun + sample / 16_000, len(pcm)))
    return Call(voice, track, track)


def held(part: Part, what: str, voice: str = "") -> Held:
    happened = Happened(Fault(0.0, part, what, 2.0, voice=voice), BEGUN, ENDED)
    calls = [call("a", 900.0), call("b", 900.0), call("a", DIALLED), call("b", DIALLED + 3)]
    return Held(calls, Path(), 0, [], [], [happened], [], [], [], [])


@pytest.mark.parametrize(
    ("part", "what", "of", "ended"),
    [
        (Part.ASTERISK, "stall", "", {"a": ENDED, "b": ENDED}),
        (Part.ASTERISK, "kill", "", {"a": DIALLED + ENTER_S, "b": DIALLED + 3 + ENTER_S}),
        (Part.PATH, "loss", "", {"a": ENDED, "b": ENDED}),
        (Part.LINE, "loss", "a", {"a": ENDED}),
        (Part.ARI, "cut", "", {}),
        (Part.DAEMON, "kill", "", {}),
    ],
)
def test_only_what_was_struck_is_to_blame_and_a_killed_asterisk_until_he_is_in_again(
    part: Part, what: str, of: str, ended: dict[str, float]
) -> None:
    for voice in ("a", "b"):
        blamed = bad(held(part, what, of), voice)
        if voice in ended:
            over = ended[voice] + NEAR_S
            assert [blamed(at) for at in (BEGUN - NEAR_S - 0.1, BEGUN, over - 0.1, over + 0.1)] == [
                False,
                True,
                True,
                False,
            ]
        else:
            assert not any(blamed(at) for at in (BEGUN, BEGUN + 1, ENDED))


def test_an_asterisk_that_was_killed_and_was_not_called_again_is_to_blame_until_all_was_well() -> None:
    blamed = bad(held(Part.ASTERISK, "kill"), "c")
    assert blamed(ENDED) and not blamed(ENDED + NEAR_S + 0.1)
