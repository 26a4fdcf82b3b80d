from __future__ import annotations

from dragoman.check.finding import Verdict
from dragoman.check.media import judge_packets
from dragoman.check.tone import tone_frame
from dragoman.media.rtp import RtpPacket

HERE = ("127.0.0.1", 20000)
BIG = tone_frame().astype(">i2").tobytes()


def packets(payload: bytes, payload_type: int = 118) -> list[RtpPacket]:
    return [
        RtpPacket(payload_type=payload_type, sequence=n, timestamp=320 * n, ssrc=7, payload=payload) for n in range(50)
    ]


def test_network_order_is_right() -> None:
    assert [f.verdict for f in judge_packets({HERE: packets(BIG)}, HERE)] == [Verdict.OK, Verdict.OK]


def test_little_endian_is_named() -> None:
    swapped = tone_frame().astype("<i2").tobytes()
    last = judge_packets({HERE: packets(swapped)}, HERE)[-1]
    assert last.verdict is Verdict.FAIL and "little-endian" in last.found


def test_another_payload_type_is_named() -> None:
    (only,) = judge_packets({HERE: packets(BIG, 96)}, HERE)
    assert only.verdict is Verdict.FAIL and "96" in only.found


def test_silence_is_no_tone() -> None:
    last = judge_packets({HERE: packets(bytes(640))}, HERE)[-1]
    assert last.verdict is Verdict.FAIL and "did not come back" in last.found


def test_a_rewritten_source_is_told_from_no_packets_at_all() -> None:
    (rewritten,) = judge_packets({("10.0.0.1", 5): packets(BIG)}, HERE)
    (nothing,) = judge_packets({}, HERE)
    assert "10.0.0.1:5" in rewritten.found and "NAT" in rewritten.remedy
    assert "no RTP" in nothing.found
