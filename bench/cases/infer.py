"""The engine alone: input shapes, requests under way, batch sizes and number formats."""

from __future__ import annotations

from pathlib import Path

from bench.cases import Options, row
from bench.ceiling import Load, ceiling
from bench.machine import cores
from bench.models import model
from bench.result import Row

_SHAPES = ((640, 640), (384, 640), (320, 320))
_WIDE = (384, 640)
_BATCHES = (2, 4, 8)


def measure(options: Options) -> list[Row]:
    """All shapes at the engine's own choice of requests, then one shape in all other ways."""
    chosen = model(options.model)
    rows = _shapes(options, chosen.file.path, chosen.entry.input)
    if options.file:
        rows += _shapes(options, options.file, chosen.entry.input)
    if chosen.entry.input == "dynamic":
        file = chosen.file.path
        rows.append(_row(options, Load(file, *_WIDE, as_node=1), "as a node runs it"))
        for requests in sorted({1, 2, cores(), 2 * cores()}):
            load = Load(file, *_WIDE, requests=requests)
            rows.append(_row(options, load, f"requests {requests}"))
        for batch in _BATCHES:
            rows.append(_row(options, Load(file, *_WIDE, batch=batch), f"batch {batch}"))
    return rows


def _shapes(options: Options, file: Path, fixed: object) -> list[Row]:
    shapes = _SHAPES if fixed == "dynamic" else (_SHAPES[0],)
    return [_row(options, Load(file, height, width), "") for height, width in shapes]


def _row(options: Options, load: Load, what: str) -> Row:
    options.used(load.file)
    figures = ceiling(load, options.seconds)
    details = {name: figures.pop(name) for name in ("requests", "threads", "shape")}
    variant = f"{load.file.stem} {load.height}x{load.width} {what}".strip()
    return row("infer", variant, figures, **details)
