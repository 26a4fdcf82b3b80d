"""What is counted as a file and what as a connection: of real sockets at both ends, idle, half closed and leaked."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.soak.files import Files, connected, open_files, tables

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
LINES = (
    "   0: 0100007F:1F98 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1 0 100 0 0 10 0",
    "   1: 0100007F:1F98 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 101 1 0 20 4 0 10 -1",
    "   2: 0100007F:C350 0100007F:1F98 08 00000000:00000000 00:00000000 00000000     0        0 102 1 0 20 4 0 10 -1",
    "   3: 0100007F:C351 0100007F:1F99 01 00000000:00000000 00:00000000 00000000     0        0 103 1 0 20 4 0 10 -1",
    "   4: 00000000000000000000000001000000:1F98 00000000000000000000000001000000:C352 01 0:0 00:0 0 0 0 104 1 0 20",
)


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def test_both_ends_of_connections_are_found_and_what_listens_or_leads_elsewhere_is_not() -> None:
    assert connected((HEAD, *LINES), 8088) == {"socket:[101]", "socket:[102]", "socket:[104]"}
    assert connected((HEAD,), 8088) == frozenset()


def test_a_host_without_ipv6_has_one_table_only(tmp_path: Path) -> None:
    (tmp_path / "tcp").write_text("\n".join((HEAD, *LINES[:4])) + "\n")
    assert connected(tables(tmp_path), 8088) == {"socket:[101]", "socket:[102]"}
    (tmp_path / "tcp6").write_text("\n".join((HEAD, LINES[4])) + "\n")
    assert connected(tables(tmp_path), 8088) == {"socket:[101]", "socket:[102]", "socket:[104]"}


def test_a_pool_of_connections_adds_no_file(server: socket.socket) -> None:
    port = server.getsockname()[1]
    before = open_files(os.getpid(), port)
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            stack.enter_context(server.accept()[0])
        assert open_files(os.getpid(), port) == Files(before.other, before.connections + 10)
    assert open_files(os.getpid(), port) == before


def test_a_file_a_datagram_socket_and_a_connection_elsewhere_are_files(server: socket.socket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        port = elsewhere.getsockname()[1]
        before = open_files(os.getpid(), port)
        with (
            open(os.devnull),
            socket.socket(type=socket.SOCK_DGRAM),
            socket.create_connection(server.getsockname()),
        ):
            assert open_files(os.getpid(), port) == Files(before.other + 3, before.connections)


def test_a_connection_that_the_other_side_closed_is_one_until_this_side_closes_it(server: socket.socket) -> None:
    port = server.getsockname()[1]
    before = open_files(os.getpid(), port)
    with socket.create_connection(("127.0.0.1", port)) as kept:
        server.accept()[0].close()
        assert kept.recv(1) == b""
        assert open_files(os.getpid(), port) == Files(before.other, before.connections + 1)
