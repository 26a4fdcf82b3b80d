"""What parts notice of voices and ladders, in the words of health events. Pure."""

from __future__ import annotations

from dragoman.recovery.kinds import Action, Kind, Status
from dragoman.recovery.ladder import Change
from dragoman.recovery.telling import Tell
from dragoman.telephony.model import Leg
from dragoman.voices.source import VoiceEvent, VoiceEventKind


def tell_voice(tell: Tell, event: VoiceEvent) -> None:
    """A speaker has another voice than he should, or his own again; that he got one is nothing that was mended."""
    if event.kind is VoiceEventKind.ASSIGNED:
        return
    own = event.kind is VoiceEventKind.OWNER
    action, status = (Action.RETURN, Status.OK) if own else (Action.NEUTRAL, Status.DEGRADED)
    detail = f"{event.kind}: {event.text}"
    tell(Kind.PROFILE_BROKEN, action, status, "voices", session=event.speaker, detail=detail)


def tell_ladder(tell: Tell, leg: Leg, target: str, change: Change) -> None:
    """What a speaker's listeners get stepped down or up."""
    action, status = (Action.DOWN, Status.DEGRADED) if change.down else (Action.UP, Status.OK)
    detail = f"{change.before} to {change.after}: {change.why}"
    tell(Kind.DEGRADED, action, status, f"ladder:{target}", session=leg.id, detail=detail)
