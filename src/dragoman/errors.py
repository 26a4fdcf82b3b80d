"""Every exception the project raises on purpose, in one tree.

::

    DragomanError
    ├── ConfigError                 a setting is missing, unknown or wrong (ours: fix the file)
    ├── IllegalTransition           a state machine was asked for a step its table lacks (ours: a bug)
    ├── AriError                    Asterisk answered with an error status (the remote's)
    │   ├── AriBadRequest           400
    │   ├── AriNotFound             404
    │   ├── AriConflict             409
    │   ├── AriBadState             412
    │   ├── AriUnprocessable        422
    │   └── AriServerError          5xx: also what externalMedia answers to a bad format or a duplicate id
    ├── AriMalformed                an answer or event lacks what Asterisk's own description requires (the remote's)
    ├── AriChannelGone              a channel of ours ended before it was where it should go (the remote's)
    ├── AriReplaced                 another client took our ARI application: two daemons on one PBX (ours: stop one)
    ├── AriTransportError           no answer was had (retryable)
    │   ├── AriUnavailable          the connection failed, or is down just now
    │   └── AriTimeout              the deadline passed first
    ├── MediaError
    │   ├── MalformedPacket         bytes from the network that are no RTP packet (the remote's)
    │   └── MediaSocketError        the socket cannot be opened or read (ours or the host's)
    ├── EngineError                 an engine failed
    │   ├── EngineUnavailable       not installed, no model, not licensed: says what to do (not retryable)
    │   ├── EngineRejected          the engine refuses this input: language, text (not retryable)
    │   ├── EngineDenied            the provider refuses us: key, payment, permission, quota (not retryable)
    │   ├── EngineBusy              the provider or its machine is overloaded: 429, 5xx, no stream free (retryable)
    │   ├── EngineCutShort      speech ended in the middle: says what is left for another voice (not retryable)
    │   ├── EngineTimeout           the deadline passed (retryable)
    │   │   └── EngineSilent        a recogniser says nothing of the speech that it was given (retryable)
    │   └── EngineCrashed           its process or connection died (retryable)
    ├── VoiceError                  a voice profile cannot be had, made or kept
    │   ├── ProfileInvalid          a file, a row or a value that is no (part of a) profile (the remote's)
    │   ├── ProfileConflict         somebody else changed or deleted the profile in the meantime
    │   ├── ClipRejected            the clips given make no profile; says what is wrong with each (the remote's)
    │   ├── VoiceUnavailable        no encoder or no store: says what to install or set (not retryable)
    │   ├── EnrolmentBusy           as many enrolments are under way as are taken (retryable)
    │   ├── StoreLocked             the store is encrypted with another key, or with one while none is set (ours)
    │   └── StoreUnavailable        the database does not answer (retryable)
    ├── AdminError                  what operators set cannot be kept, or not be done
    │   ├── AdminUnavailable        no store, its package or its key: says what to install or set (not retryable)
    │   ├── AdminStoreDown          its database does not answer (retryable)
    │   └── ErrandFailed            Asterisk did not do what we sent a channel into the dialplan for (retryable)
    ├── PbxError                    the PBX of our own cannot be made, started or stopped
    ├── TrainingError               a voice encoder cannot be trained from what was given: says what to do
    └── DemoError                   the demo's own check failed: what a listener did not hear

``retryable`` tells whether the same call may succeed when made again; nothing else decides on retries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from dragoman.engines.base import Attempt


class DragomanError(Exception):
    """Root of the tree."""

    retryable: ClassVar[bool] = False


class ConfigError(DragomanError):
    """A setting is missing, unknown or wrong; the message names it and what would be right."""


class IllegalTransition(DragomanError):
    """A state machine was asked for a step that its transition table does not have."""

    def __init__(self, machine: str, state: str, event: str) -> None:
        """Name the machine, the state it is in and the event it cannot take."""
        super().__init__(f"{machine}: no transition from {state} on {event}")
        self.machine = machine
        self.state = state
        self.event = event


class AriError(DragomanError):
    """Asterisk answered a request with an error status."""

    def __init__(self, status: int, message: str, method: str, path: str) -> None:
        """Keep the HTTP status, Asterisk's own message, and the request (never its credentials)."""
        super().__init__(f"{method} {path}: {status} {message}")
        self.status = status
        self.message = message
        self.method = method
        self.path = path


class AriBadRequest(AriError):
    """400: a parameter is missing or malformed."""


class AriNotFound(AriError):
    """404: no such channel, bridge or application."""


class AriConflict(AriError):
    """409: the object is in another state, for example the channel is not in a bridge."""


class AriBadState(AriError):
    """412: the channel is not in a state in which this can be done."""


