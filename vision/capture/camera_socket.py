"""A connection of our own to a camera, beside the media library's."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

from vision.capture.address import RtspAddress

_PORTS = {"rtsp": 554, "rtsps": 322}


def camera_socket(address: RtspAddress) -> socket.socket:
    """Connect to ``address``, by TLS where its URL says so.

    Raises:
        OSError: It cannot be reached, or its certificate is not the right one.
    """
    parts = urlsplit(address.url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    connection = socket.create_connection((host, port), address.open_timeout_s)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not address.is_tls:
            return connection
        context = ssl.create_default_context(cafile=address.tls_ca_file)
        if not address.tls_verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(connection, server_hostname=address.tls_server_name or host)
    except BaseException:
        connection.close()
        raise
