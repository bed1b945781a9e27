"""The table of docs/reliability.md out of the figures that the suite kept.

``python -m tests.faults.report FILE…`` writes it between the markers of the document; rows of
a later file replace those of the same name in an earlier one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
_HEAD = (
    "| fault | what happens | told as | told after, s | recovered after, s | lost | lost by others "
    "| memory before / after, MiB |\n"
    "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |\n"
)
_NONE = "-"
# States that a camera passes through on its way back say nothing of the fault.
_ON_THE_WAY = ("starting", "online")


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows as a Markdown table."""
    return _HEAD + "".join(f"| {' | '.join(_cells(row))} |\n" for row in rows)


def origin(machine: Mapping[str, Any]) -> str:
    """Where the figures are from, in a sentence."""
    return (
        f"Measured on {machine['cores']} cores of an {machine['processor']}, "
        f"{machine['memory_gib']} GiB, {machine['system']}, Python {machine['python']}.\n"
    )


def _cells(row: Mapping[str, Any]) -> list[str]:
    told = dict.fromkeys(state for state in row["states"] if state not in _ON_THE_WAY)
    memory = row["rss_mib"]
    notes = [f"{name.replace('_', ' ')} {value:g}" for name, value in row["notes"].items()]
    return [
        row["fault"],
        "; ".join([row["what"], *notes]),
        ", ".join(f"`{state}`" for state in told) or _NONE,
        _number(row["detect_s"]),
        _number(row["recover_s"]),
        str(row["lost"]),
        str(row["others_lost"]),
        _NONE if memory is None else f"{memory[0]:.0f} / {memory[1]:.0f}",
    ]


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{value:.1f}"


def with_table(document: str, text: str, begin: str = BEGIN, end: str = END) -> str:
    """The document with ``text`` in place of what stands between its markers.

    Raises:
        ValueError: It has no place for one.
    """
    before, found, rest = document.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"no {begin} and {end} in the document")
    return f"{before}{begin}\n\n{text}\n{end}{after}"


def merged(documents: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows of all documents in their order, each once."""
    rows = {row["fault"]: row for document in documents for row in document["rows"]}
    return list(rows.values())


def main(paths: list[Path]) -> None:
    """Write the table."""
    documents = [json.loads(path.read_text()) for path in paths]
    rows = merged(documents)
    failed = [row["fault"] for row in rows if row["complaints"]]
    if failed:
        sys.exit(f"error: not written, since these rows failed: {', '.join(failed)}")
    text = f"{table(rows)}\n{origin(documents[0]['machine'])}"
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(), text))


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
