"""Pretending that packages are not installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """Within it, neither ``import`` nor ``find_spec`` finds these packages (Python's own rule for a None there)."""
    with mock.patch.dict(sys.modules, dict.fromkeys(packages, None)):
        yield
