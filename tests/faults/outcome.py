"""What came of a fault: measured, judged and written down."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

# A worker keeps its decoder and a few pictures; what a hostile answer could make of it is more.
MOST_GROWTH_MIB = 64.0
MOST_MORE_FDS = 2


@dataclass(slots=True)
class Outcome:
    """One row as it was measured.

    Attributes:
        fault: Name in the table.
        what: What was done.
        detect_s: Until the state was published, or whoever noticed it said so; None where
            nothing is to be noticed.
        recover_s: From the end of the fault to the next message, at the subscriber.
        states: Told meanwhile, in order.
        skipped: Frames that messages account for as not inferred.
        lost: Messages that nothing accounts for.
        doubled: Messages that came twice or late.
        others_lost: Messages that nothing accounts for, of all cameras that had no fault.
        rss_mib: Resident memory of the process in question before and after.
        fds: Its file descriptors before and after.
        complaints: What should have been otherwise; a row passes without any.
        notes: Further figures of this row.
    """

    fault: str
    what: str
    detect_s: float | None = None
    recover_s: float | None = None
    states: list[str] = field(default_factory=list)
    skipped: int = 0
    lost: int = 0
    doubled: int = 0
    others_lost: int = 0
    rss_mib: tuple[float, float] | None = None
    fds: tuple[int, int] | None = None
    complaints: list[str] = field(default_factory=list)
    notes: dict[str, float] = field(default_factory=dict)

    def expect(self, holds: bool, complaint: str) -> None:  # noqa: FBT001  the condition itself
        """Complain unless it holds."""
        if not holds:
            self.complaints.append(complaint)

    def document(self) -> dict[str, Any]:
        """As it stands in the JSON."""
        rounded = asdict(self)
        for name in ("detect_s", "recover_s"):
            if rounded[name] is not None:
                rounded[name] = round(rounded[name], 2)
        if self.rss_mib is not None:
            rounded["rss_mib"] = [round(value, 1) for value in self.rss_mib]
        return rounded
