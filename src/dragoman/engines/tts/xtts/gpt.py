"""XTTS's GPT for many clauses at once: one step gives each active clause its next token.

A static key and value cache has a row per clause. The active clauses are always the first rows, so that a step computes
nothing else: who leaves is replaced by the last one, whose row moves. Clauses join and leave between any two steps
(continuous batching); each has its own random numbers, so that what it says does not depend on who else speaks.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dragoman.engines.tts.xtts.graphs import Graphs
from dragoman.engines.tts.xtts.sampling import NEVER, Sampling, choose, scored
from dragoman.engines.tts.xtts.weights import Weights, moved

PREFIX_TOKEN = 1
"""What coqui feeds ``generate`` in place of the prefix, once per position: the repetition penalty counts it as said."""

ALIGNED = 16
"""Positions that attention looks at are a multiple of it: CUDA's kernels copy a mask that is not."""


KEPT_VOICES = 16
"""Voices whose keys and values are kept from clause to clause, the least lately used given up: 4 MB each in half
precision, 8 in single. Beyond two voices for each of eight slots, a clause computes them again."""


@dataclass(frozen=True, slots=True, eq=False)
class Prefix:
    """What a clause is conditioned on: the positions before its audio."""

    voice: Tensor
    """[32, width]"""
    text: Tensor
    """[text + 2, width]"""
    key: bytes
    """Of the voice's numbers, by which what the layers make of them is kept; empty: it is not."""

    def __len__(self) -> int:
        """Positions."""
        return len(self.voice) + len(self.text)


@dataclass(slots=True, eq=False)
class Seat:
    """One clause's place in the batch, from ``join`` to ``leave``."""

    row: int
    length: int
    """Positions of its row of the cache that are filled."""
    spoken: int
    """Audio tokens so far."""
    random: Any
    """Its ``torch.Generator``."""


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """What one step gave one clause."""

    seat: Seat
    token: int
    latent: Tensor
    """float32 [width]: what the vocoder makes sound of; of the stop token, too."""


