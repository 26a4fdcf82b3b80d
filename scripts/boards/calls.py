"""The dashboard "calls now"."""

from __future__ import annotations

from boards.panel import Board, Panel, quantiles, rate

CALLS = Board(
    "dragoman-calls",
    "Dragoman: calls now",
    "Is anybody interpreted, and well? Then: what happened in the last hours.",
    (
        (
            "Now",
            (
                Panel(
                    "Ready",
                    "1 while calls can be interpreted. 0: curl /health/ready says which part and why.",
                    "bool_yes_no",
                    [("min(dragoman_ready{@})", "ready")],
                    "figure",
                    3,
                    1,
                    0.5,
                ),
                Panel(
                    "Asterisk",
                    "1 while its events come in.",
                    "bool_yes_no",
                    [("min(dragoman_ari_connected{@})", "connected")],
                    "figure",
                    3,
                    1,
                    0.5,
                ),
                Panel(
                    "Draining",
                    "1 while no new room may begin: it is not ready then, on purpose.",
                    "bool_yes_no",
                    [("max(dragoman_draining{@})", "draining")],
                    "figure",
                    2,
                ),
                Panel("Rooms", "Rooms somebody is in.", "short", [("sum(dragoman_rooms{@})", "rooms")], "figure", 2),
                Panel(
                    "People",
                    "In rooms, interpreted or not.",
                    "short",
                    [("sum(dragoman_legs{@})", "people")],
                    "figure",
                    2,
                ),
                Panel(
                    "Ear-voice span, 95 of 100",
                    "From the end of a clause to its first translated sound. 0.9 s is good.",
                    "s",
                    [("max(dragoman:ear_voice_span_seconds:p95_5m{@})", "p95")],
                    "figure",
                    4,
                    0.9,
                    2,
                ),
                Panel(
                    "Clauses a minute",
                    "Spoken at booths.",
                    "short",
                    [rate("dragoman_clauses_spoken_total", per=" * 60")],
                    "figure",
                    3,
                ),
                Panel(
                    "Not spoken",
                    "Of 100 clauses, in 10 minutes; without those of whom all listeners left.",
                    "percentunit",
                    [("max(dragoman:clauses_dropped:ratio_10m{@})", "dropped")],
                    "figure",
                    3,
                    0.005,
                    0.01,
                ),
                Panel(
                    "Test call",
                    "The last dragoman probe: 1 it was interpreted.",
                    "bool_yes_no",
                    [("min(dragoman_probe_success)", "probe")],
                    "figure",
                    2,
                    1,
                    0.5,
                ),
            ),
        ),
        (
            "Rooms",
            (
                Panel(
                    "Rooms, people, booths",
                    "A booth speaks one language of a room.",
                    "short",
                    [
                        ("sum(dragoman_rooms{@})", "rooms"),
                        ("sum(dragoman_legs{@})", "people"),
                        ("sum(dragoman_booths{@})", "booths"),
                        ("sum(dragoman_caption_readers{@})", "readers of captions"),
                    ],
                ),
                Panel(
                    "Clauses a minute",
                    "Committed: in the speaker's language. Translated and spoken: once per language that is listened to.",
                    "short",
                    [
                        rate(f"dragoman_clauses_{what}_total", per=" * 60")
                        for what in ("committed", "translated", "spoken")
                    ],
                ),
                Panel(
                    "Clauses not spoken, a minute",
                    "By reason. nobody-listens is no fault.",
                    "short",
                    [rate("dragoman_clauses_dropped_total", "reason", per=" * 60")],
                    "stack",
                ),
            ),
        ),
        (
            "Asterisk",
            (
                Panel(
                    "Events and reconnects",
                    "Of the ARI event stream.",
                    "short",
                    [
                        rate("dragoman_ari_events_total", per=" * 60"),
                        rate("dragoman_ari_reconnects_total", per=" * 60"),
                        rate("dragoman_ari_dropped_events_total", per=" * 60"),
                        rate("dragoman_ari_malformed_events_total", per=" * 60"),
                    ],
                ),
                Panel(
                    "Until a caller is tapped",
                    "From entering the conference to his tap carrying audio.",
                    "s",
                    quantiles("dragoman_attach_seconds"),
                ),
                Panel(
                    "Taps, booths, failures a minute",
                    "Failed actions are tried again for ever.",
                    "short",
                    [
                        rate(f"dragoman_attach_{what}_total", per=" * 60")
                        for what in ("taps", "booths", "failures", "swept", "rejoined")
                    ]
                    + [rate("dragoman_heartbeat_failures_total", per=" * 60")],
                ),
            ),
        ),
    ),
)
