"""From a camera's settings and secret files to an address the capture stage opens."""

from __future__ import annotations

from vision.capture.address import RtspAddress
from vision.config.camera import CameraSettings
from vision.config.secrets import SecretFiles


def camera_address(name: str, camera: CameraSettings, secrets: SecretFiles) -> RtspAddress:
    """The address of a camera, its credentials read anew.

    Raises:
        ConfigError: A secret file is missing or not in order.
    """
    credentials = secrets.camera(name, camera)
    return RtspAddress(
        url=camera.url,
        username=credentials.username if credentials else None,
        password=credentials.password if credentials else None,
        transport=camera.transport,
        open_timeout_s=camera.open_timeout_s,
        read_timeout_s=camera.read_timeout_s,
        tls_verify=camera.tls.verify,
        tls_ca_file=camera.tls.ca_file,
        tls_server_name=camera.tls.server_name,
    )
