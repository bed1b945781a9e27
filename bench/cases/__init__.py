"""The stages of the pipeline, each by itself in a process of its own.

A case is a module with ``measure(options)``; :mod:`bench.cases.__main__` runs one of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bench.clips import sha256
from bench.result import Row

CASES = (
    "decode",
    "convert",
    "slot",
    "preprocess",
    "infer",
    "postprocess",
    "encode",
    "publish",
    "redact",
)


@dataclass(slots=True)
class Options:
    """What a case is told.

    Attributes:
        seconds: Per figure, after a warm-up.
        model: Name in the catalogue.
        file: Network to measure besides the model's own, as one in INT8.
        inputs: Hash of each file that a case used, by its name.
    """

    seconds: float
    model: str
    file: Path | None = None
    inputs: dict[str, str] = field(default_factory=dict)

    def used(self, path: Path) -> Path:
        """Note the hash of a file that is measured with."""
        self.inputs[path.name] = sha256(path)
        return path


def row(case: str, variant: str, figures: dict[str, float], **details: object) -> Row:
    """A row of a case."""
    return Row(case, variant, figures, dict(details))
