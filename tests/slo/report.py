"""The table of docs/operations.md out of what ``python -m tests.slo --json`` kept.

``python -m tests.slo.report FILE…`` writes it between the markers of the document; figures of a
later file replace those of the same name in an earlier one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.faults.report import origin, with_table
from tests.slo.result import table
from tests.support.compose_model import ROOT

DOCUMENT = ROOT / "docs" / "operations.md"
BEGIN, END = "<!-- slo: begin -->", "<!-- slo: end -->"


def text(documents: Iterable[Mapping[str, Any]]) -> str:
    """The table, and where its figures are from."""
    documents = [*documents]
    figures = {figure["what"]: figure for document in documents for figure in document["figures"]}
    return f"{table(figures.values())}\n{origin(documents[0]['machine'])}"


def main(paths: list[Path]) -> None:
    """Write the table."""
    documents = [json.loads(path.read_text()) for path in paths]
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(), text(documents), BEGIN, END))


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
