"""`rediss://` is believed only when its certificate is in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.support.messages import detection
from tests.support.publishing import publishing_to, stream_payloads
from tests.support.redis_processes import RedisProcesses, free_ports
from tests.support.waiting import wait_until
from vision.config.core import RedisSettings, RedisTlsSettings
from vision.domain.errors import ConfigError, PublishError
from vision.publishing.probe import probe_redis
from vision.redis.client import open_client

pytestmark = pytest.mark.integration
_UNKNOWN = "certificate was not accepted: (self-signed certificate|unable to get local issuer)"


@dataclass(frozen=True, slots=True)
class _TlsRedis:
    """A server that speaks nothing but TLS, and the authorities of this test."""

    port: int
    password: str
    right_ca: Path
    wrong_ca: Path

    def settings(
        self,
        *,
        command_timeout_s: float = 2.0,
        host: str = "127.0.0.1",
        tls: RedisTlsSettings | None = None,
    ) -> RedisSettings:
        """Settings of a node that trusts the right authority."""
        return RedisSettings(
            url=f"rediss://{host}:{self.port}/0",
            tls=tls or RedisTlsSettings(ca_file=self.right_ca),
            command_timeout_s=command_timeout_s,
        )


@pytest.fixture(scope="module")
def tls_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_TlsRedis]:
    """Certificates made for this run; the name in them is 127.0.0.1 and no other."""
    folder = tmp_path_factory.mktemp("tls")
    right, wrong = trustme.CA(), trustme.CA()
    right.cert_pem.write_to_path(folder / "right.pem")
    wrong.cert_pem.write_to_path(folder / "wrong.pem")
    issued = right.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    for pem in issued.cert_chain_pems:
        pem.write_to_path(folder / "cert.pem", append=True)
    (port,) = free_ports(1)
    with RedisProcesses(folder) as processes:
        processes.start(
            "server",
            port,
            "port 0",
            f"tls-port {port}",
            f"tls-cert-file {folder / 'cert.pem'}",
            f"tls-key-file {folder / 'key.pem'}",
            f"tls-ca-cert-file {folder / 'right.pem'}",
            "tls-auth-clients no",
            "requirepass tls-secret",
        )
        server = _TlsRedis(port, "tls-secret", folder / "right.pem", folder / "wrong.pem")
        wait_until(lambda: _answers(server), "the server")
        yield server


def _answers(server: _TlsRedis) -> bool:
    try:
        return bool(probe_redis(server.settings(), lambda: server.password))
    except PublishError:
        return False


def test_messages_travel_encrypted(tls_redis: _TlsRedis, caplog: pytest.LogCaptureFixture) -> None:
    """With the authority that signed it, a server is used like any other, without a warning."""
    with publishing_to(tls_redis) as running:
        running.publisher.publish(detection(1))
        running.wait_sent()
    assert list(stream_payloads(tls_redis)) == [detection(1).stream_id]
    assert not caplog.records


@pytest.mark.parametrize(
    ("host", "authority", "words"),
    [
        ("127.0.0.1", "wrong.pem", _UNKNOWN),
        ("127.0.0.1", None, _UNKNOWN),
        ("localhost", "right.pem", "certificate was not accepted: Hostname mismatch"),
    ],
)
def test_a_certificate_that_is_not_in_order_is_refused_in_words(
    tls_redis: _TlsRedis, host: str, authority: str | None, words: str
) -> None:
    """The wrong authority, none, or another name: one line, and no password is sent."""
    ca_file = tls_redis.right_ca.with_name(authority) if authority else None
    settings = tls_redis.settings(host=host, tls=RedisTlsSettings(ca_file=ca_file))
    with pytest.raises(PublishError, match=words) as raised:
        probe_redis(settings, lambda: tls_redis.password)
    assert "\n" not in str(raised.value)
    assert "check redis.url and redis.tls.ca_file" in str(raised.value)


def test_what_is_not_checked_is_said_at_every_start(
    tls_redis: _TlsRedis, caplog: pytest.LogCaptureFixture
) -> None:
    """`redis.tls.verify: false` works with any certificate, and warns each time."""
    settings = tls_redis.settings(host="localhost", tls=RedisTlsSettings(verify=False))
    for _ in range(2):
        with publishing_to(tls_redis, settings=settings) as running:
            running.wait_connected()
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if line.startswith("redis.tls_unverified")]) == 2
    assert tls_redis.password not in caplog.text


def test_an_authority_that_cannot_be_read_is_a_mistake_in_the_settings(
    tls_redis: _TlsRedis, tmp_path: Path
) -> None:
    """A missing file and one that holds no certificate are named at the start."""
    (tmp_path / "notes.pem").write_text("no certificate")
    for name, words in (("gone.pem", "no such file"), ("notes.pem", "has no certificate in PEM")):
        tls = RedisTlsSettings(ca_file=tmp_path / name)
        with pytest.raises(ConfigError, match=rf"^redis\.tls\.ca_file: .*{name}.*{words}"):
            open_client(tls_redis.settings(tls=tls), None)
