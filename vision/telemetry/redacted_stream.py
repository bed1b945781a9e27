"""Standard output and error behind redaction: for whatever reaches them past the logs.

``print``, argparse, multiprocessing's own traceback of a child and a library's message end
here. What is written in C to the file descriptor does not, nor bytes to ``sys.stdout.buffer``.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Any, Literal, TextIO, cast

from vision.telemetry.lenient_output import make_lenient
from vision.telemetry.redaction import Redactor, process_redactor

_Name = Literal["stdout", "stderr"]


class RedactedStream:
    """A text stream that redacts line by line, else as the one it stands for. Thread-safe."""

    def __init__(self, plain: TextIO, redactor: Redactor) -> None:
        self.plain = plain
        """The stream itself, for writers that redact on their own."""
        self._redactor = redactor
        self._lock = threading.Lock()
        self._rest: list[str] = []

    def write(self, text: str) -> int:
        """Write whole lines; what has no line end yet waits for it or for :meth:`flush`."""
        with self._lock:
            lines, line_end, rest = text.rpartition("\n")
            if line_end:
                self.plain.write(self._redactor.redact(self._taken() + lines) + line_end)
            if rest:
                self._rest.append(rest)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each text."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Write what waits for its line end."""
        with self._lock:
            if rest := self._taken():
                self.plain.write(self._redactor.redact(rest))
            self.plain.flush()

    def _taken(self) -> str:
        rest = "".join(self._rest)
        self._rest.clear()
        return rest

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)


def redact_output(*names: _Name, redactor: Redactor = process_redactor) -> None:
    """Put standard output or error behind redaction for the rest of the process."""
    for name in names:
        plain = getattr(sys, name)
        make_lenient(plain)
        if plain is not None and not isinstance(plain, RedactedStream):
            setattr(sys, name, cast("TextIO", RedactedStream(plain, redactor)))


@contextlib.contextmanager
def redacted_output(*names: _Name, redactor: Redactor = process_redactor) -> Iterator[None]:
    """As :func:`redact_output`, for the length of a block."""
    before = {name: getattr(sys, name) for name in names}
    redact_output(*names, redactor=redactor)
    try:
        yield
    finally:
        for name, plain in before.items():
            guarded = getattr(sys, name)
            if isinstance(guarded, RedactedStream) and guarded is not plain:
                with contextlib.suppress(OSError, ValueError):
                    guarded.flush()
                setattr(sys, name, plain)
