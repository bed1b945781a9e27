"""The metrics of the pipeline's core; those of a feature stand beside it (``metrics.py``).

Names and units by Prometheus' conventions (prometheus.io/docs/practices/naming). Each label has a
closed set of values, or is the name of a camera or a label of the model: nothing that a camera or a
client sends can make a series. The order here is that of docs/metrics.md.
"""

from __future__ import annotations

from vision.domain.errors import SourceErrorCode
from vision.domain.frame import GateDecision
from vision.domain.losses import DropReason, SkipReason, WorkerLoss
from vision.domain.status import CameraState
from vision.domain.trouble import Trouble
from vision.telemetry.family import ALL, CAMERA, Label, Role, counter, gauge, histogram

_CAPTURING: tuple[Role, ...] = ("node", "ingest")
_INFERRING: tuple[Role, ...] = ("node", "infer")

_STATE = Label("state", tuple(CameraState))

_SECONDS = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5)
_FRAMES = (1, 2, 4, 8, 16, 32, 64)

STATE = gauge("vision_camera_state", "1 for the state that holds", (CAMERA, _STATE), _CAPTURING)
FPS = gauge(
    "vision_camera_fps",
    "frames per second, a mean of 5 s",
    (CAMERA, Label("stage", ("decoded", "inferred"))),
)
NEWEST_AGE = gauge(
    "vision_camera_newest_frame_age_seconds",
    "seconds since capture of the newest frame that arrived",
    (CAMERA,),
)
CLOCK_OFFSET = gauge(
    "vision_camera_clock_offset_seconds",
    "arrival of the newest frame minus its time by the camera's clock; absent without such a time",
    (CAMERA,),
)
STILL = gauge("vision_camera_still", "1 while the motion gate is shut", (CAMERA,))
ASLEEP = gauge(
    "vision_camera_asleep",
    "1 while the decoder sleeps: nothing moves, and it looks at key frames only",
    (CAMERA,),
    _CAPTURING,
)
RECEIVED = counter("vision_frames_received", "coded frames received", (CAMERA,), _CAPTURING)
DECODED = counter(
    "vision_frames_decoded",
    "frames decoded, or passed over where key frames suffice",
    (CAMERA,),
    _CAPTURING,
)
SLEPT = counter(
    "vision_frames_slept",
    "frames passed over while the decoder slept, since nothing moved",
    (CAMERA,),
    _CAPTURING,
)
DECODE_ERRORS = counter(
    "vision_decode_errors",
    "coded frames that the decoder refused, and pictures that could not be converted",
    (CAMERA,),
    _CAPTURING,
)
OFFERED = counter(
    "vision_frames_offered", "frames that passed pace and motion gate", (CAMERA,), _CAPTURING
)
SKIPPED = counter(
    "vision_frames_skipped",
    "offered frames that are not inferred",
    (CAMERA, Label("reason", tuple(SkipReason))),
)
INFERRED = counter("vision_frames_inferred", "frames inferred", (CAMERA,), _INFERRING)
DETECTIONS = counter(
    "vision_detections",
    "objects reported",
    (CAMERA, Label("label", origin="the model")),
    _INFERRING,
)
DISCARDED = counter(
    "vision_detections_discarded",
    "answers of the model that were left out: a score above 1, or no number",
    (CAMERA,),
    _INFERRING,
)
GATE = counter(
    "vision_motion_gate",
    "times the motion gate opened and closed, frames that it passed and held back",
    (CAMERA, Label("decision", tuple(GateDecision))),
    _CAPTURING,
)
RECONNECTS = counter(
    "vision_camera_reconnects",
    "connections that failed or were lost, each followed by another attempt",
    (CAMERA, Label("reason", tuple(SourceErrorCode))),
    _CAPTURING,
)
STALLS = counter(
    "vision_camera_stalls",
    "times that no picture came though the camera was connected",
    (CAMERA,),
    _CAPTURING,
)
STATE_CHANGES = counter(
    "vision_camera_state_changes", "changes of state, by the new one", (CAMERA, _STATE), _CAPTURING
)
RESTARTS = counter(
    "vision_worker_restarts",
    "ingest processes that were lost, each followed by another one",
    (CAMERA, Label("reason", tuple(WorkerLoss))),
    _CAPTURING,
)
WORKER_CPU = counter(
    "vision_worker_cpu_seconds",
    "processor time of the camera's ingest processes",
    (CAMERA,),
    _CAPTURING,
)
WORKER_RSS = gauge(
    "vision_worker_resident_memory_bytes",
    "resident memory of the camera's ingest process; absent while there is none",
    (CAMERA,),
    _CAPTURING,
)
CAPTURE_TO_PUBLISH = histogram(
    "vision_capture_to_publish_seconds",
    "from capture to the outbox",
    _SECONDS,
    (CAMERA,),
    _INFERRING,
)
FRAME_AGE = histogram(
    "vision_frame_age_seconds",
    "age of a frame, since capture, when the engine took it",
    _SECONDS,
    (CAMERA,),
    _INFERRING,
)
INFERENCE = histogram(
    "vision_inference_seconds", "time of a frame in the engine", _SECONDS, roles=_INFERRING
)
BATCH_SIZE = histogram(
    "vision_batch_size", "frames per request to the engine", _FRAMES, roles=_INFERRING
)
PUBLISHED = counter("vision_messages_published", "messages that Redis accepted")
DROPPED = counter(
    "vision_messages_dropped",
    "messages that will never reach their stream",
    (CAMERA, Label("reason", tuple(DropReason))),
)
OUTBOX = gauge("vision_outbox_messages", "messages that wait for Redis")
OUTBOX_LIMIT = gauge("vision_outbox_limit_messages", "messages per camera that may wait for Redis")
OUTBOX_BYTES = gauge("vision_outbox_bytes", "memory of the messages that wait")
SPOOL_BYTES = gauge(
    "vision_spool_bytes", "disk of the messages that wait; 0 without publishing.spool_dir"
)
REDIS_UP = gauge("vision_redis_up", "1 while Redis answers", roles=ALL)
TROUBLE = gauge(
    "vision_camera_trouble",
    "1 while messages of a camera are not written or read as they should be, by what is wrong; "
    "absent for what never was, and for a trouble of the whole role its camera is empty",
    (CAMERA, Label("trouble", tuple(Trouble))),
    ALL,
)
INVALID = counter(
    "vision_messages_invalid",
    "messages on Redis that were passed by, because they are none or another camera's",
    (
        CAMERA,
        Label("kind", ("detections", "status", "events", "narration")),
    ),
    ("node", "web", "events", "narrate", "bridge"),
)
REDACTIONS = counter(
    "vision_redactions",
    "credentials taken out of logs, messages and pages, workers included",
    roles=ALL,
)
CERTIFICATE = gauge(
    "vision_certificate_expiry_timestamp_seconds",
    "end of validity of the certificate that a TLS server showed, seconds since 1970",
    (Label("peer", origin="`redis`, or `camera:` and its name"),),
)
RELOAD_SUCCESSFUL = gauge(
    "vision_config_last_reload_successful",
    "1 if the newest settings are followed, 0 if they are wrong and those before hold",
    roles=ALL,
)
RELOADED_AT = gauge(
    "vision_config_last_reload_success_timestamp_seconds",
    "when settings were last taken over, seconds since 1970",
    roles=ALL,
)
MODEL = gauge(
    "vision_model_info",
    "1; the model that answers",
    tuple(Label(name, origin="the model") for name in ("name", "sha256", "backend")),
    _INFERRING,
)
