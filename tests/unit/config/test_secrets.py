"""Secret files are read with care, and what they hold is registered before anything else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from vision.config.camera import CameraSettings
from vision.config.secrets import SecretFiles
from vision.domain.errors import ConfigError
from vision.domain.secret import Secret


class Vault:
    """A secrets folder, and what was registered."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.registered: list[tuple[str, ...]] = []
        self.files = SecretFiles(directory, lambda *values: self.registered.append(values))

    def write(self, name: str, text: str, mode: int = 0o600) -> None:
        """Put a secret file there."""
        self.write_bytes(name, text.encode(), mode)

    def write_bytes(self, name: str, content: bytes, mode: int = 0o600) -> None:
        """As :meth:`write`, of what need be no text."""
        path = self.directory / name
        path.write_bytes(content)
        path.chmod(mode)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """An empty secrets folder."""
    return Vault(tmp_path)


def camera(url: str = "rtsp://h/1", auth: str = "auto") -> CameraSettings:
    """A camera's settings."""
    return CameraSettings.model_validate({"url": url, "auth": auth})


def test_a_value_is_read_registered_and_loses_its_line_end(vault: Vault) -> None:
    """Editors end files with a newline that is not part of the password; spaces are."""
    vault.write("redis_password", " pa ss \n")
    assert vault.files.read("redis_password") == Secret(" pa ss ")
    assert vault.registered == [(" pa ss ",)]


def test_a_value_is_read_anew_each_time(vault: Vault) -> None:
    """A rotation needs no restart."""
    vault.write("redis_password", "old")
    assert vault.files.read("redis_password") == Secret("old")
    vault.write("redis_password", "new")
    assert vault.files.read("redis_password") == Secret("new")


