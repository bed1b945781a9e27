"""A result: rows of figures, with where and how they were measured, as one JSON document."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from vision.domain.errors import ConfigError

SCHEMA = "vision.bench/1"
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing measured in one variant.

    Attributes:
        case: ``decode``, ``pipeline`` and so on.
        variant: What tells it from the other rows of its case.
        figures: What was measured; names end in their unit (see :mod:`bench.compare`).
        details: What explains the figures and is not compared.
    """

    case: str
    variant: str
    figures: dict[str, float]
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """What the row is about."""
        return self.case, self.variant


@dataclass(frozen=True, slots=True)
class Result:
    """All rows of one run.

    Attributes:
        machine: See :func:`bench.machine.machine`.
        inputs: SHA-256 of each clip and model that was used, by name.
        rows: In the order they were measured.
    """

    machine: dict[str, Any]
    inputs: dict[str, str]
    rows: list[Row]

    def of(self, case: str) -> list[Row]:
        """The rows of one case."""
        return [row for row in self.rows if row.case == case]

    def to_json(self) -> str:
        """The document, a row on each line."""
        head = json.dumps({"machine": self.machine, "inputs": self.inputs}, indent=1)[2:-2]
        rows = ",\n  ".join(json.dumps(asdict(row)) for row in self.rows)
        return f'{{\n "schema": "{SCHEMA}",\n{head},\n "rows": [\n  {rows}\n ]\n}}\n'

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a document.

        Raises:
            ConfigError: It cannot be read or is no result.
        """
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}: name a file of bench/results") from error
        except ValueError as error:
            raise ConfigError(f"{path}: not JSON: measure anew with --save") from error
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise ConfigError(f"{path}: not a {SCHEMA} document: measure anew with --save")
        rows = [Row(**row) for row in document["rows"]]
        return cls(document["machine"], document["inputs"], rows)


def save(result: Result, name: str) -> Path:
    """Write a result to ``bench/results/NAME.json``; complete or not at all."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    part = path.with_suffix(".part")
    part.write_text(result.to_json(), encoding="utf-8")
    part.replace(path)
    return path


def rows_of(documents: Iterable[dict[str, Any]]) -> list[Row]:
    """Rows out of what a process of its own has printed."""
    return [Row(**document) for document in documents]


def scaling_rows(result: Result) -> list[Row]:
    """The rows of the pipeline by number of cameras."""
    return [row for row in result.of("pipeline") if row.variant.endswith("cameras")]


def cameras_of(row: Row) -> int:
    """The number of cameras that a variant begins with."""
    return int(row.variant.partition(" ")[0])
