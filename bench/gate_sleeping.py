"""Recall of the gate whose decoder sleeps: it looks at packets, so scenes go through encoders.

Each cell of a grid has the clip in it, and the clip's usual picture around it, with sensor noise.
Whenever somebody is new in the cell, what came before is the usual picture alone, for long enough
that the decoder sleeps; then the cell goes on from the last moment at which it looked empty.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from bench.gate_pictures import PACE_FPS, paced_thumbnails
from bench.gate_recall import Boxes, detect, has_new, views
from bench.gate_replay import replay
from bench.gate_streams import write_stream
from vision.config.camera import MotionSettings

_GRIDS = ((1, 1), (4, 3))
# Until the decoder sleeps: the gate shuts, and some groups of pictures are as they were before.
_PAUSE_S, _PAUSE_GROUPS = 16, 5
_BEFORE_S, _AFTER_S = 6.0, 1.0
# A cell that looks empty: nothing in it that the gate would see, with a reserve.
_EMPTY_LEVELS, _EMPTY_CELLS = 7, 3
_MEMORY_FRAMES, _GRACE_FRAMES = 2 * PACE_FPS, 2
_FIELDS = 8
_NO_REFRESH_S = 3600
_WHOLE = (0, 0, 1, 1)
_ZERO = {"tune": "zerolatency"}
_CBR = {"b": "400k", "maxrate": "400k", "minrate": "400k", "bufsize": "400k"}


@dataclass(frozen=True, slots=True)
class Setting:
    """How a stream is encoded; ``noise`` in levels of grey, ``group_s`` between key frames."""

    name: str
    codec: str
    options: dict[str, str]
    group_s: int
    noise: float = 2.0


SETTINGS = (
    Setting("crf 23", "h264", _ZERO | {"crf": "23"}, 2, 1.0),
    Setting("crf 28", "h264", _ZERO | {"crf": "28"}, 1),
    Setting("crf 33", "h264", _ZERO | {"crf": "33"}, 4),
    Setting("crf 23, B-frames", "h264", {"preset": "veryfast", "crf": "23"}, 4, 1.0),
    Setting("crf 28, B-frames", "h264", {"preset": "veryfast", "crf": "28"}, 2),
    Setting("crf 33, B-frames", "h264", {"preset": "veryfast", "crf": "33"}, 1),
    Setting("400 kbit/s", "h264", _ZERO | {"b": "400k"}, 2),
    Setting("400 kbit/s, constant", "h264", _ZERO | _CBR | {"x264-params": "nal-hrd=cbr"}, 2),
    Setting("crf 23", "h265", _ZERO | {"crf": "23"}, 2, 1.0),
    Setting("crf 28", "h265", _ZERO | {"crf": "28"}, 1),
    Setting("crf 33", "h265", _ZERO | {"crf": "33"}, 4),
    Setting("crf 23, B-frames", "h265", {"preset": "superfast", "crf": "23"}, 4, 1.0),
    Setting("crf 28, B-frames", "h265", {"preset": "superfast", "crf": "28"}, 2),
    Setting("crf 33, B-frames", "h265", {"preset": "superfast", "crf": "33"}, 1),
    Setting("400 kbit/s", "h265", _ZERO | {"b": "400k"}, 2),
    Setting("400 kbit/s, constant", "h265", _ZERO | _CBR, 2),
)


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell of the grid in the frames of the pace.

    Attributes:
        part: Its top, left, bottom and right, as shares of the picture.
        boxes: By whose labels: what the model found in it.
        is_empty: Whether it looks as usual.
    """

    part: tuple[float, float, float, float]
    boxes: dict[str, list[Boxes]]
    is_empty: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Scene:
    """A cell of the grid over time.

    Attributes:
        part: As that of the cell.
        shown: The clip's frame at each frame of the scene, None for the usual picture.
        starts: Frames of the scene at which the clip goes on.
        new: By whose label ids: frames of the scene with a new object.
    """

    part: tuple[float, float, float, float]
    shown: list[int | None]
    starts: list[int]
    new: dict[str, list[int]]


