"""A frame crosses the network whole, whatever its size."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.support.frames import frame
from vision.domain.frame import ClockSource, Frame, FrameMeta
from vision.frames.wire import FrameFormatError, arrived_at, pack_frame, unpack_frame

_NANOSECONDS = st.integers(0, 2**62)
_HALF = st.integers(1, 9)


def metas() -> st.SearchStrategy[FrameMeta]:
    """Descriptions with all that a camera may come up with."""
    return st.builds(
        FrameMeta,
        camera=st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True),
        run=st.integers(1, 2**53),
        seq=st.integers(1, 10**15),
        pts=st.none() | st.integers(-(2**62), 2**62),
        time_base=st.tuples(st.integers(1, 1001), st.integers(1, 10**6)),
        captured_ns=_NANOSECONDS,
        clock=st.sampled_from(ClockSource),
        clock_offset_ms=st.none() | st.floats(-1e12, 1e12),
        received_ns=_NANOSECONDS,
        received_mono_ns=_NANOSECONDS,
        width=st.integers(1, 20_000),
        height=st.integers(1, 20_000),
        gated=st.integers(0, 2**53),
        refresh_s=st.floats(0, 3600),
    )


@given(
    metas(),
    hnp.arrays(np.uint8, st.builds(lambda a, b: (3 * a, 2 * b), _HALF, _HALF)),
    _NANOSECONDS,
    _NANOSECONDS,
)
def test_what_arrives_is_what_was_sent(
    meta: FrameMeta, image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], age: int, mono: int
) -> None:
    """Every field and pixel but the local clock, which the receiver sets."""
    received, age_ns = unpack_frame(pack_frame(Frame(meta, image), age))
    received = arrived_at(received, mono)
    assert age_ns == age
    assert received.meta == replace(meta, received_mono_ns=mono)
    assert isinstance(received.meta.clock, ClockSource)
    assert received.image.shape == image.shape
    np.testing.assert_array_equal(received.image, image)


def test_a_picture_that_is_not_contiguous_is_sent_as_it_looks() -> None:
    """A cut-out of a larger picture, for one."""
    image = np.arange(8 * 8, dtype=np.uint8).reshape(8, 8)[1:7, ::2]
    received, _ = unpack_frame(pack_frame(frame(image=image), 0))
    np.testing.assert_array_equal(received.image, image)


def test_the_header_is_small() -> None:
    """Next to the pixels it does not count."""
    image = np.zeros((12, 8), np.uint8)
    assert len(pack_frame(frame(image=image), 0)) - image.size < 400


@pytest.mark.parametrize("shape", [(48,), (6, 8, 1), (5, 8), (6, 7), (0, 8), (6, 0)])
def test_pixels_that_are_no_picture_are_refused(shape: tuple[int, ...]) -> None:
    """An engine that is given them ends with all cameras, not with the one that sent them."""
    payload = pack_frame(frame(image=np.zeros(shape, np.uint8)), 0)
    with pytest.raises(FrameFormatError, match="same version"):
        unpack_frame(payload)


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused(payload: bytes) -> None:
    """By one kind of error, which names the remedy."""
    with pytest.raises(FrameFormatError, match="same version"):
        unpack_frame(payload)


@given(st.data())
def test_a_frame_that_was_cut_or_altered_is_refused_or_well_formed(data: st.DataObject) -> None:
    """Nothing but the one error escapes, and no picture of a wrong size."""
    payload = bytearray(pack_frame(frame(), 5))
    cut = data.draw(st.integers(0, len(payload)))
    at = data.draw(st.integers(0, len(payload) - 1))
    payload[at] = data.draw(st.integers(0, 255))
    for altered in (payload[:cut], payload):
        try:
            received, _ = unpack_frame(bytes(altered))
        except FrameFormatError:
            continue
        assert received.image.dtype == np.uint8
        assert {field.name for field in fields(received.meta)} >= {"camera", "run", "seq"}


_JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)


@given(st.data())
def test_a_header_with_any_value_is_refused_or_has_the_right_types(data: st.DataObject) -> None:
    """Nobody after this has to ask whether a number is one."""
    payload = pack_frame(frame(), 5)
    length = int.from_bytes(payload[4:8], "big")
    document = orjson.loads(payload[8 : 8 + length])
    changes = data.draw(st.dictionaries(st.sampled_from(sorted(document)), _JSON, max_size=2))
    try:
        header = orjson.dumps(document | changes)
    except TypeError:  # a lone surrogate is no JSON
        return
    altered = payload[:4] + len(header).to_bytes(4, "big") + header + payload[8 + length :]
    try:
        received, age_ns = unpack_frame(altered)
    except FrameFormatError:
        return
    assert type(age_ns) is int
    assert received.image.dtype == np.uint8
    right = frame().meta
    for field in fields(right):
        wanted, found = getattr(right, field.name), getattr(received.meta, field.name)
        if found is None:
            assert field.name in {"pts", "clock_offset_ms"}
        elif isinstance(wanted, float):
            assert type(found) in {float, int}
        else:
            assert type(found) is type(wanted)
    assert [type(part) for part in received.meta.time_base] == [int, int]
