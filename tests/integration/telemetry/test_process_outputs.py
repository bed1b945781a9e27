"""What a whole process writes: the media library at its most talkative, children, event loops."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from simulator import Clip, Credentials, Server
from tests.support.clips import make_clip
from tests.support.node import CameraCredentials
from tests.support.secret_encodings import shown_in
from vision.config.secrets import write_secret

pytestmark = pytest.mark.integration

_SETUP = """
import logging, sys
from pathlib import Path
from vision.config.secrets import SecretFiles
from vision.telemetry.logs import configure_logs
from vision.telemetry.redacted_stream import redact_output
from vision.telemetry.redaction import process_redactor
configure_logs("debug", sys.argv[1], sys.stdout)
logging.getLogger().setLevel(1)
redact_output("stdout", "stderr")
secrets = SecretFiles(Path(sys.argv[2]), process_redactor.register)
"""
_LIBAV = """
import av, av.logging, traceback
from vision.capture.rtsp import RtspSession
from vision.config.camera import CameraSettings
from vision.domain.errors import SourceError
from vision.runtime.ingest.process import camera_address
av.logging.set_level(av.logging.TRACE)
logging.getLogger("libav").setLevel(1)
address = camera_address("front", CameraSettings(url=sys.argv[3]), secrets)
try:
    with RtspSession(address) as session:
        next(session.frames())
except SourceError:
    logging.exception("as the node says it")
for text in (address.full_url(), address.full_url() + "/there/is/none"):
    try:
        # Else it looks at the stream for seconds.
        av.open(text, options={"probesize": "32", "analyzeduration": "1"}, timeout=5.0).close()
    except av.error.FFmpegError as error:
        print(repr(error), error.filename, error.args)
        logging.exception("with the library's own words %s", error)
        traceback.print_exc()
"""
_EVENT_LOOP = """
import asyncio, gc, warnings
password = secrets.require("camera_front_password", "").get_secret_value()
async def fail():
    raise OSError(password)
async def main():
    task = asyncio.create_task(fail(), name=password)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    gc.collect()
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: [][password])
    loop.call_exception_handler({"message": "handler " + password, "detail": [password]})
    fail()
    gc.collect()
    warnings.warn(password)
    await asyncio.sleep(0)
asyncio.run(main(), debug=True)
raise SystemExit("gone: " + password)
"""
_CHILD = """
import multiprocessing, os
def child(folder):
    exec(os.environ["CHILD_SETUP"])
    password = secrets.require("camera_front_password", "").get_secret_value()
    raise OSError(password)
if __name__ == "__main__":
    from multiprocessing import get_context
    child_process = get_context("fork").Process(target=child, args=(sys.argv[2],))
    child_process.start()
    child_process.join()
"""
_BUG = """
import vision.cli.settings as command
from vision.cli.main import main
password = secrets.require("camera_front_password", "").get_secret_value()
def bug(args):
    raise OSError(password)
command.run = bug
raise SystemExit(main(["settings"]))
"""
_TYPED = """
from urllib.parse import quote
from vision.cli.main import main
password = secrets.require("camera_front_password", "").get_secret_value()
main(["check", "rtsp://me:" + quote(password, safe="") + "@h", password, "rtsp://not:registered@h"])
"""
_FAULT = """
import ctypes
password = secrets.require("camera_front_password", "").get_secret_value()
def crash(word):
    ctypes.string_at(0)
crash(password)
"""


@pytest.fixture(scope="module")
def secret() -> CameraCredentials:
    """Hostile ones."""
    return CameraCredentials()


@pytest.fixture(scope="module")
def folder(secret: CameraCredentials, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The secret files of a camera."""
    folder = tmp_path_factory.mktemp("secrets")
    write_secret(folder / "camera_front_username", secret.username)
    write_secret(folder / "camera_front_password", secret.password)
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """What the cameras play."""
    return Clip.load(make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4"))


def output_of(program: str, *arguments: str) -> str:
    """What a program says on both outputs."""
    done = subprocess.run(
        [sys.executable, "-c", _SETUP + program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"CHILD_SETUP": _SETUP, "PATH": "/usr/bin"},
        timeout=60,
        check=False,
    )
    return done.stdout.decode(errors="backslashreplace")


@pytest.fixture(params=["text", "json"])
def log_format(request: pytest.FixtureRequest) -> str:
    """Both of them."""
    return str(request.param)


@pytest.mark.parametrize("scheme", ["basic", "digest"])
@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
@pytest.mark.parametrize("query", ["", "?usr={username}&pwd={password}"], ids=["userinfo", "query"])
def test_the_media_library_may_say_all_it_knows(
    clip: Clip,
    secret: CameraCredentials,
    folder: Path,
    log_format: str,
    *,
    scheme: Literal["basic", "digest"],
    query: str,
    right: bool,
) -> None:
    """At its level TRACE it logs whole requests, and its exceptions hold the URL."""
    known = Credentials(secret.username, secret.password if right else "another", scheme)
    with Server({"front": clip}, credentials=known) as server:
        said = output_of(_LIBAV, log_format, str(folder), server.url("front") + query)
    assert "DESCRIBE" in said
    if not query:
        assert "Authorization: [redacted]" in said
    assert "HTTPUnauthorizedError" in said or right
    assert not shown_in(said, secret.username, secret.password)
    assert not re.search(r"response=\W*[0-9a-f]{32}", said)


def test_without_redaction_it_would_show(
    clip: Clip, secret: CameraCredentials, folder: Path
) -> None:
    """So the tests above look at something."""
    blind = "process_redactor.redact = lambda text: text\n" + _LIBAV
    with Server(
        {"front": clip}, credentials=Credentials(secret.username, secret.password)
    ) as server:
        said = output_of(blind, "text", str(folder), server.url("front"))
    assert shown_in(said, secret.username, secret.password)
    assert re.search(r"response=\W*[0-9a-f]{32}", said)


def test_nothing_of_the_media_library_is_logged_by_default(
    clip: Clip, secret: CameraCredentials, folder: Path
) -> None:
    """PyAV is silent until somebody sets a level, which this program never does."""
    quiet = _LIBAV.replace("av.logging.set_level(av.logging.TRACE)", "")
    with Server(
        {"front": clip}, credentials=Credentials(secret.username, secret.password)
    ) as server:
        said = output_of(quiet, "text", str(folder), server.url("front"))
    assert "libav" not in said
    assert not shown_in(said, secret.username, secret.password)


@pytest.mark.parametrize(
    ("program", "proof"),
    [
        pytest.param(_EVENT_LOOP, "exception was never retrieved", id="event loop"),
        pytest.param(_EVENT_LOOP, "was never awaited", id="warning"),
        pytest.param(_EVENT_LOOP, "gone: [redacted]", id="exit"),
        pytest.param(_CHILD, "OSError: [redacted]", id="child"),
        pytest.param(_BUG, "process.uncaught_exception", id="bug in a command"),
        pytest.param(_TYPED, "unrecognized arguments: rtsp://[redacted]@h", id="arguments"),
        pytest.param(_FAULT, "Segmentation fault", id="fault"),
    ],
)
def test_what_python_says_of_failures_shows_nothing(
    secret: CameraCredentials, folder: Path, log_format: str, program: str, proof: str
) -> None:
    """Event loops, warnings, children of multiprocessing, arguments, bugs, crashes in C."""
    said = output_of(program, log_format, str(folder))
    assert proof in said
    assert not shown_in(said, secret.username, secret.password, "not:registered")