def sleeping(clip: Path, model: str) -> Iterator[dict[str, Any]]:
    """Frames with a new object, and how many passed, without and with the decoder's sleep."""
    with av.open(str(clip)) as container:
        fps = round(float(container.streams.video[0].average_rate or PACE_FPS))
        pictures = [
            np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8)
            for frame in container.decode(video=0)
        ]
    usual = np.median(np.array(pictures[:: max(1, fps // 2)]), axis=0).astype(np.uint8)
    cells = list(_cells(clip, model))
    for setting in SETTINGS:
        totals: dict[str, Any] = {"seconds": 0.0, "asleep_s": 0.0, "wakings": 0}
        for scene in _scenes(cells, _PAUSE_S + _PAUSE_GROUPS * setting.group_s, fps):
            with TemporaryDirectory() as folder:
                path = Path(folder) / "scene.mp4"
                write_stream(
                    path,
                    _rendered(pictures, usual, scene, setting.noise),
                    codec=setting.codec,
                    fps=fps,
                    group=setting.group_s * fps,
                    options=setting.options,
                )
                _add(totals, _judged(path, scene, fps))
        yield {
            "clip": clip.name,
            "codec": setting.codec,
            "setting": setting.name,
            "group_s": setting.group_s,
            "noise_levels": setting.noise,
            **totals,
        }


def _judged(path: Path, scene: _Scene, fps: int) -> dict[str, Any]:
    awake, asleep = (
        replay(path, PACE_FPS, MotionSettings(enabled=True, sleep=sleep, refresh_s=_NO_REFRESH_S))
        for sleep in (False, True)
    )
    step = max(1, round(fps / PACE_FPS))
    figures: dict[str, Any] = {
        "seconds": len(scene.shown) / fps,
        "asleep_s": sum(asleep.slept) / fps,
        "wakings": sum(before and not after for before, after in itertools.pairwise(asleep.slept)),
    }
    for name, numbers in scene.new.items():
        figures[name] = counted = {
            "new": len(numbers),
            "passed_awake": sum(awake.has_passed(n, step) for n in numbers),
            "passed": sum(asleep.has_passed(n, step) for n in numbers),
            "passed_in_time": sum(
                asleep.has_passed(n, step * (1 + _GRACE_FRAMES)) for n in numbers
            ),
        }
        came = [n for n in numbers if asleep.slept[max(s for s in scene.starts if s <= n)]]
        counted["came_asleep"] = len(came)
        counted["came_asleep_passed_awake"] = sum(awake.has_passed(n, step) for n in came)
        counted["came_asleep_passed"] = sum(asleep.has_passed(n, step) for n in came)
    return figures


def _add(totals: dict[str, Any], figures: dict[str, Any]) -> None:
    for name, value in figures.items():
        if isinstance(value, dict):
            _add(totals.setdefault(name, {}), value)
        else:
            totals[name] = round(totals.get(name, 0) + value, 1)


def _cells(clip: Path, model: str) -> Iterator[_Cell]:
    thumbnails = np.array(list(paced_thumbnails(clip, PACE_FPS)))
    found, labels = detect(clip, model, PACE_FPS)
    kinds = {"people": [labels.index("person")], "all labels": list(range(len(labels)))}
    usual = np.median(thumbnails, axis=0)
    for columns, rows in _GRIDS:
        for (view, inside), (column, row) in zip(
            views(thumbnails, found, columns, rows),
            itertools.product(range(columns), range(rows)),
            strict=True,
        ):
            changed = np.abs(view - usual) > _EMPTY_LEVELS
            yield _Cell(
                part=(row / rows, column / columns, (row + 1) / rows, (column + 1) / columns),
                boxes={
                    name: [xyxy[np.isin(ids, kept)] for xyxy, ids in inside]
                    for name, kept in kinds.items()
                },
                is_empty=changed.sum(axis=(1, 2)) <= _EMPTY_CELLS,
            )


def _scenes(cells: Sequence[_Cell], pause_s: int, fps: int) -> Iterator[_Scene]:
    """All that is new in a cell, each after a pause, in frames of the pace and then in all."""
    step, pause = max(1, round(fps / PACE_FPS)), [None] * (pause_s * PACE_FPS)
    for cell in cells:
        shown: list[int | None] = [*pause]
        starts, done = [], 0
        for first, last in _spans(cell):
            starts.append(len(shown) * step)
            shown += range(max(first, done), last)
            shown += pause
            done = last
        if not starts:
            continue
        none = np.empty((0, 4), np.float32)
        new = {
            name: [n * step for n in _news([none if at is None else of[at] for at in shown])]
            for name, of in cell.boxes.items()
        }
        frames = [None if at is None else at * step + more for at in shown for more in range(step)]
        yield _Scene(cell.part, frames, starts, new)


def _spans(cell: _Cell) -> Iterator[tuple[int, int]]:
    """From an empty cell to a second after something is new in it."""
    done = 0
    for number in _news(cell.boxes["all labels"]):
        before = range(max(done, number - round(_BEFORE_S * PACE_FPS)), number)
        empty = [n for n in before if cell.is_empty[n]]
        if empty:
            done = min(len(cell.is_empty), number + round(_AFTER_S * PACE_FPS))
            yield empty[-1], done
    if not done and cell.part == _WHOLE:
        # A camera that moves: all of it comes at once.
        yield 0, round(_AFTER_S * PACE_FPS)


def _news(boxes: Sequence[Boxes]) -> list[int]:
    """Numbers of frames with an object that the two seconds before do not have."""
    return [
        number
        for number in range(1, len(boxes))
        if has_new(boxes[number], np.concatenate(boxes[max(0, number - _MEMORY_FRAMES) : number]))
    ]


def _rendered(
    pictures: Sequence[NDArray[np.uint8]], usual: NDArray[np.uint8], scene: _Scene, noise: float
) -> Iterator[av.VideoFrame]:
    random = np.random.default_rng(1)
    height, width = usual.shape[0] * 2 // 3, usual.shape[1]
    fields = [
        np.rint(random.normal(0, noise, (height, width))).astype(np.int8) for _ in range(_FIELDS)
    ]
    for at in scene.shown:
        picture = usual.copy()
        if at is not None:
            shown = pictures[min(at, len(pictures) - 1)]
            for target, source in zip(_planes(picture), _planes(shown), strict=True):
                rows, columns = target.shape
                top, left, bottom, right = scene.part
                cell = (
                    slice(round(top * rows), round(bottom * rows)),
                    slice(round(left * columns), round(right * columns)),
                )
                target[cell] = source[cell]
        # The same noise twice would be none to an encoder.
        shift = int(random.integers(height)), int(random.integers(width))
        field = np.roll(fields[int(random.integers(_FIELDS))], shift, (0, 1))
        cv2.add(picture[:height], field, dst=picture[:height], dtype=cv2.CV_8U)
        yield av.VideoFrame.from_ndarray(picture, "yuv420p")


def _planes(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    height, width = picture.shape[0] * 2 // 3, picture.shape[1]
    chroma = picture[height:].reshape(2, height // 2, width // 2)
    return picture[:height], chroma[0], chroma[1]
