from __future__ import annotations

import numpy as np
import pytest

from dragoman.errors import MediaError
from dragoman.media.sources import BOOTH, REST_S, RESTING, UNKNOWN, SourceTable, source_key

A, B, C = ("127.0.0.1", 4000), ("127.0.0.1", 4001), ("10.0.0.1", 4000)


def keys(*addresses: tuple[str, int]) -> np.ndarray:
    return np.array([source_key(address) for address in addresses], np.int64)


def test_addresses_are_told_apart_by_host_and_port() -> None:
    table = SourceTable()
    for row, address in enumerate((A, B, C)):
        assert table.add(address, row, 0.0) is None
    assert table.lookup(keys(C, A, B, A, ("10.0.0.2", 4000))).tolist() == [2, 0, 1, 0, UNKNOWN]


def test_an_empty_table_knows_nobody() -> None:
    assert SourceTable().lookup(keys(A, B)).tolist() == [UNKNOWN, UNKNOWN]


def test_a_freed_address_rests() -> None:
    table = SourceTable()
    table.add(A, 0, 10.0)
    table.remove(A, 77, 11.0)
    assert table.lookup(keys(A, B)).tolist() == [RESTING, UNKNOWN]
    assert table.add(A, 5, 11.0 + REST_S / 2) == 77
    assert table.lookup(keys(A)).tolist() == [5]


def test_a_rested_address_has_forgotten() -> None:
    table = SourceTable()
    table.add(A, 0, 10.0)
    table.remove(A, 77, 11.0)
    assert table.add(A, 5, 11.0 + REST_S) is None
    table.remove(A, 78, 20.0)
    table.remove(B, None, 20.0 + REST_S)  # was never there; what has rested goes
    assert table.lookup(keys(A, B)).tolist() == [UNKNOWN, UNKNOWN]


def test_a_booth_is_expected_until_it_goes() -> None:
    table = SourceTable()
    table.add_booth(A)
    assert table.lookup(keys(A, B)).tolist() == [BOOTH, UNKNOWN]
    table.add(A, 3, 0.0)  # the port is a leg's now
    assert table.lookup(keys(A)).tolist() == [3]
    table.remove_booth(A)
    table.remove_booth(B)
    assert table.lookup(keys(A, B)).tolist() == [3, UNKNOWN]


def test_an_address_has_one_owner() -> None:
    table = SourceTable()
    table.add(A, 0, 0.0)
    with pytest.raises(MediaError, match=r"127\.0\.0\.1:4000 already"):
        table.add(A, 1, 0.0)


@pytest.mark.parametrize("address", [("localhost", 1), ("::1", 1), ("127.0.0.1", 0), ("127.0.0.1", 65536), ("", 1)])
def test_an_address_must_be_ipv4_and_port(address: tuple[str, int]) -> None:
    with pytest.raises(MediaError):
        source_key(address)
