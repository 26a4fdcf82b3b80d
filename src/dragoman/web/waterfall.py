"""The last clauses of a room as a waterfall: as JSON, as text for a terminal, as an SVG for a browser. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from pydantic import Field

from dragoman.observe.trace import Trace
from dragoman.web.state import LanguageCode, Model

COLOURS: Final = {
    "speech": "#c9ccd3",
    "hangover": "#e8d8a8",
    "asr_failed": "#9c2a2a",
    "asr": "#4c78a8",
    "segment": "#9ecae9",
    "mt_wait": "#d8b5a5",
    "mt_failed": "#9c2a2a",
    "mt": "#f58518",
    "tts_wait": "#d8b5a5",
    "tts_failed": "#9c2a2a",
    "tts": "#54a24b",
    "playback": "#e45756",
    "booth": "#b9a7d1",
}
"""Waits are pale, what was done in vain is dark red; what people hear is grey (they speak) and violet (the booth)."""

BAR_CELLS: Final = 48
"""Width of the text's bars, characters: with its columns a line fits a terminal of 100."""

SVG_WIDTH, SVG_LEFT, SVG_RIGHT, SVG_ROW = 1180, 210, 150, 15

SVG_LEAST = 760
"""Pixels: it shrinks with its window to this and no further, for its letters shrink as well."""


class SpanInfo(Model):
    """One part of a clause's way; times count from the beginning of its speech."""

    name: str
    start_ms: float
    duration_ms: float
    engine: str = Field(default="", description="Who worked; empty where none did")


class TraceInfo(Model):
    """One clause's way to the listeners of one language; never what was said."""

    trace_id: str = Field(description="As exemplars and a collector have it")
    clause: str
    leg: str
    source: LanguageCode
    target: LanguageCode
    outcome: str = Field(description="spoken, read (nobody listened), dropped; empty while it is under way")
    why: str = Field(description="Why it was dropped")
    merged: list[str] = Field(description="Clauses that were merged into it, not to be late")
    ahead: bool = Field(description="Whether its translation was begun before it was certain")
    began: datetime = Field(description="When its first word was said")
    ear_voice_span_ms: float | None
    spans: list[SpanInfo]


class RoomTrace(Model):
    """The last clauses of a room, the oldest first."""

    room: str
    traces: list[TraceInfo]


def describe(room: str, traces: Sequence[Trace], unix_offset: float) -> RoomTrace:
    """What is shown of traces; ``unix_offset``: seconds to add to the monotonic clock for the time of day."""
    return RoomTrace(room=room, traces=[_trace(trace, unix_offset) for trace in traces])


def _trace(trace: Trace, unix_offset: float) -> TraceInfo:
    journey = trace.journey
    span = journey.times.ear_voice_span
    return TraceInfo(
        trace_id=journey.trace_id,
        clause=journey.clause,
        leg=journey.leg,
        source=journey.source,
        target=journey.target,
        outcome=trace.outcome.value if trace.outcome else "",
        why=trace.why,
        merged=list(journey.merged),
        ahead=journey.ahead,
        began=datetime.fromtimestamp(journey.begun + unix_offset, UTC),
        ear_voice_span_ms=None if span is None else round(span * 1000, 1),
        spans=[
            SpanInfo(
                name=each.name,
                start_ms=round((each.begin - journey.begun) * 1000, 1),
                duration_ms=round((each.end - each.begin) * 1000, 1),
                engine=each.engine,
            )
            for each in trace.spans
        ],
    )


def as_text(shown: RoomTrace) -> str:
    """For a terminal: a heading per clause, a bar per span, all of one clause on the same scale."""
    lines = [f"room {shown.room}: the last {len(shown.traces)} clauses, the oldest first"]
    for trace in shown.traces:
        whole = max(_end(trace), 1.0)
        lines += ["", _heading(trace)]
        for span in trace.spans:
            begin = round(span.start_ms / whole * BAR_CELLS)
            cells = max(round(span.duration_ms / whole * BAR_CELLS), 1)
            bar = " " * min(begin, BAR_CELLS - 1) + "█" * cells
            lines.append(f"  {span.name:<11}{bar[:BAR_CELLS]:<{BAR_CELLS}} {span.duration_ms:7.0f} ms  {span.engine}")
    return "\n".join(lines) + "\n"


