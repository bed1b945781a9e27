"""Whatever the encoding of an output, a text is written to it and ends no command."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest

from vision.config.run_dir import run_dir
from vision.domain.errors import ConfigError
from vision.telemetry.lenient_output import make_lenient, writable_json


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "utf-8"])
def test_what_an_encoding_lacks_is_replaced(encoding: str) -> None:
    """Also a half of a character, which none has."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    make_lenient(stream, None)
    stream.write("Tür … 人 \ud800")
    stream.flush()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_stays_json_of_the_same_value(encoding: str) -> None:
    """What the encoding lacks is escaped."""
    text = json.dumps({"reason": "Tür … 人 😀"}, ensure_ascii=False)
    shown = writable_json(text, io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    shown.encode(encoding)
    assert json.loads(shown) == json.loads(text)


@pytest.mark.parametrize("closing", ["", ">&-", "2>&-", "<&-", ">&- 2>&- <&-", ">/dev/full"])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_command_ends_without_a_traceback(closing: str, encoding: str) -> None:
    """Whatever was closed before, or is full."""
    answer = subprocess.run(
        ["/bin/sh", "-c", f'exec "{sys.executable}" -m vision settings {closing}'],
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert answer.returncode == ("full" in closing)
    assert b"Traceback" not in answer.stderr


def test_no_temporary_folder_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The role runs without its file, and the health check names the remedy."""

    def none() -> str:
        raise FileNotFoundError

    monkeypatch.setattr("tempfile.gettempdir", none)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(ConfigError, match="mount one"):
        run_dir(None, {})
