"""Addresses of cameras: well-formed, in one spelling, and without credentials."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from vision.config.url_credentials import credential_place

PLACEHOLDERS = ("{username}", "{password}")
_LOOKS = "must look like rtsp://host:554/path or rtsps://host:322/path"
_SCHEMES = ("rtsp", "rtsps")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?")
_ZONE = re.compile(r"%(?:25)?[A-Za-z0-9_.-]+")
# FFmpeg keeps addresses in buffers of 4096 bytes, and credentials are still to come.
_LONGEST = 2048


def checked_rtsp_url(url: str) -> str:
    """The address with its scheme in lower case, and the zone of an IPv6 address after ``%``.

    Raises:
        ValueError: It is malformed or holds a credential. The text says what to do, and shows
            nothing that may be one.
    """
    # Looked for before the URL is taken apart: in user:pa/ss@host the '@' is in the path.
    if "@" in url:
        raise ValueError(
            "holds a user name or password: remove them from the URL and put them into the "
            "secret files camera_<name>_username and camera_<name>_password (an '@' that belongs to a path is written %40)"
        )
    _refuse_odd_text(url)
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in _SCHEMES:
        raise ValueError(_LOOKS)
    url = f"{scheme.lower()}://{rest}"
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(
            f"has brackets around something else than an IPv6 address: {_LOOKS}"
        ) from None
    _refuse_host(parts)
    _refuse_credential(parts)
    # RFC 6874 writes the zone of an IPv6 address so, and the media library as RFC 4007 does.
    return url.replace(parts.netloc, parts.netloc.replace("%25", "%"), 1)


def _refuse_odd_text(url: str) -> None:
    if len(url) > _LONGEST:
        raise ValueError(f"is longer than {_LONGEST} characters: {_LOOKS}")
    if not url.isprintable() or " " in url:
        raise ValueError(
            "holds a space or a control character: remove it (a space that belongs to a path is "
            "written %20)"
        )
    if "#" in url:
        raise ValueError(
            "holds a '#': remove it and what follows, which no camera is sent (a '#' that belongs "
            "to a path is written %23; a credential goes into a secret file)"
        )
    if "\\" in url:
        raise ValueError(f"holds a backslash: {_LOOKS}")


def _refuse_host(parts: SplitResult) -> None:
    netloc = parts.netloc
    if netloc.count(":") > 1 and "[" not in netloc:
        raise ValueError(
            "has an IPv6 address without brackets: write rtsp://[2001:db8::1]:554/path"
        )
    try:
        port, host = parts.port, parts.hostname
    except ValueError:
        raise ValueError(f"has a port that is no number from 1 to 65535: {_LOOKS}") from None
    if port == 0:
        raise ValueError(f"has a port that is no number from 1 to 65535: {_LOOKS}")
    if not host:
        raise ValueError(f"names no host: {_LOOKS}")
    if netloc.endswith(":"):
        raise ValueError("has a ':' after its host and no port: write the port or remove the ':'")
    if "[" in netloc:
        _refuse_ipv6(netloc)
    elif not host.isascii():
        raise ValueError("has a host name beyond ASCII: write its form that begins with xn--")
    elif not _HOST.fullmatch(host):
        raise ValueError(f"has a host name with a character that none can have: {_LOOKS}")


def _refuse_ipv6(netloc: str) -> None:
    inside, closed, behind = netloc.removeprefix("[").partition("]")
    address, mark, zone = inside.partition("%")
    is_whole = netloc.startswith("[") and closed and (not behind or behind.startswith(":"))
    try:
        is_of_link = ipaddress.IPv6Address(address).is_link_local
    except ValueError:
        is_whole = is_of_link = False
    if not is_whole or (mark and not _ZONE.fullmatch(mark + zone)):
        raise ValueError(f"has brackets around something else than an IPv6 address: {_LOOKS}")
    if mark and not is_of_link:
        raise ValueError("has a zone ('%…'), which addresses of fe80::/10 alone have: remove it")


def _refuse_credential(parts: SplitResult) -> None:
    place = credential_place(parts, PLACEHOLDERS)
    if place is not None:
        raise ValueError(
            f"holds a credential in its {place}: write {{username}} or {{password}} in place of its "
            "value, and put the value into the secret file camera_<name>_username or "
            "camera_<name>_password"
        )
