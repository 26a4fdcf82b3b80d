"""Tiny models for the tests of XTTS; without torch (make test brings it) they are skipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def one_thread() -> None:
    """Two threads of torch wait for each other by spinning: on a busy machine 9 times slower than one."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def plain(one_thread: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights."""
    from tests.engines.tts.xtts import tiny

    return tiny.make(tmp_path_factory.mktemp("xtts"))


@pytest.fixture(scope="session")
def talkative(one_thread: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that speak as long as the text takes."""
    from tests.engines.tts.xtts import tiny

    return tiny.talkative(tmp_path_factory.mktemp("talkative"))


@pytest.fixture
def narrow() -> Iterator[None]:
    """While it is, coqui builds what is in a tiny model."""
    from tests.engines.tts.xtts import tiny

    with tiny.narrow():
        yield
