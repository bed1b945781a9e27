"""How well visits are kept apart, how exactly they begin and end, and what that costs.

``python -m bench.tracking --media DIR`` runs the model over every frame of ``vtest`` there, tracks
at several frame rates, compares with ``data/vtest_tracks.txt``, and prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.gate_recall import detect
from bench.machine import machine
from bench.tracking_score import Person, Score, read_people, score
from bench.tracking_worker import worker_cost
from vision.config.settings import Settings
from vision.domain.detections import Detections
from vision.domain.event import Box, EventMessage
from vision.domain.message import (
    DETECTIONS_SCHEMA,
    DetectionMessage,
    MessageDetection,
    MessageFrame,
    MessageModel,
    MessageTime,
    utc_text,
)
from vision.events.camera_tracker import dump_state
from vision.events.engine import EventEngine
from vision.events.rules import rules_for

_CLIP = "vtest_h264_768x576_10fps.mp4"
_TRUTH = Path(__file__).parent / "data" / "vtest_tracks.txt"
_CLIP_FPS, _SIZE = 10, (768, 576)
_RATES = (10, 5, 2, 1)
_RUN = 1_763_898_000_000
_WITHIN_S = 0.5
_ROUNDS = 5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.tracking", description=__doc__)
    parser.add_argument("--media", type=Path, required=True, metavar="DIR", help="has vtest")
    parser.add_argument("--model", default="yolov8n", help="name in the catalogue (%(default)s)")
    args = parser.parse_args()
    people = read_people(_TRUTH)
    found, labels = detect(args.media / _CLIP, args.model, _CLIP_FPS)
    rates = [_measure(people, found, labels, fps) for fps in _RATES]
    command = " ".join(["python -m bench.tracking", *sys.argv[1:]]).replace(str(args.media), "DIR")
    report = {
        "case": "tracking",
        "machine": machine() | {"command": command},
        "clip": _CLIP,
        "model": args.model,
        "people": len(people),
        "rates": rates,
        "worker": [worker_cost(_messages(found, labels, fps), fps) for fps in (5, 10)],
    }
    print(json.dumps(report, indent=1))


def _measure(
    people: Sequence[Person], found: Sequence[Detections], labels: Sequence[str], fps: int
) -> dict[str, Any]:
    numbers = range(0, len(found), _CLIP_FPS // fps)
    frames = list(zip(numbers, _messages(found, labels, fps), strict=True))
    told, tracked = _track(frames)
    result = score(people, tracked)
    return {
        "fps": fps,
        "boxes_of_people": result.truths,
        "misses": result.misses,
        "false_boxes": result.false_boxes,
        "mota": round(result.mota, 3),
        "identity_switches": result.switches,
        "fragments": result.fragments,
        "events": len({event.id for event in told}),
        "people_with_one_event": sum(len(ids) == 1 for ids in result.events_of.values()),
        **_edges(people, result, told, len(found) - 1),
        "cpu_ms_per_message": round(min(_cpu_ms(frames) for _ in range(_ROUNDS)), 3),
        "cpu_ms_per_state": round(_state_ms(frames), 3),
    }


def _track(
    frames: Sequence[tuple[int, DetectionMessage]],
) -> tuple[list[EventMessage], dict[int, dict[str, Box]]]:
    """All that was told, and the boxes of what was told of at some time, by frame."""
    engine = _engine()
    told: list[EventMessage] = []
    tracked: dict[int, dict[str, Box]] = {}
    for number, message in frames:
        told += [event for _, event in engine.on_detections(message, message.time.published)]
        tracked[number] = {v.id: v.box for v in engine.state.visits if not v.misses}
    known = {event.id for event in told}
    return told, {
        number: {name: box for name, box in boxes.items() if name in known}
        for number, boxes in tracked.items()
    }


def _edges(
    people: Sequence[Person], result: Score, told: Sequence[EventMessage], last_frame: int
) -> dict[str, Any]:
    """How far the first and the last sighting of each person are from the truth."""
    newest = {event.id: event for event in told}
    starts: list[float] = []
    ends: list[float] = []
    for person in people:
        ids = result.events_of[person.name]
        if not ids:
            continue
        # A person who was there when the clip began or ended did not come or leave.
        if person.frames[0] > 0:
            starts.append(_seconds(newest[ids[0]].time.started) - person.frames[0] / _CLIP_FPS)
        ended = newest[ids[-1]].time.ended
        if person.frames[-1] < last_frame and ended is not None:
            ends.append(_seconds(ended) - person.frames[-1] / _CLIP_FPS)
    return {"start_error_s": _errors(starts), "end_error_s": _errors(ends)}


def _errors(errors: Sequence[float]) -> dict[str, Any]:
    sizes = [abs(error) for error in errors]
    return {
        "visits": len(errors),
        "median": round(statistics.median(sizes), 2),
        "largest": round(max(sizes), 2),
        f"within_{_WITHIN_S}": sum(size <= _WITHIN_S + 1e-6 for size in sizes),
    }


def _seconds(text: str) -> float:
    zero = utc_text(_RUN * 1_000_000)
    minutes, seconds = text[14:-1].split(":")
    began_minutes, began_seconds = zero[14:-1].split(":")
    return (int(minutes) - int(began_minutes)) * 60 + float(seconds) - float(began_seconds)


def _engine() -> EventEngine:
    settings = Settings.model_validate({"events": {"labels": ["person"]}})
    return EventEngine("vtest", rules_for(settings, "vtest"))


def _cpu_ms(frames: Sequence[tuple[int, DetectionMessage]]) -> float:
    engine = _engine()
    started_s = time.process_time()
    for _, message in frames:
        engine.on_detections(message, message.time.published)
    return (time.process_time() - started_s) * 1000 / len(frames)


def _state_ms(frames: Sequence[tuple[int, DetectionMessage]]) -> float:
    engine = _engine()
    for _, message in frames:
        engine.on_detections(message, message.time.published)
    started_s = time.process_time()
    for _ in range(100):
        dump_state(engine.state, "1-1", "1-1")
    return (time.process_time() - started_s) * 10


def _messages(
    found: Sequence[Detections], labels: Sequence[str], fps: int
) -> list[DetectionMessage]:
    numbers = range(0, len(found), _CLIP_FPS // fps)
    return [
        _message(number, count + 1, found[number], labels) for count, number in enumerate(numbers)
    ]


def _message(number: int, seq: int, seen: Detections, labels: Sequence[str]) -> DetectionMessage:
    moment = utc_text((_RUN + number * 1000 // _CLIP_FPS) * 1_000_000)
    boxes = seen.xyxy.astype(float).round(4).tolist()
    return DetectionMessage(
        schema=DETECTIONS_SCHEMA,
        id=f"vtest:{_RUN}-{seq}",
        camera="vtest",
        run=str(_RUN),
        seq=seq,
        time=MessageTime(moment, "arrival", None, moment, moment, 0.0, moment),
        frame=MessageFrame(*_SIZE, None, "1/90000"),
        model=MessageModel("yolov8n", "0" * 64, "openvino", (480, 640)),
        detections=tuple(
            MessageDetection(labels[int(kind)], int(kind), round(float(sure), 4), tuple(box))
            for box, sure, kind in zip(boxes, seen.confidence, seen.class_id, strict=True)
        ),
        skipped=0,
        gated=0,
    )


if __name__ == "__main__":
    main()
