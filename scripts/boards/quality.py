"""The dashboard "quality"."""

from __future__ import annotations

from boards.panel import (
    MINUTE,
    Board,
    Query,
    each,
    minutely,
    numbers,
    parts,
    quantiles,
    rate,
    seconds,
    share,
)


def named(what: str, queries: list[Query]) -> list[Query]:
    """The same, with a word before their legends."""
    return [(query, f"{what} {legend}") for query, legend in queries]


def of_speculations(what: str, legend: str) -> Query:
    """What became of the clauses that were translated ahead."""
    return share(f"dragoman_speculations_{what}_total", "dragoman_speculations_made_total", legend)


MISSING = (
    parts(
        "Not spoken",
        "Share of clauses, in 10 minutes.",
        [("dragoman:clauses_dropped:ratio_10m{@}", "{{instance}}")],
        warn=0.005,
        bad=0.01,
    ),
    numbers(
        "Merged, a minute",
        "Into the clause before, not to be late; marked in the captions.",
        [rate("dragoman_clauses_merged_total", per=MINUTE)],
    ),
    seconds(
        "Speech that no recogniser got",
        "Seconds lost per minute.",
        each("recognizer", "dropped_seconds", "restarts", per=MINUTE),
    ),
    numbers(
        "Holes in what booths say",
        "Ticks of 20 ms in which a clause sounded and its synthesizer was late, a minute.",
        [rate("dragoman_booth_underruns_total", per=MINUTE)],
    ),
    numbers(
        "Degradation",
        "Speakers, once per language of listeners, by what these get; and how often that changed.",
        [
            ("sum by (rung) (dragoman_ladder_speakers{@})", "{{rung}}"),
            rate("dragoman_ladder_changes_total", "to", per=MINUTE, named="a minute, to"),
        ],
    ),
    minutely(
        "Mended",
        "Faults that recovery dealt with, by kind and what it did.",
        "dragoman_recoveries_total",
        "kind, action",
    ),
)

SAID = (
    parts(
        "Begun before it was certain",
        "Share of the clauses translated ahead that were spoken as they were.",
        [of_speculations("confirmed", "confirmed"), of_speculations("dropped", "revised")],
    ),
    parts(
        "Words revised after they were used",
        "Of the words used before the recogniser called them final. 1 % is the limit.",
        [share("dragoman_revised_words_total", "dragoman_early_words_total", "revised")],
        warn=0.005,
        bad=0.01,
    ),
    minutely(
        "Figures and names in translations",
        "What the guard found and did, in clauses.",
        "dragoman_guard_total",
        "outcome",
    ),
    numbers(
        "Clones: likeness to their owners",
        "Cosine by the identity encoder; below 0.25 it is another person.",
        quantiles("dragoman_voice_likeness", of=(0.1, 0.5)),
    ),
    numbers(
        "Voices, a minute",
        "Profiles found or not, clauses cloned or neutral.",
        [rate("dragoman_voices_total", "what", per=f"{MINUTE} > 0")],
    ),
    numbers(
        "Echo suppressed",
        "Frames of 20 ms per second, of all phones on loudspeaker.",
        [
            rate("dragoman_echo_suppressed_frames_total"),
            rate("dragoman_echo_legs_total", per=MINUTE, named="legs a minute"),
        ],
    ),
    numbers(
        "Echo recognised and left out, a minute",
        "Utterances and words that the guard let pass: what the phone had been played.",
        [
            rate("dragoman_echoes_total", per=MINUTE, named="utterances"),
            rate("dragoman_echoed_words_total", per=MINUTE, named="words"),
        ],
    ),
)

SOUND = (
    parts(
        "Phones: packets lost, 90 of 100",
        "Between phones and Asterisk. from_phone hurts recognition.",
        quantiles("dragoman_phone_loss_ratio", "direction", of=(0.5, 0.9)),
        warn=0.01,
        bad=0.03,
    ),
    seconds(
        "Phones: jitter and round trip, 90 of 100",
        "Of the phones' RTP.",
        [
            *named("jitter", quantiles("dragoman_phone_jitter_seconds", "direction", of=(0.9,))),
            *named("round trip", quantiles("dragoman_phone_round_trip_seconds", of=(0.9,))),
        ],
    ),
    numbers(
        "Taps: packets lost, late, made up",
        "Between Asterisk and us, a second. Should be none.",
        [
            *each("rtp", "lost", "late", "reordered", "duplicate", "resyncs"),
            rate("dragoman_media_concealed_frames_total"),
        ],
    ),
)

QUALITY = Board(
    "dragoman-quality",
    "Dragoman: quality",
    "What people miss, or hear wrongly.",
    (("What is missing", MISSING), ("What is said", SAID), ("The sound that comes in", SOUND)),
)
