from __future__ import annotations

import numpy as np
import pytest
from tests.media.peers import ramp, tone

from dragoman.media import codec
from dragoman.media.format import FRAME_SAMPLES

ALL = np.arange(-32768, 32768).astype(np.int16)


def test_slin16_is_big_endian() -> None:
    frame = np.zeros(FRAME_SAMPLES, np.int16)
    frame[0] = 0x0102
    assert codec.slin16_payload(frame)[:3] == b"\1\2\0"


def test_slin16_comes_back_from_rows_that_lie_apart() -> None:
    slots = np.zeros((3, 700), np.uint8)
    slots[:, 12:652] = np.frombuffer(b"".join(codec.slin16_payload(ramp(i)) for i in range(3)), np.uint8).reshape(3, -1)
    assert (codec.slin16_frames(slots[:, 12:652]) == np.stack([ramp(i) for i in range(3)])).all()


def test_a_frame_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="not 319"):
        codec.slin16_payload(np.zeros(319, np.int16))


def test_g722_keeps_a_tone() -> None:
    encoder, decoder = codec.G722Encoder(), codec.G722Decoder()
    said = tone(25)
    payloads = [encoder.encode(frame) for frame in said.reshape(-1, FRAME_SAMPLES)]
    assert {len(payload) for payload in payloads} == {codec.G722_FRAME_BYTES}
    heard = np.concatenate([decoder.decode(payload) for payload in payloads]).astype(float)
    spectrum = np.abs(np.fft.rfft(heard[1600:] * np.hanning(len(heard) - 1600)))
    assert abs(np.argmax(spectrum) * 16000 / (len(heard) - 1600) - 440) < 5
    assert np.std(heard[1600:]) == pytest.approx(np.std(said), rel=0.03)


def test_each_encoder_remembers_for_itself() -> None:
    one, two = codec.G722Encoder(), codec.G722Encoder()
    one.encode(tone(1))
    assert one.encode(ramp(0)) != two.encode(ramp(0))


# ITU-T G.711 tables 1a and 2a, some decision values and their codes; the codes of silence.
@pytest.mark.parametrize(("value", "code"), [(0, 0xFF), (32635, 0x80), (-32635, 0x00), (-4, 0x7E), (132, 0xEF)])
def test_mulaw_codes(value: int, code: int) -> None:
    assert codec.mulaw_encode(np.array([value], np.int16)) == bytes([code])


@pytest.mark.parametrize(("value", "code"), [(0, 0xD5), (-1, 0x55), (32767, 0xAA), (-32768, 0x2A), (16, 0xD4)])
def test_alaw_codes(value: int, code: int) -> None:
    assert codec.alaw_encode(np.array([value], np.int16)) == bytes([code])


@pytest.mark.parametrize(
    ("encode", "decode"), [(codec.mulaw_encode, codec.mulaw_decode), (codec.alaw_encode, codec.alaw_decode)]
)
def test_g711_is_a_fixed_point_of_itself_and_near_what_was_said(encode, decode) -> None:
    heard = decode(encode(ALL)).astype(int)
    assert (decode(encode(heard.astype(np.int16))) == heard).all()
    error = np.abs(heard - ALL)
    assert (error <= np.maximum(np.abs(ALL.astype(int)) / 16, 20))[np.abs(ALL.astype(int)) <= 32635].all()
    assert (np.diff(heard) >= 0).all()
