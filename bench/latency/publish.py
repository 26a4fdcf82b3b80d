"""The result as JSON, as a table, and as a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bench.latency.figures import PARTS, Span
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench import machine

TARGETS_MS = {"p50": 700, "p95": 900, "own p95": 40}
"""Of design and README."""

COLOURS = {
    "asterisk": "#8d99ae",
    "hangover": "#e9c46a",
    "engine": "#457b9d",
    "queue": "#f4a261",
    "ours": "#d62828",
}
LABELS = {
    "asterisk": "Asterisk, to the tap",
    "hangover": "waiting that speech has ended",
    "engine": "engines (simulated)",
    "queue": "waiting for one's own clause before",
    "ours": "ours",
}
INK, MUTED, GRID = "#22252a", "#6d737d", "#e6e8ec"


def publish(folder: Path, result: Mapping[str, Any], spans: Sequence[Span], turns: Sequence[Span]) -> None:
    """Write ``latency.json``, ``latency.md`` and ``latency.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "latency.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    (folder / "latency.md").write_text(table(result), "utf-8")
    draw(folder / "latency.png", result, spans, turns)


def verdict(result: Mapping[str, Any]) -> list[tuple[str, float | None, int, bool]]:
    """(what, measured, target, whether it is kept), in ms."""
    span, own = result["ear_voice_span_ms"], result["own_ms"]
    rows = (
        ("ear-voice span p50", span["p50"], TARGETS_MS["p50"]),
        ("ear-voice span p95", span["p95"], TARGETS_MS["p95"]),
        ("own share p95", own["p95"], TARGETS_MS["own p95"]),
    )
    return [(what, value, target, value is not None and value <= target) for what, value, target in rows]


def table(result: Mapping[str, Any]) -> str:
    """The Markdown page."""
    words, wired, parts = result["words"], result["words_on_the_wire"], result["parts_ms"]
    apart, tick, tempo = result["recording_to_packet_ms"], result["tick"] or {}, result["tempo"]
    engines = " ".join(f"{stage}: {name}." for stage, name in result["engines"].items())
    lines = [
        "# How long it takes until it is heard in another language",
        "",
        f"{machine.in_words(result['machine'])}. Real Asterisk, real phones (baresip), {result['seconds']:.0f} s of "
        f"tone-word speech by three people in three languages, seed {result['seed']}. {engines} {result['simulation']}",
        "",
        "Ear-voice span: from the acoustic end of a clause's last word in the speaker's own recording to the packet of "
        "the booth with the first translated sample. At the ear: to that sample in the listener's recording.",
        "",
        "| ms | p50 | p95 | p99 | target |",
        "|---|---|---|---|---|",
        _row("ear-voice span", result["ear_voice_span_ms"], "p50 700, p95 900"),
        _row("at the ear", result["at_the_ear_ms"]),
        _row("first sound, from the beginning of speech", result["first_sound_ms"]),
        _row("lag of a word", result["word_lag_ms"]),
        _row("ear-voice span in turns of up to three sentences", result["turns"]["ear_voice_span_ms"]),
        _row("the same, without waiting for one's own sentence before", result["turns"]["without_queue_ms"]),
        _row("ear-voice span in monologues", result["monologues"]["ear_voice_span_ms"]),
        _row("lag of a word in monologues", result["monologues"]["word_lag_ms"]),
        _row("**own share**", result["own_ms"], "p95 40"),
        _row("own share and waiting at the booth", result["own_with_queue_ms"]),
        *(_row(LABELS[part], parts[part]) for part in PARTS if part != "ours"),
        "",
        f"{result['translations']} translations of {result['clauses']} clauses "
        f"({result['words_per_clause']} words on average), {result['dropped']} dropped. A translation takes "
        f"{result['translation_length']:.2f} times as long as the speech (a tone word for each, without the breaths); "
        "who is behind is spoken faster: "
        f"{_times(tempo['p50'])} at the median of words, {_times(tempo['p95'])} at p95, {_times(tempo['p99'])} at p99.",
        "",
        "| words | to be spoken | heard | lost | doubled | out of order | late | revised | damaged |",
        "|---|---|---|---|---|---|---|---|---|",
        _counts("in the listeners' recordings", words),
        _counts("on the booths' wire", {**wired, "late": "-"}),
        "",
        f"Late: the clause began to sound more than 2 s after it had been said. "
        f"{result['words_lost_before_the_daemon']} words were damaged on the way to the daemon.",
        "",
        "The daemon's own stages, ms (p50 / p95): "
        + ", ".join(f"{name} {_ms(found['p50'])} / {_ms(found['p95'])}" for name, found in result["stages_ms"].items())
        + f". It says of itself: ear-voice span p50 {_ms(result['daemon_says_ms']['p50'])}, "
        f"p95 {_ms(result['daemon_says_ms']['p95'])}.",
        "",
        f"Instruments: a recorded sample and the phone's packet of it are {_ms(apart['p5'])} to {_ms(apart['p95'])} ms "
        f"apart; the clocks drifted by {result['clock_drift_ms']} ms; tick lateness p99 {_ms(tick.get('p99_ms'))} ms; "
        f"load average {result['machine']['load_average'][0]}.",
        "",
        "![ear-voice span](latency.png)",
    ]
    return "\n".join(lines) + "\n"


