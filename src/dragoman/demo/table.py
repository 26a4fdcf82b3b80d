"""The live view of the meeting: who speaks, what was said and how it was spoken elsewhere, how long that took."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from dragoman.demo.minutes import Entry, Minutes
from dragoman.demo.scenario import Scenario
from dragoman.pipeline.captions import Caption, CaptionKind

STYLES = ("cyan", "green", "magenta", "yellow", "blue", "red", "bright_cyan", "bright_green")
"""Of speakers, in the order of the people."""

GOOD_MS, FAIR_MS = 700.0, 900.0
"""Ear-voice span: design targets at p50 and p95."""

FRAME_LINES = 12
"""Lines of the view that are not clauses: borders, heads, figures, partials."""

WIDEST = 140
"""Columns: on a wider terminal a figure would stand too far from the words that it is about."""


class View:
    """Shows Minutes as they grow: a live table on a terminal, plain lines elsewhere. A context manager."""

    def __init__(self, console: Console, scenario: Scenario, minutes: Minutes, simulated: bool = False) -> None:
        """``simulated``: the engines are played by fakes, and the view says so."""
        self._simulated = simulated
        self.console = console
        self.status = "starting"
        self.stats: Mapping[str, Any] = {}
        self.footer: Sequence[str] = ()
        """Lines that stay in sight below the table, on a terminal."""
        self._scenario = scenario
        self.minutes = minutes
        self._styles = {person.name: STYLES[i % len(STYLES)] for i, person in enumerate(scenario.people)}
        self._began: float | None = None
        self._live: Live | None = None

    def __enter__(self) -> View:
        if self.console.is_terminal:
            self._live = Live(self, console=self.console, refresh_per_second=4, transient=False)
            self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.__exit__(None, None, None)
            self._live = None

    def say(self, text: str) -> None:
        """A line of progress: above the table, or among the lines."""
        self.console.print(Text(text, style="dim" if self.console.is_terminal else ""), highlight=False)

    def begin(self, unix: float) -> None:
        """The meeting's time 0:00."""
        self._began = unix

    def tell(self, caption: Caption) -> None:
        """Tell an event where there is no table to show it in."""
        if self._live is not None:
            return
        if caption.kind is CaptionKind.CLAUSE and caption.language == caption.source_language:
            self.console.print(f"{caption.speaker} ({caption.language}): {caption.text}", markup=False, highlight=False)
        elif caption.kind is CaptionKind.SPOKEN and caption.ear_voice_span_ms is not None:
            line = f"    -> {caption.language} {caption.ear_voice_span_ms:5.0f} ms  {caption.text}  [{caption.speaker}]"
            self.console.print(line, markup=False, highlight=False)
        elif caption.kind is CaptionKind.DROPPED:
            line = f"    -> {caption.language} dropped: {caption.note}  [{caption.speaker}: {caption.source_text}]"
            self.console.print(line, markup=False, highlight=False)

    def __rich__(self) -> RenderableType:
        """The view as it is now; fits the console's height, the newest clauses below."""
        height = self.console.size.height
        per_clause = len(self._scenario.languages)
        room = max(1, (height - FRAME_LINES - len(self.footer)) // per_clause)
        footer = Text("\n").join(Text(line, style="bold", no_wrap=True, overflow="ellipsis") for line in self.footer)
        parts = (self._figures(), self._clauses(self.minutes.entries[-room:]), self._speaking())
        return Constrain(Group(*parts, footer) if self.footer else Group(*parts), WIDEST)

    def _figures(self) -> Panel:
        tick = self.stats.get("tick", {})
        packets = self.stats.get("packets", {})
        clauses = self.stats.get("clauses", {})
        engines = self.stats.get("engines", {})
        spans = sorted(
            line.ear_voice_span_ms
            for entry in self.minutes.entries
            for line in entry.lines.values()
            if line.ear_voice_span_ms is not None
        )
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(style="bold", no_wrap=True)
        grid.add_column(ratio=1, overflow="ellipsis", no_wrap=True)
        chain = " → ".join(
            "+".join(engines[stage]) for stage in ("recognizers", "translators", "synthesizers") if engines.get(stage)
        )
        chain = f"SIMULATED  {chain}" if self._simulated else chain  # in front: the end is what a narrow terminal lacks
        grid.add_row("room", f"{self._scenario.room}  {' '.join(self._scenario.languages)}   {chain}")
        span = Text("-")
        if spans:
            middle = spans[len(spans) // 2]
            span = Text.assemble(
                "median ", _span(middle), "  longest ", _span(spans[-1]), f"  over {len(spans)} translations"
            )
        grid.add_row("ear-voice span", span)
        ticks = lost = "-"
        if tick:
            ticks = f"p50 {_ms(tick['p50_ms'])}  p99 {_ms(tick['p99_ms'])}  late {tick['late']} of {tick['ticks']}"
            lost = f"clauses {sum(clauses.get('dropped', {}).values())}  packets {packets.get('lost', 0)}"
        grid.add_row("tick lateness", ticks)
        grid.add_row("lost", lost)
        clock = "" if self._began is None else f" {_clock(time.time() - self._began)}"
        return Panel(grid, title=f"Dragoman · {self.status}{clock}", border_style="blue", box=box.ROUNDED)

    def _clauses(self, entries: tuple[Entry, ...]) -> Table:
        table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False, padding=(0, 1))
        table.add_column("time", style="dim", no_wrap=True, width=5)
        table.add_column("speaker", no_wrap=True, max_width=12, overflow="ellipsis")
        table.add_column("", no_wrap=True, width=4)
        table.add_column("said, and spoken in the other languages", ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column("span", justify="right", no_wrap=True, width=8)
        for entry in entries:
            style = self._styles.get(entry.speaker, "white")
            when = "" if self._began is None else _clock(entry.start_unix - self._began)
            table.add_row(when, Text(entry.speaker, style=style), entry.language, Text(entry.text, style="bold"), "")
            for language in self._scenario.languages:
                if language == entry.language:
                    continue
                line = self.minutes.line(entry, language)
                if line is None:
                    table.add_row("", "", f"→ {language}", Text("…", style="dim"), "")
                elif line.dropped is not None:
                    table.add_row("", "", f"→ {language}", Text(f"dropped: {line.dropped}", style="red"), "")
                else:
                    span = Text("…", style="dim")
                    if line.ear_voice_span_ms is not None:
                        span = _span(line.ear_voice_span_ms)
                    table.add_row("", "", f"→ {language}", Text(line.text, style=style), span)
        return table

    def _speaking(self) -> Text:
        spoken = [(name, text) for name, text in self.minutes.partials.items() if text]
        if not spoken:
            return Text(" ")
        lines = [
            Text.assemble(("● ", "red"), (f"{name}: ", self._styles.get(name, "white")), (text, "italic"))
            for name, text in spoken[-2:]
        ]
        return Text("\n").join(lines)


def _span(ms: float) -> Text:
    style = "green" if ms <= GOOD_MS else "yellow" if ms <= FAIR_MS else "red"
    return Text(f"{ms:.0f} ms", style=style)


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} ms"


def _clock(seconds: float) -> str:
    whole = max(0, int(seconds))
    return f"{whole // 60}:{whole % 60:02d}"
