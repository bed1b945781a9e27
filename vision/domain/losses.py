"""How frames, messages and ingest processes are lost."""

from __future__ import annotations

from enum import StrEnum


class SkipReason(StrEnum):
    """Why a frame that was offered is not inferred."""

    OVERTAKEN = "overtaken"
    """A newer one took its place in the slot."""
    OVERRUN = "overrun"
    """The reader of the slot held all of its memory."""
    STALE = "stale"
    """Older than ``max_staleness_ms`` when its turn came, or too old before it could be sent."""
    REPEATED = "repeated"
    """Not newer than a frame of its camera that was taken before."""
    ENGINE_ERROR = "engine_error"
    """The engine refused it or failed."""
    SLOT_UNAVAILABLE = "slot_unavailable"
    """Redis is away or does not answer in time."""
    OUTRUN = "outrun"
    """The slot knows a newer frame: a second ingest of the camera, or a clock that went back."""


class DropReason(StrEnum):
    """Why a message will never reach its stream."""

    OVERFLOW = "overflow"
    """Redis was away longer than the outbox holds; the oldest went first."""
    REFUSED_ID = "refused_id"
    """The stream's newest entry is ahead of it: the clock went back, or two nodes write."""
    LEASE_LOST = "lease_lost"
    """Another inference worker took the camera; ``skipped`` of its message counts the frame."""
    REJECTED = "rejected"
    """Redis called the command itself wrong: too old a server, or a renamed command."""
    FORGOTTEN = "forgotten"
    """Redis confirmed it and came back without it, and nobody has it any more."""
    SHUTDOWN = "shutdown"
    """It was waiting, or came, when the node ended."""


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
