"""The documented table of settings is the code's."""

from __future__ import annotations

from pathlib import Path

from vision.config.reference import settings_markdown

_DOCUMENT = Path(__file__).parents[3] / "docs" / "settings.md"


def test_the_settings_table_is_the_one_of_the_code() -> None:
    """``vision settings --markdown`` prints what belongs there."""
    text = _DOCUMENT.read_text(encoding="utf-8")
    _, _, rest = text.partition("<!-- settings: begin -->\n")
    table, _, _ = rest.partition("\n<!-- settings: end -->")
    assert table == settings_markdown()
