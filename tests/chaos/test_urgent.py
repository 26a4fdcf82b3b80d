"""All that a meeting starts is hurried, in whatever session it is, and nothing else; afterwards all is as before."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.chaos.urgent import URGENT, descendants, parents, urgent

DEADLINE_S = 20.0


@given(st.dictionaries(st.integers(2, 40), st.integers(1, 40), max_size=30))
def test_descendants_are_those_whose_line_of_parents_comes_by(of: dict[int, int]) -> None:
    found = descendants(1, of)
    for pid in of:
        line, at = set[int](), pid
        while at in of and at not in line:
            line.add(at)
            at = of[at]
        assert (pid in found) == (at == 1)


def test_the_parents_are_known() -> None:
    assert parents()[os.getpid()] == os.getppid()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may hurry")
@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel does not group by session")
def test_a_session_that_was_begun_meanwhile_is_hurried() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    own = Path("/proc/self/autogroup").read_text()
    with (
        urgent(),
        subprocess.Popen(["sleep", "60"], start_new_session=True) as child,
        subprocess.Popen(["sleep", "60"]) as beside,
    ):
        try:
            assert os.getpriority(os.PRIO_PROCESS, child.pid) == URGENT
            group, end = Path(f"/proc/{child.pid}/autogroup"), time.monotonic() + DEADLINE_S
            while f"nice {URGENT}" not in group.read_text():
                assert time.monotonic() < end
                time.sleep(0.05)
            assert Path(f"/proc/{beside.pid}/autogroup").read_text() == own
        finally:
            child.kill()
            beside.kill()
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
    assert Path("/proc/self/autogroup").read_text() == own
