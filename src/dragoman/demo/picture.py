"""``timeline.png``: each speaker's voice, what was heard in each language, and how long each clause took."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from dragoman.demo.judge import Verdict
from dragoman.demo.minutes import Minutes
from dragoman.demo.recording import Recording, Track
from dragoman.demo.scenario import Scenario
from dragoman.demo.turns import Played, assign
from dragoman.languages import LANGUAGES
from dragoman.media.format import SAMPLE_RATE

COLOURS = ("#1f77b4", "#2a9d5c", "#b5489a", "#d9822b", "#6457c9", "#c0392b", "#138d90", "#7a6a12")
"""Of speakers, in the order of the people; dark enough to read small text in."""

DPI = 100
PIXELS_PER_SECOND = 26
WIDTH_PX = (1920, 9000)
LANE_PX = 190
MARGIN_PX = (130, 40, 96, 64)
"""Left (names of the lanes), right, top (title), bottom (seconds), pixels."""

WAVE_HALF = 0.23
"""Half the height of a waveform, in lanes."""

NAME_CHARS = 12
"""Letters of a lane's name that fit into its margin."""

LABEL_CHARS = 30
LABEL_LINES = 2
LABEL_PX = 5.0
"""Width of a letter of a label: 8.5 pt DejaVu Sans at DPI."""

LINE_PX = 13.0
"""Height of a line of a label."""

LOUDNESS_POWER = 0.6
"""Waveforms are drawn as level to this power, so that the floor (-18 dB) can be seen beside a voice."""

INK, MUTED, PAPER, GRID, BAD = "#22252a", "#8a8f98", "#ffffff", "#e6e8ec", "#d62828"