def _row(name: str, found: Mapping[str, float | None], target: str = "") -> str:
    return f"| {name} | {_ms(found.get('p50'))} | {_ms(found.get('p95'))} | {_ms(found.get('p99'), '')} | {target} |"


def _ms(value: float | None, none: str = "-") -> str:
    return none if value is None else f"{value:.0f}"


def _times(tempo: float | None) -> str:
    return "-" if tempo is None else f"{tempo:.2f}x"


def _counts(name: str, words: Mapping[str, Any]) -> str:
    kinds = ("spoken", "heard", "lost", "doubled", "out_of_order", "late", "revised", "damaged")
    return f"| {name} | " + " | ".join(str(words[kind]) for kind in kinds) + " |"


def draw(path: Path, result: Mapping[str, Any], spans: Sequence[Span], turns: Sequence[Span]) -> None:
    """The distribution of the ear-voice span, and where its time goes, on average and for the slowest."""
    figure = Figure(figsize=(11, 6.2), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, gridspec_kw={"height_ratios": (3, 2)})
    _distribution(
        above,
        {
            "on the booth's wire": ([span.ms for span in spans], COLOURS["engine"], "-"),
            "at the listener's ear": ([s.ear_ms for s in spans if s.ear_ms is not None], COLOURS["asterisk"], "-"),
            "on the wire, without the monologues": ([span.ms for span in turns], COLOURS["engine"], ":"),
        },
    )
    bars = {
        "all, mean": result["parts_mean_ms"],
        "turns, mean": result["turns"]["parts_mean_ms"],
        "monologues, mean": result["monologues"]["parts_mean_ms"],
        "slowest 5 %, mean": result["slowest_parts_mean_ms"],
    }
    _bars(below, {name: parts for name, parts in bars.items() if parts})
    figure.suptitle(
        f"Ear-voice span of {len(spans)} translations with simulated cloud engines", color=INK, fontsize=13, x=0.01,
        ha="left",
    )  # fmt: skip
    figure.savefig(path)


def _distribution(axes: Any, curves: Mapping[str, tuple[Sequence[float], str, str]]) -> None:
    for name, (values, colour, dashes) in curves.items():
        ordered = np.sort(np.asarray(values))
        if len(ordered):
            share = 100 * np.arange(1, len(ordered) + 1) / len(ordered)
            axes.step(ordered, share, where="post", color=colour, linestyle=dashes, linewidth=2, label=name)
    for point, target in ((50, TARGETS_MS["p50"]), (95, TARGETS_MS["p95"])):
        axes.plot([target], [point], marker="D", color=COLOURS["ours"], markersize=7, linestyle="none", zorder=5)
        axes.annotate(
            f"target: p{point} ≤ {target} ms",
            (target, point),
            xytext=(9, -4),
            textcoords="offset points",
            color=COLOURS["ours"],
            fontsize=9,
            zorder=6,
            bbox={"color": "white", "alpha": 0.8, "pad": 1},
        )
    shown = [value for values, _, _ in curves.values() for value in values] or [0.0]
    axes.set_xlim(min(0.0, *shown), max(1200.0, min(max(shown) * 1.05, 4000.0)))
    axes.set_ylim(0, 101)
    axes.set_xlabel("ms from the end of the clause to its first translated sound", color=MUTED)
    axes.set_ylabel("% of translations", color=MUTED)
    axes.legend(loc="lower right", frameon=False)
    _plain(axes, "both")


def _bars(axes: Any, bars: Mapping[str, Mapping[str, float]]) -> None:
    for row, parts in enumerate(bars.values()):
        left = 0.0
        for part in PARTS:
            width = parts[part]
            axes.barh(row, width, left=left, color=COLOURS[part], label=LABELS[part] if row == 0 else None, height=0.6)
            if width > 45:
                axes.text(left + width / 2, row, f"{width:.0f}", ha="center", va="center", color="white", fontsize=9)
            left += max(width, 0.0)
        axes.text(left + 8, row, f"{sum(parts.values()):.0f} ms", va="center", color=INK, fontsize=10)
    axes.set_yticks(range(len(bars)), list(bars))
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.legend(loc="upper center", bbox_to_anchor=(0.45, -0.16), ncols=5, frameon=False, fontsize=9)
    _plain(axes, "x")


def _plain(axes: Any, grid: str) -> None:
    axes.grid(axis=grid, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelcolor=INK, length=0)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
