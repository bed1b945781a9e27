"""An RTSP server by GStreamer: a second opinion on how cameras behave.

A program for the system's Python, which has GStreamer's bindings. It reads one line of JSON
from its standard input, ``{"clips": {NAME: [FILE.ts, "h264" or "h265"]}, "digest": [USER,
PASSWORD] or null}``, answers ``{"port": N}`` and serves until its standard input ends. With
``--check`` it only finds out whether it could: a reason and exit code 1 if not.
"""

from __future__ import annotations

import json
import sys
from typing import Any

try:
    import gi  # type: ignore[import-not-found]  # belongs to the system's Python

    for name in ("Gst", "GstRtsp", "GstRtspServer"):
        gi.require_version(name, "1.0")
    from gi.repository import (  # type: ignore[import-not-found]  # as above
        GLib,
        Gst,
        GstRtsp,
        GstRtspServer,
    )
except (ImportError, ValueError) as error:
    sys.exit(f"no GstRtspServer in {sys.executable}: {error}")

_ELEMENTS = ("multifilesrc", "tsdemux", "h264parse", "h265parse", "rtph264pay", "rtph265pay")
_ROLE = "viewer"


def media_factory(file: str, codec: str) -> Any:
    """A stream that repeats an MPEG-TS file without a jump of its timestamps."""
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f'( multifilesrc location="{file}" loop=true ! tsdemux '
        f"! {codec}parse config-interval=-1 ! rtp{codec}pay name=pay0 pt=96 )"
    )
    factory.set_shared(True)
    return factory


def digest_auth(username: str, password: str) -> Any:
    """Asks every client for these credentials and gives it the role of a viewer."""
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", _ROLE)
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest(username, password, token)
    return auth


def viewers_only() -> Any:
    """Permissions that let a viewer find and play a stream."""
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_role(_ROLE)
    for permission in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role(_ROLE, permission, allowed=True)
    return permissions


def main() -> None:
    """Serve what standard input asks for."""
    Gst.init(None)
    missing = [name for name in _ELEMENTS if Gst.ElementFactory.find(name) is None]
    if missing:
        sys.exit(f"GStreamer lacks {', '.join(missing)}")
    if "--check" in sys.argv:
        return
    order = json.loads(sys.stdin.readline())
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    if order["digest"]:
        server.set_auth(digest_auth(*order["digest"]))
    for path, (file, codec) in order["clips"].items():
        factory = media_factory(file, codec)
        if order["digest"]:
            factory.set_permissions(viewers_only())
        server.get_mount_points().add_factory(f"/{path}", factory)
    loop = GLib.MainLoop()
    server.attach(None)
    GLib.io_add_watch(
        sys.stdin.fileno(), GLib.PRIORITY_DEFAULT, GLib.IO_HUP, lambda *_: loop.quit()
    )
    print(json.dumps({"port": server.get_bound_port()}), flush=True)  # noqa: T201 - its answer
    loop.run()


if __name__ == "__main__":
    main()