class BatchedDecoder:
    """The GPT of one model.

    Args:
        gpt: coqui's ``GPT`` with its weights.
        slots: clauses at once.
        positions: of the cache, per clause: voice (32), text and audio tokens.
        sampling: how tokens are chosen.
        device: ``cpu`` or ``cuda``.
        dtype: of weights and cache; logits and latents are float32.
        graph: replay each step as a CUDA graph; only on CUDA, and only where ``capture`` found that it gives the same.
    """

    def __init__(
        self,
        gpt: Any,
        slots: int,
        positions: int,
        sampling: Sampling,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        graph: bool = False,
    ) -> None:
        self.slots = slots
        self.positions = positions
        self.stop_token = int(gpt.stop_audio_token)
        self.width = int(gpt.model_dim)
        self.max_tokens = int(gpt.max_gen_mel_tokens)
        """Audio tokens of one clause at most, as coqui has it."""
        self._sampling = sampling
        self._weights = Weights(gpt, device, dtype)
        self._device, self._dtype = device, dtype
        heads, layers = int(gpt.heads), len(self._weights.layers)
        room = -(-positions // ALIGNED) * ALIGNED
        cache = (layers, slots, heads, room, self.width // heads)
        self._keys = torch.zeros(cache, device=device, dtype=dtype)
        self._values = torch.zeros_like(self._keys)
        self._length = torch.zeros(slots, dtype=torch.long, device=device)
        self._spoken = torch.zeros(slots, dtype=torch.long, device=device)
        self._token = torch.full((slots,), int(gpt.start_audio_token), dtype=torch.long, device=device)
        self._seen = torch.zeros(slots, int(gpt.num_audio_tokens), dtype=torch.bool, device=device)
        self._noise = torch.ones(slots, int(gpt.num_audio_tokens), device=device)
        self._latent = torch.zeros(slots, self.width, device=device)
        self._banned = torch.zeros(int(gpt.num_audio_tokens), device=device)
        for token in sampling.suppress:
            self._banned[token] = -float("inf")
        self._start_token = int(gpt.start_audio_token)
        self._at = torch.arange(room, device=device)
        self._rows = torch.arange(slots, device=device)
        self._seats: list[Seat] = []
        self._voices: OrderedDict[bytes, tuple[Tensor, Tensor]] = OrderedDict()
        """What the layers made of a voice: keys, values, each [layers, heads, positions, width of a head]."""
        self._dirty = False
        """The cache holds what nobody has cleared away."""
        self._graphs = Graphs(slots, room) if graph and device == "cuda" else None

    @property
    def free(self) -> int:
        """Clauses that could join now."""
        return self.slots - len(self._seats)

    def prefix(self, voice: Tensor, text: Sequence[int], keep: bool = False) -> Prefix:
        """What a clause is conditioned on: a voice's latents [32, width], and a text's tokens.

        ``keep``: what the layers make of the voice is kept for the next clauses; for a voice that does not change, and
        that nobody may want deleted.
        """
        key = hashlib.blake2b(voice.contiguous().numpy(), digest_size=16).digest() if keep else b""
        with torch.inference_mode():
            return Prefix(moved(voice, self._device, self._dtype), self._weights.read(text), key)

    def join(self, prefixes: Sequence[Prefix], seeds: Sequence[int]) -> list[Seat]:
        """Let clauses in, those whose voice is kept in one pass, the rest in another; they speak from the next step on.

        Raises:
            ValueError: there are not so many free rows, or a prefix leaves no room for audio.
        """
        if len(prefixes) > self.free:
            raise ValueError(f"{len(prefixes)} clauses for {self.free} free rows")
        longest = max((len(prefix) for prefix in prefixes), default=0)
        if longest >= self.positions:
            raise ValueError(f"a prefix of {longest} positions for a cache of {self.positions}")
        if self._dirty:
            self._keys.zero_()
            self._values.zero_()
            self._dirty = False
        begun = [len(prefix.voice) if prefix.key in self._voices else 0 for prefix in prefixes]
        seats: dict[int, Seat] = {}
        # Those of one pass have neighbouring rows; who needs what is kept is first, for the others push that out.
        for number in sorted(range(len(prefixes)), key=begun.__getitem__, reverse=True):
            seats[number] = self._seat(len(prefixes[number]), seeds[number])
        with torch.inference_mode():
            for positions in sorted(set(begun), reverse=True):
                some = [number for number in seats if begun[number] == positions]
                self._prefill([prefixes[number] for number in some], seats[some[0]].row, positions)
        return [seats[number] for number in range(len(prefixes))]

    def leave(self, seat: Seat) -> None:
        """Free its row at once; whoever has the last row takes it. Idempotent."""
        if seat not in self._seats:
            return
        last = self._seats.pop()
        to, source, filled = seat.row, last.row, max(last.length, seat.length)
        with torch.inference_mode():
            for cache in (self._keys, self._values):
                if last is not seat:
                    cache[:, to, :, :filled] = cache[:, source, :, :filled]
                # A mask hides what was there from who comes next, but for numbers that are none: those spread.
                cache[:, source, :, :filled] = 0
            if last is not seat:
                for state in (self._length, self._spoken, self._token, self._seen):
                    state[to] = state[source]
        if last is not seat:
            last.row = to
            self._seats[to] = last

    def clear(self) -> None:
        """Let everybody leave (after an error, when nothing of the state is to be trusted)."""
        self._seats.clear()
        self._voices.clear()
        self._dirty = True

    def step(self) -> list[Spoken]:
        """One token for everybody who is in.

        Raises:
            ValueError: a clause's row of the cache is full; it must leave before.
        """
        if not self._seats:
            return []
        active = len(self._seats)
        reach = max(seat.length for seat in self._seats) + 1
        if reach > self.positions:
            raise ValueError(f"a clause has all of its {self.positions} positions filled")
        if self._sampling.top_k != 1:
            for seat in self._seats:
                self._noise[seat.row].exponential_(generator=seat.random)
        with torch.inference_mode():
            if self._graphs is None or not self._replay(self._graphs, active, reach):
                self._step(active, reach)
            latents = self._latent[:active].clone()
            tokens = self._token[:active].tolist()  # the one time that the host waits for the device
        for seat in self._seats:
            seat.length += 1
            seat.spoken += 1
        return [Spoken(seat, tokens[seat.row], latents[seat.row]) for seat in self._seats]

    @property
    def graphs(self) -> int:
        """How many graphs are replayed; 0: each step is launched operation by operation."""
        return 0 if self._graphs is None else len(self._graphs)

    def capture(self) -> str:
        """Record the graphs of all batch sizes; nobody may be in. Does nothing without ``graph``.

        Returns:
            Why there are none after all; empty if nothing is wrong.

        Raises:
            RuntimeError: the device itself failed.
        """
        if self._graphs is None:
            return ""
        attention = torch.backends.cuda.cudnn_sdp_enabled()
        # Its plans are made here and now, and a step of 64 rows takes 3.5 ms in place of 4.2 (an H200).
        torch.backends.cuda.enable_cudnn_sdp(True)
        try:
            with torch.inference_mode():
                why = self._graphs.capture(self._step, self._state, self._rehearse, self._made)
        finally:
            torch.backends.cuda.enable_cudnn_sdp(attention)
        if why:
            self._graphs = None
        self.clear()
        return why

    @property
    def _state(self) -> tuple[Tensor, ...]:
        """What a step changes, and goes by the next time, but for the cache, where the same is written again."""
        return self._length, self._spoken, self._token, self._seen

    def _rehearse(self, rows: int, reach: int) -> None:
        """As when clauses of all lengths are in, the longest with its last position in reach."""
        random = torch.Generator(self._device)
        random.manual_seed(rows * self.positions + reach)
        for cache in (self._keys, self._values):
            cache[:, :rows].normal_(generator=random)
            # Chance alone averages out over many positions; what leans to one side, and more so later, does not.
            leaning = cache[:, :rows, :, :1].clone()
            cache[:, :rows] += leaning * torch.linspace(0.5, 1.5, cache.shape[3], device=self._device)[:, None]
        longest = min(reach, self.positions) - 1
        # From the longest down to an empty one; one row alone is full.
        lengths = longest - self._rows[:rows] * longest // max(1, rows - 1)
        self._length[:rows] = lengths
        self._spoken[:rows] = lengths // 2
        self._token[:rows].random_(0, len(self._banned), generator=random)
        self._seen[:rows].random_(0, 2, generator=random)
        self._noise[:rows].exponential_(generator=random)

    def _made(self, rows: int) -> tuple[Tensor, ...]:
        """What the last step left: tokens, latents, and what it wrote into the cache."""
        every, at = self._rows[:rows], (self._length[:rows] - 1).clamp_min(0)
        written = (cache[:, every, :, at] for cache in (self._keys, self._values))
        return self._token[:rows], self._latent[:rows], *written

    def _seat(self, length: int, seed: int) -> Seat:
        random = torch.Generator(self._device)
        random.manual_seed(seed)
        seat = Seat(len(self._seats), length, 0, random)
        self._seats.append(seat)
        self._length[seat.row], self._spoken[seat.row] = seat.length, 0
        self._token[seat.row] = self._start_token
        self._seen[seat.row] = False
        self._seen[seat.row, PREFIX_TOKEN] = self._seen[seat.row, self._start_token] = True
        return seat

    def _prefill(self, prefixes: Sequence[Prefix], first: int, begun: int) -> None:
        """Fill the cache of new rows, of whose voices so many positions are kept; and keep what is to be.

        What is beyond a shorter prefix's end is overwritten before anybody looks.
        """
        caches = self._keys, self._values
        if begun:
            for row, prefix in enumerate(prefixes, first):
                for cache, made in zip(caches, self._voices[prefix.key], strict=True):
                    cache[:, row, :, :begun] = made
                self._voices.move_to_end(prefix.key)
        self._fill([each.text if begun else torch.cat([each.voice, each.text]) for each in prefixes], first, begun)
        for row, prefix in enumerate(prefixes, first):
            if prefix.key and prefix.key not in self._voices:
                keys, values = (cache[:, row, :, : len(prefix.voice)].clone() for cache in caches)
                self._voices[prefix.key] = keys, values
                if len(self._voices) > KEPT_VOICES:
                    self._voices.popitem(last=False)

    def _fill(self, parts: Sequence[Tensor], first: int, begun: int) -> None:
        """Let the layers make keys and values of each part [positions, width], behind the ``begun`` ones of its row."""
        rows, heads, longest = len(parts), self._keys.shape[2], max(map(len, parts))
        until = begun + longest
        x = torch.zeros(rows, longest, self.width, device=self._device)
        for row, part in enumerate(parts):
            x[row, : len(part)] = part
        # Without what was begun the kernel knows the mask, and reads half of it.
        mask = self._at[None, :until] <= self._at[begun:until, None] if begun else None
        for n, layer in enumerate(self._weights.layers):
            query, key, value = (
                part.view(rows, longest, heads, -1).transpose(1, 2) for part in layer.query_key_value(x)
            )
            self._keys[n, first : first + rows, :, begun:until] = key
            self._values[n, first : first + rows, :, begun:until] = value
            if begun:
                key, value = (cache[n, first : first + rows, :, :until] for cache in (self._keys, self._values))
            seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=not begun)
            x = layer.rest(x, seen.transpose(1, 2).reshape(rows, longest, self.width))

    def _step(self, rows: int, reach: int) -> None:
        """Write token and latent of the first ``rows`` rows, of which none has more than ``reach`` positions.

        Nothing in here waits for the device, or allocates by what it computed: a graph holds it.
        """
        reach = -(-reach // ALIGNED) * ALIGNED
        heads, weights = self._keys.shape[2], self._weights
        length, spoken = self._length[:rows], self._spoken[:rows]
        at = length.clamp_max(self.positions - 1)
        hidden = self._at[None, :reach] > at[:, None]
        mask = torch.zeros(rows, reach, device=self._device, dtype=self._dtype).masked_fill(hidden, NEVER)[
            :, None, None
        ]
        x = weights.embedded(self._token[:rows], spoken)
        every = self._rows[:rows]
        for n, layer in enumerate(weights.layers):
            query, key, value = (part.view(rows, heads, 1, -1) for part in layer.query_key_value(x))
            self._keys[n][every, :, at] = key[:, :, 0]
            self._values[n][every, :, at] = value[:, :, 0]
            keys, values = self._keys[n, :rows, :, :reach], self._values[n, :rows, :, :reach]
            seen = F.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
            x = layer.rest(x, seen.reshape(rows, self.width))
        latent, logits = weights.head(x)
        scores = scored(logits, self._seen[:rows], self._banned, self._sampling)
        token = choose(scores, None if self._sampling.top_k == 1 else self._noise[:rows])
        self._seen[:rows].scatter_(1, token[:, None], True)
        self._token[:rows] = token
        self._latent[:rows] = latent
        length += 1
        spoken += 1

    def _replay(self, graphs: Graphs, active: int, reach: int) -> bool:
        """The step as a graph of a batch at least as large; what its rows beyond compute is garbage, and unread."""
        found = graphs.of(active, reach)
        if found is None:
            return False
        size, replay = found
        # Rows beyond the active ones must stay within the cache.
        self._length[active:size].zero_()
        self._spoken[active:size].zero_()
        replay()
        return True
