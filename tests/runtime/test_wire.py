"""The framing of messages: exact round trips, and damage of every kind."""

from __future__ import annotations

import io
import json
import random
import struct

import numpy as np
import pytest

from genmo.runtime.errors import UserError, WireError
from genmo.runtime.motion import Motion
from genmo.runtime.request import MotionRequest, Prompt
from genmo.runtime.wire import (
    MAX_HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    FramingError,
    Kind,
    Message,
    MessageReader,
    encode_message,
    motion_from,
    motion_message,
    read_message,
    write_message,
)


def frame(text: bytes, payload: bytes = b"", *, magic: bytes = b"GNMO", version: int = 1) -> bytes:
    """A frame written out by hand from the format's description."""
    return magic + struct.pack("<II", version, len(text)) + struct.pack("<Q", len(payload)) + text + payload


def still_motion(frames: int = 4, **more) -> Motion:
    random_numbers = np.random.default_rng(0)
    rotations = random_numbers.normal(size=(frames, 22, 4))
    rotations /= np.linalg.norm(rotations, axis=-1, keepdims=True)
    return Motion(30.0, random_numbers.normal(size=(frames, 3)), rotations, np.full((frames, 6), 0.25), **more)


def test_bytes_of_a_message_are_those_of_the_format():
    data = encode_message({"type": "ping", "id": 3}, {"a": np.array([[1.0, 2.0]], dtype=">f8")})
    header = {"type": "ping", "id": 3, "arrays": [{"name": "a", "dtype": "<f8", "shape": [1, 2]}]}
    assert data == frame(json.dumps(header, separators=(",", ":")).encode(), struct.pack("<2d", 1.0, 2.0))


def test_arrays_of_every_kind_come_back_exactly():
    arrays = {
        "floats": np.array([[0.1, np.nan], [np.inf, -0.0]]),
        "half": np.array([1.5], dtype=np.float16),
        "flags": np.array([True, False, True]),
        "bytes": np.arange(7, dtype=np.uint8),
        "integers": np.array([-(2**63), 2**63 - 1]),
        "number": np.array(3, dtype=np.int32),
        "empty": np.zeros((0, 22, 4), dtype=np.float32),
        "strided": np.arange(24).reshape(4, 6)[::2, ::-3],
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big endian": np.arange(3, dtype=">i2"),
        "Größe ☃": np.ones(2),
    }
    stream = io.BytesIO()
    write_message(stream, {"type": "motion", "text": "a person wälks 🚶 \ud800"}, arrays)
    stream.seek(0)
    message = read_message(stream)
    assert message is not None
    assert message.header == {"type": "motion", "text": "a person wälks 🚶 \ud800"}
    assert list(message.arrays) == list(arrays)
    for name, array in arrays.items():
        assert message.arrays[name].dtype == array.dtype.newbyteorder("<")
        assert message.arrays[name].shape == array.shape
        np.testing.assert_array_equal(message.arrays[name], array)
    assert read_message(stream) is None


@pytest.mark.parametrize(
    "array",
    [
        np.array([None]),
        np.array(["text"]),
        np.array([1j]),
        np.array([b"x"]),
        np.zeros(2, dtype="f4,i4"),
        np.array(["NaT"], "M8[s]"),
    ],
)
def test_arrays_of_other_things_than_numbers_are_not_sent(array):
    stream = io.BytesIO()
    with pytest.raises(WireError, match="array 'a'"):
        write_message(stream, {"type": "motion"}, {"a": array})
    assert stream.getvalue() == b""


@pytest.mark.parametrize("header", [{}, {"type": 3}, {"type": "a", "arrays": []}, {"type": "a", "x": object()}])
def test_headers_that_are_not_json_are_not_sent(header):
    with pytest.raises(WireError):
        encode_message(header)


def test_a_header_that_contains_itself_is_not_sent():
    header: dict = {"type": "ping"}
    header["self"] = header
    with pytest.raises(WireError):
        encode_message(header)


def test_too_large_a_header_is_not_sent():
    with pytest.raises(WireError, match="header"):
        encode_message({"type": "x", "text": "x" * MAX_HEADER_BYTES})


