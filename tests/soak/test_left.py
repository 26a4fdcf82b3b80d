"""What a soak takes for an orphan: anything of a call after the last one, and more connections than a pool holds."""

from __future__ import annotations

import pytest
from tests.soak.__main__ import CONNECTIONS, LEFT, left

CLEAN = dict.fromkeys((*LEFT, "daemon files", "daemon MiB"), 0.0) | dict.fromkeys(CONNECTIONS, 17.0)


def test_a_full_pool_and_the_websocket_are_no_orphans() -> None:
    assert left(CLEAN | {"daemon files": 9.0, "daemon MiB": 100.0}) == []


@pytest.mark.parametrize("name", LEFT)
def test_one_thing_of_a_call_is_one(name: str) -> None:
    assert left(CLEAN | {name: 1.0}) == [f"1 {name} left"]


@pytest.mark.parametrize("name", CONNECTIONS)
def test_so_is_one_connection_more_than_there_can_be(name: str) -> None:
    assert left(CLEAN | {name: 18.0}) == [f"18 {name}, allowed are 17"]
