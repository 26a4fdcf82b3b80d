"""The conformance suite finds what it is there to find: each of its checks fails on an engine with that very defect."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from tests.engines.toys.kinds import DEFECTS, GOOD
from tests.engines.toys.proof import PROCESSES, SUITES, class_name

from dragoman.engines.base import EngineInfo, Hypothesis, Stage
from dragoman.engines.conformance import running
from dragoman.engines.conformance.common import given, promised
from dragoman.engines.conformance.info import complaints
from dragoman.engines.faults import sound_of, text_of, words_of

ROOT = Path(__file__).resolve().parents[2]
PROOF = "tests/engines/toys/proof.py"

Outcome = dict[tuple[str, str], str]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """(test class, test) -> passed, failed, error or skipped: all checks on the good toys, the named ones on others."""
    report = tmp_path_factory.mktemp("proof") / "report.xml"
    good = [class_name(stage, toy) for stage, toy in GOOD.items()]
    good += [class_name(stage, toy) for stage, toy in zip((Stage.MT, Stage.TTS, Stage.ASR), PROCESSES, strict=True)]
    ids = [f"{PROOF}::{name}" for name in good]
    ids += [
        f"{PROOF}::{class_name(stage, toy)}::{check}" for toy, (stage, checks) in DEFECTS.items() for check in checks
    ]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *ids]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert report.exists(), done.stdout + done.stderr
    found: Outcome = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kind = next((child.tag for child in case if child.tag in ("failure", "error", "skipped")), "passed")
        key = (case.attrib["classname"].rpartition(".")[2], case.attrib["name"])
        if found.get(key) != "failure":  # an engine that fails may fail again when it is closed
            found[key] = kind
    assert found, done.stdout + done.stderr
    return found


@pytest.mark.parametrize(("toy", "stage"), [(toy, stage) for stage, toy in GOOD.items()])
def test_a_good_engine_passes(outcome: Outcome, toy: type, stage: Stage) -> None:
    came = {check: kind for (name, check), kind in outcome.items() if name == class_name(stage, toy)}
    assert set(came) == set(checks_of(SUITES[stage]))
    assert [check for check, kind in came.items() if kind in ("failure", "error")] == []
    without = {"test_counters_only_grow", "test_stalled_it_can_be_left_and_closed"}
    assert {check for check, kind in came.items() if kind == "skipped"} - without <= {
        "test_a_killed_process_is_a_crash_and_replaced",
        "test_a_killed_worker_is_a_crash",
    }


@pytest.mark.parametrize("toy", PROCESSES)
def test_a_good_engine_with_processes_passes(outcome: Outcome, toy: type) -> None:
    stage = next(stage for stage, good in GOOD.items() if issubclass(toy, good))
    came = {check: kind for (name, check), kind in outcome.items() if name == class_name(stage, toy)}
    assert [check for check, kind in came.items() if kind in ("failure", "error")] == []
    assert {check for check, kind in came.items() if kind == "skipped"} == {"test_counters_only_grow"}


@pytest.mark.parametrize(
    ("toy", "check"),
    [(toy, check) for toy, (_, checks) in DEFECTS.items() for check in checks],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_broken_engine_is_found_out(outcome: Outcome, toy: type, check: str) -> None:
    assert outcome[class_name(DEFECTS[toy][0], toy), check] == "failure"


@pytest.mark.parametrize("stage", Stage)
def test_every_check_has_an_engine_that_it_finds_out(stage: Stage) -> None:
    common = {check for _, checks in DEFECTS.values() for check in checks}
    here = {check for of, checks in DEFECTS.values() if of is stage for check in checks}
    unproven = [
        check
        for check, function in checks_of(SUITES[stage]).items()
        if check not in (common if "EngineConformance" in function else here)
    ]
    assert unproven == []


def checks_of(suite: type) -> dict[str, str]:
    """Name -> qualified name of every check of a suite."""
    functions = inspect.getmembers(suite, inspect.isfunction)
    return {name: function.__qualname__ for name, function in functions if name.startswith("test_")}


async def _never_let_go() -> None:
    while True:
        try:
            await asyncio.sleep(0.001)
        except asyncio.CancelledError:
            continue


def test_who_cannot_be_cancelled_is_told_of_and_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LET_GO_S", 0.01)

    async def meet() -> None:
        with pytest.raises(AssertionError, match=r"translate\(\) takes more than 0.01 s"):
            await running.done_within(0.01, _never_let_go(), "translate()")
        going = running.start(_never_let_go())
        await running.turns(2)
        assert not await running.ended_within(0.01, going)

    asyncio.run(meet())  # which waits for every task that it knows


@pytest.mark.parametrize(
    ("look", "value", "text"),
    [
        (sound_of, b"\0\0", "gave bytes, not mono int16"),
        (sound_of, np.zeros((8, 1), np.int16), "gave ndarray of 2 x int16, not mono int16"),
        (text_of, "hola", "gave str, not a Translation"),
        (words_of, Hypothesis(("hi",), True, True, 0), "whose words are no tuple of Word"),  # type: ignore[arg-type]  # the defect
    ],
)
def test_what_is_of_another_type_is_named_and_no_engine_error(look: Any, value: object, text: str) -> None:
    with pytest.raises(AssertionError, match=text):
        given(look, "it", value)


def test_a_call_that_should_be_awaited_is_named() -> None:
    with pytest.raises(AssertionError, match=r'open\(\) gives int, nothing to be awaited: it should be an "async def"'):
        promised(4, "open()")  # type: ignore[arg-type]  # the defect


ELSEWHERE = """\
import pytest
from dragoman.engines.base import TranslationRequest
from dragoman.engines.conformance import TranslatorConformance

