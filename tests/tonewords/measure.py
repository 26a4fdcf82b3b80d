"""Prints how often tone words are lost, damaged or mistaken: ``python -m tests.tonewords.measure``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from tests.tonewords import channel
from tests.tonewords.code import LANGUAGES, NUMBERS, Source, ToneWord
from tests.tonewords.decode import HeardWord, decode
from tests.tonewords.encode import encode, silence
from tests.tonewords.verdict import judge

from dragoman.media.format import Pcm

Channel = Callable[[Pcm, np.random.Generator], Pcm]


@dataclass
class Tally:
    """Counts over all words of a condition."""

    said: int = 0
    right: int = 0
    damaged: int = 0
    wrong: int = 0

    def add(self, source: Source, expected: list[str], heard: list[HeardWord]) -> None:
        verdict = judge(heard, {source: expected}).by_source[source]
        self.said += len(expected)
        self.right += len(verdict.heard)
        self.damaged += len(verdict.damaged)
        self.wrong += len(verdict.doubled) + len(verdict.out_of_order) + len(verdict.foreign)


def random_words(voice: str, count: int, rng: np.random.Generator) -> list[str]:
    return [str(ToneWord(LANGUAGES[rng.integers(4)], int(rng.integers(NUMBERS)), voice)) for _ in range(count)]


def both(pcm: Pcm, rng: np.random.Generator) -> Pcm:
    return channel.g711(channel.g722(pcm))


ALONE: dict[str, Channel] = {
    "clean": lambda pcm, rng: pcm,
    "G.711": lambda pcm, rng: channel.g711(pcm),
    "G.722": lambda pcm, rng: channel.g722(pcm),
    "G.722, then G.711": both,
    "gain -20 dB, G.711": lambda pcm, rng: channel.g711(channel.gain(pcm, -20)),
    "gain +6 dB, G.711": lambda pcm, rng: channel.g711(channel.gain(pcm, 6)),
    "gain -40 dB, G.722": lambda pcm, rng: channel.g722(channel.gain(pcm, -40)),
    "3 % loss, concealed, G.722": lambda pcm, rng: channel.lose(channel.g722(pcm), 0.03, rng),
    "3 % loss, silence, G.711": lambda pcm, rng: channel.lose(channel.g711(pcm), 0.03, rng, conceal=False),
    "10 % loss, concealed": lambda pcm, rng: channel.lose(pcm, 0.10, rng),
    "60 ms jitter every 2 s": lambda pcm, rng: channel.jitter(pcm, 2.0, rng),
    "white noise 10 dB below": lambda pcm, rng: channel.mix([(pcm, 0), (channel.noise(len(pcm) / 16000, -30, rng), 0)]),
    "pitch-true tempo 1.15": lambda pcm, rng: channel.tempo(pcm, 1.15),
    "pitch-true tempo 1.30": lambda pcm, rng: channel.tempo(pcm, 1.30),
    "pitch-true tempo 1.40": lambda pcm, rng: channel.tempo(pcm, 1.40),
}

BOOTH_MIX = {  # what sounds in a booth: two translations, the earlier ducked, over three originals
    Source("a", True): 0.0,
    Source("b", True): -6.0,
    Source("a", False): -18.0,
    Source("b", False): -18.0,
    Source("c", False): -18.0,
}


def measure_mix(name: str, levels: dict[Source, float], through: Channel, count: int) -> None:
    rng = np.random.default_rng(3)
    tallies = {source: Tally() for source in levels}
    for _ in range(max(1, count // 200)):
        said = {source: random_words(source.voice, 200, rng) for source in levels}
        parts = []
        for source, db in levels.items():
            lead = silence(rng.uniform(0, 0.4))
            parts.append((np.concatenate([lead, encode(said[source], booth=source.booth)]), db))
        heard = decode(through(channel.mix(parts), rng))
        for source, tally in tallies.items():
            tally.add(source, said[source], [word for word in heard if word.source == source])
        strangers = [word for word in heard if word.source not in levels]
        if strangers:
            print("   from nobody:", *strangers, sep="\n      ")
    for source, tally in tallies.items():
        report(f"{name}: {source} {levels[source]:+.0f} dB", tally)


def report(name: str, tally: Tally) -> None:
    lost = f"{(tally.said - tally.right) / tally.said:8.4%}"
    print(f"{name:40} {tally.said:6} said {lost} not heard {tally.damaged:5} damaged {tally.wrong:4} wrong", flush=True)


def measure_alone(name: str, through: Channel, count: int) -> None:
    rng = np.random.default_rng(2)
    tally = Tally()
    for part in range(max(1, count // 500)):
        source = Source.of_family(part % 6)
        said = random_words(source.voice, 500, rng)
        heard = decode(through(np.concatenate([silence(rng.uniform(0, 0.1)), encode(said, booth=source.booth)]), rng))
        tally.add(source, said, [word for word in heard if word.source == source])
        tally.wrong += sum(word.text is not None for word in heard if word.source != source)
    report(name, tally)


def measure_nobody(minutes: float) -> None:
    rng = np.random.default_rng(4)
    text = "the committee agreed that every translation of the report should be ready by nine on friday morning"
    voices = ("slt", "rms", "awb", "kal16")
    spoken = [channel.speech(f"{text} {number}", voice) for number in range(5) for voice in voices]
    sounds = {
        "white noise -20 dBFS": channel.noise(minutes * 60, -20, rng),
        "white noise -60 dBFS": channel.noise(minutes * 60, -60, rng),
        "silence through G.722": channel.g722(silence(minutes * 60)),
        "synthetic speech": np.concatenate(spoken),
        "synthetic speech, G.711": channel.g711(np.concatenate(spoken)),
    }
    for name, sound in sounds.items():
        heard = decode(sound)
        words = [word for word in heard if word.text]
        print(f"{name:40} {len(sound) / 16000 / 60:6.1f} min: {len(words)} words, {len(heard) - len(words)} damaged")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=6000, help="words per condition")
    parser.add_argument("--only", default="", help="conditions whose name contains this")
    arguments = parser.parse_args()
    for name, through in ALONE.items():
        if arguments.only in name:
            measure_alone(name, through, arguments.count)
    for name, through in {
        "booth": ALONE["clean"],
        "booth, G.722": ALONE["G.722"],
        "booth, G.711": ALONE["G.711"],
    }.items():
        if arguments.only in name:
            measure_mix(name, BOOTH_MIX, through, arguments.count)
    if arguments.only in "nobody":
        measure_nobody(10.0)


if __name__ == "__main__":
    main()
