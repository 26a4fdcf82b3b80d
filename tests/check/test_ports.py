"""Ports that are taken: by somebody, with the setting to change, or by the daemon itself, which is no fault."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from dragoman import config
from dragoman.check import ports
from dragoman.check.finding import Verdict
from dragoman.check.ports import check_ports
from dragoman.media import socket as media_socket
from dragoman.telephony.pbx.ports import free_port
from dragoman.web.routes import Live


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may be late with its answer."""
    monkeypatch.setattr("dragoman.check.ports.ASK_S", 30.0)


def settings(udp: int, tcp: int) -> config.Settings:
    return config.validate({"media": {"port": udp}, "http": {"port": tcp}}, environ={})


def test_a_port_that_is_taken_is_named_with_its_setting() -> None:
    port = free_port()  # not the system's choice: others are given from there, and it is to be free again
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", port))
        tcp.bind(("127.0.0.1", port))
        tcp.listen()
        taken = settings(udp.getsockname()[1], tcp.getsockname()[1])
        media, http = check_ports(taken)
    assert media.verdict is http.verdict is Verdict.FAIL
    assert "media.port" in media.remedy and "http.port" in http.remedy
    assert [finding.verdict for finding in check_ports(taken)] == [Verdict.OK, Verdict.OK]


def test_an_address_of_another_machine_is_told_from_a_port_that_is_taken() -> None:
    given = config.validate({"media": {"bind": "203.0.113.5"}}, environ={})  # RFC 5737
    media, _ = check_ports(given)
    assert (
        media.verdict is Verdict.FAIL and "no address of this machine" in media.remedy and "media.bind" in media.remedy
    )


def test_a_host_that_gives_less_room_than_is_asked_for_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        given = probe.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
    monkeypatch.setattr(media_socket, "RECEIVE_BUFFER_BYTES", given)
    monkeypatch.setattr(ports, "RECEIVE_BUFFER_BYTES", given)
    assert ports.check_buffer().verdict is Verdict.OK
    monkeypatch.setattr(ports, "RECEIVE_BUFFER_BYTES", given + 1)
    finding = ports.check_buffer()
    assert finding.verdict is Verdict.WARN
    assert f"{given >> 10} KB" in finding.found
    assert f"net.core.rmem_max={given + 1}" in finding.remedy


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's limit")
def test_root_is_told_what_a_normal_user_would_get(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 30)  # cut down to the limit
        limit = probe.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
    for module in (media_socket, ports):
        monkeypatch.setattr(module, "RECEIVE_BUFFER_BYTES", 2 * limit)
    assert ports.check_buffer().verdict is Verdict.WARN


@contextmanager
def answering(body: bytes) -> Iterator[int]:
    """A server that says this to every GET; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            serving.join()


def test_a_daemon_that_runs_with_these_settings_is_no_fault() -> None:
    with answering(Live().model_dump_json().encode()) as port, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        findings = check_ports(settings(udp.getsockname()[1], port))
    assert [finding.verdict for finding in findings] == [Verdict.WARN, Verdict.WARN]
    assert all("a daemon runs" in finding.found for finding in findings)


@pytest.mark.parametrize("body", [b"", b"hello", b"[]", b'{"live": false}', b"\xff\xfe", b'{"live": true'])
def test_another_server_on_the_port_is(body: bytes) -> None:
    with answering(body) as port:
        assert check_ports(settings(0, port))[1].verdict is Verdict.FAIL
