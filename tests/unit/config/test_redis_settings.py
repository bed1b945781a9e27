"""What fits together under `redis:` and what does not, in one line each."""

from __future__ import annotations

import pytest

from vision.config import settings_from
from vision.domain.errors import ConfigError

_TWO = ["10.0.0.1:26379", "10.0.0.2:26379"]


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"sentinels": ["redis://host:26379"]}, ["redis.sentinels", "host:26379"]),
        ({"sentinels": ["host"]}, ["redis.sentinels", "host:26379"]),
        ({"cluster_nodes": ["user:word@host:6379"]}, ["redis.cluster_nodes", "without scheme"]),
        ({"sentinels": _TWO, "cluster_nodes": _TWO}, ["redis: ", "exclude each other"]),
        ({"url": "unix:///run/redis.sock", "sentinels": _TWO}, ["redis: ", "write redis://"]),
        ({"url": "redis://host/3", "cluster_nodes": _TWO}, ["redis: ", "a cluster has only 0"]),
        ({"url": "redis://host?db=3", "cluster_nodes": _TWO}, ["redis: ", "has only 0"]),
        ({"tls": {"verify": False}}, ["redis: ", "write rediss://"]),
        ({"url": "rediss://host?ssl_cert_reqs=none"}, ["redis.url", "set redis.tls.verify"]),
    ],
)
def test_a_mistake_is_one_line_with_key_and_remedy(
    values: dict[str, object], parts: list[str]
) -> None:
    """Each mistake names its key and what to do."""
    with pytest.raises(ConfigError) as caught:
        settings_from({"redis": values}, "vision.yaml", {})
    assert "\n" not in str(caught.value)
    assert "user:" not in str(caught.value)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {"sentinels": _TWO, "sentinel_name": "ariia", "url": "redis://ignored:6379/3"},
        {"cluster_nodes": ["[::1]:6379", "node:6379"], "url": "rediss://ignored"},
        {"url": "rediss://host", "tls": {"verify": False}},
    ],
)
def test_what_fits_is_taken(values: dict[str, object]) -> None:
    """The ways to name a Redis that fails over, and one that is not verified."""
    redis = settings_from({"redis": values}, "vision.yaml", {}).redis
    assert redis.fails_over is ("sentinels" in values or "cluster_nodes" in values)


def test_a_variable_names_several_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the environment a list is written as JSON."""
    monkeypatch.setenv("VISION_REDIS__SENTINELS", '["10.0.0.1:26379","10.0.0.2:26379"]')
    assert settings_from({}, "vision.yaml").redis.sentinels == tuple(_TWO)