class TestPhrases(TranslatorConformance):
    name = "phrasebook"

    @pytest.fixture
    def known(self):
        return TranslationRequest("how are you today", "en", "es")
"""


def test_the_suite_runs_where_no_mode_of_pytest_asyncio_is_set(tmp_path: Path) -> None:
    (tmp_path / "test_phrases.py").write_text(ELSEWHERE)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-k",
        "supports or translates or cancelled",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout, done.stdout


INFO = EngineInfo("deep-l", Stage.MT, ("en-es", "es-en"), False, "MIT", True, "Translating.")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({}, None),
        ({"licence": "Apache-2.0 AND CC-BY-4.0"}, None),
        ({"licence": "GPL-3.0-or-later WITH Classpath-exception-2.0"}, None),
        ({"licence": "Proprietary (terms of service of the provider)"}, None),
        ({"licence": "CC-BY-NC-4.0", "commercial_use": False}, None),
        ({"languages": ()}, None),
        ({"name": "Deep L"}, "name 'Deep L' is not of small letters"),
        ({"stage": Stage.TTS}, "stage is tts, not mt"),
        ({"languages": ("en",)}, "language 'en' is not two ISO 639-1 codes"),
        ({"languages": ("en-xx",)}, "language 'en-xx' is not two ISO 639-1 codes"),
        ({"languages": ("eng-spa",)}, "language 'eng-spa' is not two"),
        ({"languages": ("en-en",)}, "leads to itself"),
        ({"languages": ("en-es", "en-es")}, "a language is named twice"),
        ({"licence": ""}, "licence '' does not say"),
        ({"licence": "Unknown"}, "licence 'Unknown' does not say"),
        ({"licence": "Apache 2"}, "neither an SPDX expression nor said in words"),
        ({"licence": "CC-BY-NC-4.0"}, "does not allow the commercial use"),
        ({"licence": "Coqui Public Model License (CPML)"}, "does not allow the commercial use"),
        ({"purpose": ""}, "purpose is not one line"),
        ({"purpose": "a\nb"}, "purpose is not one line"),
        ({"chunk_ms": 50}, "chunk_ms 50 is not a multiple of 20"),
        ({"chunk_ms": 0}, "chunk_ms 0 is not"),
    ],
)
def test_what_an_engine_says_of_itself_is_judged(change: dict[str, object], complaint: str | None) -> None:
    found = complaints(replace(INFO, **change), Stage.MT)  # type: ignore[arg-type]  # whatever the case changes
    if complaint is None:
        assert found == []
    else:
        assert len(found) == 1 and complaint in found[0]
