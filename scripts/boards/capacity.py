"""The dashboard "capacity"."""

from __future__ import annotations

from boards.panel import Board, Panel, quantiles, rate

CAPACITY = Board(
    "dragoman-capacity",
    "Dragoman: capacity",
    "How much more fits on this machine.",
    (
        (
            "The process",
            (
                Panel(
                    "CPU",
                    "Cores of the daemon's own process; recognisers in worker processes are not in it.",
                    "short",
                    [rate("process_cpu_seconds_total", "instance")],
                ),
                Panel("Memory", "Resident.", "bytes", [("process_resident_memory_bytes{@}", "{{instance}}")]),
                Panel(
                    "Tasks",
                    "Of the event loop; flat while calls are.",
                    "short",
                    [("dragoman_tasks{@}", "{{instance}}")],
                ),
                Panel(
                    "Open files",
                    "Of those allowed.",
                    "percentunit",
                    [("process_open_fds{@} / process_max_fds{@}", "{{instance}}")],
                    warn=0.5,
                    bad=0.8,
                ),
            ),
        ),
        (
            "The 20 ms clock",
            (
                Panel(
                    "How late ticks begin",
                    "Above 10 ms sound has holes.",
                    "s",
                    quantiles("dragoman_media_tick_lateness_seconds", of=(0.5, 0.99, 0.999)),
                    warn=0.002,
                    bad=0.01,
                ),
                Panel(
                    "Late ticks, skipped slots",
                    "A second, of 50. A skipped slot was not sent.",
                    "short",
                    [
                        rate("dragoman_media_late_ticks_total"),
                        rate("dragoman_media_skipped_slots_total"),
                        rate("dragoman_vad_skipped_windows_total"),
                    ],
                ),
                Panel(
                    "Packets a second",
                    "50 per caller in, 50 per booth out.",
                    "pps",
                    [
                        rate("dragoman_rtp_packets_in_total"),
                        rate("dragoman_rtp_packets_out_total"),
                        rate("dragoman_rtp_unknown_source_total"),
                        rate("dragoman_rtp_send_errors_total"),
                    ],
                ),
            ),
        ),
        (
            "Queues",
            (
                Panel(
                    "What waits",
                    "By queue. mt and tts: clauses; playback: clauses that wait for their turn at a booth.",
                    "short",
                    [("sum by (queue) (dragoman_queue_depth{@})", "{{queue}}")],
                ),
                Panel(
                    "What full queues dropped, a minute",
                    "By their stated rule.",
                    "short",
                    [rate("dragoman_queue_drops_total", "queue", per=" * 60")],
                ),
                Panel(
                    "Recogniser streams",
                    "Open now; only who speaks and is listened to has one.",
                    "short",
                    [("sum(dragoman_recognizer_streams{@})", "streams"), ("sum(dragoman_legs{@})", "people")],
                ),
            ),
        ),
        (
            "The GPU",
            (
                Panel(
                    "Memory",
                    "allocated: what tensors hold; reserved: what torch keeps; free and total: of the device, over all processes.",
                    "bytes",
                    [("max by (instance, device, kind) (dragoman_gpu_memory_bytes{@})", "{{device}} {{kind}}")],
                ),
                Panel(
                    "Clauses spoken at once",
                    "Mean size of a batch.",
                    "short",
                    [
                        (
                            'sum by (engine) (rate(dragoman_engine_events_total{@, event="batched"}[$__rate_interval])) / (sum by (engine) (rate(dragoman_engine_events_total{@, event="steps"}[$__rate_interval])) > 0)',
                            "{{engine}}",
                        )
                    ],
                ),
                Panel(
                    "Steps a second",
                    "Tokens of 46 ms of speech; 22 a second per voice is real time.",
                    "short",
                    [rate("dragoman_engine_events_total", "engine", '@, event="steps"')],
                ),
            ),
        ),
    ),
)
