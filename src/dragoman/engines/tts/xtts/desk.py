"""Who speaks and who waits for a row of the batch, one step for all at a time; in the synthesizer's thread."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice

import numpy as np
import structlog
import torch

from dragoman.engines.tts.xtts.clause import Clause, Follow, Next, Order
from dragoman.engines.tts.xtts.gpt import Seat, Spoken
from dragoman.engines.tts.xtts.loading import Loaded
from dragoman.engines.tts.xtts.settings import NAME
from dragoman.engines.tts.xtts.trouble import trouble_of
from dragoman.engines.tts.xtts.vocoder import decode
from dragoman.engines.tts.xtts.weights import moved
from dragoman.errors import EngineCrashed, EngineError, EngineRejected
from dragoman.media.format import SAMPLE_RATE as FINAL_RATE
from dragoman.media.resample import Resampler
from dragoman.recovery.gpu import Mend, ModelPolicy, Trouble

log = structlog.get_logger(__name__)

NOTHING = np.zeros(0, np.float32)


class Desk:
    """Who speaks and who waits; all of it in the thread."""

    def __init__(self, loaded: Loaded, counts: Counter[str], policy: ModelPolicy, follow: Follow) -> None:
        self.loaded = loaded
        self._follow = follow
        self._policy = policy
        self._broken: Exception | None = None
        """What showed that the device failed, before anything was computed."""
        self._counts = counts
        self._waiting: deque[Clause] = deque()  # bounded by the orders that were accepted
        self._speaking: dict[Seat, Clause] = {}
        self._rates: dict[str, tuple[float, float]] = {}

    @property
    def busy(self) -> bool:
        """Whether a step has anything to do."""
        return bool(self._waiting or self._speaking or self._broken)

    def accept(self, order: Order) -> None:
        """Spell it, find its voice, let it wait for a row."""
        if order.cancelled:
            return
        request, loaded = order.request, self.loaded
        try:
            pieces = loaded.speller(request.text, request.language)
            if not pieces:
                raise EngineRejected(NAME, "nothing to say in this text")
            voice = loaded.voices.conditioning(request.speaker, None)
            Resampler(voice.rate, FINAL_RATE)  # its filter is made and kept here, not in the loop's thread
            order.voice = voice
            latents = torch.from_numpy(voice.latents)
            embedding = torch.from_numpy(voice.embedding).reshape(1, -1, 1)
            embedding = moved(embedding, loaded.device, loaded.precision)
        except EngineError as error:
            order.deliver(error)
        except Exception as error:
            log.exception("clause not taken", engine=NAME)
            if trouble_of(error) is not Trouble.OTHER:
                self._broken = error  # an error of CUDA shows at whatever is asked of it next
            order.deliver(EngineCrashed(NAME, f"{type(error).__name__}: {error}"))
        else:
            self._counts["own_voice"] += voice.own
            self._counts["voice_unusable"] += bool(voice.instead_of)
            self._waiting.append(
                Clause(
                    order,
                    pieces,
                    latents,
                    embedding,
                    loaded.manner,
                    self._counts,
                    self._rates,
                    voice.stretch,
                    self._follow,
                )
            )

    def step(self) -> tuple[Mend, str] | None:
        """Who is cancelled leaves, who waits joins, everybody who is in says one token more.

        What is to be done, and why, where the model failed: its state is not to be trusted any more.
        """
        try:
            if self._broken is not None:
                broken, self._broken = self._broken, None
                raise broken
            self._leave()
            self._join()
            spoken = self.loaded.decoder.step()
        except Exception as error:
            log.exception("step failed", engine=NAME)
            return self._failed(error)
        self._counts["steps"] += bool(spoken)
        self._counts["batched"] += len(spoken)
        try:
            self._sound([each.seat for each in spoken if self._hear(each) is Next.SOUND])
        except Exception as error:
            log.exception("sound failed", engine=NAME)
            return self._failed(error)
        return None

    def _hear(self, each: Spoken) -> Next:
        """One clause's token; raises what is wrong with the device, not with the clause."""
        clause = self._speaking[each.seat]
        return self._then(each.seat, lambda: clause.hear(each.token, each.latent))

    def _sound(self, seats: Sequence[Seat]) -> None:
        """Decode what these clauses have due, in one go, and let them play it."""
        manner = self.loaded.manner
        windows = [window for seat in seats if (window := self._speaking[seat].window) is not None]
        sounds = iter(decode(manner.hifigan, windows, manner.shapes))
        for seat in seats:
            clause = self._speaking[seat]
            sound = NOTHING if clause.window is None else next(sounds).numpy()
            clause.window = None
            self._then(seat, partial(clause.take, sound))

    def _then(self, seat: Seat, tell: Callable[[], Next]) -> Next:
        """Tell a clause something, and do what it asks for then."""
        clause = self._speaking[seat]
        try:
            then = tell()
        except Exception as error:
            if trouble_of(error) is not Trouble.OTHER:
                raise
            log.exception("clause failed", engine=NAME)
            then = clause.broken(EngineCrashed(NAME, f"{type(error).__name__}: {error}"))
        if then in (Next.PIECE, Next.DONE):
            self.loaded.decoder.leave(seat)
            del self._speaking[seat]
        if then is Next.PIECE:
            self._waiting.appendleft(clause)  # a listener waits for it already
        return then

    def _failed(self, error: Exception) -> tuple[Mend, str]:
        return self._policy.failed(trouble_of(error), time.monotonic()), f"{type(error).__name__}: {error}"

    def end(self, error: EngineError) -> None:
        """Everybody is told that no more comes."""
        for clause in self._emptied():
            clause.end(error)

    def fail(self, error: EngineError) -> None:
        """Everybody is told, and what of his clause is left to be said."""
        for clause in self._emptied():
            clause.broken(error)

    def _emptied(self) -> list[Clause]:
        clauses = [*self._speaking.values(), *self._waiting]
        self._speaking.clear()
        self._waiting.clear()
        self.loaded.decoder.clear()
        return clauses

    def _leave(self) -> None:
        for seat, clause in list(self._speaking.items()):
            if clause.order.cancelled:
                self.loaded.decoder.leave(seat)
                del self._speaking[seat]
        if any(clause.order.cancelled for clause in self._waiting):
            self._waiting = deque(clause for clause in self._waiting if not clause.order.cancelled)

    def _join(self) -> None:
        decoder = self.loaded.decoder
        at_once = self._policy.at_once(time.monotonic()) - len(self._speaking)
        joining = list(islice(self._waiting, max(0, min(decoder.free, at_once))))
        if not joining:
            return
        # A person's own voice follows his style, from clause to clause; and nothing of it may outlive its profile.
        prefixes = [decoder.prefix(clause.latents, clause.piece.tokens, keep=not clause.own) for clause in joining]
        seats = decoder.join(prefixes, [clause.seed for clause in joining])
        for clause, seat in zip(joining, seats, strict=True):
            self._waiting.popleft()  # not before: if that failed, they were to be told
            self._speaking[seat] = clause
