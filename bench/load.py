"""The other side of the media path, in a process of its own: as many taps and booths as asked for.

Each leg is a UDP socket that sends slin16 RTP, 50 packets a second, evenly spread over the 20 ms as Asterisk's channels
are, and receives what a booth sends to it. Spoken to by lines of JSON:

    argument: {"media": [host, port], "legs": n, "speaking": share, "clip": path or null}
    out: {"ports": [...]}            one per leg
    in:  go                          begin to send
    in:  mark                        forget what was counted
    in:  stop
    out: {"sent": n, "received": n, "in_to_out_ms": [...], "slipped_ms": worst}

The first two samples of a frame are its number and a mark. Where a booth's packet still carries them (no codec
between), the time from sending the frame to hearing it is taken.
"""

from __future__ import annotations

import json
import select
import selectors
import socket
import sys
import time
from array import array

import numpy as np

from dragoman.media.rtp import HEADER_BYTES, RtpPacket, build

FRAME = 320
PERIOD = 0.02
GROUPS = 10
"""Moments within 20 ms at which a share of the legs sends."""

MARK = 0x2A15
"""Second sample of a numbered frame; speech may have it too, so the number must also be one lately sent."""

NUMBERS = 1 << 14


def frames(legs: int, speaking: float, clip: str | None) -> list[np.ndarray]:
    """Per leg, what it says over and over: (frames, 320) big-endian samples, speech or silence or noise."""
    silence = np.zeros((50, FRAME), ">i2")
    if clip is None:
        noise = np.random.default_rng(1).integers(-1000, 1000, (50, FRAME)).astype(">i2")
        return [noise] * legs
    speech = np.load(clip)
    speech = speech[: len(speech) // FRAME * FRAME].reshape(-1, FRAME).astype(">i2")
    tenths = round(10 * speaking)
    # Speakers are spread over the legs, 3 being prime to 10. Each is elsewhere in the text, so that they do not all
    # begin and pause together, and further than any echo, so that nobody is taken for somebody else's.
    return [np.roll(speech, 37 * leg, axis=0) if 3 * leg % 10 < tenths else silence for leg in range(legs)]


class Load:
    """Sends and receives until told to stop."""

    def __init__(self, media: tuple[str, int], said: list[np.ndarray], numbered: bool) -> None:
        self.media = media
        self.numbered = numbered
        self.said = said
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in said]
        self.waiting = selectors.EpollSelector()
        for leg, sock in enumerate(self.sockets):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
            self.waiting.register(sock, selectors.EVENT_READ, leg)
        self.sent_at = np.zeros((len(said), NUMBERS))
        self.packets = [
            bytearray(build(RtpPacket(118, 0, 0, 1000 + leg, bytes(2 * FRAME)))) for leg in range(len(said))
        ]
        self.mark()

    def mark(self) -> None:
        """Count from here."""
        self.sent = self.received = 0
        self.slipped = 0.0
        self.latencies = array("d")

    def send(self, leg: int, number: int) -> None:
        """One frame of one leg."""
        packet = self.packets[leg]
        packet[2:4] = (number % 65536).to_bytes(2, "big")
        packet[4:8] = (number * FRAME % 2**32).to_bytes(4, "big")
        said = self.said[leg]
        packet[HEADER_BYTES:] = said[number % len(said)].tobytes()
        if self.numbered:
            packet[12:16] = (number % NUMBERS).to_bytes(2, "big") + MARK.to_bytes(2, "big")
            self.sent_at[leg, number % NUMBERS] = time.monotonic()
        self.sockets[leg].sendto(packet, self.media)
        self.sent += 1

    def receive(self, timeout: float) -> None:
        """Take what comes within so many seconds."""
        for key, _ in self.waiting.select(timeout):
            data = key.fileobj.recv(2048)  # type: ignore[union-attr]
            self.received += 1
            if self.numbered and data[14:16] == MARK.to_bytes(2, "little"):
                number = int.from_bytes(data[12:14], "little")
                self.latencies.append((time.monotonic() - self.sent_at[key.data, number]) * 1000)

    def run(self) -> None:
        """Send every leg's frame every 20 ms, a group at a time, until standard input says stop or closes."""
        deadline = time.monotonic() + PERIOD
        number = group = 0
        while True:
            left = deadline - time.monotonic()
            if left > 0:
                self.receive(left)
                continue
            self.slipped = max(self.slipped, -left)
            for leg in range(group, len(self.sockets), GROUPS):
                self.send(leg, number)
            group = (group + 1) % GROUPS
            number += group == 0
            deadline += PERIOD / GROUPS
            if select.select([sys.stdin], [], [], 0)[0]:
                if sys.stdin.readline().strip() != "mark":
                    return
                self.mark()


def main() -> None:
    """Obey the driver."""
    order = json.loads(sys.argv[1])
    clip = order["clip"]
    load = Load(tuple(order["media"]), frames(order["legs"], order["speaking"], clip), clip is None)
    print(json.dumps({"ports": [sock.getsockname()[1] for sock in load.sockets]}), flush=True)
    if sys.stdin.readline().strip() == "go":
        load.run()
    result = {
        "sent": load.sent,
        "received": load.received,
        "in_to_out_ms": [round(latency, 3) for latency in load.latencies],
        "slipped_ms": load.slipped * 1000,
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
