"""Why a test call was not answered: each way that a PBX refuses one leads whoever is woken to what is wrong."""

from __future__ import annotations

import pytest

from dragoman.probe.answer import why_unanswered

OFFERED = ("CALL_LOCAL_SDP", "offer")


def why(*events: tuple[str, str], account: str | None = "probe") -> str:
    return why_unanswered([OFFERED, *events], "pbx.example.org:5060", account, "g722", 15.0)


@pytest.mark.parametrize(
    ("reason", "names"),
    [
        ("401 Unauthorized", ["account probe", "--password-file"]),
        ("403 Forbidden", ["account probe", "--password-file"]),
        ("404 Not Found", ["no such number", "dragoman-rooms"]),
        ("488 Not Acceptable Here", ["g722", "--codec"]),
        ("486 Busy Here", ["a room's?"]),
        ("503 Service Unavailable", []),
        ("Connection reset by peer", []),
        ("", []),
    ],
)
def test_a_refusal_is_quoted_and_says_what_to_look_at(reason: str, names: list[str]) -> None:
    text = why(("CALL_RINGING", ""), ("CALL_CLOSED", reason))
    assert text.startswith(f"the call was refused: {reason}")
    assert all(name in text for name in names), text
    if not names:
        assert text == f"the call was refused: {reason}"


def test_who_calls_without_an_account_is_told_that_one_is_wanted() -> None:
    text = why(("CALL_CLOSED", "401 Unauthorized"), account=None)
    assert "wants an account (--user" in text


def test_a_number_that_rings_is_told_from_a_pbx_that_is_not_there() -> None:
    assert why(("CALL_RINGING", "sip:202")).startswith("it rings, but is not answered within 15 s")
    text = why()
    assert text.startswith("no answer from pbx.example.org:5060 within 15 s") and "firewall" in text
