"""Where a camera is, and with what credentials it is talked to."""

from __future__ import annotations

from dataclasses import dataclass, replace
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

    @property
    def is_too_long_for_ffmpeg(self) -> bool:
        """Whether FFmpeg would cut the user name or password."""
        return len(self._userinfo()) > _USERINFO_BYTES

    def filled(self, text: str) -> str:
        """``text`` with the credentials in place of their placeholders: never to be shown."""
        username, password = self._quoted()
        return text.replace("{username}", username).replace("{password}", password)

    def full_url(self) -> str:
        """The URL with the credentials in it: for FFmpeg only, never to be shown."""
        if self.username is None or self.password is None:
            return self.url
        if _has_placeholder(self.url):
            return self.filled(self.url)
        if self.is_too_long_for_ffmpeg:
            raise SourceError(
                SourceErrorCode.AUTH_FAILED,
                f"user name and password are longer than {_USERINFO_BYTES} bytes percent-encoded: "
                "set transport: tcp",
            )
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=f"{self._userinfo()}@{parts.netloc}"))

    def _userinfo(self) -> str:
        has_any = self.username is not None and not _has_placeholder(self.url)
        return ":".join(self._quoted()) if has_any else ""

    def _quoted(self) -> tuple[str, str]:
        if self.username is None or self.password is None:
            return "{username}", "{password}"
        return (
            quote(self.username.get_secret_value(), safe=""),
            quote(self.password.get_secret_value(), safe=""),
        )


def moved(address: RtspAddress, location: str) -> RtspAddress | None:
    """Where the camera at ``address`` sends its clients; None if that is no place to go.

    Nobody is led from TLS to a connection in the clear, and no credential into a URL.
    """
    try:
        parts = urlsplit(location.strip().replace("{", "%7B").replace("}", "%7D"))
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or parts.scheme not in {urlsplit(address.url).scheme, "rtsps"}:
        return None
    is_same = host == urlsplit(address.url).hostname
    return replace(
        address,
        url=urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="")),
        tls_server_name=address.tls_server_name if is_same else None,
    )


def _has_placeholder(url: str) -> bool:
    return "{username}" in url or "{password}" in url
