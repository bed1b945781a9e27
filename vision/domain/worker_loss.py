"""In what way an ingest process is lost."""

from __future__ import annotations

from enum import StrEnum


class WorkerLoss(StrEnum):
    """Why an ingest process has to be replaced."""

    NOT_STARTED = "not_started"
    """The machine had no process, memory or descriptor left for it."""
    EXITED = "exited"
    """It ended by itself."""
    KILLED = "killed"
    """A signal ended it: a crash in a library, or the kernel out of memory."""
    SILENT = "silent"
    """It said nothing for too long: it hangs as a whole or is stopped."""
    HUNG = "hung"
    """Its capturing thread hangs in the media library, and the others go on."""
    MEMORY = "memory"
    """It held more than ``ingest.max_rss_mib``."""
    NOT_UNDERSTOOD = "not_understood"
    """It said what nobody understands."""
