"""Where a camera is, and with what credentials it is talked to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from vision.domain.errors import SourceError, SourceErrorCode
from vision.domain.secret import Secret

# FFmpeg keeps user:password in a buffer of 128 bytes and cuts what is longer.
_USERINFO_BYTES = 127


@dataclass(frozen=True, slots=True)
class RtspAddress:
    """Where a camera is and how to talk to it; its repr shows no credential.

    Attributes:
        url: Without userinfo; ``{username}`` and ``{password}`` stand for the credentials.
        username: None when the camera has no credentials.
        password: As ``username``.
        transport: ``tcp`` or ``udp``.
        open_timeout_s: Longest wait for the connection and the stream's description.
        read_timeout_s: Longest silence of an open stream.
        tls_verify: Whether a certificate is checked, for ``rtsps://``.
        tls_ca_file: Certificate authority, None for the system's.
        tls_server_name: Name in the certificate, None for the URL's host.
    """

    url: str
    username: Secret | None = None
    password: Secret | None = None
    transport: str = "tcp"
    open_timeout_s: float = 5.0
    read_timeout_s: float = 5.0
    tls_verify: bool = True
    tls_ca_file: Path | None = None
    tls_server_name: str | None = None

    @property
    def is_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return urlsplit(self.url).scheme == "rtsps"

    def full_url(self) -> str:
        """The URL with the credentials in it: for FFmpeg only, never to be shown."""
        if self.username is None or self.password is None:
            return self.url
        username, password = (
            quote(secret.get_secret_value(), safe="") for secret in (self.username, self.password)
        )
        if "{username}" in self.url or "{password}" in self.url:
            return self.url.replace("{username}", username).replace("{password}", password)
        userinfo = f"{username}:{password}"
        if len(userinfo) > _USERINFO_BYTES:
            raise SourceError(
                SourceErrorCode.AUTH_FAILED,
                f"user name and password are longer than {_USERINFO_BYTES} bytes percent-encoded",
            )
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=f"{userinfo}@{parts.netloc}"))