def test_a_short_value_is_warned_of_once_and_not_shown(
    vault: Vault, caplog: pytest.LogCaptureFixture
) -> None:
    """It can be guessed, and logs cannot hide what stands in any word."""
    vault.write("redis_password", "a1b2c3")
    vault.write("camera_front_username", "bob")
    for _ in range(2):
        vault.files.read("redis_password")
        vault.files.read("camera_front_username")
    assert caplog.text.count("secrets.short_value") == 1
    assert "redis_password" in caplog.text
    assert "a1b2c3" not in caplog.text


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_may_read_is_refused(vault: Vault, mode: int) -> None:
    """The remedy is in the message."""
    vault.write("redis_password", "x", mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        vault.files.read("redis_password")


def test_an_empty_file_is_refused(vault: Vault) -> None:
    """It is a mistake, not an empty password."""
    vault.write("redis_password", "\n")
    with pytest.raises(ConfigError, match="empty"):
        vault.files.read("redis_password")


@pytest.mark.parametrize("line_end", [b"", b"\n", b"\r\n"])
def test_one_line_end_of_either_kind_is_no_part_of_the_value(vault: Vault, line_end: bytes) -> None:
    """Editors of both families end a file with theirs."""
    vault.write_bytes("redis_password", b"hunter2-long" + line_end)
    assert vault.files.read("redis_password") == Secret("hunter2-long")


@pytest.mark.parametrize(
    ("content", "remedy"),
    [
        (b"\xff\xfehunter2", "is UTF-16 text: save it as UTF-8"),
        ("hunter2".encode("utf-16"), "is UTF-16 text: save it as UTF-8"),
        ("hunter2".encode("utf-16-be"), "holds a NUL byte"),
        (b"\xfe\xff\0h", "is UTF-16 text: save it as UTF-8"),
        (b"\xef\xbb\xbfhunter2\n", "begins with a byte order mark: save it as UTF-8 without"),
        ("hünter2".encode("latin-1"), "is not UTF-8 text: save it as UTF-8"),
        (b"hunter2\0", "holds a NUL byte"),
        (b"hunter2\n\n", "has more than one line: leave the value"),
        (b"hunter2\r\n\r\n", "has more than one line: leave the value"),
        (b"hunter2\r\r\n", "has more than one line: leave the value"),
        (b"\nhunter2", "has more than one line: leave the value"),
        (b"user\nhunter2\n", "has more than one line: leave the value"),
        (b"\n\n", "is empty but for line ends: write the value"),
        (b"hunter2\x1b", r"holds the control character U\+001B: remove it"),
        ("hunter2\x85".encode(), r"holds the control character U\+0085: remove it"),
        (b"hunter2" * 10_000, "is larger than 65536 bytes: write the value alone"),
    ],
)
def test_what_is_no_line_of_text_is_refused_without_showing_it(
    vault: Vault, content: bytes, remedy: str
) -> None:
    """The server would else refuse a password that looks right to whoever opens the file."""
    vault.write_bytes("redis_password", content)
    with pytest.raises(ConfigError, match=remedy) as caught:
        vault.files.read("redis_password")
    line = str(caught.value)
    assert "redis_password" in line
    assert "nter2" not in line
    assert len(line.splitlines()) == 1


def test_what_is_no_file_is_refused_at_once(vault: Vault) -> None:
    """A pipe that nobody writes to would keep the program waiting."""
    os.mkfifo(vault.directory / "web_token", 0o600)
    (vault.directory / "redis_password").mkdir()
    (vault.directory / "metrics_token").symlink_to("/dev/zero")
    for name in ("web_token", "redis_password", "metrics_token"):
        with pytest.raises(ConfigError, match=f"{name}: is no regular file"):
            vault.files.read(name)


@pytest.mark.parametrize(
    ("value", "oddity"),
    [
        (" hunter2-long", "begins or ends with a space"),
        ("hunter2-long\t", "begins or ends with a space"),
        ("hunter2-long\N{NO-BREAK SPACE}", "begins or ends with a space"),
        ("hunter2\N{ZERO WIDTH SPACE}-long", "U+200B"),
        ("hunter2-long\N{ZERO WIDTH NO-BREAK SPACE}", "U+FEFF"),
    ],
)
def test_what_a_person_hardly_meant_is_kept_and_remarked_on_once(
    vault: Vault, value: str, oddity: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be part of the password; who wonders why the login fails finds it named."""
    vault.write("redis_password", value + "\n")
    for _ in range(2):
        assert vault.files.read("redis_password") == Secret(value)
    assert caplog.text.count("secrets.odd_value") == 1
    assert oddity in caplog.text
    assert "nter2" not in caplog.text
    assert oddity in vault.files.oddities[vault.directory / "redis_password"]


def test_a_camera_without_files_has_no_credentials(vault: Vault) -> None:
    """Not every camera asks for them."""
    assert vault.files.camera("front", camera()) is None


def test_a_camera_with_both_files_has_credentials_registered_as_a_pair(vault: Vault) -> None:
    """The pair is what basic authentication encodes."""
    vault.write("camera_front_username", "viewer")
    vault.write("camera_front_password", "hunter2")
    credentials = vault.files.camera("front", camera())
    assert credentials is not None
    assert (credentials.username, credentials.password) == (Secret("viewer"), Secret("hunter2"))
    assert ("viewer", "hunter2") in vault.registered
    assert "hunter2" not in repr(credentials)


@pytest.mark.parametrize(
    ("settings", "present", "missing"),
    [
        (camera(), "camera_front_username", "camera_front_password"),
        (camera(), "camera_front_password", "camera_front_username"),
        (camera(auth="required"), "other", "camera_front_username"),
        (camera("rtsp://h/?u={username}"), "other", "camera_front_username"),
    ],
)
def test_a_missing_partner_is_named(
    vault: Vault, settings: CameraSettings, present: str, missing: str
) -> None:
    """One half of the credentials, or none where they are needed, is a mistake."""
    vault.write(present, "x")
    with pytest.raises(ConfigError, match=f"missing secret file {missing}"):
        vault.files.camera("front", settings)


def test_a_camera_can_do_without_its_files(vault: Vault) -> None:
    """``auth: none`` leaves files of that name alone."""
    vault.write("camera_front_username", "viewer")
    assert vault.files.camera("front", camera(auth="none")) is None


def test_the_stamp_differs_with_every_change_of_a_cameras_files(tmp_path: Path) -> None:
    """Made, written, replaced by a link, removed; others do not count."""
    files = SecretFiles(tmp_path, lambda *_: None)
    path, other = tmp_path / "camera_front_password", tmp_path / "camera_yard_password"
    changes: list[Callable[[], object]] = [
        lambda: path.write_text("one"),
        lambda: path.write_text("two2"),
        path.unlink,
        lambda: path.symlink_to(other),
    ]
    other.write_text("three")
    for change in changes:
        before = files.stamp("front")
        change()
        assert files.stamp("front") != before
        assert files.stamp("front") == files.stamp("front")
    before = files.stamp("front")
    (tmp_path / "camera_gate_password").write_text("four")
    assert files.stamp("front") == before


@pytest.mark.parametrize("content", ["", "\n", "\r\n"])
@pytest.mark.parametrize("auth", ["auto", "required"])
@pytest.mark.parametrize("url", ["rtsp://h/1", "rtsp://h/{username}/{password}"])
def test_a_camera_may_have_an_empty_password(
    content: str, auth: str, url: str, vault: Vault
) -> None:
    """Meant by an empty file beside a user name; told, and not registered as something to hide."""
    vault.write("camera_front_username", "admin")
    vault.write("camera_front_password", content)
    credentials = vault.files.camera("front", camera(url, auth))
    assert credentials is not None
    assert credentials.username == Secret("admin")
    assert credentials.password == Secret("")
    assert all("" not in values for values in vault.registered)
    told = vault.files.oddities[vault.directory / "camera_front_password"]
    assert told.startswith("is empty: the camera is sent an empty password")


@pytest.mark.parametrize("auth", ["auto", "required"])
def test_an_empty_password_without_a_user_name_is_a_mistake(auth: str, vault: Vault) -> None:
    """As is an empty user name."""
    vault.write("camera_front_password", "")
    with pytest.raises(ConfigError, match=r"is empty|missing secret file camera_front_username"):
        vault.files.camera("front", camera(auth=auth))
    vault.write("camera_front_username", "")
    with pytest.raises(ConfigError, match=r"camera_front_username: is empty"):
        vault.files.camera("front", camera(auth=auth))


def test_no_other_password_may_be_empty(vault: Vault) -> None:
    """Of Redis or a broker it is a mistake."""
    vault.write("redis_password", "")
    with pytest.raises(ConfigError, match="is empty: write the value into it"):
        vault.files.read("redis_password")
