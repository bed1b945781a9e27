"""A photograph, filmed, streamed and inferred, against a plain implementation on that frame."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import cv2
import numpy as np
import pytest

from simulator import Clip, Server
from tests.support import reference_yolo
from tests.support.node import SHARED_MODELS, running_node, validate
from tests.support.raw_redis import RawSubscriber
from tests.support.redis_server import running_redis
from vision.models.catalogue import load_catalogue

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not SHARED_MODELS.is_dir(), reason=f"{SHARED_MODELS} is not there: it holds YOLOv8n"
    ),
]

PHOTOGRAPH = SHARED_MODELS.parent / "media" / "bus.jpg"
_SIZE = (810, 1080)


def film(path: Path, encoder: Literal["libx264", "libx265"]) -> Path:
    """Two seconds of the photograph at its own size, in the quality of a good camera."""
    options = {"preset": "veryfast", "tune": "zerolatency", "crf": "12"}
    if encoder == "libx265":
        options["x265-params"] = "log-level=none"
    picture = cv2.imread(str(PHOTOGRAPH))
    assert picture is not None
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder, 10, options)
        (stream.width, stream.height), stream.pix_fmt = _SIZE, "yuv420p"
        stream.codec_context.gop_size = 10
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(np.asarray(picture, np.uint8), "bgr24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def decoded(clip: Path, picture: Path) -> Path:
    """A frame of the clip as a file without loss."""
    with av.open(str(clip)) as container:
        frames = list(container.decode(video=0))
    cv2.imwrite(str(picture), frames[len(frames) // 2].to_ndarray(format="bgr24"))
    return picture


@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
def test_persons_and_bus_are_where_the_reference_has_them(
    encoder: Literal["libx264", "libx265"], tmp_path: Path
) -> None:
    """Boxes overlap by 0.9 and more, in the shape the camera's own aspect ratio calls for."""
    clip = film(tmp_path / "bus.mp4", encoder)
    labels = load_catalogue().models["yolov8n"].labels
    frame = decoded(clip, tmp_path / "bus.png")
    expected = reference_yolo.detect(SHARED_MODELS / "yolov8n.onnx", frame)
    sure = [item for item in expected if item.confidence >= 0.4]
    assert sorted(labels[item.class_id] for item in sure) == ["bus", "person", "person", "person"]
    with running_redis(tmp_path / "redis") as redis, Server({"bus": Clip.load(clip)}) as camera:
        settings = {
            "redis": {"url": redis.settings().url},
            "web": {"enabled": False},
            "cameras": {"bus": {"url": camera.url("bus"), "fps": 5}},
        }
        node = running_node(tmp_path, settings, redis_password=redis.password)
        with RawSubscriber(redis, "vision:detections:{bus}") as live, node:
            # The first frames go through the square input while the tight one is compiled.
            while (message := validate(live.next_payload()))["model"]["input"] != [640, 480]:
                assert message["seq"] < 100
    width, height = _SIZE
    seen = [
        (
            found["label"],
            [share * side for share, side in zip(found["box"], (width, height) * 2, strict=True)],
        )
        for found in message["detections"]
    ]
    for item in sure:
        label = labels[item.class_id]
        overlaps = [
            reference_yolo.overlap(item.box, tuple(box)) for name, box in seen if name == label
        ]
        assert max(overlaps, default=0) >= 0.9, (label, item.box, seen)
