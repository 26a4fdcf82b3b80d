"""From recordings and packets to the words in them and when they sounded. Nothing of the daemon's is involved."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from bench.latency import wire
from bench.latency.figures import Sound
from bench.latency.script import LANGUAGE_OF
from tests.chaos.meeting import Held
from tests.tonewords.code import Source, ToneWord
from tests.tonewords.decode import HeardWord, decode

from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE

LEAST_PACKETS = 25
"""A flow of less than half a second holds no word."""

SLOT = 160
"""From the timestamp of one packet of a booth to that of the next: 20 ms of G.722's clock (RFC 3551)."""

WHOLE_S = 0.02
"""What has to come behind a word for it to be whole: the decoder makes up for one tone, and tells a word of which the
end was never sent."""

EDGE_S = 0.004
"""The decoder finds a word's edges to so much."""

APART_S = 0.5
"""Between two packets of a flow that went on."""

Way = tuple[str, str]
"""(voice, target language)"""

Found = tuple[HeardWord, Sound, bool]
"""A word of a flow, when it was sent, and whether it was sent whole."""


@dataclass(frozen=True, slots=True)
class Words:
    """All that sounded anywhere, in order of time (seconds since the epoch)."""

    said: dict[str, list[Sound]]
    """By voice: what he said, as his own phone recorded it."""
    tapped: dict[str, list[Sound]]
    """By voice: what of it Asterisk sent to the daemon."""
    sent: dict[Way, list[Sound]]
    """What a booth said in his name, as the daemon sent it."""
    heard: dict[Way, list[Sound]]
    """The same, as the phone of him who hears this language recorded it."""
    holes: dict[str, list[tuple[float, float]]]
    """By language: when its booth sent nothing, from one packet to the next, as the wire shows it."""
    listening: dict[str, list[tuple[float, float]]]
    """By voice: when packets came to the daemon from the tap of his channel."""


def listen(held: Held) -> Words:
    """Decode everything."""
    flows = [flow for flow in wire.read(held.capture) if len(flow.packets) >= LEAST_PACKETS]
    sent = [flow for flow in flows if flow.source == held.media_port and flow.payload_type == wire.G722_TYPE]
    with ProcessPoolExecutor() as pool:
        on_wire = list(pool.map(_decode_flow, flows))
        spoke = list(pool.map(decode, [call.spoke.pcm for call in held.calls]))
        heard = list(pool.map(decode, [call.heard.pcm for call in held.calls]))
    words = Words(
        {voice: [] for voice in LANGUAGE_OF},
        {voice: [] for voice in LANGUAGE_OF},
        {way: [] for way in ways()},
        {way: [] for way in ways()},
        {language: [] for language in LANGUAGE_OF.values()},
        {voice: [] for voice in LANGUAGE_OF},
    )
    for call, by_himself, at_ear in zip(held.calls, spoke, heard, strict=True):
        unix = call.spoke.clock.unix
        himself = Source(call.voice, False)
        words.said[call.voice] += [
            Sound(word.text, unix(word.start_s), unix(word.end_s)) for word in by_himself if word.source == himself
        ]
        unix = call.heard.clock.unix
        for word in at_ear:
            way = (word.source.voice, LANGUAGE_OF[call.voice])
            if word.source.booth and way in words.heard:
                words.heard[way].append(Sound(word.text, unix(word.start_s), unix(word.end_s)))
    for flow, found in zip(flows, on_wire, strict=True):
        if flow.source == held.media_port:
            _sort_booth(flow, found, words)
        elif not any(_answers(flow, booth) for booth in sent):
            himself = [each for each in found if not each[0].source.booth]
            for word, sound, whole in himself:
                if whole:
                    words.tapped[word.source.voice].append(sound)
            for voice in {word.source.voice for word, _, _ in himself}:
                words.listening[voice] += _runs(flow)
    for table in (words.said, words.tapped, words.sent, words.heard):
        for sounds in table.values():  # type: ignore[attr-defined]  # of two kinds of keys
            sounds.sort(key=lambda sound: sound.start)
    return words


def ways() -> list[Way]:
    """Who is translated into what."""
    return [(voice, target) for voice, own in LANGUAGE_OF.items() for target in LANGUAGE_OF.values() if target != own]


def _decode_flow(flow: wire.Flow) -> list[Found]:
    """Its words."""
    track = flow.track()
    last = len(track.pcm) / SAMPLE_RATE - WHOLE_S
    parts = [(begin / SAMPLE_RATE, end / SAMPLE_RATE) for begin, end in _missing(track)]
    return [
        (
            word,
            Sound(word.text, track.sent(word.start_s), track.sent(word.end_s)),
            word.end_s <= last
            and not any(begin < word.end_s + EDGE_S and word.start_s - EDGE_S < end for begin, end in parts),
        )
        for word in decode(track.pcm)
    ]


def _missing(track: wire.Track) -> list[tuple[int, int]]:
    """What of a tap's sound never came, in samples. The decoder makes up for a packet, a recogniser need not."""
    ends = track.starts[:-1] + FRAME_SAMPLES
    at = np.flatnonzero(track.starts[1:] > ends)
    return list(zip(ends[at].tolist(), track.starts[1:][at].tolist(), strict=True))


def _answers(flow: wire.Flow, booth: wire.Flow) -> bool:
    """Whether a flow comes from the channel to which that booth's goes, at its time.

    A booth's channel sends too: what is said in its language, mixed by the conference. That is no tap. Ports are used
    again, and a tap may be whispered to for a while.
    """
    begun, ended = (max(flow.packets[0][0], booth.packets[0][0]), min(flow.packets[-1][0], booth.packets[-1][0]))
    both = max(ended - begun, 0.0)
    return flow.source == booth.target and both > (flow.packets[-1][0] - flow.packets[0][0]) / 2


def _runs(flow: wire.Flow) -> list[tuple[float, float]]:
    """When its packets came, one upon the other."""
    times = np.array([packet[0] for packet in flow.packets])
    breaks = np.flatnonzero(np.diff(times) > APART_S)
    return list(zip(times[np.r_[0, breaks + 1]].tolist(), times[np.r_[breaks, -1]].tolist(), strict=True))


def _holes(flow: wire.Flow) -> list[tuple[float, float]]:
    pairs = zip(flow.packets, flow.packets[1:], strict=False)
    return [(before[0], after[0]) for before, after in pairs if after[1] - before[1] > SLOT]


def _sort_booth(flow: wire.Flow, found: Sequence[Found], words: Words) -> None:
    """What of a flow is a booth's goes to its language, which most of its words tell."""
    spoken = [(word, sound) for word, sound, _ in found if word.source.booth]
    languages = [ToneWord.parse(word.text).language for word, _ in spoken if word.text is not None]
    if languages:
        target = max(set(languages), key=languages.count)
        words.holes[target] += _holes(flow)
        for word, sound in spoken:
            way = (word.source.voice, target)
            if way in words.sent:
                words.sent[way].append(sound)
