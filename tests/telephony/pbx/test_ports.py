from __future__ import annotations

import socket

import pytest

from dragoman.errors import PbxError
from dragoman.telephony.pbx import ports


def test_a_taken_port_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        port = ports.free_port()  # not the system's choice: from there others take theirs, of TCP too
        taken.bind(("127.0.0.1", port))
        monkeypatch.setattr(ports, "PORTS", range(port, port + 2))
        with pytest.raises(PbxError, match=str(port)):
            ports.free_port(socket.SOCK_DGRAM)
        assert ports.free_port(socket.SOCK_STREAM) == port


def test_a_row_of_ports_starts_at_an_even_one() -> None:
    start = ports.free_port(span=4)
    assert start % 2 == 0
    assert start >= ports.PORTS.start and start + 4 <= ports.PORTS.stop
