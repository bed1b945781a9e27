"""Which events are told of, and with which key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.event_messages import event
from vision.config.narration import NarrationSettings, ProviderSettings
from vision.config.secrets import SecretFiles, write_secret
from vision.domain.errors import ConfigError
from vision.domain.event import EndReason, EventType
from vision.narration.facts import is_wanted
from vision.narration.provider import read_key
from vision.narration.wording import MOST_BYTES, picture_url


def test_arrivals_and_ends_are_told_of_by_default() -> None:
    """Not what lies between them."""
    settings = NarrationSettings()
    assert is_wanted(event(), settings)
    assert is_wanted(event(2, kind=EventType.END, end=EndReason.LEFT), settings)
    assert not is_wanted(event(1, kind=EventType.UPDATE), settings)


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"labels": ("person",)}, True),
        ({"labels": ("car",)}, False),
        ({"zones": ("door", "gate")}, True),
        ({"zones": ("gate",)}, False),
        ({"cameras": ("front",)}, True),
        ({"cameras": ("yard",)}, False),
        ({"types": ("end",)}, False),
    ],
)
def test_settings_choose(settings: dict[str, tuple[str, ...]], *, wanted: bool) -> None:
    """By label, zone, camera and type."""
    chosen = NarrationSettings.model_validate(settings)
    assert is_wanted(event(zones=("door",)), chosen) is wanted


def _provider(auth: str) -> ProviderSettings:
    return ProviderSettings.model_validate(
        {"name": "cloud", "url": "https://api.example.org/v1", "model": "m", "auth": auth}
    )


def test_a_key_comes_from_its_file_and_is_read_anew(tmp_path: Path) -> None:
    """So that a rotation needs no restart."""
    known: list[str] = []
    secrets = SecretFiles(tmp_path, lambda *values: known.extend(values))
    assert read_key(_provider("auto"), secrets) is None
    with pytest.raises(ConfigError, match="narration_cloud_key"):
        read_key(_provider("required"), secrets)
    path = write_secret(tmp_path / "narration_cloud_key", "sk-one-two-three\n")
    for value in ("sk-one-two-three", "sk-four-five-six"):
        path.write_text(value)
        key = read_key(_provider("required"), secrets)
        assert key is not None
        assert key.get_secret_value() == value
        assert value in known, "it is registered before it is used"
    assert read_key(_provider("none"), secrets) is None


@pytest.mark.parametrize("text", ["two words", "line\r\nX-Evil: 1", "clé-de-la-maison", "\x00abc"])
def test_what_does_not_fit_a_header_is_no_key(tmp_path: Path, text: str) -> None:
    """And is not shown."""
    write_secret(tmp_path / "narration_cloud_key", text)
    with pytest.raises(ConfigError, match="narration_cloud_key") as refusal:
        read_key(_provider("auto"), SecretFiles(tmp_path, lambda *_: None))
    assert text not in str(refusal.value)


def test_only_a_picture_of_bounded_size_is_sent() -> None:
    """As a URL that holds it."""
    assert picture_url(b"\xff\xd8abc") == "data:image/jpeg;base64,/9hhYmM="
    assert picture_url(b"\x89PNG") is None
    assert picture_url(None) is None
    assert picture_url(b"\xff\xd8" + bytes(MOST_BYTES)) is None
