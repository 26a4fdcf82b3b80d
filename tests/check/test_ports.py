from __future__ import annotations

import socket

from dragoman import config
from dragoman.check.finding import Verdict
from dragoman.check.ports import check_ports


def test_a_port_that_is_taken_is_named_with_its_setting() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", 0))
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        taken = config.validate(
            {"media": {"port": udp.getsockname()[1]}, "http": {"port": tcp.getsockname()[1]}}, environ={}
        )
        media, http = check_ports(taken)
    assert media.verdict is http.verdict is Verdict.FAIL
    assert "media.port" in media.remedy and "http.port" in http.remedy
    assert [finding.verdict for finding in check_ports(taken)] == [Verdict.OK, Verdict.OK]
