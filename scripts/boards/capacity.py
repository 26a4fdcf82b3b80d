"""The dashboard "capacity"."""

from __future__ import annotations

from boards.panel import Board, Panel, minutely, numbers, quantiles, rate, seconds, share, total

PROCESS = (
    numbers(
        "CPU",
        "Cores of the daemon's own process; recognisers in worker processes are not in it.",
        [rate("process_cpu_seconds_total", "instance")],
    ),
    Panel("Memory", "Resident.", "bytes", [("process_resident_memory_bytes{@}", "{{instance}}")]),
    numbers("Tasks", "Of the event loop; flat while calls are.", [("dragoman_tasks{@}", "{{instance}}")]),
    Panel(
        "Open files",
        "Of those allowed.",
        "percentunit",
        [("process_open_fds{@} / process_max_fds{@}", "{{instance}}")],
        warn=0.5,
        bad=0.8,
    ),
)

CLOCK = (
    seconds(
        "How late ticks begin",
        "Above 10 ms sound has holes.",
        quantiles("dragoman_media_tick_lateness_seconds", of=(0.5, 0.99, 0.999)),
        warn=0.002,
        bad=0.01,
    ),
    numbers(
        "Late ticks, skipped slots",
        "A second, of 50. A skipped slot was not sent.",
        [rate(f"dragoman_{name}_total") for name in ("media_late_ticks", "media_skipped_slots", "vad_skipped_windows")],
    ),
    Panel(
        "Packets a second",
        "50 per caller in, 50 per booth out.",
        "pps",
        [rate(f"dragoman_rtp_{name}_total") for name in ("packets_in", "packets_out", "unknown_source", "send_errors")],
    ),
)

QUEUES = (
    numbers(
        "What waits",
        "By queue. mt and tts: clauses; playback: clauses that wait for their turn at a booth.",
        [("sum by (queue) (dragoman_queue_depth{@})", "{{queue}}")],
    ),
    minutely("What full queues dropped", "By their stated rule.", "dragoman_queue_drops_total", "queue"),
    numbers(
        "Recogniser streams",
        "Open now; only who speaks and is listened to has one.",
        [total("dragoman_recognizer_streams", "streams"), total("dragoman_legs", "people")],
    ),
)

GPU = (
    Panel(
        "GPU memory",
        "allocated: what tensors hold; reserved: what torch keeps; free and total: of the device, over all processes.",
        "bytes",
        [("max by (instance, device, kind) (dragoman_gpu_memory_bytes{@})", "{{device}} {{kind}}")],
    ),
    numbers(
        "Clauses spoken at once",
        "Mean size of a batch.",
        [
            share(
                'dragoman_engine_events_total{event="batched"}',
                'dragoman_engine_events_total{event="steps"}',
                "{{engine}}",
                "engine",
            )
        ],
    ),
    numbers(
        "Steps a second",
        "Tokens of 46 ms of speech; 22 a second per voice is real time.",
        [rate("dragoman_engine_events_total", "engine", '@, event="steps"')],
    ),
)

CAPACITY = Board(
    "dragoman-capacity",
    "Dragoman: capacity",
    "How much more fits on this machine.",
    (("The process", PROCESS), ("The 20 ms clock", CLOCK), ("Queues", QUEUES), ("The GPU", GPU)),
)
