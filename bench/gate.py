"""The motion gate: what it misses, what it lets pass for nothing, what it costs and saves.

``python -m bench.gate`` prints one JSON document, parts of which take minutes:

``recall``
    Every frame of real clips goes through the model; a new object is one that overlaps with
    none of the last two seconds. Did the gate let its frame pass, or one of the next two?
``still``
    Scenes in which nothing moves, with sensor noise, through x264 and x265 at several rates:
    how many frames pass all the same?
``cost``
    Processor time of a thumbnail and of a look at it.
``saving``
    Processor time of a node with one camera that shows a still scene, without and with gate.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench.gate_pictures import cost, still_scenes
from bench.gate_recall import recall
from bench.gate_saving import saving
from bench.machine import machine

_PARTS = ("recall", "still", "cost", "saving")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.gate", description=__doc__)
    parser.add_argument("--media", type=Path, metavar="DIR", help="folder of clips for recall")
    parser.add_argument("--model", default="auto", help="name in the catalogue")
    parser.add_argument("--seconds", type=float, default=30.0, help="per figure of `saving`")
    parser.add_argument("--part", action="append", choices=_PARTS, help="default: all of them")
    args = parser.parse_args()
    parts = args.part or _PARTS
    if "recall" in parts and args.media is None:
        parser.error("recall needs --media")
    command = " ".join(["python -m bench.gate", *sys.argv[1:]])
    report: dict[str, object] = {"case": "gate", "machine": machine() | {"command": command}}
    if "recall" in parts:
        report["recall"] = [recall(path, args.model) for path in sorted(args.media.glob("*.mp4"))]
    if "still" in parts:
        report["still"] = still_scenes()
    if "cost" in parts:
        report["cost"] = cost()
    if "saving" in parts:
        report["saving"] = saving(args.model, args.seconds)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