@pytest.mark.parametrize("size", [1, 2, 7, 19, 20, 21, 10_000])
def test_the_reader_joins_pieces_of_any_size(size):
    messages = [({"type": "a", "n": n}, {"v": np.arange(n)}) for n in range(5)]
    data = b"".join(encode_message(header, arrays) for header, arrays in messages)
    reader = MessageReader()
    got = [message for start in range(0, len(data), size) for message in reader.feed(data[start : start + size])]
    assert reader.error is None
    assert [message.header for message in got] == [header for header, _ in messages]
    for message, (_, arrays) in zip(got, messages, strict=True):
        np.testing.assert_array_equal(message.arrays["v"], arrays["v"])


MALFORMED = {
    "not JSON": frame(b"{"),
    "not UTF-8": frame(b'{"type":"\xff"}'),
    "not an object": frame(b"[]"),
    "no type": frame(b"{}"),
    "type is no text": frame(b'{"type":3}'),
    "nested too deeply": frame(b"[" * 100_000),
    "too many digits": frame(b'{"type":' + b"9" * 10_000 + b"}"),
    "empty": frame(b""),
    "arrays is no list": frame(b'{"type":"a","arrays":{}}'),
    "entry is no object": frame(b'{"type":"a","arrays":[1]}'),
    "no name": frame(b'{"type":"a","arrays":[{"dtype":"|u1","shape":[]}]}', b"x"),
    "objects": frame(b'{"type":"a","arrays":[{"name":"v","dtype":"|O","shape":[1]}]}', b"x" * 8),
    "object by letter": frame(b'{"type":"a","arrays":[{"name":"v","dtype":"O","shape":[1]}]}', b"x" * 8),
    "text": frame(b'{"type":"a","arrays":[{"name":"v","dtype":"<U2","shape":[1]}]}', b"x" * 8),
    "dtype is a list": frame(b'{"type":"a","arrays":[{"name":"v","dtype":["<f8"],"shape":[1]}]}', b"x" * 8),
    "big endian": frame(b'{"type":"a","arrays":[{"name":"v","dtype":">f8","shape":[1]}]}', b"x" * 8),
    "negative size": frame(b'{"type":"a","arrays":[{"name":"v","dtype":"|u1","shape":[-1,-1]}]}', b"x"),
    "size is a float": frame(b'{"type":"a","arrays":[{"name":"v","dtype":"|u1","shape":[1.0]}]}', b"x"),
    "size is a bool": frame(b'{"type":"a","arrays":[{"name":"v","dtype":"|u1","shape":[true]}]}', b"x"),
    "too many axes": frame(b'{"type":"a","arrays":[{"name":"v","dtype":"|u1","shape":[' + b"1," * 99 + b"1]}]}", b"x"),
    "huge shape": frame(b'{"type":"a","arrays":[{"name":"v","dtype":"<f8","shape":[999999999999999999999]}]}', b"x"),
    "huge empty shape": frame(b'{"type":"a","arrays":[{"name":"v","dtype":"<f8","shape":[0,99999999999999999999]}]}'),
    "payload too short": frame(b'{"type":"a","arrays":[{"name":"v","dtype":"<f8","shape":[2]}]}', b"x" * 15),
    "payload too long": frame(b'{"type":"a","arrays":[{"name":"v","dtype":"<f8","shape":[2]}]}', b"x" * 17),
    "payload of nothing": frame(b'{"type":"a"}', b"x"),
    "name twice": frame(
        b'{"type":"a","arrays":[' + b",".join([b'{"name":"v","dtype":"|u1","shape":[1]}'] * 2) + b"]}", b"xx"
    ),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_a_damaged_body_spoils_only_its_own_message(data):
    good = encode_message({"type": "good"})
    reader = MessageReader()
    messages = reader.feed(data + good)
    assert reader.error is None
    assert [message.kind for message in messages] == [Kind.MALFORMED, "good"]
    assert messages[0].header["message"]

    stream = io.BytesIO(data + good)
    with pytest.raises(WireError) as caught:
        read_message(stream)
    assert not isinstance(caught.value, FramingError)
    assert read_message(stream) == Message({"type": "good"})


LOST = {
    "other magic": (frame(b'{"type":"a"}', magic=b"GNM0"), "something else"),
    "text": (b"Traceback (most recent call last):\n", "something else"),
    "other version": (frame(b'{"type":"a"}', version=2), "version 2"),
    "huge header": (struct.pack("<4sIIQ", b"GNMO", 1, MAX_HEADER_BYTES + 1, 0), "header"),
    "huge payload": (struct.pack("<4sIIQ", b"GNMO", 1, 2, MAX_PAYLOAD_BYTES + 1), "payload"),
    "largest numbers": (b"GNMO\x01\0\0\0" + b"\xff" * 12, "header"),
}


@pytest.mark.parametrize(("data", "word"), LOST.values(), ids=LOST)
def test_a_damaged_prefix_ends_the_stream_after_the_messages_before_it(data, word):
    good = encode_message({"type": "good"})
    reader = MessageReader()
    assert [message.kind for message in reader.feed(good + data)] == ["good"]
    assert word in (reader.error or "")
    assert reader.feed(good) == []
    with pytest.raises(FramingError, match=word):
        read_message(io.BytesIO(data))


def test_a_stream_that_ends_inside_a_message_is_an_error():
    data = encode_message({"type": "a"}, {"v": np.arange(3)})
    for size in range(1, len(data)):
        with pytest.raises(FramingError, match="ended"):
            read_message(io.BytesIO(data[:size]))
        assert MessageReader().feed(data[:size]) == []


def test_a_promised_size_costs_no_memory_before_it_arrives():
    data = struct.pack("<4sIIQ", b"GNMO", 1, 2, MAX_PAYLOAD_BYTES) + b"{}"
    assert MessageReader().feed(data) == []
    with pytest.raises(FramingError, match="ended"):
        read_message(io.BytesIO(data))


def test_random_damage_never_raises_anything_else():
    generator = random.Random(7)
    clean = encode_message(
        {"type": "motion", "id": 1, "index": 0}, {"a": np.arange(6.0).reshape(2, 3), "b": np.ones(3, bool)}
    )
    for _ in range(3000):
        data = bytearray(clean)
        for _ in range(generator.randint(1, 4)):
            data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
        reader = MessageReader()
        for message in reader.feed(bytes(data[: generator.randint(1, len(data))])):
            assert isinstance(message.kind, str)
        try:
            read_message(io.BytesIO(bytes(data)))
        except WireError as error:
            assert str(error)
    for _ in range(300):
        reader = MessageReader()
        reader.feed(generator.randbytes(200))
        assert reader.error


def test_a_motion_travels_exactly():
    request = MotionRequest(4, prompts=(Prompt("a person wälks", 0, 4),))
    camera = np.tile([1.0, 0.0, 0.0, 0.0], (4, 1))
    motion = still_motion(
        request=request, pack="base 1", camera_rotations=camera, focal_px=1200.0, keypoints_2d=np.ones((4, 17, 3))
    )
    header, arrays = motion_message(motion)
    stream = io.BytesIO()
    write_message(stream, header, arrays)
    stream.seek(0)
    message = read_message(stream)
    assert message is not None
    back = motion_from(message)
    assert (back.fps, back.pack, back.request, back.focal_px) == (30.0, "base 1", request, 1200.0)
    assert back.camera_positions is None
    for name in ("root_positions", "local_rotations", "contacts", "rest_offsets", "camera_rotations", "keypoints_2d"):
        np.testing.assert_array_equal(getattr(back, name), getattr(motion, name))


def test_a_motion_with_missing_or_wrong_parts_is_refused():
    header, arrays = motion_message(still_motion())
    with pytest.raises(WireError, match="contacts"):
        motion_from(Message(header, {name: array for name, array in arrays.items() if name != "contacts"}))
    with pytest.raises(WireError, match="fps"):
        motion_from(Message({**header, "fps": None}, arrays))
    with pytest.raises(UserError):
        motion_from(Message({**header, "request": 3}, arrays))
    with pytest.raises(UserError):
        motion_from(Message(header, {**arrays, "root_positions": np.zeros((3, 3))}))
