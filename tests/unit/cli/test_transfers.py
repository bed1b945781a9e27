"""Downloads as one sees them."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from vision.cli.transfers import ConsoleTransfers


def test_a_log_gets_a_line_at_the_start_and_at_the_end() -> None:
    """And nothing in between."""
    said = StringIO()
    with ConsoleTransfers(Console(file=said)).transfer("a file", 5_000_000) as reached:
        for done in range(0, 5_000_000, 1000):
            reached(done)
    first, last = said.getvalue().splitlines()
    assert first == "pulling a file (5.0 MB)"
    assert last.startswith("pulled a file in ")


def test_a_terminal_gets_a_bar() -> None:
    """That reaches the end."""
    said = StringIO()
    console = Console(file=said, force_terminal=True, width=100)
    with ConsoleTransfers(console).transfer("a file", 5_000_000) as reached:
        reached(2_500_000)
    assert "5.0/5.0 MB" in said.getvalue()


def test_a_failure_is_not_told_as_success() -> None:
    """The error speaks for itself."""
    said = StringIO()
    with (
        pytest.raises(OSError, match="broken"),
        ConsoleTransfers(Console(file=said)).transfer("a file", 5_000_000),
    ):
        raise OSError("broken")
    assert "pulled" not in said.getvalue()