@dataclass(frozen=True, slots=True)
class _Label:
    begin: float
    text: str
    colour: str
    span: str = ""


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
        self._minutes = minutes
        self._verdict = verdict
        self._origin, self._length = span[0], span[1] - span[0]
        self._tracks = {recording.person: recording for recording in recordings}
        self._colours = {person.name: COLOURS[i % len(COLOURS)] for i, person in enumerate(scenario.people)}
        listeners = {person.language: person.name for person in reversed(scenario.people)}
        self._lanes: list[tuple[str, str]] = [("speaker", person.name) for person in scenario.speakers]
        self._lanes += [("booth", language) for language in scenario.languages if language in listeners]
        self._listeners = listeners
        left, right, top, bottom = MARGIN_PX
        width = int(np.clip(self._length * PIXELS_PER_SECOND + left + right, *WIDTH_PX))
        height = len(self._lanes) * LANE_PX + top + bottom
        self.figure = Figure(figsize=(width / DPI, height / DPI))
        self._seconds_per_px = self._length / (width - left - right)
        self._axes = self.figure.add_axes(
            (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
        )
        self._frame(height, top)
        for lane, (kind, name) in enumerate(self._lanes):
            if kind == "speaker":
                self._speaker(lane, name)
            else:
                self._booth(lane, name)
        self._links()

    def _frame(self, height: int, top: int) -> None:
        axes = self._axes
        axes.set_xlim(0, self._length)
        axes.set_ylim(len(self._lanes), 0)
        axes.set_yticks([])
        axes.spines[["left", "right", "top"]].set_visible(False)
        axes.spines["bottom"].set_color(MUTED)
        step = 5 if self._length < 150 else 10
        axes.set_xticks(np.arange(0, self._length, step))
        axes.tick_params(axis="x", colors=MUTED, labelsize=9)
        axes.grid(axis="x", color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_xlabel("seconds", color=MUTED, fontsize=9)
        names = ", ".join(LANGUAGES[language].name for language in self._scenario.languages)
        x = self._px_to_figure(20)
        title = f"A meeting in {names}: room {self._scenario.room}"
        self.figure.text(x, 1 - 26 / height, title, fontsize=17, weight="bold", color=INK, va="center")
        self.figure.text(x, 1 - 54 / height, self._summary(), fontsize=10.5, color=INK, va="center")
        if not self._verdict.good:
            first = self._verdict.findings[0].message
            more = len(self._verdict.findings) - 1
            text = textwrap.shorten(first, 180, placeholder=" …") + (f"  (and {more} more)" if more else "")
            self.figure.text(x, 1 - 76 / height, text, fontsize=10.5, color=BAD, weight="bold", va="center")

    def _summary(self) -> str:
        ear = sorted(heard.ear_voice_span_ms for heard in self._verdict.heard)
        text = f"{len(self._verdict.heard)} of {self._verdict.expected} translations heard"
        if ear:
            text += (
                "    ear-voice span, from a clause's last sound at the speaker's phone to the first translated sound "
                f"at the listener's: median {np.median(ear):.0f} ms, longest {ear[-1]:.0f} ms"
            )
        return text

    def _speaker(self, lane: int, name: str) -> None:
        person = self._scenario.person(name)
        colour = self._colours[name]
        middle = self._head(lane, name, f"speaks {LANGUAGES[person.language].name}", colour)
        self._wave(self._tracks[name].spoke, middle, colour, 0.9)
        labels = []
        for entry in self._minutes.entries:
            if entry.speaker != name or entry.clause not in self._verdict.ends:
                continue
            begin, end = entry.start_unix - self._origin, self._verdict.ends[entry.clause] - self._origin
            self._axes.axvspan(
                begin, end, *self._lane_span(middle), facecolor=colour, alpha=0.10, edgecolor="none", zorder=1
            )
            labels.append(_Label(begin, entry.text, colour))
        clauses, _ = assign(self._played, self._minutes.entries)
        for turn in self._played:
            if turn.turn.speaker == name and not clauses[turn.number]:
                labels.append(_Label(turn.start_unix - self._origin, turn.turn.text, BAD, "not recognized"))
        self._labels(lane, labels)

    def _booth(self, lane: int, language: str) -> None:
        listener = self._listeners[language]
        middle = self._head(lane, LANGUAGES[language].name, f"as {listener[:NAME_CHARS]} heard it", INK)
        track = self._tracks[listener].heard
        self._wave(track, middle, MUTED, 0.45)
        labels = []
        sounded = -1.0
        for heard in sorted(self._verdict.heard, key=lambda heard: heard.start_unix):
            if heard.listener != listener:
                continue
            entry = next(entry for entry in self._minutes.entries if entry.clause == heard.clause)
            colour = self._colours.get(entry.speaker, INK)
            begin, end = heard.start_unix - self._origin, heard.end_unix - self._origin
            both = min(max(begin, sounded), end)
            if both > begin:  # two at once: the one above, the other below
                self._wave(track, middle, colour, 0.9, (begin, both), lower_only=True)
            if end > both:
                self._wave(track, middle, colour, 0.9, (both, end))
            sounded = max(sounded, end)
            labels.append(_Label(begin, entry.lines[language].text, colour, f"{heard.ear_voice_span_ms:.0f} ms"))
        self._labels(lane, labels)

    def _head(self, lane: int, name: str, what: str, colour: str) -> float:
        """Draw a lane's name and base line; returns the middle of its waveform."""
        middle = lane + 0.70
        if lane:
            first_booth = self._lanes[lane][0] == "booth" and self._lanes[lane - 1][0] == "speaker"
            self._axes.axhline(lane, color=INK if first_booth else GRID, linewidth=1.2 if first_booth else 1.0)
        x = -MARGIN_PX[0] * self._seconds_per_px + 14 * self._seconds_per_px
        name = name if len(name) <= NAME_CHARS else name[: NAME_CHARS - 1] + "…"
        self._axes.text(x, middle - 0.07, name, fontsize=12, weight="bold", color=colour, va="center", clip_on=False)
        self._axes.text(x, middle + 0.09, what, fontsize=7.5, color=MUTED, va="center", clip_on=False)
        self._axes.plot([0, self._length], [middle, middle], color=GRID, linewidth=0.8, zorder=1)
        return middle

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
        """The track's envelope, two points a pixel, or a part of it (seconds)."""
        begin, end = part or (0.0, self._length)
        count = max(2, int((end - begin) / self._seconds_per_px * 2))
        seconds = np.linspace(begin, end, count + 1)
        inside = np.array([track.clock.second(self._origin + second) for second in seconds])
        edges = np.clip((inside * SAMPLE_RATE).astype(int), 0, len(track.pcm))
        level = np.array(
            [
                np.abs(track.pcm[a:b].astype(np.int32)).max(initial=0) if b > a else 0
                for a, b in itertools.pairwise(edges)
            ]
        )
        height = WAVE_HALF * np.minimum(level / 16384, 1.0) ** LOUDNESS_POWER
        centre = (seconds[:-1] + seconds[1:]) / 2
        top = middle if lower_only else middle - height
        layer = 4 if lower_only else 3
        self._axes.fill_between(centre, top, middle + height, color=colour, alpha=alpha, linewidth=0, zorder=layer)

    def _labels(self, lane: int, labels: Sequence[_Label]) -> None:
        """Texts above the waveform, in two rows where they would run into each other."""
        free = [-1.0, -1.0]
        for label in sorted(labels, key=lambda label: label.begin):
            lines = textwrap.wrap(label.text, LABEL_CHARS)
            if len(lines) > LABEL_LINES:
                lines = [
                    *lines[: LABEL_LINES - 1],
                    textwrap.shorten(" ".join(lines[LABEL_LINES - 1 :]), LABEL_CHARS, placeholder=" …"),
                ]
            width = max(map(len, [*lines, label.span])) * LABEL_PX * self._seconds_per_px
            row = 0 if free[0] <= label.begin else 1
            free[row] = label.begin + width + 8 * self._seconds_per_px
            y = lane + (0.44 if row == 0 else 0.22)
            style: dict[str, Any] = {"fontsize": 8.5, "color": label.colour, "va": "bottom", "zorder": 5}
            style["path_effects"] = [withStroke(linewidth=3, foreground=PAPER)]  # links pass behind the words
            edge = self._length + (MARGIN_PX[1] - 4) * self._seconds_per_px
            x = min(label.begin + 4 * self._seconds_per_px, edge - width)
            self._axes.text(x, y, "\n".join(lines), linespacing=1.05, **style)
            if label.span:
                above = len(lines) * LINE_PX / LANE_PX
                self._axes.text(x, y - above, label.span, weight="bold", **style)

    def _links(self) -> None:
        """From each clause's end to where it was first heard, with its ear-voice span."""
        speakers = {name: lane for lane, (kind, name) in enumerate(self._lanes) if kind == "speaker"}
        booths = {name: lane for lane, (kind, name) in enumerate(self._lanes) if kind == "booth"}
        for entry in self._minutes.entries:
            if entry.clause not in self._verdict.ends or entry.speaker not in speakers:
                continue
            end = self._verdict.ends[entry.clause] - self._origin
            for language, lane in booths.items():
                line = entry.lines.get(language)
                if line is None:
                    continue
                heard = next(
                    (
                        heard
                        for heard in self._verdict.heard
                        if heard.clause == entry.clause and heard.listener == self._listeners[language]
                    ),
                    None,
                )
                colour = self._colours[entry.speaker]
                bottom = speakers[entry.speaker] + 0.70 + WAVE_HALF
                if heard is None:
                    self._axes.plot([end], [lane + 0.70], marker="x", markersize=11, color=BAD, mew=2.5, zorder=6)
                    self._axes.text(
                        end + 0.25, lane + 0.70, "not heard", fontsize=8.5, color=BAD, va="center", zorder=6
                    )
                    continue
                self._link(end, bottom, heard.start_unix - self._origin, lane + 0.70 - WAVE_HALF, colour)

    def _link(self, x0: float, y0: float, x1: float, y1: float, colour: str) -> None:
        t = np.linspace(0, 1, 40)
        bend = 3 * t**2 - 2 * t**3
        self._axes.plot(x0 + (x1 - x0) * bend, y0 + (y1 - y0) * t, color=colour, linewidth=1.3, alpha=0.75, zorder=2)
        self._axes.plot([x0], [y0], marker="o", markersize=3.5, color=colour, zorder=4)
        self._axes.plot([x1, x1], [y1, y1 + 2 * WAVE_HALF], color=colour, linewidth=1.0, zorder=4)

    def _lane_span(self, middle: float) -> tuple[float, float]:
        """A waveform's height as shares of the axes, which axvspan wants."""
        lanes = len(self._lanes)
        return 1 - (middle + WAVE_HALF) / lanes, 1 - (middle - WAVE_HALF) / lanes

    def _px_to_figure(self, px: float) -> float:
        return px / float(self.figure.get_figwidth() * DPI)
