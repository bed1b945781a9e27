"""Settings of the narrator: what cannot work or leaks is refused in one line."""

from __future__ import annotations

import sys
import zoneinfo
from typing import Any

import pytest

from vision.config.loader import settings_from
from vision.config.narration import NarrationSettings, is_local_address
from vision.domain.errors import ConfigError

_CLOUD = {"name": "cloud", "url": "https://api.example.org/v1", "model": "m"}
_OLLAMA = {"name": "ollama", "url": "http://ollama:11434/v1/", "model": "llama3"}


def _settings(**narration: Any) -> NarrationSettings:
    return settings_from({"narration": narration}, "vision.yaml", {}).narration


def test_nobody_is_asked_unless_the_settings_name_somebody() -> None:
    """Nothing leaves the house by default, and no picture."""
    settings = _settings()
    assert settings.providers == ()
    assert not settings.images
    assert settings.deadline_s == 3.0


def test_cloud_and_ollama_fit_into_the_deadline_as_they_are() -> None:
    """With the times that they have by default."""
    settings = _settings(providers=[_CLOUD, _OLLAMA])
    assert [provider.name for provider in settings.providers] == ["cloud", "ollama"]
    assert settings.providers[1].url == "http://ollama:11434/v1"
    assert not settings.providers[0].is_plain_and_local
    assert settings.providers[1].is_plain_and_local


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"url": "http://api.example.org/v1"}, "not encrypted"),
        ({"url": "http://93.184.216.34/v1"}, "not encrypted"),
        ({"url": "https://me:pw@api.example.org/v1"}, "narration_<name>_key"),
        ({"url": "https://api.example.org/v1?key=abc"}, "must end with its path"),
        ({"url": "ftp://api.example.org/v1"}, "must look like"),
        ({"url": "https://api.exa mple.org/v1"}, "must look like"),
        ({"url": "https:///v1"}, "must look like"),
        ({"url": "https://api.example.org:0/v1"}, "must look like"),
        ({"name": "template"}, "take another name"),
        ({"name": "../etc"}, "becomes part of a file name"),
        ({"timeout_s": 2.8}, "does not fit in deadline_s less 0.25 s"),
        ({"key": "sk-123"}, "unknown key"),
        ({"model": ""}, "at least 1 character"),
    ],
)
def test_a_provider_that_cannot_be_is_refused(change: dict[str, Any], complaint: str) -> None:
    """One line, with the key, and without what stands in it."""
    with pytest.raises(ConfigError, match=complaint) as refusal:
        _settings(providers=[_CLOUD | change])
    line = str(refusal.value)
    assert line.startswith("vision.yaml: narration")
    assert "pw@" not in line
    assert "sk-123" not in line
    assert "abc" not in line


def test_a_mistyped_key_of_a_provider_is_named() -> None:
    """As for any other topic."""
    with pytest.raises(ConfigError, match=r"narration\.providers\.0\.modelname: .*'model'"):
        _settings(providers=[_CLOUD | {"modelname": "x"}])


@pytest.mark.parametrize(
    ("narration", "complaint"),
    [
        ({"providers": [_CLOUD, _CLOUD]}, "two are called 'cloud'"),
        ({"providers": [_CLOUD], "deadline_s": 1.0}, "does not fit"),
        ({"timezone": "Europe/Berlln"}, "must be a time zone"),
        ({"timezone": "../../etc/passwd"}, "must be a time zone"),
        ({"types": []}, "at least 1 item"),
        ({"language": "fr"}, "'de' or 'en'"),
    ],
)
def test_what_does_not_fit_together_is_refused(narration: dict[str, Any], complaint: str) -> None:
    """With the remedy."""
    with pytest.raises(ConfigError, match=complaint):
        _settings(**narration)


@pytest.mark.parametrize(
    "host",
    ["ollama", "localhost", "127.0.0.1", "[::1]", "192.168.1.5", "10.0.0.2", "llm.home.arpa"],
)
def test_a_local_host_may_be_asked_in_plain_text(host: str) -> None:
    """By name or by address."""
    (provider,) = _settings(providers=[_OLLAMA | {"url": f"http://{host}:1/v1"}]).providers
    assert provider.is_plain_and_local


def test_plain_text_to_elsewhere_has_to_be_wanted() -> None:
    """By a key of its own."""
    url = "http://api.example.org/v1"
    (provider,) = _settings(providers=[_CLOUD | {"url": url, "allow_http": True}]).providers
    assert not provider.is_plain_and_local


def test_addresses_are_told_apart() -> None:
    """Those of this machine and of private networks from all others."""
    local = ("127.0.0.1", "10.1.2.3", "172.16.0.9", "fd00::1", "fe80::1%eth0", "::ffff:10.0.0.1")
    assert all(map(is_local_address, local))
    assert not any(map(is_local_address, ("93.184.216.34", "2606:4700::1", "::ffff:8.8.8.8")))


def test_a_missing_time_zone_database_is_not_blamed_on_the_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The name is right; the machine knows none."""
    # Parts of the package that were loaded already would be found without it.
    for name in ["tzdata", *(name for name in sys.modules if name.startswith("tzdata."))]:
        monkeypatch.setitem(sys.modules, name, None)
    zoneinfo.reset_tzpath(to=[])
    zoneinfo.ZoneInfo.clear_cache()
    try:
        with pytest.raises(ConfigError, match="install the package tzdata"):
            settings_from({"narration": {"timezone": "Europe/Berlin"}}, "vision.yaml", {})
    finally:
        zoneinfo.reset_tzpath()
