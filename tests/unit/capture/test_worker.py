"""What a worker makes of pictures that no camera should send."""

from __future__ import annotations

import logging

import av
import numpy as np
import pytest

from vision.capture.decoding import DecodedFrame, PacketTime
from vision.capture.worker import CaptureWorker, FrameSelector, Tuning
from vision.config.camera import MotionSettings
from vision.domain.errors import SourceError
from vision.domain.frame import Frame

_S = 1_000_000_000


class Taken:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def put(self, frame: Frame) -> bool:
        """As of a sink."""
        self.frames.append(frame)
        return True


@pytest.fixture
def taken() -> Taken:
    """What came through."""
    return Taken()


@pytest.fixture
def worker(taken: Taken) -> CaptureWorker:
    """A worker at ten frames a second."""
    return CaptureWorker(
        camera="front",
        run=1,
        tuning=Tuning(10, 10, 0, MotionSettings()),
        long_side=64,
        sink=taken,
        on_online=lambda _: None,
        on_clock_step=lambda _: None,
        on_frozen=lambda _: None,
    )


def decoded(at_s: float, pixel_format: str = "yuv420p", matrix: int = 2) -> DecodedFrame:
    """A grey picture that arrived at ``at_s``."""
    grey = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), "rgb24")
    picture = (
        av.VideoFrame(64, 48, pixel_format)
        if pixel_format == "rgb96le"
        else grey.reformat(format=pixel_format)
    )
    picture.colorspace = matrix
    now_ns = round(at_s * _S)
    return DecodedFrame(picture, PacketTime(now_ns, now_ns, None))


def test_a_picture_that_cannot_be_converted_is_counted_and_leaves_no_gap(
    worker: CaptureWorker, taken: Taken
) -> None:
    """The numbers of frames go on: nothing was handed over that could be missing."""
    pictures = FrameSelector(worker)
    for at in range(9):
        pictures.serve(decoded(at, "rgb96le" if at % 3 else "yuv420p"))
    assert [frame.meta.seq for frame in taken.frames] == [1, 2, 3]
    assert (worker.counters.decode_errors, worker.counters.offered) == (6, 3)


def test_a_camera_of_which_no_picture_can_be_converted_is_told(worker: CaptureWorker) -> None:
    """After a while, as one that does not decode."""
    pictures = FrameSelector(worker)
    for at in range(20):
        pictures.serve(decoded(at, "rgb96le"))
    with pytest.raises(SourceError, match="decode: pictures of 64x48 in rgb96le"):
        pictures.serve(decoded(20, "rgb96le"))
    assert worker.counters.decode_errors == 21


def test_assumed_colours_are_told_once(
    worker: CaptureWorker, taken: Taken, caplog: pytest.LogCaptureFixture
) -> None:
    """Over pictures and connections, and again for another matrix."""
    with caplog.at_level(logging.WARNING):
        for connection in range(2):
            pictures = FrameSelector(worker)
            for at, matrix in enumerate((2, 8, 8, 2, 8, 10)):
                pictures.serve(decoded(10 * connection + at, matrix=matrix))
    assert len(taken.frames) == 12
    assert len(caplog.messages) == 2
    for told, name in zip(caplog.messages, ("8 (YCgCo)", "10 (BT.2020"), strict=True):
        assert told.startswith("capture.peculiar_stream camera=front reason=")
        assert f"colour matrix {name}" in told
