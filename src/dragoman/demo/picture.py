"""``timeline.png``: each speaker's voice, what was heard in each language, and how long each clause took."""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patheffects import withStroke

from dragoman.demo.axis import TimeAxis
from dragoman.demo.judge import Heard, Verdict
from dragoman.demo.labels import LINE_PX, Label, Placed, TextWidth, place_labels
from dragoman.demo.minutes import Entry, Minutes
from dragoman.demo.recording import Recording, Track
from dragoman.demo.scenario import Scenario
from dragoman.demo.turns import Played, assign
from dragoman.languages import LANGUAGES
from dragoman.media.format import SAMPLE_RATE

COLOURS = ("#1f77b4", "#1f8a4c", "#b5489a", "#c06f1a", "#6457c9", "#c0392b", "#138d90", "#7a6a12")
"""Of speakers, in the order of the people; dark enough to read small text in."""

DPI = 100
WIDTH_PX = (1600, 9000)
MIN_HEIGHT_PX = 900
PIXELS_PER_SECOND = 30
"""At least; a short meeting is stretched to the least width."""

LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 140, 30, 104, 58
"""Margins: names of the lanes, none, title, seconds."""

WAVE_PX = 28
"""Half the height of a waveform."""

LANE_PAD_PX = 12
"""Free above the labels and below the waveform of a lane."""

MISSED_PX = 110
"""Pixels that the words behind a cross take."""

FINDING_CHARS = 110
"""Of the first finding, above the picture: with the number of the others it fits the narrowest one."""

LABEL_PT = 10.5
NAME_CHARS = 11
"""Letters of a lane's name that fit into its margin."""

LOUDNESS_POWER = 0.6
"""Waveforms are drawn as level to this power, so that the floor (-18 dB) can be seen beside a voice."""

INK, MUTED, PAPER, GRID, BAD = "#22252a", "#6d737d", "#ffffff", "#e6e8ec", "#d62828"


@dataclass(frozen=True, slots=True)
class _Lane:
    """A speaker's voice, or what one listener of a language heard; pixels from the top of the plot."""

    kind: str
    name: str
    labels: tuple[Placed, ...]
    top: float
    bottom: float

    @property
    def middle(self) -> float:
        """Of its waveform."""
        return self.bottom - LANE_PAD_PX - WAVE_PX


def draw(
    path: Path,
    scenario: Scenario,
    played: Sequence[Played],
    minutes: Minutes,
    recordings: Sequence[Recording],
    verdict: Verdict,
    span: tuple[float, float],
) -> None:
    """Write the picture.

    Args:
        path: PNG file.
        scenario: whose meeting it was.
        played: its turns.
        minutes: its captions.
        recordings: one per person.
        verdict: what was found in the recordings.
        span: first and last moment to show, seconds since the epoch.
    """
    picture = _Picture(scenario, played, minutes, recordings, verdict, span)
    picture.figure.savefig(path, dpi=DPI, facecolor=PAPER)


