"""The end of a certificate is read off a real TLS server, and off none that is not believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from simulator import Clip, Server
from simulator.server import tls_context
from tests.support.clips import make_clip
from vision.config.camera import CameraSettings
from vision.config.core import RedisSettings
from vision.runtime.components.certificates import (
    CertificateWatch,
    TlsPeer,
    certificate_end_s,
    tls_peers,
)
from vision.telemetry.metrics import NodeMetrics

pytestmark = pytest.mark.integration

_ENDS = datetime(2099, 5, 4, 3, 2, 1, tzinfo=UTC)


def exposed(metrics: NodeMetrics) -> list[str]:
    """The lines about certificates."""
    lines = metrics.exposition()[0].decode().splitlines()
    return [line for line in lines if line.startswith("vision_certificate")]


def test_the_end_of_a_cameras_certificate_is_told(tmp_path: Path) -> None:
    """To the second; a server with an authority that is not known tells nothing."""
    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    other.cert_pem.write_to_path(tmp_path / "other.pem")
    issued = authority.issue_cert(
        "127.0.0.1", not_after=_ENDS, not_before=datetime.now(UTC) - timedelta(days=1)
    )
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    tls = tls_context(tmp_path / "cert.pem", tmp_path / "key.pem")
    clip = Clip.load(make_clip(tmp_path / "clip.mp4"))
    with Server({"front": clip}, tls=tls) as server:

        def camera(**settings: object) -> CameraSettings:
            return CameraSettings.model_validate({"url": server.url("front"), "tls": settings})

        cameras = {
            "front": camera(ca_file=tmp_path / "ca.pem"),
            "yard": camera(ca_file=tmp_path / "other.pem"),
            "gate": camera(verify=False),
        }
        peers = list(tls_peers(RedisSettings(), cameras))
        assert [peer.name for peer in peers] == ["camera:front", "camera:yard"]
        metrics = NodeMetrics(list)
        watch = CertificateWatch(peers, metrics)
        watch.check()
        value = f"{_ENDS.timestamp():.0f}"
        (line,) = exposed(metrics)
    name, told = line.rsplit(" ", 1)
    assert name == 'vision_certificate_expiry_timestamp_seconds{peer="camera:front"}'
    assert f"{float(told):.0f}" == value
    # The server is gone: what was known goes on to hold.
    watch.check()
    assert exposed(metrics) == [line]
    with pytest.raises(OSError, match=r".+"):
        certificate_end_s(peers[0])


def test_only_a_server_that_is_talked_to_over_tls_is_asked() -> None:
    """By its address; which one it is behind Sentinels nobody can say beforehand."""
    cameras = {"front": CameraSettings(url="rtsp://192.0.2.20/x")}
    assert list(tls_peers(RedisSettings(), cameras)) == []
    secured = {"url": "rediss://192.0.2.30:6380/0", "tls": {"ca_file": "ca.pem"}}
    (redis,) = tls_peers(RedisSettings.model_validate(secured), cameras)
    assert (redis.name, redis.host, redis.port) == ("redis", "192.0.2.30", 6380)
    assert redis.ca_file == Path("ca.pem")
    watched = secured | {"sentinels": ("192.0.2.31:26379",)}
    assert list(tls_peers(RedisSettings.model_validate(watched), {})) == []


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "..", "ä" * 64])
def test_a_name_that_cannot_be_looked_up_ends_nothing(host: str) -> None:
    """The thread that looks at all of them is a part of the node."""
    peer = TlsPeer("camera:front", host, 322, host, None)
    CertificateWatch([peer], NodeMetrics(list)).check()
