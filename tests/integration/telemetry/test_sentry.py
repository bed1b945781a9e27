"""Reports of errors: none unless asked for, and none with a secret in it."""

from __future__ import annotations

import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.node import CameraCredentials
from tests.support.secret_encodings import shown_in
from tests.support.sentry_server import running_sentry
from vision.config.secrets import write_secret

pytest.importorskip("sentry_sdk", reason="the extra sentry is not installed")

pytestmark = pytest.mark.integration

_PROGRAM = """
import logging, sys, threading
from pathlib import Path
from vision.config.camera import CameraSettings
from vision.config.secrets import SecretFiles
from vision.domain.errors import ConfigError
from vision.runtime.processes.error_reports import start_error_reports
from vision.telemetry.logs import configure_logs
from vision.telemetry.redaction import process_redactor
configure_logs("info", "text", sys.stdout)
folder = Path(sys.argv[1])
try:
    start_error_reports(folder, "run")
except ConfigError as error:
    raise SystemExit(str(error))
known = SecretFiles(folder, process_redactor.register)
credentials = known.camera("front", CameraSettings(url="rtsp://h/1"))
username, password = (secret.get_secret_value() for secret in
                      (credentials.username, credentials.password))
log = logging.getLogger("vision.test")
log.info("a crumb with %s", password, extra={"crumb": password})
def fail(argument):
    local = {argument: [argument]}
    try:
        raise OSError("rtsp://%s:%s@h" % (username, password))
    except OSError as error:
        error.add_note(password)
        raise ValueError(password) from error
try:
    fail(password)
except ValueError:
    log.exception("failed with %s %r", password, {"password": password},
                  extra={"more": {"deep": [password]}})
thread = threading.Thread(target=fail, args=(password,), name=password)
thread.start()
thread.join()
fail(password)
"""


@pytest.fixture
def secret() -> CameraCredentials:
    """Hostile ones."""
    return CameraCredentials()


@pytest.fixture
def folder(secret: CameraCredentials, tmp_path: Path) -> Path:
    """The secret files of a camera."""
    write_secret(tmp_path / "camera_front_username", secret.username)
    write_secret(tmp_path / "camera_front_password", secret.password)
    return tmp_path


def output_of(folder: Path, before: str = "") -> str:
    """What the program says on both outputs; its command line holds an argument more."""
    done = subprocess.run(
        [sys.executable, "-c", before + _PROGRAM, str(folder), "an-argument"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def test_what_is_reported_holds_no_secret(folder: Path, secret: CameraCredentials) -> None:
    """Message, arguments, extras, breadcrumbs, exceptions, notes, threads; no local variable."""
    key = secrets.token_hex(16)
    with running_sentry() as server:
        write_secret(folder / "sentry_dsn", server.dsn(key))
        said = output_of(folder)
    everything = "\n".join(server.bodies)
    assert len(server.events()) == 3, said
    assert not shown_in(everything, secret.username, secret.password)
    assert not shown_in(said, secret.username, secret.password, key)
    assert "failed with" in everything
    assert "a crumb with [redacted]" in everything
    assert "OSError" in everything
    for unwanted in ('"vars"', "an-argument", 'server_name": "' + _host()):
        assert unwanted not in everything
    assert {event["server_name"] for event in server.events()} == {"run"}


def test_nothing_is_sent_unless_asked_for(folder: Path) -> None:
    """No file, no report, not even the library is imported."""
    with running_sentry() as server:
        said = output_of(folder)
        assert "process.uncaught_exception" in said
        probe = "import sys\nimport vision.cli.run, vision.runtime.roles.node\nprint('sentry_sdk' in sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60
        )
        assert done.stdout.strip() == "False"
    assert server.bodies == []


@pytest.mark.parametrize("dsn", ["nonsense", "http://127.0.0.1/7", "http://key@[::/7"])
def test_an_address_that_is_none_is_refused_without_showing_it(folder: Path, dsn: str) -> None:
    """One line with the file and the remedy."""
    write_secret(folder / "sentry_dsn", dsn)
    said = output_of(folder)
    assert said.startswith("secret file sentry_dsn: is no address of a project")
    assert dsn not in said
    assert said.count("\n") == 1


def test_without_the_extra_the_remedy_is_named(folder: Path) -> None:
    """Who puts the file there wants reports: to send none would be no answer."""
    write_secret(folder / "sentry_dsn", "http://key@127.0.0.1/7")
    said = output_of(folder, "import sys\nsys.modules['sentry_sdk'] = None\n")
    assert said.startswith("secret file sentry_dsn: pip install 'ariia-vision[sentry]'")


def _host() -> str:
    return Path("/proc/sys/kernel/hostname").read_text().strip()
