from __future__ import annotations

import io

import pytest
from rich.console import Console
from tests.demo.scene import EPOCH, SCENARIO, make_scene

from dragoman.demo.table import WIDEST, View
from dragoman.pipeline.captions import Caption, CaptionKind

STATS = {
    "tick": {"p50_ms": 0.08, "p99_ms": 1.21, "late": 3, "ticks": 4211},
    "packets": {"lost": 2},
    "clauses": {"dropped": {"mt": 1}},
    "engines": {"recognizers": ["pocketsphinx"], "translators": ["phrasebook", "apertium"], "synthesizers": ["espeak"]},
}


async def test_the_table_fits_the_terminal_and_shows_the_newest() -> None:
    minutes = (await make_scene()).minutes()
    minutes.partials["Inés"] = "gracias por"
    console = Console(width=100, height=24, force_terminal=True, file=io.StringIO(), record=True)
    view = View(console, SCENARIO, minutes)
    view.stats = STATS
    view.begin(EPOCH)
    console.print(view)
    text = console.export_text()
    assert len(text.splitlines()) <= 24
    assert "Gràcies per ser aquí avui." in text
    assert "Bienvenidos" not in text  # the oldest make room
    assert "p99 1.21 ms" in text and "550 ms" in text and "● Inés: gracias por" in text


@pytest.mark.parametrize(("width", "used"), [(80, 80), (200, WIDEST)])
async def test_a_narrow_terminal_lacks_nothing_that_counts_and_a_wide_one_tears_nothing_apart(
    width: int, used: int
) -> None:
    minutes = (await make_scene()).minutes()
    console = Console(width=width, height=24, force_terminal=True, file=io.StringIO(), record=True)
    view = View(console, SCENARIO, minutes, simulated=True)
    view.stats = STATS | {"packets": {"lost": 3}, "clauses": {"dropped": {"mt": 2}}}
    console.print(view)
    text = console.export_text()
    assert max(len(line.rstrip()) for line in text.splitlines()) == used
    assert len(text.splitlines()) <= 24
    assert "SIMULATED" in text and "clauses 2  packets 3" in text


async def test_it_is_shown_before_anything_is_known() -> None:
    console = Console(width=100, height=30, force_terminal=True, file=io.StringIO(), record=True)
    from dragoman.demo.minutes import Minutes

    console.print(View(console, SCENARIO, Minutes()))
    assert "starting" in console.export_text()


async def test_elsewhere_it_is_plain_lines() -> None:
    from dragoman.demo.minutes import Minutes

    out = io.StringIO()
    console = Console(file=out, width=200)
    with View(console, SCENARIO, Minutes()) as view:
        common = ("1000", "es", "Sally.1/0", "Sally", "en", "good [morning]")
        view.tell(Caption(CaptionKind.CLAUSE, "1000", "en", *common[2:], "good [morning]", 1.0, 2.0))
        view.tell(Caption(CaptionKind.CLAUSE, *common, "buenos días", 1.0, 2.0))
        view.tell(Caption(CaptionKind.SPOKEN, *common, "buenos días", 1.0, 2.0, ear_voice_span_ms=612.3))
        view.tell(Caption(CaptionKind.DROPPED, *common, "", 1.0, 2.0, note="mt"))
    assert out.getvalue().splitlines() == [
        "Sally (en): good [morning]",
        "    -> es   612 ms  buenos días  [Sally]",
        "    -> es dropped: mt  [Sally: good [morning]]",
    ]
