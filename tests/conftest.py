"""What every test gets: the loop it asked for, and no end-to-end test where nobody asked for one."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import pytest
import structlog
from hypothesis import HealthCheck, settings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the daemon does (cli/main.py), before numpy is imported

from tests.virtual_time import VirtualTimeLoop

try:  # here, not where a test happens to need it first: that test would have no patience with its database
    from dragoman import sql
except ImportError:  # the packages of no database are installed
    sql = None  # type: ignore[assignment]

settings.register_profile(
    "here",
    parent=settings.get_profile("default"),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("here")  # a busy host is no fault of what is tested; --hypothesis-profile chooses another

collect_ignore = ["example_engine"]  # a project of its own; engines/test_example.py installs it and runs its tests

E2E = Path(__file__).parent / "e2e"

SPOILED = 2
"""End-to-end tests of one run that may need a second go: a host that stands still a moment takes words from a phone.
Each is shown with why it failed. If there are more the run fails: that is no longer the host. Where two runs make one
(``make test``), --spoiled divides it between them."""

PATIENCE_S = 60.0
"""Seconds until a busy machine has done what takes it milliseconds else. Half of what pytest-timeout allows a test."""

TIMED = frozenset({"test_does_not_block_the_loop"})
"""Tests of the conformance suite, which others run too, that measure time."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--spoiled", type=int, default=SPOILED, help="end-to-end tests that may need a second go")


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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Before ``-m`` chooses, and after a folder's own conftest: what was loaded later is asked first."""
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.flaky(reruns=1))
            if not item.get_closest_marker("beside"):
                item.add_marker(pytest.mark.alone)
        elif item.name in TIMED:
            item.add_marker(pytest.mark.alone)
    if hasattr(config, "workerinput"):  # of pytest-xdist: who waits for phones begins, so that others compute meanwhile
        items.sort(key=lambda item: item.get_closest_marker("e2e") is None)


def _second_goes(config: pytest.Config) -> list[pytest.TestReport]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return [] if reporter is None else list(reporter.stats.get("rerun", []))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if len(_second_goes(session.config)) > session.config.getoption("spoiled"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    again = _second_goes(config)
    if again:
        forgiven = config.getoption("spoiled")
        terminalreporter.section(f"run a second time: {len(again)}, of which {forgiven} are forgiven")
    for report in again:
        terminalreporter.line(f"{report.nodeid}\n{report.longreprtext}\n")


@pytest.fixture(autouse=True)
def _databases_may_be_slow() -> Iterator[None]:
    """A busy disk is no fault of what is tested; whoever judges the deadline of a database sets it."""
    with nullcontext() if sql is None else mock.patch.object(sql, "TIMEOUT_S", PATIENCE_S):
        yield


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """What a command sets up of the logs (``observe/log.py``) ends with its test: the next one may read its output."""
    root = logging.getLogger()
    level = root.level
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        root.setLevel(level)
        for handler in list(root.handlers):
            if isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter):
                root.removeHandler(handler)
