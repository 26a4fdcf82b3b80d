"""A process that only sleeps to absolute 20 ms deadlines: how late the machine itself wakes who waits.

Prints the lateness of every wake-up (ms, JSON list) when its standard input closes.
"""

from __future__ import annotations

import json
import select
import sys
import time

PERIOD = 0.02


def main() -> None:
    """Sleep until told to stop."""
    lateness = []
    deadline = time.monotonic() + PERIOD
    while True:
        ready, _, _ = select.select([sys.stdin], [], [], max(deadline - time.monotonic(), 0))
        if ready:
            break
        now = time.monotonic()
        lateness.append((now - deadline) * 1000)
        deadline += PERIOD * (1 + int((now - deadline) / PERIOD))
    json.dump(lateness, sys.stdout)


if __name__ == "__main__":
    main()