class AriUnprocessable(AriError):
    """422: the channel is not in our Stasis application (yet)."""


class AriServerError(AriError):
    """5xx: on externalMedia also an unknown format, an unresolvable host or a duplicate id."""


class AriMalformed(DragomanError):
    """An answer or event lacks what Asterisk's own description requires; the message names type and field."""


class AriChannelGone(DragomanError):
    """A channel of ours ended before it was where it should go: the dialplan refused it, or its caller left."""


class AriReplaced(DragomanError):
    """Another client connected with our application's name and now gets its events: one of the two must stop."""


class AriTransportError(DragomanError):
    """No answer was had: nothing is known of whether Asterisk acted."""

    retryable = True


class AriUnavailable(AriTransportError):
    """The connection to Asterisk failed, or the application is not connected just now."""


class AriTimeout(AriTransportError):
    """Asterisk did not answer before the deadline."""


class MediaError(DragomanError):
    """The media plane."""


class MalformedPacket(MediaError):
    """Bytes from the network that are no RTP packet; counted, never raised out of the tick."""


class MediaSocketError(MediaError):
    """The media socket cannot be opened, read or written."""


class EngineError(DragomanError):
    """An engine failed; ``engine`` is its registered name."""

    tried: tuple[Attempt, ...] = ()
    """Of the one that ended a clause: all engines that were asked for it in vain."""

    def __init__(self, engine: str, message: str) -> None:
        """Name the engine and say what happened."""
        super().__init__(f"{engine}: {message}")
        self.engine = engine


class EngineUnavailable(EngineError):
    """Not installed, no model, no licence: the message says what to install or set."""


class EngineRejected(EngineError):
    """The engine refuses this input (language pair, text): another engine may take it."""


class EngineDenied(EngineError):
    """The provider refuses us (key, payment, permission, quota): only the operator can help; the message tells how."""


class EngineBusy(EngineError):
    """The provider or its machine is overloaded; ``retry_after``: seconds it asked us to wait, None if it did not."""

    retryable = True

    def __init__(self, engine: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(engine, message)
        self.retry_after = retry_after


class EngineCutShort(EngineError):
    """A synthesizer broke off in the middle; ``rest``: the text that another voice should go on with, maybe empty."""

    def __init__(self, engine: str, message: str, rest: str) -> None:
        super().__init__(engine, message)
        self.rest = rest


class EngineTimeout(EngineError):
    """The engine's deadline passed."""

    retryable = True


class EngineSilent(EngineTimeout):
    """A recogniser gave no hypothesis of the speech that it was given, though it promises one by then."""


class EngineCrashed(EngineError):
    """The engine's process or connection died."""

    retryable = True


class VoiceError(DragomanError):
    """A voice profile cannot be had, made or kept; the call goes on in the neutral voice."""


class ProfileInvalid(VoiceError):
    """A file, a row or a value that is no (part of a) voice profile; the message names what is wrong."""


class ProfileConflict(VoiceError):
    """Somebody else changed or deleted the profile in the meantime: read it again."""


class ClipRejected(VoiceError):
    """The clips make no profile; ``faults`` holds, per clip, what is wrong with it (empty: nothing)."""

    def __init__(self, message: str, faults: tuple[tuple[str, ...], ...] = ()) -> None:
        super().__init__(message)
        self.faults = faults


class VoiceUnavailable(VoiceError):
    """No encoder, no store or no package for it: the message says what to install or set."""


class EnrolmentBusy(VoiceError):
    """As many enrolments are under way as are taken; ``retry_after``: seconds after which to ask again."""

    retryable = True

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StoreLocked(VoiceError):
    """A store is encrypted and the key, or the package for it, is missing, or the key is another one."""


class StoreUnavailable(VoiceError):
    """The database of the voice profiles does not answer, or not in time."""

    retryable = True


class AdminError(DragomanError):
    """What operators set over REST (rooms, tokens, transcripts, the audit log) cannot be kept, or not be done."""


class AdminUnavailable(AdminError):
    """No store, no package for it, or not its key: the message says what to install or set."""


class AdminStoreDown(AdminError):
    """The database of the administration does not answer, or not in time."""

    retryable = True


class ErrandFailed(AdminError):
    """Asterisk did not do, or not in time, what we sent a channel into the dialplan for."""

    retryable = True


class PbxError(DragomanError):
    """The PBX of our own cannot be made, started or stopped; the message says what to do."""


class TrainingError(DragomanError):
    """A voice encoder cannot be trained: what is missing, or wrong with the speech, and what to do about it."""


class DemoError(DragomanError):
    """The demo's own check failed; the message names the listener and the clause."""
