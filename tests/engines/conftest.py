"""For all tests of engines."""

from __future__ import annotations

import pytest
from tests.engines.processes import know_strangers


@pytest.fixture(autouse=True)
def strangers_known() -> None:
    """Other tests' processes are no engine's."""
    know_strangers()
