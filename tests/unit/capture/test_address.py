"""Credentials enter the URL at the last moment and are shown by nothing."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.capture.address import RtspAddress
from vision.domain.errors import SourceError
from vision.domain.secret import Secret

text = st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1, max_size=20)


@given(text, text)
def test_any_credential_survives_the_url(username: str, password: str) -> None:
    """Characters that mean something in a URL are percent-encoded."""
    url = RtspAddress("rtsp://host:554/a/b?c=1", Secret(username), Secret(password)).full_url()
    parts = urlsplit(url)
    assert (parts.hostname, parts.port, parts.path, parts.query) == ("host", 554, "/a/b", "c=1")
    assert unquote(parts.username or "") == username
    assert unquote(parts.password or "") == password


def test_placeholders_take_the_credentials_instead() -> None:
    """A camera that wants them in its query gets them there only."""
    address = RtspAddress("rtsp://host/?u={username}&p={password}", Secret("a b"), Secret("c&d"))
    assert address.full_url() == "rtsp://host/?u=a%20b&p=c%26d"


def test_the_repr_shows_no_credential() -> None:
    """It may stand in a traceback."""
    shown = repr(RtspAddress("rtsp://host/", Secret("somebody"), Secret("hunter2")))
    assert "hunter2" not in shown
    assert "somebody" not in shown


def test_credentials_that_the_library_would_cut_are_refused() -> None:
    """A silently shortened password would look like a wrong one."""
    with pytest.raises(SourceError, match="longer than"):
        RtspAddress("rtsp://host/", Secret("u"), Secret("x" * 130)).full_url()
