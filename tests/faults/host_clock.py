"""The clock of the host as a node sees it: libfaketime, whose offset is changed while it runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

_LIBRARIES = (
    Path("/usr/lib") / f"{sys.implementation._multiarch}" / "faketime" / "libfaketimeMT.so.1",
    Path("/usr/lib/faketime/libfaketimeMT.so.1"),
    Path("/usr/lib64/faketime/libfaketimeMT.so.1"),
)


class HostClock:
    """An offset from true time; the monotonic clock stays what it is."""

    def __init__(self, folder: Path) -> None:
        self._offset = folder / "clock-offset"
        self._library = next((path for path in _LIBRARIES if path.exists()), None)
        self.step(0)

    @property
    def can_step(self) -> bool:
        """Whether libfaketime is installed."""
        return self._library is not None

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment of a process that lives by this clock."""
        if self._library is None:
            return {}
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def step(self, offset_s: int) -> None:
        """Set the offset; processes that run follow within a second."""
        fresh = self._offset.with_suffix(".new")
        fresh.write_text(f"{offset_s:+d}\n")
        fresh.replace(self._offset)
