"""tests/conftest.py: who has a second go, how many are forgiven, that none goes unsaid; and who runs alone."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

HOOKS = Path(__file__).with_name("conftest.py")

SETTINGS = """
    [pytest]
    addopts = -p no:cacheprovider
    asyncio_mode = auto
    asyncio_default_fixture_loop_scope = function
    markers =
        e2e: runs the real Asterisk
        beside: may run beside others
        alone: may not
"""

SPOILT = """
    import pytest

    goes = []

    @pytest.mark.parametrize("number", range({count}))
    {mark}
    def test_spoilt(number):
        goes.append(number)
        assert goes.count(number) > {spoilt}, "the host stood still"
"""


@pytest.fixture
def run(pytester: pytest.Pytester) -> pytest.Pytester:
    """A run of its own with the hooks as they stand, in a folder of its own."""
    pytester.makeini(SETTINGS)
    pytester.makeconftest(HOOKS.read_text("utf-8"))
    return pytester


def spoilt(count: int = 1, goes: int = 1, mark: str = "@pytest.mark.e2e") -> str:
    """As many tests, each of which fails so often before it passes."""
    return SPOILT.format(count=count, spoilt=goes, mark=mark)


@pytest.mark.parametrize("count", [1, 2])
def test_end_to_end_tests_that_were_spoilt_once_are_forgiven_and_shown(run: pytest.Pytester, count: int) -> None:
    run.makepyfile(spoilt(count))
    result = run.runpytest()
    result.assert_outcomes(passed=count)
    assert result.ret == pytest.ExitCode.OK
    said = result.stdout.str()
    assert f"run a second time: {count}, of which 2 are forgiven" in said
    assert said.count("AssertionError: the host stood still") == count


def test_more_than_are_forgiven_fail_the_run_though_each_passed_in_the_end(run: pytest.Pytester) -> None:
    run.makepyfile(spoilt(3))
    result = run.runpytest()
    result.assert_outcomes(passed=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*run a second time: 3, of which 2 are forgiven*"])


def test_a_part_of_a_run_forgives_its_share(run: pytest.Pytester) -> None:
    run.makepyfile(spoilt(2))
    result = run.runpytest("--spoiled", "1")
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*run a second time: 2, of which 1 are forgiven*"])


def test_several_workers_forgive_no_more_than_one(run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HOOKS.parents[1]))
    run.makepyfile(test_a=spoilt(), test_b=spoilt(), test_c=spoilt())
    result = run.runpytest("-n", "2", "--dist", "loadfile")
    result.assert_outcomes(passed=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*run a second time: 3, of which 2 are forgiven*"])


def test_nobody_has_a_third_go(run: pytest.Pytester) -> None:
    run.makepyfile(spoilt(goes=2))
    result = run.runpytest()
    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_any_other_test_has_one_go(run: pytest.Pytester) -> None:
    run.makepyfile(spoilt(mark=""))
    result = run.runpytest()
    result.assert_outcomes(failed=1)
    assert "a second time" not in result.stdout.str()


def test_what_a_folder_marks_is_marked_in_time(run: pytest.Pytester) -> None:
    """The end-to-end tests' own conftest marks them in the same hook that hands out second goes."""
    folder = run.mkdir("real")
    (folder / "conftest.py").write_text(
        "import pytest\n"
        "def pytest_collection_modifyitems(items):\n"
        "    for item in items:\n"
        "        item.add_marker(pytest.mark.e2e)\n"
    )
    (folder / "test_real.py").write_text("goes = []\ndef test_real():\n    goes.append(1)\n    assert len(goes) > 1\n")
    result = run.runpytest()
    result.assert_outcomes(passed=1)
    assert "run a second time: 1" in result.stdout.str()


KINDS = """
    import pytest

    def test_pure(): pass

    @pytest.mark.e2e
    def test_sound(): pass

    @pytest.mark.e2e
    @pytest.mark.beside
    def test_control(): pass

    def test_does_not_block_the_loop(): pass
"""


@pytest.mark.parametrize(
    ("chosen", "named"),
    [
        ("not alone", {"test_pure", "test_control"}),
        ("alone", {"test_sound", "test_does_not_block_the_loop"}),
    ],
)
def test_what_judges_sound_or_time_is_alone_and_all_else_is_not(
    run: pytest.Pytester, chosen: str, named: set[str]
) -> None:
    run.makepyfile(KINDS)
    result = run.runpytest("-v", "-m", chosen)
    assert {line.partition("::")[2].split()[0] for line in result.outlines if "PASSED" in line} == named


def test_a_run_in_which_all_went_well_says_nothing(run: pytest.Pytester) -> None:
    run.makepyfile(spoilt(goes=0))
    result = run.runpytest()
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK
    assert "a second time" not in result.stdout.str()
