"""What stands in a secret file: one line of UTF-8 text, or a clear word on why it is none."""

from __future__ import annotations

import codecs
import os
import stat
import unicodedata
from pathlib import Path

from vision.domain.errors import ConfigError

_LARGEST_BYTES = 64 * 1024
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SAVE = "save it as UTF-8 without a byte order mark"


def read_secret_text(path: Path, forbidden_mode: int) -> str | None:
    """The one line in the file ``path`` without its line end; None if there is no such file.

    Args:
        path: The secret file; links are followed.
        forbidden_mode: Permission bits that it must not have.

    Raises:
        ConfigError: It is no regular file, cannot be read, has one of those bits, or holds
            anything but one line of UTF-8 text. Nothing of the content is in the message.
    """
    try:
        data = _bytes_of(path, forbidden_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(
            f"secret file {path}: cannot be read ({error.strerror}): check its owner and mode"
        ) from None
    try:
        return _value(data)
    except ValueError as error:
        problem = str(error)
    # Raised outside the handler: nothing that holds the content is chained to it.
    raise ConfigError(f"secret file {path}: {problem}")


def oddity_of(value: str) -> str | None:
    """What of a value a person hardly meant, None if there is nothing; does not show the value."""
    if value != value.strip():
        return "begins or ends with a space, which counts as part of it"
    for character in value:
        if unicodedata.category(character) in ("Cf", "Zl", "Zp"):
            return (
                f"holds the invisible character U+{ord(character):04X}, which counts as part of it"
            )
    return None


def _bytes_of(path: Path, forbidden_mode: int) -> bytes:
    # Not blocking: a pipe with nobody at its other end would keep the program waiting.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise ConfigError(f"secret file {path}: is no regular file: replace it by one")
        if about.st_mode & forbidden_mode:
            raise ConfigError(f"secret file {path}: others may read it: chmod 600 {path}")
        data = os.read(descriptor, _LARGEST_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(data) > _LARGEST_BYTES:
        raise ConfigError(
            f"secret file {path}: is larger than {_LARGEST_BYTES} bytes: write the value alone into it"
        )
    return data


def _value(data: bytes) -> str:
    """The value in ``data``; a ValueError says what is wrong with it, and the remedy."""
    if data.startswith(_UTF_16):
        raise ValueError(f"is UTF-16 text: {_SAVE}")
    if data.startswith(codecs.BOM_UTF8):
        raise ValueError(f"begins with a byte order mark: {_SAVE}")
    if b"\0" in data:
        raise ValueError(f"holds a NUL byte, as UTF-16 text and binary keys do: {_SAVE}")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ValueError(f"is not UTF-8 text: {_SAVE}") from None
    value = text.removesuffix("\n").removesuffix("\r")
    if value and not value.strip("\r\n"):
        raise ValueError("is empty but for line ends: write the value into it")
    if "\n" in value or "\r" in value:
        raise ValueError("has more than one line: leave the value and one line end at most")
    for character in value:
        if character != "\t" and unicodedata.category(character) == "Cc":
            raise ValueError(f"holds the control character U+{ord(character):04X}: remove it")
    return value
