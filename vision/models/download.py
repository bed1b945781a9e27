"""Download of one URL into a part file, continued where an earlier attempt ended."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from pathlib import Path

from vision.domain.errors import ArtefactError
from vision.models.progress import ReachedBytes

_CHUNK_BYTES = 1 << 18
_TIMEOUT_S = 30.0


def download(url: str, part: Path, size: int, reached: ReachedBytes) -> None:
    """Bring ``part`` to ``size`` bytes from ``url``; proxies and certificates are the system's.

    A transfer that breaks is continued at once by a range request (RFC 9110, section 14) as
    long as each attempt gains something; else what is there stays for the next call.

    Raises:
        ArtefactError: The file cannot be had, or is larger than ``size``.
        OSError: ``part`` cannot be written.
    """
    while True:
        before = _bytes_in(part)
        if before >= size:
            break
        problem = _attempt(url, part, size, reached)
        after = _bytes_in(part)
        if after < size and after <= before:
            raise ArtefactError(f"{url}: {problem}")
    if _bytes_in(part) > size:
        part.unlink()
        raise ArtefactError(f"{url}: is larger than the {size} bytes the catalogue names")


def _attempt(url: str, part: Path, size: int, reached: ReachedBytes) -> str:
    """Append what one request gives; returns why it ended."""
    offset = _bytes_in(part)
    headers = {"User-Agent": "ariia-vision"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  the catalogue admits http and https only
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310  as above
            # A server that knows no ranges sends all of it again.
            if response.status != http.HTTPStatus.PARTIAL_CONTENT:
                offset = 0
            elif not _starts_at(response, offset):
                part.unlink()
                return "the server sent another range than the one asked for"
            _receive(response, part, offset, size, reached)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.unlink(missing_ok=True)
            return f"the server said {error.code} {error.reason}"
    except urllib.error.URLError as error:
        return f"cannot be reached: {error.reason}"
    except (http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        return f"the transfer broke: {str(error) or type(error).__name__}"
    return "the transfer ended early"


def _receive(
    response: http.client.HTTPResponse, part: Path, offset: int, size: int, reached: ReachedBytes
) -> None:
    with part.open("r+b" if offset else "wb") as file:
        file.seek(offset)
        done = offset
        # One byte too many is enough to know that it is not the file that was meant.
        while done <= size and (chunk := response.read1(_CHUNK_BYTES)):
            file.write(chunk)
            done += len(chunk)
            reached(min(done, size))


def _starts_at(response: http.client.HTTPResponse, offset: int) -> bool:
    return (response.headers.get("Content-Range") or "").startswith(f"bytes {offset}-")


def _bytes_in(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
