"""What every test gets: the loop it asked for, and no end-to-end test where nobody asked for one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.virtual_time import VirtualTimeLoop

E2E = Path(__file__).parent / "e2e"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "virtual_time: the test's event loop jumps from timer to timer")


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """One loop for a test and its fixtures: virtual time where it is marked, else asyncio's own."""
    if item.get_closest_marker("virtual_time"):
        return {"virtual": VirtualTimeLoop}
    return {"real": asyncio.new_event_loop}


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """End-to-end tests share the session's loop: pytest-asyncio must know before it hands out factories per test."""
    if E2E in metafunc.definition.path.parents:
        metafunc.definition.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.hookimpl(trylast=True)  # e2e/conftest.py marks its tests in the same hook
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave end-to-end tests out, unless they are asked for: by ``-m e2e`` (or any ``-m``), or by their path."""
    asked = config.option.markexpr or any("e2e" in argument for argument in config.args)
    if not asked:
        left_out = [item for item in items if item.get_closest_marker("e2e")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
