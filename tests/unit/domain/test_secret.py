"""A secret is shown by nothing that prints it."""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import pickle
import traceback

import pytest

from vision.capture.address import RtspAddress
from vision.config.secrets import Credentials
from vision.domain.secret import Secret

SECRET = Secret("hunter2-long")


def test_nothing_that_prints_it_shows_it() -> None:
    """Also inside of what holds it, and copied or taken apart."""
    address = RtspAddress("rtsp://h/1", SECRET, SECRET)
    for shown in (
        f"{SECRET} {SECRET!r} {SECRET!s:>20} {[SECRET]} %s %r" % (SECRET, SECRET),
        repr(Credentials(SECRET, SECRET)),
        repr(address),
        str(dataclasses.asdict(address)),
        str(copy.deepcopy({"a": SECRET})),
        str(vars(SECRET).keys()),
        json.dumps({"a": SECRET}, default=str),
    ):
        assert "hunter2" not in shown


def test_local_variables_in_a_traceback_do_not_show_it() -> None:
    """Debuggers and error reporters print the repr of each."""

    def fail(password: Secret) -> None:
        raise ValueError(f"wrong: {password}")

    out = io.StringIO()
    try:
        fail(SECRET)
    except ValueError as error:
        traceback.TracebackException.from_exception(error, capture_locals=True).print(file=out)
    assert "password = Secret(" in out.getvalue()
    assert "hunter2" not in out.getvalue()


def test_it_stays_in_its_process() -> None:
    """A pipe to another process would carry the plain text."""
    with pytest.raises(TypeError, match="read the secret file"):
        pickle.dumps({"password": SECRET})


def test_equal_values_are_equal() -> None:
    """As with plain text; the text itself is there for the edge that needs it."""
    assert Secret("a") == Secret("a") != Secret("b")
    assert SECRET.get_secret_value() == "hunter2-long"
    assert copy.copy(SECRET) is SECRET
