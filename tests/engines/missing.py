"""Pretending that packages are not installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock


@contextmanager
def without(*packages: str, forget: str = "") -> Iterator[None]:
    """Within it, neither ``import`` nor ``find_spec`` finds these packages (Python's own rule for a None there).

    ``forget`` is a package that is imported anew within it, and is the old one again for the tests that follow. What
    else is imported meanwhile is forgotten afterwards, for it may think that the packages are not there; but not parts
    of packages that were there before, some of which (torch's) cannot be imported twice.
    """
    loaded = dict(sys.modules)
    old = {name: module for name, module in loaded.items() if forget and f"{name}.".startswith(f"{forget}.")}
    hidden = [name for name in loaded if name.startswith(tuple(f"{package}." for package in packages))]
    with mock.patch.dict(sys.modules, dict.fromkeys((*packages, *hidden), None)):
        for name in old:
            del sys.modules[name]
        yield
        came = {name: module for name, module in sys.modules.items() if name not in loaded}
    for name, module in came.items():
        root = name.partition(".")[0]
        if root in loaded and root not in (*packages, forget, "dragoman"):
            sys.modules.setdefault(name, module)
    for name, module in old.items():  # the package around it holds it by its name too
        around, _, own = name.rpartition(".")
        if around in sys.modules:
            setattr(sys.modules[around], own, module)
