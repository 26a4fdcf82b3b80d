"""The dashboard "quality"."""

from __future__ import annotations

from boards.panel import Board, Panel, quantiles, rate

QUALITY = Board(
    "dragoman-quality",
    "Dragoman: quality",
    "What people miss, or hear wrongly.",
    (
        (
            "What is missing",
            (
                Panel(
                    "Not spoken",
                    "Share of clauses, in 10 minutes.",
                    "percentunit",
                    [("dragoman:clauses_dropped:ratio_10m{@}", "{{instance}}")],
                    warn=0.005,
                    bad=0.01,
                ),
                Panel(
                    "Merged, a minute",
                    "Into the clause before, not to be late; marked in the captions.",
                    "short",
                    [rate("dragoman_clauses_merged_total", per=" * 60")],
                ),
                Panel(
                    "Speech that no recogniser got",
                    "Seconds lost per minute.",
                    "s",
                    [
                        rate("dragoman_recognizer_dropped_seconds_total", per=" * 60"),
                        rate("dragoman_recognizer_restarts_total", per=" * 60"),
                    ],
                ),
                Panel(
                    "Holes in what booths say",
                    "Ticks of 20 ms in which a clause sounded and its synthesizer was late, a minute.",
                    "short",
                    [rate("dragoman_booth_underruns_total", per=" * 60")],
                ),
                Panel(
                    "Degradation",
                    "Speakers, once per language of listeners, by what these get; and how often that changed.",
                    "short",
                    [
                        ("sum by (rung) (dragoman_ladder_speakers{@})", "{{rung}}"),
                        rate("dragoman_ladder_changes_total", "to", per=" * 60", named="a minute, to"),
                    ],
                ),
                Panel(
                    "Mended, a minute",
                    "Faults that recovery dealt with, by kind and what it did.",
                    "short",
                    [rate("dragoman_recoveries_total", "kind, action", per=" * 60")],
                    "stack",
                ),
            ),
        ),
        (
            "What is said",
            (
                Panel(
                    "Begun before it was certain",
                    "Share of the clauses translated ahead that were spoken as they were.",
                    "percentunit",
                    [
                        (
                            "sum(rate(dragoman_speculations_confirmed_total{@}[$__rate_interval])) / (sum(rate(dragoman_speculations_made_total{@}[$__rate_interval])) > 0)",
                            "confirmed",
                        ),
                        (
                            "sum(rate(dragoman_speculations_dropped_total{@}[$__rate_interval])) / (sum(rate(dragoman_speculations_made_total{@}[$__rate_interval])) > 0)",
                            "revised",
                        ),
                    ],
                ),
                Panel(
                    "Words revised after they were used",
                    "Of the words used before the recogniser called them final. 1 % is the limit.",
                    "percentunit",
                    [
                        (
                            "sum(rate(dragoman_revised_words_total{@}[$__rate_interval])) / (sum(rate(dragoman_early_words_total{@}[$__rate_interval])) > 0)",
                            "revised",
                        )
                    ],
                    warn=0.005,
                    bad=0.01,
                ),
                Panel(
                    "Figures and names in translations",
                    "What the guard found and did, clauses a minute.",
                    "short",
                    [rate("dragoman_guard_total", "outcome", per=" * 60")],
                    "stack",
                ),
                Panel(
                    "Clones: likeness to their owners",
                    "Cosine by the identity encoder; below 0.25 it is another person.",
                    "short",
                    quantiles("dragoman_voice_likeness", of=(0.1, 0.5)),
                ),
                Panel(
                    "Voices, a minute",
                    "Profiles found or not, clauses cloned or neutral.",
                    "short",
                    [rate("dragoman_voices_total", "what", per=" * 60")],
                ),
                Panel(
                    "Echo suppressed",
                    "Frames of 20 ms per second, of all phones on loudspeaker.",
                    "short",
                    [
                        rate("dragoman_echo_suppressed_frames_total"),
                        rate("dragoman_echo_legs_total", per=" * 60", named="legs a minute"),
                    ],
                ),
                Panel(
                    "Echo recognised and left out, a minute",
                    "Utterances and words that the guard let pass: what the phone had been played.",
                    "short",
                    [
                        rate("dragoman_echoes_total", per=" * 60", named="utterances"),
                        rate("dragoman_echoed_words_total", per=" * 60", named="words"),
                    ],
                ),
            ),
        ),
        (
            "The sound that comes in",
            (
                Panel(
                    "Phones: packets lost, 90 of 100",
                    "Between phones and Asterisk. from_phone hurts recognition.",
                    "percentunit",
                    quantiles("dragoman_phone_loss_ratio", "direction", of=(0.5, 0.9)),
                    warn=0.01,
                    bad=0.03,
                ),
                Panel(
                    "Phones: jitter and round trip, 90 of 100",
                    "Of the phones' RTP.",
                    "s",
                    [
                        *(
                            (query, f"jitter {legend}")
                            for query, legend in quantiles("dragoman_phone_jitter_seconds", "direction", of=(0.9,))
                        ),
                        *(
                            (query, f"round trip {legend}")
                            for query, legend in quantiles("dragoman_phone_round_trip_seconds", of=(0.9,))
                        ),
                    ],
                ),
                Panel(
                    "Taps: packets lost, late, made up",
                    "Between Asterisk and us, a second. Should be none.",
                    "short",
                    [
                        rate(f"dragoman_rtp_{what}_total")
                        for what in ("lost", "late", "reordered", "duplicate", "resyncs")
                    ]
                    + [rate("dragoman_media_concealed_frames_total")],
                ),
            ),
        ),
    ),
)
