"""The peers as the benchmark starts them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from bench.cameras import Cameras, Sent, camera_name
from bench.clips import CACHE, clip, frames_of
from bench.fresh import ROOT, fresh
from bench.pipeline.site import Site

Environment: TypeAlias = Literal["ultralytics", "roboflow"]
_ENVIRONMENTS = Path(__file__).parents[1] / ".venvs"
# What they would ask or tell the network, and models they would load, have no part in this.
_QUIET = {
    "YOLO_OFFLINE": "true",
    "YOLO_AUTOINSTALL": "false",
    "METRICS_ENABLED": "False",
    "OTEL_METRICS_ENABLED": "False",
    "TELEMETRY_OPT_OUT": "True",
    "OFFLINE_MODE": "True",
    "LOG_LEVEL": "ERROR",
    "CORE_MODELS_ENABLED": "False",
}
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Peer:
    """A program and a form of it.

    Attributes:
        name: As the table shows it.
        environment: Where it is installed.
        module: Its runner.
        loads: ``weights`` (PyTorch), ``network`` (ONNX) or ``export`` (its own OpenVINO files).
        options: Of the runner.
    """

    name: str
    environment: Environment
    module: str
    loads: Literal["weights", "network", "export"]
    options: tuple[str, ...] = ()

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return _ENVIRONMENTS / self.environment / "bin" / "python"


PEERS = (
    Peer("Ultralytics, PyTorch", "ultralytics", "bench.peers.ultralytics_predict", "weights"),
    Peer("Ultralytics, OpenVINO", "ultralytics", "bench.peers.ultralytics_predict", "export"),
    Peer(
        "Roboflow, ONNX Runtime",
        "roboflow",
        "bench.peers.roboflow_pipeline",
        "network",
        ("--engine=onnxruntime",),
    ),
    Peer(
        "Roboflow, OpenVINO",
        "roboflow",
        "bench.peers.roboflow_pipeline",
        "network",
        ("--engine=openvino",),
    ),
)


@dataclass(frozen=True, slots=True)
class PeerModels:
    """The same model in the forms that peers load.

    Attributes:
        weights: PyTorch file.
        network: ONNX file.
        size: Height and width of the input.
    """

    weights: Path
    network: Path
    size: tuple[int, int]


def installed() -> list[Peer]:
    """The peers whose environment is there."""
    return [peer for peer in PEERS if peer.python.exists()]


def run(peer: Peer, site: Site, models: PeerModels) -> dict[str, Any]:
    """One round of a peer with cameras of its own; see :class:`bench.peers.window.Window`.

    ``latency_ms`` is from the moment a camera sent the frame whose number stands in the
    picture to the peer's result.
    """
    shown = clip(site.width, site.height, site.camera_fps)
    with tempfile.TemporaryDirectory(prefix="vision-bench-") as name:
        folder = Path(name)
        model = _model(peer, site.cameras, models)
        with Cameras(shown, site.cameras, folder) as cameras:
            streams = folder / "cameras.streams"
            streams.write_text("\n".join(cameras.urls.values()) + "\n")
            arguments = [f"--streams={streams}", f"--model={model}", *_sizes(models.size)]
            arguments += [f"--warm-up-s={site.warm_up_s}", f"--seconds={site.seconds}"]
            answer: dict[str, Any] = _ask(peer, peer.module, [*arguments, *peer.options], folder)
        sent = cameras.sent()
    answer["latency_ms"] = _latencies_ms(answer["seen"], sent, frames_of(shown))
    return answer


def _ask(peer: Peer, module: str, arguments: Sequence[str], home: Path) -> Any:
    variables = {**_QUIET, "PYTHONPATH": str(ROOT), "YOLO_CONFIG_DIR": str(home)}
    return fresh(module, arguments, peer.python, variables)


def _sizes(size: tuple[int, int]) -> list[str]:
    return [f"--height={size[0]}", f"--width={size[1]}"]


def _model(peer: Peer, cameras: int, models: PeerModels) -> Path:
    if peer.loads == "weights":
        return models.weights
    if peer.loads == "network":
        return models.network
    height, width = models.size
    folder = CACHE / f"{models.weights.stem}-batch-{cameras}-{height}x{width}"
    made = folder / f"{models.weights.stem}_openvino_model"
    if not made.is_dir():
        arguments = [f"--weights={models.weights}", f"--batch={cameras}", f"--folder={folder}"]
        _ask(peer, "bench.peers.ultralytics_export", [*arguments, *_sizes(models.size)], folder)
    return made


def _latencies_ms(
    seen: Sequence[tuple[int, int, int]], sent: dict[str, list[Sent]], frames: int
) -> list[float]:
    """Of the results whose picture's number could be read.

    A peer may have opened a camera more than once; its last connection is the one that lasted.
    """
    latencies = []
    for camera, seen_ns, number in seen:
        viewers = sent[camera_name(camera)]
        sent_ns = viewers[-1].last(number, frames, seen_ns) if number >= 0 and viewers else None
        if sent_ns is not None:
            latencies.append((seen_ns - sent_ns) / _NS_PER_MS)
    return latencies
