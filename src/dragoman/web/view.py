"""What the web shows, read from the running parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Protocol

from dragoman.engines.base import Stage
from dragoman.media.stats import MediaStats
from dragoman.observe.engines import EnginesView
from dragoman.observe.metrics import Metrics
from dragoman.pipeline.conference import Conference, LegState
from dragoman.pipeline.standing import Lag
from dragoman.web.state import BoothInfo, InterpretationInfo, LagInfo, LegInfo, RoomInfo, Stats, collect_stats


class Engines(Protocol):
    """Who knows which engines are used, and whether they work (engines.selection.EngineSet)."""

    @property
    def circuits(self) -> EnginesView:
        """Their circuits."""

    def names(self, stage: Stage) -> tuple[str, ...]:
        """Of one stage, in the order in which they are asked."""


class DaemonView:
    """Implements web.state.ConferenceView."""

    def __init__(
        self,
        conference: Conference,
        metrics: Metrics,
        media: MediaStats,
        engines: Engines,
        uptime: Callable[[], float],
        unix_offset: float = 0.0,
    ) -> None:
        """``uptime`` in seconds; ``unix_offset``: seconds to add to the monotonic clock for the time of day."""
        self._conference = conference
        self._metrics = metrics
        self._media = media
        self._engines = engines
        self._uptime = uptime
        self._unix_offset = unix_offset

    def rooms(self) -> list[RoomInfo]:
        """ConferenceView."""
        return [self._room(room) for room in sorted(self._conference.rooms)]

    def stats(self) -> Stats:
        """ConferenceView."""
        return collect_stats(
            self._metrics,
            self._media,
            uptime_s=self._uptime(),
            recognizers=self._engines.names(Stage.ASR),
            translators=self._engines.names(Stage.MT),
            synthesizers=self._engines.names(Stage.TTS),
            circuits=self._engines.circuits,
        )

    def _room(self, room: str) -> RoomInfo:
        lags: dict[str, list[Lag]] = {}
        for lag in self._conference.lags():
            lags.setdefault(lag.leg.id, []).append(lag)
        legs = [state for state in self._conference.legs.values() if state.leg.room == room]
        return RoomInfo(
            room=room,
            languages=sorted({state.leg.language for state in legs}),
            legs=[_leg(state, lags.get(state.leg.id, ())) for state in legs],
            booths=list(self._booths(room)),
            interpretations=list(self._interpretations(room)),
        )

    def _interpretations(self, room: str) -> Iterable[InterpretationInfo]:
        for each in self._conference.degradation.standings(room):
            yield InterpretationInfo(
                speaker=each.leg.id,
                language=each.target,
                rung=each.rung.value,
                since=datetime.fromtimestamp(each.since + self._unix_offset, UTC),
            )

    def _booths(self, room: str) -> Iterable[BoothInfo]:
        for booth in self._conference.booths.values():
            if booth.room == room:
                mixer = self._conference.mixer(room, booth.language)
                yield BoothInfo(language=booth.language, speaking=bool(mixer.speakers), waiting=mixer.backlog)


def _leg(state: LegState, lags: Iterable[Lag]) -> LegInfo:
    return LegInfo(
        id=state.leg.id,
        channel=state.leg.channel_id,
        name=state.leg.name,
        language=state.leg.language,
        muted=state.muted,
        held=state.held,
        speaking=state.speaking.speaking,
        interpretation=[
            LagInfo(
                language=lag.target,
                lag_ms=round(lag.seconds * 1000),
                waits_ms={where: round(seconds * 1000) for where, seconds in lag.stages.items()},
                tempo=round(lag.tempo, 3),
            )
            for lag in sorted(lags, key=lambda lag: lag.target)
        ],
        loudspeaker=state.audio.loudspeaker,
        echoed_words=state.speaking.echoed_words,
    )
