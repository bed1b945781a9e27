"""The motion gate: what it misses, what it lets pass for nothing, what it costs and saves.

``python -m bench.gate`` prints one JSON document, parts of which take minutes:

``recall``
    Every frame of real clips goes through the model; a new object is one that overlaps with
    none of the last two seconds. Did the gate let its frame pass, or one of the next two?
``sleeping``
    The same with each cell of a grid encoded by itself, after seconds in which nothing moved, through
    x264 and x265 at several settings: what passes while the decoder may sleep, and what if it may not?
``still``
    Scenes in which nothing moves, with sensor noise, through x264 and x265 at several rates:
    how many frames pass all the same?
``cost``
    Processor time of a thumbnail and of a look at it.
``saving``
    Processor time of a node with one camera that shows a still scene: without gate, with it, and with
    a decoder that may sleep.

``--save NAME`` keeps it as ``bench/results/NAME.json``, with the parts that were measured before.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import av

from bench.gate_pictures import cost, still_scenes
from bench.gate_recall import recall
from bench.gate_saving import saving
from bench.gate_sleeping import sleeping
from bench.machine import machine
from bench.result import RESULTS

_PARTS = ("recall", "sleeping", "still", "cost", "saving")
# They are encoded anew: the same content in another codec or size says nothing more.
_MOST_PIXELS = 1_000_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.gate", description=__doc__)
    parser.add_argument("--media", type=Path, metavar="DIR", help="folder of clips for recall")
    parser.add_argument("--model", default="auto", help="name in the catalogue")
    parser.add_argument("--seconds", type=float, default=30.0, help="per figure of `saving`")
    parser.add_argument("--part", action="append", choices=_PARTS, help="default: all of them")
    parser.add_argument("--save", metavar="NAME", help="keep as bench/results/NAME.json")
    args = parser.parse_args()
    parts = args.part or _PARTS
    if {"recall", "sleeping"} & set(parts) and args.media is None:
        parser.error("recall and sleeping need --media")
    path = RESULTS / f"{args.save}.json"
    report = json.loads(path.read_text()) if args.save and path.exists() else {}
    where = machine() | {"command": " ".join(["python -m bench.gate", *sys.argv[1:]])}
    report |= {"case": "gate", "machine": report.get("machine", {}) | dict.fromkeys(parts, where)}
    for part in parts:
        report[part] = _measured(part, args)
        if args.save:
            path.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps({part: report[part] for part in parts}, indent=1))


def _measured(part: str, args: argparse.Namespace) -> Any:
    match part:
        case "recall":
            return [recall(path, args.model) for path in sorted(args.media.glob("*.mp4"))]
        case "sleeping":
            clips = [path for path in sorted(args.media.glob("*.mp4")) if _is_source(path)]
            return [figures for path in clips for figures in sleeping(path, args.model)]
        case "still":
            return still_scenes()
        case "cost":
            return cost()
        case _:
            return saving(args.model, args.seconds)


def _is_source(path: Path) -> bool:
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        return context.name == "h264" and context.width * context.height <= _MOST_PIXELS


if __name__ == "__main__":
    main()
