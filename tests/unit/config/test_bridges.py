"""Settings of the bridges: what is refused, and with which words."""

from __future__ import annotations

from typing import Any

import pytest

from vision.config.loader import settings_from
from vision.domain.errors import ConfigError


def _settings(bridge: dict[str, Any]) -> Any:
    return settings_from({"bridge": bridge}, "test", {}).bridge


def _target(**changes: Any) -> dict[str, Any]:
    return {"webhook": {"targets": [{"name": "door", "url": "https://h/x", **changes}]}}


@pytest.mark.parametrize(
    ("bridge", "words"),
    [
        ({"mqtt": {"url": "mqtt://me:word@h"}}, "holds a user name or password"),
        ({"mqtt": {"url": "http://h"}}, "must look like mqtt://"),
        ({"mqtt": {"url": "mqtt://h:0"}}, "must look like mqtt://"),
        ({"mqtt": {"url": "mqtt://h/path"}}, "must look like mqtt://"),
        ({"mqtt": {"url": "mqtt://h", "tls": {"ca_file": "x"}}}, "url is not encrypted"),
        ({"mqtt": {"url": "mqtts://h", "tls": {"cert_file": "x"}}}, "belong together"),
        ({"mqtt": {"topic": "a/#"}}, "must be one or more levels"),
        ({"mqtt": {"broker": "h"}}, "unknown key"),
        (_target(url="https://me@h/x"), "holds a user name or password"),
        (_target(url="https://h/x?token=abc"), "holds a credential in its query"),
        (_target(url="https://{token}.h/x"), "in its host"),
        (_target(url="ftp://h/x"), "must look like https://"),
        (_target(url="https://h/a b"), "must look like https://"),
        (_target(name="Door"), "becomes part of file names"),
        (_target(types=["begin"]), "'new', 'update' or 'end'"),
        (_target(labels=["person"], color="red"), "unknown key"),
        (
            {"webhook": {"targets": 2 * _target()["webhook"]["targets"]}},
            "two targets have the same name",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(bridge: dict[str, Any], words: str) -> None:
    """The line names the key, and never what may be a credential."""
    with pytest.raises(ConfigError) as caught:
        _settings(bridge)
    line = str(caught.value)
    assert words in line
    assert line.startswith("test: bridge.")
    assert "word@" not in line
    assert "abc" not in line


def test_what_is_allowed() -> None:
    """TLS, IPv6, tokens in path and query, several levels."""
    found = _settings(
        {
            "mqtt": {
                "url": "mqtts://[::1]:8883",
                "topic": "home/vision",
                "tls": {"ca_file": "ca", "cert_file": "c", "key_file": "k"},
            },
            **_target(url="https://h/{token}/x?key={token}", cameras=["front"]),
        }
    )
    assert found.mqtt.topic == "home/vision"
    assert found.webhook.targets[0].types == ("new", "end")
