"""The dashboard "calls now"."""

from __future__ import annotations

from boards.panel import MINUTE, Board, each, figure, minutely, numbers, quantiles, rate, seconds, total, yes_or_no

NOW = (
    yes_or_no(
        "Ready",
        "Whether calls can be interpreted. If not, curl /health/ready says which part and why.",
        "min(dragoman_ready{@})",
    ),
    yes_or_no("Asterisk", "Whether its events come in.", "min(dragoman_ari_connected{@})"),
    yes_or_no(
        "Draining",
        "Whether no new room may begin: it is not ready then, on purpose.",
        "max(dragoman_draining{@})",
        width=2,
        good=False,
    ),
    figure("Rooms", "Rooms somebody is in.", "sum(dragoman_rooms{@})"),
    figure("People", "In rooms, interpreted or not.", "sum(dragoman_legs{@})"),
    figure(
        "Ear-voice span, 95 of 100",
        "From the end of a clause to its first translated sound. 0.9 s is good.",
        "max(dragoman:ear_voice_span_seconds:p95_5m{@})",
        "s",
        width=4,
        warn=0.9,
        bad=2,
    ),
    figure("Clauses a minute", "Spoken at booths.", rate("dragoman_clauses_spoken_total", per=MINUTE)[0], width=3),
    figure(
        "Not spoken",
        "Of 100 clauses, in 10 minutes; without those of whom all listeners left.",
        "max(dragoman:clauses_dropped:ratio_10m{@})",
        "percentunit",
        width=3,
        warn=0.005,
        bad=0.01,
    ),
    yes_or_no("Test call", "Whether the last dragoman probe was interpreted.", "min(dragoman_probe_success)", width=2),
)

ROOMS = (
    numbers(
        "Rooms, people, booths",
        "A booth speaks one language of a room.",
        [
            total("dragoman_rooms"),
            total("dragoman_legs", "people"),
            total("dragoman_booths"),
            total("dragoman_caption_readers", "readers of captions"),
        ],
    ),
    numbers(
        "Clauses a minute",
        "Committed: in the speaker's language. Translated and spoken: once per language that is listened to.",
        each("clauses", "committed", "translated", "spoken", per=MINUTE),
    ),
    minutely(
        "Clauses not spoken",
        "By reason. nobody-listens is no fault.",
        "dragoman_clauses_dropped_total",
        "reason",
    ),
)

ASTERISK = (
    numbers(
        "Events and reconnects, a minute",
        "Of the ARI event stream.",
        each("ari", "events", "reconnects", "dropped_events", "malformed_events", per=MINUTE),
    ),
    seconds(
        "Until a caller is tapped",
        "From entering the conference to his tap carrying audio.",
        quantiles("dragoman_attach_seconds"),
    ),
    numbers(
        "Taps, booths, failures, a minute",
        "Failed actions are tried again for ever.",
        [
            *each("attach", "taps", "booths", "failures", "swept", "rejoined", per=MINUTE),
            rate("dragoman_heartbeat_failures_total", per=MINUTE),
        ],
    ),
)

CALLS = Board(
    "dragoman-calls",
    "Dragoman: calls now",
    "Is anybody interpreted, and well? Then: what happened in the last hours. Slow? Where the time goes.",
    (("Now", NOW), ("Rooms", ROOMS), ("Asterisk", ASTERISK)),
)
