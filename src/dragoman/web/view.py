"""What the web shows, read from the running parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from dragoman.engines.base import Stage
from dragoman.media.stats import MediaStats
from dragoman.observe.engines import EnginesView
from dragoman.observe.metrics import Metrics
from dragoman.pipeline.conference import Conference, LegState
from dragoman.web.state import BoothInfo, LegInfo, RoomInfo, Stats, collect_stats


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
    ) -> None:
        """``uptime`` in seconds."""
        self._conference = conference
        self._metrics = metrics
        self._media = media
        self._engines = engines
        self._uptime = uptime

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
        legs = [state for state in self._conference.legs.values() if state.leg.room == room]
        return RoomInfo(
            room=room,
            languages=sorted({state.leg.language for state in legs}),
            legs=[_leg(state) for state in legs],
            booths=list(self._booths(room)),
        )

    def _booths(self, room: str) -> Iterable[BoothInfo]:
        for booth in self._conference.booths.values():
            if booth.room == room:
                mixer = self._conference.mixer(room, booth.language)
                yield BoothInfo(language=booth.language, speaking=bool(mixer.speakers), waiting=mixer.backlog)


def _leg(state: LegState) -> LegInfo:
    return LegInfo(
        id=state.leg.id,
        channel=state.leg.channel_id,
        name=state.leg.name,
        language=state.leg.language,
        muted=state.muted,
        held=state.held,
        speaking=state.speaking.speaking,
        loudspeaker=state.audio.loudspeaker,
    )
