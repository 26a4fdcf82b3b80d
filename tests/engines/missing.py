"""Pretending that packages are not installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock


@contextmanager
def without(*packages: str, forget: str = "") -> Iterator[None]:
    """Within it, neither ``import`` nor ``find_spec`` finds these packages (Python's own rule for a None there).

    ``forget`` is a package of ours that is imported anew within it, and is the old one again for the tests that follow.
    """
    old = {name: module for name, module in sys.modules.items() if forget and f"{name}.".startswith(f"{forget}.")}
    hidden = [name for name in sys.modules if name.startswith(tuple(f"{package}." for package in packages))]
    with mock.patch.dict(sys.modules, dict.fromkeys((*packages, *hidden), None)):
        for name in old:
            del sys.modules[name]
        yield
    for name, module in old.items():  # the package around it holds it by its name too
        around, _, own = name.rpartition(".")
        setattr(sys.modules[around], own, module)