class _Picture:
    def __init__(
        self,
        scenario: Scenario,
        played: Sequence[Played],
        minutes: Minutes,
        recordings: Sequence[Recording],
        verdict: Verdict,
        span: tuple[float, float],
    ) -> None:
        self._scenario = scenario
        self._played = played
        self._entries = minutes.entries
        self._verdict = verdict
        self._origin = span[0]
        self._axis = TimeAxis(span[1] - span[0], self._events())
        self._tracks = {recording.person: recording for recording in recordings}
        self._colours = {person.name: COLOURS[i % len(COLOURS)] for i, person in enumerate(scenario.people)}
        self._listeners = {person.language: person.name for person in reversed(scenario.people)}
        width = int(np.clip(self._axis.width * PIXELS_PER_SECOND + LEFT_PX + RIGHT_PX, *WIDTH_PX))
        self._plot_px = width - LEFT_PX - RIGHT_PX
        self.figure = Figure(figsize=(width / DPI, MIN_HEIGHT_PX / DPI), dpi=DPI)
        self._text_width = _measure(self.figure)
        self._lanes = self._layout()
        plot_height = self._lanes[-1].bottom
        height = plot_height + TOP_PX + BOTTOM_PX
        self.figure.set_size_inches(width / DPI, height / DPI)
        box = (LEFT_PX / width, BOTTOM_PX / height, self._plot_px / width, plot_height / height)
        self._axes = self.figure.add_axes(box)
        self._frame(height)
        for lane in self._lanes:
            if lane.kind == "speaker":
                self._speaker(lane)
            else:
                self._booth(lane)
            self._texts(lane)
        self._links()
        self._breaks()

    def _x(self, unix: float) -> float:
        """Pixels from the left of the plot."""
        return self._axis.place(unix - self._origin) / self._axis.width * self._plot_px

    def _unix(self, x: float) -> float:
        return self._origin + self._axis.second(x / self._plot_px * self._axis.width)

    def _events(self) -> Iterator[tuple[float, float]]:
        """What must not be cut out of the time."""
        for turn in self._played:
            yield turn.start_unix - self._origin, turn.end_unix - self._origin
        for entry in self._entries:
            yield entry.start_unix - self._origin, self._verdict.ends.get(entry.clause, entry.end_unix) - self._origin
        for heard in self._verdict.heard:
            yield heard.start_unix - self._origin, heard.end_unix - self._origin

    def _layout(self) -> list[_Lane]:
        """The lanes, each as high as its labels want, all together at least as high as the picture should be."""
        lanes = [("speaker", person.name, self._said(person.name)) for person in self._scenario.speakers]
        lanes += [("booth", code, self._translated(code)) for code in self._scenario.languages]
        placed = [place_labels(labels, self._text_width, self._plot_px + RIGHT_PX - 6) for _, _, labels in lanes]
        heights = [
            max((label.above + label.height for label in found), default=LINE_PX) + 2 * (WAVE_PX + LANE_PAD_PX)
            for found in placed
        ]
        spare = max(0.0, MIN_HEIGHT_PX - TOP_PX - BOTTOM_PX - sum(heights)) / len(lanes)
        bottoms = list(itertools.accumulate(height + spare for height in heights))
        return [
            _Lane(kind, name, tuple(found), top, bottom)
            for (kind, name, _), found, top, bottom in zip(lanes, placed, [0.0, *bottoms], bottoms, strict=False)
        ]

    def _said(self, name: str) -> list[Label]:
        labels = [
            Label(self._x(entry.start_unix), entry.text, self._colours[name])
            for entry in self._entries
            if entry.speaker == name and entry.clause in self._verdict.ends
        ]
        clauses, _ = assign(self._played, self._entries)
        return labels + [
            Label(self._x(turn.start_unix), turn.turn.text, BAD, "not recognized")
            for turn in self._played
            if turn.turn.speaker == name and not clauses[turn.number]
        ]

    def _translated(self, language: str) -> list[Label]:
        labels = []
        for heard, entry in self._heard_by(self._listeners[language]):
            colour = self._colours.get(entry.speaker, INK)
            x = self._x(heard.start_unix)
            labels.append(Label(x, entry.lines[language].text, colour, f"{heard.ear_voice_span_ms:.0f} ms"))
        return labels

    def _heard_by(self, listener: str) -> Iterator[tuple[Heard, Entry]]:
        entries = {entry.clause: entry for entry in self._entries}
        for heard in sorted(self._verdict.heard, key=lambda heard: heard.start_unix):
            if heard.listener == listener:
                yield heard, entries[heard.clause]

    def _frame(self, height: float) -> None:
        axes = self._axes
        axes.set_xlim(0, self._plot_px)
        axes.set_ylim(self._lanes[-1].bottom, 0)
        axes.set_yticks([])
        axes.spines[["left", "right", "top"]].set_visible(False)
        axes.spines["bottom"].set_color(MUTED)
        marks = self._axis.marks(5 if self._axis.width < 150 else 10)
        axes.set_xticks([self._x(self._origin + second) for second in marks], [f"{second:.0f} s" for second in marks])
        axes.tick_params(axis="x", colors=MUTED, labelsize=11)
        axes.grid(axis="x", color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        names = ", ".join(LANGUAGES[language].name for language in self._scenario.languages)
        x = 18 / (self._plot_px + LEFT_PX + RIGHT_PX)
        title = f"A meeting in {names}: room {self._scenario.room}"
        self.figure.text(x, 1 - 26 / height, title, fontsize=18, weight="bold", color=INK, va="center")
        self.figure.text(x, 1 - 57 / height, self._summary(), fontsize=12, color=INK, va="center")
        if not self._verdict.good:
            first = self._verdict.findings[0].message
            more = len(self._verdict.findings) - 1
            text = textwrap.shorten(first, FINDING_CHARS, placeholder=" …") + (f"  (and {more} more)" if more else "")
            self.figure.text(x, 1 - 83 / height, text, fontsize=12, color=BAD, weight="bold", va="center")

    def _summary(self) -> str:
        ear = sorted(heard.ear_voice_span_ms for heard in self._verdict.heard)
        text = f"{len(self._verdict.heard)} of {self._verdict.expected} translations heard"
        if ear:
            text += (
                f".  Ear-voice span: median {np.median(ear):.0f} ms, longest {ear[-1]:.0f} ms, from a clause's last "
                "sound at the speaker's phone to the first translated sound at the listener's"
            )
        return text

    def _speaker(self, lane: _Lane) -> None:
        colour = self._colours[lane.name]
        self._head(lane, lane.name, f"speaks {LANGUAGES[self._scenario.person(lane.name).language].name}", colour)
        self._wave(self._tracks[lane.name].spoke, lane.middle, colour, 0.9)
        for entry in self._entries:
            if entry.speaker == lane.name and entry.clause in self._verdict.ends:
                clause = [self._x(entry.start_unix), self._x(self._verdict.ends[entry.clause])]
                top, bottom = lane.middle - WAVE_PX, lane.middle + WAVE_PX
                self._axes.fill_between(clause, top, bottom, color=colour, alpha=0.10, linewidth=0, zorder=1)

    def _booth(self, lane: _Lane) -> None:
        listener = self._listeners[lane.name]
        self._head(lane, LANGUAGES[lane.name].name, f"as {listener[:NAME_CHARS]} heard it", INK)
        track = self._tracks[listener].heard
        self._wave(track, lane.middle, MUTED, 0.35)
        sounded = -1.0
        for heard, entry in self._heard_by(listener):
            colour = self._colours.get(entry.speaker, INK)
            begin, end = self._x(heard.start_unix), self._x(heard.end_unix)
            both = min(max(begin, sounded), end)
            if both > begin:  # two at once: the one above, the other below
                self._wave(track, lane.middle, colour, 0.9, (begin, both), lower_only=True)
            if end > both:
                self._wave(track, lane.middle, colour, 0.9, (both, end))
            sounded = max(sounded, end)

    def _head(self, lane: _Lane, name: str, what: str, colour: str) -> None:
        """Draw a lane's name, base line and upper border."""
        if lane.top:
            first_booth = lane.name == self._scenario.languages[0] and lane.kind == "booth"
            self._axes.axhline(lane.top, color=INK if first_booth else GRID, linewidth=1.2 if first_booth else 1.0)
        name = name if len(name) <= NAME_CHARS else name[: NAME_CHARS - 1] + "…"
        style: dict[str, Any] = {"va": "center", "clip_on": False}
        x = 18 - LEFT_PX
        self._axes.text(x, lane.middle - 10, name, fontsize=13.5, weight="bold", color=colour, **style)
        self._axes.text(x, lane.middle + 12, what, fontsize=9, color=MUTED, **style)
        self._axes.plot([0, self._plot_px], [lane.middle, lane.middle], color=GRID, linewidth=0.8, zorder=1)

    def _wave(
        self,
        track: Track,
        middle: float,
        colour: str,
        alpha: float,
        part: tuple[float, float] | None = None,
        *,
        lower_only: bool = False,
    ) -> None:
        """The track's envelope, two points a pixel, or a part of it (pixels)."""
        begin, end = part or (0.0, self._plot_px)
        x = np.linspace(begin, end, max(2, int((end - begin) * 2)) + 1)
        inside = np.array([track.clock.second(self._unix(float(at))) for at in x])
        edges = np.clip((inside * SAMPLE_RATE).astype(int), 0, len(track.pcm))
        level = np.array(
            [
                np.abs(track.pcm[a:b].astype(np.int32)).max(initial=0) if b > a else 0
                for a, b in itertools.pairwise(edges)
            ]
        )
        height = WAVE_PX * np.minimum(level / 16384, 1.0) ** LOUDNESS_POWER
        top = middle if lower_only else middle - height
        layer = 4 if lower_only else 3
        centre = (x[:-1] + x[1:]) / 2
        self._axes.fill_between(centre, top, middle + height, color=colour, alpha=alpha, linewidth=0, zorder=layer)

    def _texts(self, lane: _Lane) -> None:
        for placed in lane.labels:
            style: dict[str, Any] = {"fontsize": LABEL_PT, "color": placed.label.colour, "va": "bottom", "zorder": 7}
            style["path_effects"] = [withStroke(linewidth=3.5, foreground=PAPER)]  # links pass behind the words
            y = lane.middle - WAVE_PX - placed.above
            for line in reversed(placed.lines):
                self._axes.text(placed.x, y, line, **style)
                y -= LINE_PX
            if placed.label.span:
                self._axes.text(placed.x, y, placed.label.span, weight="bold", **style)

    def _links(self) -> None:
        """From each clause's end to where it was first heard."""
        speakers = {lane.name: lane for lane in self._lanes if lane.kind == "speaker"}
        for lane in self._lanes:
            if lane.kind == "speaker":
                continue
            first = {heard.clause: heard for heard, _ in reversed([*self._heard_by(self._listeners[lane.name])])}
            missed: list[float] = []
            for entry in self._entries:
                if entry.clause not in self._verdict.ends or entry.speaker not in speakers:
                    continue
                if lane.name not in entry.lines:
                    continue
                end = self._x(self._verdict.ends[entry.clause])
                if entry.clause in first:
                    start = self._x(first[entry.clause].start_unix)
                    self._link(end, speakers[entry.speaker].middle, start, lane.middle, self._colours[entry.speaker])
                else:
                    missed.append(end)
            self._mark_missed(sorted(missed), lane.middle)

    def _mark_missed(self, ends: list[float], y: float) -> None:
        """A cross each, and a label behind the last one of those so near that their labels would lie on each other."""
        near = 0
        for x, following in itertools.zip_longest(ends, ends[1:], fillvalue=math.inf):
            near += 1
            self._axes.plot([x], [y], marker="x", markersize=12, color=BAD, mew=2.5, zorder=6)
            if following - x > MISSED_PX:
                text = "not heard" if near == 1 else f"{near} not heard"
                self._axes.text(x + 12, y, text, fontsize=LABEL_PT, color=BAD, va="center", zorder=7)
                near = 0

    def _link(self, x0: float, speaker: float, x1: float, booth: float, colour: str) -> None:
        t = np.linspace(0, 1, 40)
        bend = 3 * t**2 - 2 * t**3
        y0, y1 = speaker + WAVE_PX, booth - WAVE_PX
        self._axes.plot(x0 + (x1 - x0) * bend, y0 + (y1 - y0) * t, color=colour, linewidth=1.3, alpha=0.6, zorder=2)
        self._axes.plot([x0], [y0], marker="o", markersize=4, color=colour, zorder=4)
        self._axes.plot([x1, x1], [y1, y1 + 2 * WAVE_PX], color=colour, linewidth=1.0, zorder=4)

    def _breaks(self) -> None:
        """A strip for each stretch that was cut out, with its length."""
        bottom = self._lanes[-1].bottom
        for begin, end in self._axis.cuts:
            x = [self._x(self._origin + begin), self._x(self._origin + end)]
            self._axes.fill_between(x, 0, bottom, color=PAPER, linewidth=0, zorder=5)
            for at in x:
                self._axes.plot([at, at], [0, bottom], color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)), zorder=6)
                slant: dict[str, Any] = {"color": MUTED, "linewidth": 1.2, "clip_on": False, "zorder": 6}
                self._axes.plot([at - 4, at + 4], [bottom + 7, bottom - 7], **slant)
            style: dict[str, Any] = {"fontsize": 9, "color": MUTED, "ha": "center", "va": "center", "clip_on": False}
            self._axes.text((x[0] + x[1]) / 2, bottom + 38, f"{end - begin:.0f} s cut out", **style)


def _measure(figure: Figure) -> TextWidth:
    """Tells how many pixels wide a label's line is."""
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]  # matplotlib's
    font = FontProperties(size=LABEL_PT)

    def width(line: str) -> float:
        return float(renderer.get_text_width_height_descent(line, font, ismath=False)[0])

    return width
