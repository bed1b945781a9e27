"""Standard output and error that take any text, whatever the terminal's encoding, open or closed."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from typing import TextIO

_JSON_ERRORS = "vision.json"


def make_lenient(*streams: TextIO | None) -> None:
    """Have ``streams`` write ``?`` for a character that their encoding lacks, instead of failing."""
    for stream in streams:
        # A stream that a test or an embedding program put there need not know how.
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # as said


def open_outputs() -> None:
    """Open what the caller closed onto nothing, and let both outputs take any text.

    The next file or socket would else get the descriptor of standard output, and whatever is
    printed.
    """
    for number, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is not None:
            continue
        try:
            os.fstat(number)
        except OSError:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
        setattr(sys, name, open(os.devnull, "w" if number else "r", encoding="utf-8"))  # noqa: PTH123, SIM115  for the rest of the process
    make_lenient(sys.stdout, sys.stderr)


def writable_json(text: str, stream: TextIO) -> str:
    r"""JSON ``text`` in the characters that ``stream`` can write, the others as ``\u`` escapes."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, _JSON_ERRORS).decode(encoding)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    # Beyond ASCII a JSON text has characters in its strings only, where each may be escaped.
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    codes = [units[at : at + 2].hex() for at in range(0, len(units), 2)]
    return "".join(f"\\u{code}" for code in codes), error.end


codecs.register_error(_JSON_ERRORS, _escaped)
