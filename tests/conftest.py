"""What every test gets: the loop it asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest
from tests.virtual_time import VirtualTimeLoop


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "virtual_time: the test's event loop jumps from timer to timer")


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """One loop for a test and its fixtures: virtual time where it is marked, else asyncio's own."""
    if item.get_closest_marker("virtual_time"):
        return {"virtual": VirtualTimeLoop}
    return {"real": asyncio.new_event_loop}
