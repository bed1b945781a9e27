"""What holds for all tests, however they are started."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes is a matter of what else the machine does.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# What a shell runs in the background ignores Ctrl-C, and so would the programs under test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several work, files that may take long come first, and those of units last.

    So nobody waits at the end for one who has begun with a long file.
    """
    if not hasattr(config, "workerinput"):
        return
    patience_s: dict[Path, float] = {}
    for item in items:
        mark = item.get_closest_marker("timeout")
        own_s = float(mark.args[0]) if mark and mark.args else 0.0
        patience_s[item.path] = max(own_s, patience_s.get(item.path, 0.0))
    items.sort(key=lambda item: (-patience_s[item.path], "unit" in item.path.parts))
