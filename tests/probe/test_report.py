"""A test call's answer: the line that Nagios reads, the exit status, and what Prometheus is told."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from dragoman.cli import app
from dragoman.probe.call import room_uris
from dragoman.probe.measure import Ear
from dragoman.probe.report import Found, Limits, Status, line, textfile

LIMITS = Limits(2.0, 4.0)
HEARD = Found("9000", "en", "es", answer_s=0.31, span_s=0.812, ear=Ear(5.0, 1.9, -21.4))

NAGIOS = re.compile(r"^DRAGOMAN (OK|WARNING|CRITICAL|UNKNOWN) - [^|\n]+( \| (\w+=[\d.]+s;[\d.]*;[\d.]*;0 ?)+)?$")


@pytest.mark.parametrize(
    ("found", "status", "said"),
    [
        (HEARD, Status.OK, "heard after 812 ms, 1.9 s of it at -21 dBFS"),
        (replace(HEARD, span_s=2.0), Status.WARNING, "heard after 2000 ms"),
        (replace(HEARD, span_s=4.5), Status.CRITICAL, "heard after 4500 ms"),
        (replace(HEARD, span_s=None, ear=None), Status.CRITICAL, "said, but not heard in es"),
        (Found("9000", "en", "es", why="the call was refused: 404 Not Found"), Status.CRITICAL, "404 Not Found"),
        (Found("9000", "en", "es", why="baresip is not installed", ours=True), Status.UNKNOWN, "not installed"),
    ],
)
def test_the_line_and_the_status(found: Found, status: Status, said: str) -> None:
    text = line(found, LIMITS)
    assert found.status(LIMITS) is status
    assert NAGIOS.match(text), text
    assert text.startswith(f"DRAGOMAN {status.name} - en>es in room 9000: ") and said in text
    assert ("ear_voice_span=" in text) == (found.span_s is not None)
    assert ("/api/rooms/9000/trace.txt" in text) == (status is not Status.OK and not found.why), "where to look next"


def samples(data: bytes) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(data.decode())
        for sample in family.samples
        if sample.labels == {"room": "9000", "source": "en", "target": "es"}
    }


def test_prometheus_is_told_the_same() -> None:
    assert samples(textfile(HEARD, LIMITS, 1.7e9)) == {
        "dragoman_probe_success": 1,
        "dragoman_probe_last_run_timestamp_seconds": 1.7e9,
        "dragoman_probe_ear_voice_span_seconds": 0.812,
        "dragoman_probe_answer_seconds": 0.31,
    }
    assert samples(textfile(replace(HEARD, span_s=None), LIMITS, 1.7e9))["dragoman_probe_success"] == 0
    assert samples(textfile(replace(HEARD, span_s=3.0), LIMITS, 1.7e9))["dragoman_probe_success"] == 1  # late, heard


def test_a_rooms_address_in_two_languages() -> None:
    assert room_uris("sip:9000@pbx.example.org:5080;transport=tcp", "en", "es") == (
        "9000",
        "sip:9000*44@pbx.example.org:5080;transport=tcp",
        "sip:9000*34@pbx.example.org:5080;transport=tcp",
    )


@pytest.mark.parametrize("uri", ["9000@pbx", "sip:pbx", "sip:@pbx", "sip:9000@", "tel:+44", "sip:9000*44@pbx"])
def test_what_is_no_rooms_address(uri: str) -> None:
    with pytest.raises(ValueError, match="should be a room's address"):
        room_uris(uri, "en", "es")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sip:9000@127.0.0.1", "--to", "xx"], "'xx' unknown"),
        (["sip:9000@127.0.0.1", "--wav", "/nowhere.wav"], "nowhere.wav"),
        (["sip:9000@127.0.0.1", "--user", "ann"], "--password-file"),
        (["sip:9000@127.0.0.1", "--pin-file", "/nowhere"], "/nowhere"),
        (["sip:9000@127.0.0.1", "--to", "en"], "give two languages"),
        (["sip:9000@127.0.0.1", "--critical", "nan"], "--critical nan"),
        (["sip:9000@127.0.0.1", "--warning", "5"], "not below"),
        (["sip:9000@127.0.0.1", "--warning", "soon"], "--warning"),
        (["sip:9000@127.0.0.1", "--colour", "red"], "--colour"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_tried_is_unknown_and_never_written_down(
    arguments: list[str], said: str, tmp_path: pytest.TempPathFactory
) -> None:
    out = f"{tmp_path}/dragoman.prom"
    done = CliRunner().invoke(app, ["probe", *arguments, "--textfile", out])
    assert done.exit_code == 3
    assert done.output.startswith("DRAGOMAN UNKNOWN - ") and said in done.output
    with pytest.raises(FileNotFoundError):
        open(out).close()
