"""From recordings and packets to the words in them and when they sounded. Nothing of the daemon's is involved."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from bench.latency import wire
from bench.latency.figures import Sound
from bench.latency.script import LANGUAGE_OF
from tests.chaos.meeting import Held
from tests.tonewords.code import Source, ToneWord
from tests.tonewords.decode import HeardWord, decode

LEAST_PACKETS = 25
"""A flow of less than half a second holds no word."""

Way = tuple[str, str]
"""(voice, target language)"""


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


def listen(held: Held) -> Words:
    """Decode everything."""
    flows = [flow for flow in wire.read(held.capture) if len(flow.packets) >= LEAST_PACKETS]
    # A booth's channel sends too: what is said in its language, mixed by the conference. That is no tap.
    to_booths = {
        flow.target for flow in flows if flow.source == held.media_port and flow.payload_type == wire.G722_TYPE
    }
    with ProcessPoolExecutor() as pool:
        on_wire = list(pool.map(_decode_flow, flows))
        spoke = list(pool.map(decode, [call.spoke.pcm for call in held.calls]))
        heard = list(pool.map(decode, [call.heard.pcm for call in held.calls]))
    words = Words(
        {voice: [] for voice in LANGUAGE_OF},
        {voice: [] for voice in LANGUAGE_OF},
        {way: [] for way in ways()},
        {way: [] for way in ways()},
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
            _sort_booth(found, words)
        elif flow.source not in to_booths or not any(word.source.booth for word, _ in found):
            for word, sound in found:
                if not word.source.booth:
                    words.tapped[word.source.voice].append(sound)
    for table in (words.said, words.tapped, words.sent, words.heard):
        for sounds in table.values():  # type: ignore[attr-defined]  # of two kinds of keys
            sounds.sort(key=lambda sound: sound.start)
    return words


def ways() -> list[Way]:
    """Who is translated into what."""
    return [(voice, target) for voice, own in LANGUAGE_OF.items() for target in LANGUAGE_OF.values() if target != own]


def _decode_flow(flow: wire.Flow) -> list[tuple[HeardWord, Sound]]:
    track = flow.track()
    return [(word, Sound(word.text, track.sent(word.start_s), track.sent(word.end_s))) for word in decode(track.pcm)]


def _sort_booth(found: Sequence[tuple[HeardWord, Sound]], words: Words) -> None:
    """What of a flow is a booth's goes to its language, which most of its words tell."""
    spoken = [(word, sound) for word, sound in found if word.source.booth]
    languages = [ToneWord.parse(word.text).language for word, _ in spoken if word.text is not None]
    if languages:
        target = max(set(languages), key=languages.count)
        for word, sound in spoken:
            way = (word.source.voice, target)
            if way in words.sent:
                words.sent[way].append(sound)
