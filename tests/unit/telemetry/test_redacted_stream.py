"""Standard output and error pass redaction too."""

from __future__ import annotations

import io
import sys
import traceback

import pytest

from vision.telemetry.redacted_stream import RedactedStream, redacted_output
from vision.telemetry.redaction import REDACTED, Redactor

SECRET = "hunter2-long"


@pytest.fixture
def redactor() -> Redactor:
    """One that knows the secret."""
    redactor = Redactor()
    redactor.register(SECRET)
    return redactor


def test_a_secret_in_pieces_is_put_together(redactor: Redactor) -> None:
    """A line may be written in many calls; it is looked at once it is whole."""
    plain = io.StringIO()
    stream = RedactedStream(plain, redactor)
    for piece in ("the password is ", SECRET[:5], SECRET[5:], ".\nnext"):
        assert stream.write(piece) == len(piece)
    assert plain.getvalue() == f"the password is {REDACTED}.\n"
    stream.flush()
    assert plain.getvalue().endswith("\nnext")


def test_what_is_printed_passes_and_the_stream_is_put_back(
    redactor: Redactor, capsys: pytest.CaptureFixture[str]
) -> None:
    """``print``, tracebacks and writes of libraries; afterwards all is as before."""
    before = sys.stdout, sys.stderr
    with redacted_output("stdout", "stderr", redactor=redactor):
        with redacted_output("stderr", redactor=redactor):
            print("a", SECRET, sep="=")  # noqa: T201  what is tested
        assert not sys.stderr.isatty()
        traceback.print_exception(ValueError(SECRET))
        sys.stderr.writelines(["no line end ", SECRET])
    assert (sys.stdout, sys.stderr) == before
    shown = capsys.readouterr()
    assert shown.out == f"a={REDACTED}\n"
    assert f"ValueError: {REDACTED}\n" in shown.err
    assert shown.err.endswith(f"no line end {REDACTED}")
    assert SECRET not in shown.err
