"""How a transfer tells the one who waits for it how far it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeAlias

from vision.domain.noop import noop

ReachedBytes: TypeAlias = Callable[[int], None]
"""Told how many bytes are there by now; the number can fall when a transfer starts over."""


class TransferProgress(Protocol):
    """Shows transfers, one at a time."""

    def transfer(self, title: str, total_bytes: int) -> AbstractContextManager[ReachedBytes]:
        """Show the transfer ``title`` while the context lasts."""


class NoProgress:
    """Shows nothing."""

    def transfer(
        self,
        title: str,  # noqa: ARG002  the signature is Progress's
        total_bytes: int,  # noqa: ARG002  as above
    ) -> AbstractContextManager[ReachedBytes]:
        """See :meth:`TransferProgress.transfer`."""
        return nullcontext(noop)
