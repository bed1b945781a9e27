"""What the page on reliability lists is what there is."""

from __future__ import annotations

from pathlib import Path

from simulator import QUIRKS

_PAGE = Path(__file__).parents[3] / "docs" / "reliability.md"


def test_every_quirk_is_listed_in_the_words_of_the_help() -> None:
    """In the order of ``vision simulate --help``."""
    text = _PAGE.read_text()
    table = text.partition("<!-- quirks: begin -->")[2].partition("<!-- quirks: end -->")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{name}` | {quirk.help} |" for name, quirk in QUIRKS.items()]
