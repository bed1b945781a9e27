"""What a role says of itself about once a second, for ``vision healthcheck``.

A file in the run directory, replaced whole, so that a reader never sees half of it. Nothing
that is slow to import belongs here.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vision.domain.errors import ConfigError
from vision.resilience.log_throttle import LogThrottle

_log = logging.getLogger(__name__)
_LOG_PERIOD_S = 60.0
_WRITE_EVERY_NS = 1_000_000_000
# What a file raises that somebody else wrote.
_FOREIGN = (
    OSError,
    ArithmeticError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RecursionError,
)
MAX_AGE_S = 5.0
"""A role that has said nothing for this long hangs or is gone."""


@dataclass(frozen=True, slots=True)
class Liveness:
    """A role at one instant.

    Attributes:
        role: ``run``, ``infer`` or ``ingest NAME``.
        stuck: What only a restart of the role can mend, a phrase each.
        reasons: Why else it does not do its work: a camera or Redis that is away, messages that
            are refused or lost.
        shared: Cameras that another process publishes too, a phrase each.
        facts: What else is worth knowing.
    """

    role: str
    stuck: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReloadNote:
    """What came of reading the settings again.

    Attributes:
        at_s: When, UTC seconds.
        problem: Why nothing was changed, in one line; empty if all is well.
        needs_restart: Keys that hold from the next start on.
    """

    at_s: float
    problem: str = ""
    needs_restart: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LivenessReading:
    """What a role left in the run directory.

    Attributes:
        path: Its file.
        liveness: What it said, None when the file is not one of ours.
        age_s: Seconds ago.
        pid: Its process.
        reload: What came of its last reload; None of an older version.
    """

    path: Path
    liveness: Liveness | None
    age_s: float
    pid: int = 0
    reload: ReloadNote | None = None

    @property
    def is_silent(self) -> bool:
        """Whether one of ours has said nothing for too long."""
        # The monotonic clock starts anew with the machine.
        return self.liveness is not None and not 0 <= self.age_s <= MAX_AGE_S


class LivenessFile:
    """Keeps the file of one role up to date; used by one thread."""

    def __init__(
        self,
        directory: Path,
        role: str,
        mono_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Make the folder if need be.

        Raises:
            ConfigError: It cannot be made, or is open to somebody else's files.
        """
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            kept = directory.lstat()
        except OSError as error:
            raise ConfigError(
                f"run_dir: {directory} cannot be made ({error.strerror}): name another folder"
            ) from None
        is_ours = stat.S_ISDIR(kept.st_mode) and kept.st_uid in {0, os.getuid()}
        if not (is_ours and os.access(directory, os.W_OK | os.X_OK)):
            raise ConfigError(f"run_dir: {directory} cannot be written: name another folder")
        self._path = directory / f"{role.replace(' ', '-')}.json"
        self._mono_ns = mono_ns
        self._next_ns = 0
        self.reload_note: Callable[[], ReloadNote | None] = lambda: None
        """Reads what came of the last reload of the settings."""
        self._damper = LogThrottle(_LOG_PERIOD_S, lambda: mono_ns() / 1e9)

    def write(self, read: Callable[[], Liveness]) -> None:
        """Write what ``read`` returns, if a second has passed since the last time."""
        now_ns = self._mono_ns()
        if now_ns < self._next_ns:
            return
        self._next_ns = now_ns + _WRITE_EVERY_NS
        document = {"pid": os.getpid(), "at_mono_ns": now_ns} | asdict(read())
        reload = self.reload_note()
        if reload is not None:
            document["reload"] = asdict(reload)
        try:
            # A name nobody can have taken: the folder may be open to all, like /tmp.
            handle, beside = tempfile.mkstemp(prefix=".", dir=self._path.parent)
            with os.fdopen(handle, "w") as file:
                json.dump(document, file)
            Path(beside).replace(self._path)
        except OSError as error:
            # The reader sees an old file, which is what it should see.
            if self._damper.admit(str(error.errno)):
                _log.warning("role.liveness_unwritten reason=%s", error.strerror)

    def remove(self) -> None:
        """Take the file away: the role has ended as it should."""
        with contextlib.suppress(OSError):
            self._path.unlink()


def readings_in(
    directory: Path, mono_ns: Callable[[], int] = time.monotonic_ns
) -> Iterator[LivenessReading]:
    """What the roles that use ``directory`` said last, in the order of their names."""
    for path in sorted(directory.glob("[!.]*.json")):
        try:
            document = json.loads(path.read_text())
            age_s = (mono_ns() - int(document.pop("at_mono_ns"))) / 1e9
            pid = int(document.pop("pid"))
            reload = _reload_note(document.pop("reload", None))
            role = _line(document.pop("role"))
            lists = {name: tuple(map(_line, values)) for name, values in document.items()}
            yield LivenessReading(path, Liveness(role, **lists), age_s, pid, reload)
        except FileNotFoundError:
            continue
        except _FOREIGN:
            yield LivenessReading(path, None, 0.0)


def _reload_note(document: Mapping[str, Any] | None) -> ReloadNote | None:
    if document is None:
        return None
    keys = tuple(map(_line, document["needs_restart"]))
    return ReloadNote(float(document["at_s"]), str(document["problem"]), keys)


def _line(text: object) -> str:
    if not isinstance(text, str) or len(text.splitlines()) != 1:
        raise ValueError("not a line of text")
    return text


def verdict(
    found: LivenessReading, *, live_only: bool, is_taking_over: bool = False
) -> tuple[bool, str]:
    """Whether a role does its work, or is at least alive, and one line that says why.

    While it takes over from another one that publishes the same cameras still, those are no failure.
    """
    said = found.liveness
    if said is None:
        return False, f"{found.path} is no state of a role: remove it"
    if found.is_silent:
        return False, f"{said.role}: has said nothing for {abs(found.age_s):.0f} s"
    others = said.reasons + said.shared
    problems = said.stuck
    if not live_only:
        problems += said.reasons if is_taking_over else others
    text = "; ".join(problems or said.facts + (others if live_only else ()))
    return not problems, f"{said.role}: {text or 'at work'}"