def as_svg(shown: RoomTrace) -> str:
    """For a browser: all clauses below each other on one scale, so that the slow one stands out."""
    whole = max((_end(trace) for trace in shown.traces), default=1.0) or 1.0
    scale = (SVG_WIDTH - SVG_LEFT - SVG_RIGHT) / whole
    body: list[str] = []
    y = 46
    for trace in shown.traces:
        y += SVG_ROW + 8
        body.append(f'<text class="head" x="10" y="{y}">{escape(_heading(trace))}</text>')
        for span in trace.spans:
            y += SVG_ROW
            x, width = SVG_LEFT + span.start_ms * scale, max(span.duration_ms * scale, 1.0)
            what = f"{span.name} {span.engine}".strip()
            tip = f"{what}: {span.duration_ms:.0f} ms, from {span.start_ms:.0f} ms on"
            body.append(f'<text x="24" y="{y}">{escape(what)}</text>')
            body.append(
                f'<rect x="{x:.1f}" y="{y - 10}" width="{width:.1f}" height="11" '
                f"fill={quoteattr(COLOURS.get(span.name, '#888888'))}><title>{escape(tip)}</title></rect>"
            )
            body.append(f'<text class="ms" x="{x + width + 4:.1f}" y="{y}">{span.duration_ms:.0f} ms</text>')
    bottom = y + 14
    grid: list[str] = []
    for ms in _marks(whole):
        x = SVG_LEFT + ms * scale
        grid.append(f'<line x1="{x:.1f}" y1="44" x2="{x:.1f}" y2="{bottom}"/>')
        grid.append(f'<text class="ms" x="{x:.1f}" y="40" text-anchor="middle">{ms / 1000:g} s</text>')
    size = f"width:100%;min-width:{SVG_LEAST}px;max-width:{SVG_WIDTH}px;height:auto"
    title = f"Room {shown.room}: the last {len(shown.traces)} clauses, from the beginning of their speech"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SVG_WIDTH}" height="{bottom + 10}" '
        f'viewBox="0 0 {SVG_WIDTH} {bottom + 10}" style="{size}">'
        "<style>text{font:11px sans-serif;fill:#222}.head{font-weight:bold}.ms{fill:#667}.title{font-size:14px}"
        "line{stroke:#e2e4e8}</style>"
        '<rect width="100%" height="100%" fill="#ffffff"/>'
        f'<text class="title" x="10" y="22">{escape(title)}</text>' + "".join(grid) + "".join(body) + "</svg>\n"
    )


def _heading(trace: TraceInfo) -> str:
    span = "" if trace.ear_voice_span_ms is None else f", ear-voice span {trace.ear_voice_span_ms:.0f} ms"
    notes = [f"({trace.why})"] if trace.why else []
    notes += ["begun ahead"] if trace.ahead else []
    notes += [f"with {len(trace.merged)} merged"] if trace.merged else []
    state = " ".join([trace.outcome or "under way", *notes])
    return f"{trace.began:%H:%M:%S} {trace.clause} {trace.source}>{trace.target} {state}{span}  trace {trace.trace_id}"


def _end(trace: TraceInfo) -> float:
    return max((span.start_ms + span.duration_ms for span in trace.spans), default=0.0)


def _marks(whole: float) -> list[float]:
    """Where the scale has its lines, ms: 4 to 10 of them at a round distance."""
    for step in (100.0, 250.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0):
        if whole / step <= 10:
            break
    return [step * number for number in range(int(whole // step) + 1)]
