"""Every metric: name, kind, labels and meaning. The collectors and docs/metrics.md follow it.

Names and units by Prometheus' conventions (prometheus.io/docs/practices/naming). Each label has a
closed set of values, or is the name of a camera or a label of the model: nothing that a camera or a
client sends can make a series.
"""

from __future__ import annotations

from vision.domain.errors import SourceErrorCode
from vision.domain.status import CameraState
from vision.domain.trouble import Trouble
from vision.domain.worker_loss import WorkerLoss
from vision.telemetry import bridge_families as bridge
from vision.telemetry import event_families as events
from vision.telemetry import narration_families as narration
from vision.telemetry import snapshot_families as snapshots
from vision.telemetry.family import ALL, Family, Kind, Label, Role

_CAPTURING: tuple[Role, ...] = ("node", "ingest")
_INFERRING: tuple[Role, ...] = ("node", "infer")

_CAMERA = Label("camera", origin="the settings")
_MODEL_LABEL = Label("label", origin="the model")
_STATE = Label("state", tuple(CameraState))
_SKIP = Label(
    "reason",
    (
        "overtaken",
        "overrun",
        "stale",
        "repeated",
        "engine_error",
        "slot_unavailable",
        "outrun",
    ),
)
_DROP = Label(
    "reason", ("overflow", "refused_id", "lease_lost", "rejected", "forgotten", "shutdown")
)
_GATE = Label("decision", ("opened", "closed", "passed", "held"))

STATE = Family(
    "vision_camera_state", Kind.GAUGE, "1 for the state that holds", (_CAMERA, _STATE), _CAPTURING
)
FPS = Family(
    "vision_camera_fps",
    Kind.GAUGE,
    "frames per second, a mean of 5 s",
    (_CAMERA, Label("stage", ("decoded", "inferred"))),
)
NEWEST_AGE = Family(
    "vision_camera_newest_frame_age_seconds",
    Kind.GAUGE,
    "seconds since capture of the newest frame that arrived",
    (_CAMERA,),
)
CLOCK_OFFSET = Family(
    "vision_camera_clock_offset_seconds",
    Kind.GAUGE,
    "arrival of the newest frame minus its time by the camera's clock; absent without such a time",
    (_CAMERA,),
)
STILL = Family("vision_camera_still", Kind.GAUGE, "1 while the motion gate is shut", (_CAMERA,))
ASLEEP = Family(
    "vision_camera_asleep",
    Kind.GAUGE,
    "1 while the decoder sleeps: nothing moves, and it looks at key frames only",
    (_CAMERA,),
    _CAPTURING,
)
RECEIVED = Family(
    "vision_frames_received", Kind.COUNTER, "coded frames received", (_CAMERA,), _CAPTURING
)
DECODED = Family(
    "vision_frames_decoded",
    Kind.COUNTER,
    "frames decoded, or passed over where key frames suffice",
    (_CAMERA,),
    _CAPTURING,
)
SLEPT = Family(
    "vision_frames_slept",
    Kind.COUNTER,
    "frames passed over while the decoder slept, since nothing moved",
    (_CAMERA,),
    _CAPTURING,
)
DECODE_ERRORS = Family(
    "vision_decode_errors",
    Kind.COUNTER,
    "coded frames that the decoder refused, and pictures that could not be converted",
    (_CAMERA,),
    _CAPTURING,
)
OFFERED = Family(
    "vision_frames_offered",
    Kind.COUNTER,
    "frames that passed pace and motion gate",
    (_CAMERA,),
    _CAPTURING,
)
SKIPPED = Family(
    "vision_frames_skipped", Kind.COUNTER, "offered frames that are not inferred", (_CAMERA, _SKIP)
)
INFERRED = Family("vision_frames_inferred", Kind.COUNTER, "frames inferred", (_CAMERA,), _INFERRING)
DETECTIONS = Family(
    "vision_detections", Kind.COUNTER, "objects reported", (_CAMERA, _MODEL_LABEL), _INFERRING
)
DISCARDED = Family(
    "vision_detections_discarded",
    Kind.COUNTER,
    "answers of the model that were left out: a score above 1, or no number",
    (_CAMERA,),
    _INFERRING,
)
GATE = Family(
    "vision_motion_gate",
    Kind.COUNTER,
    "times the motion gate opened and closed, frames that it passed and held back",
    (_CAMERA, _GATE),
    _CAPTURING,
)
RECONNECTS = Family(
    "vision_camera_reconnects",
    Kind.COUNTER,
    "connections that failed or were lost, each followed by another attempt",
    (_CAMERA, Label("reason", tuple(SourceErrorCode))),
    _CAPTURING,
)
STALLS = Family(
    "vision_camera_stalls",
    Kind.COUNTER,
    "times that no picture came though the camera was connected",
    (_CAMERA,),
    _CAPTURING,
)
STATE_CHANGES = Family(
    "vision_camera_state_changes",
    Kind.COUNTER,
    "changes of state, by the new one",
    (_CAMERA, _STATE),
    _CAPTURING,
)
RESTARTS = Family(
    "vision_worker_restarts",
    Kind.COUNTER,
    "ingest processes that were lost, each followed by another one",
    (_CAMERA, Label("reason", tuple(WorkerLoss))),
    _CAPTURING,
)
WORKER_CPU = Family(
    "vision_worker_cpu_seconds",
    Kind.COUNTER,
    "processor time of the camera's ingest processes",
    (_CAMERA,),
    _CAPTURING,
)
WORKER_RSS = Family(
    "vision_worker_resident_memory_bytes",
    Kind.GAUGE,
    "resident memory of the camera's ingest process; absent while there is none",
    (_CAMERA,),
    _CAPTURING,
)
CAPTURE_TO_PUBLISH = Family(
    "vision_capture_to_publish_seconds",
    Kind.HISTOGRAM,
    "from capture to the outbox",
    (_CAMERA,),
    _INFERRING,
)
FRAME_AGE = Family(
    "vision_frame_age_seconds",
    Kind.HISTOGRAM,
    "age of a frame, since capture, when the engine took it",
    (_CAMERA,),
    _INFERRING,
)
INFERENCE = Family(
    "vision_inference_seconds", Kind.HISTOGRAM, "time of a frame in the engine", (), _INFERRING
)
BATCH_SIZE = Family(
    "vision_batch_size", Kind.HISTOGRAM, "frames per request to the engine", (), _INFERRING
)
PUBLISHED = Family("vision_messages_published", Kind.COUNTER, "messages that Redis accepted")
DROPPED = Family(
    "vision_messages_dropped",
    Kind.COUNTER,
    "messages that will never reach their stream",
    (_CAMERA, _DROP),
)
OUTBOX = Family("vision_outbox_messages", Kind.GAUGE, "messages that wait for Redis")
OUTBOX_LIMIT = Family(
    "vision_outbox_limit_messages", Kind.GAUGE, "messages per camera that may wait for Redis"
)
OUTBOX_BYTES = Family("vision_outbox_bytes", Kind.GAUGE, "memory of the messages that wait")
SPOOL_BYTES = Family(
    "vision_spool_bytes",
    Kind.GAUGE,
    "disk of the messages that wait; 0 without publishing.spool_dir",
)
REDIS_UP = Family("vision_redis_up", Kind.GAUGE, "1 while Redis answers", (), ALL)
TROUBLE = Family(
    "vision_camera_trouble",
    Kind.GAUGE,
    "1 while messages of a camera are not written or read as they should be, by what is wrong; "
    "absent for what never was, and for a trouble of the whole role its camera is empty",
    (_CAMERA, Label("trouble", tuple(Trouble))),
    ALL,
)
INVALID = Family(
    "vision_messages_invalid",
    Kind.COUNTER,
    "messages on Redis that were passed by, because they are none or another camera's",
    (
        Label("camera", origin="the settings and Redis"),
        Label("kind", ("detections", "status", "events", "narration")),
    ),
    ("node", "web", "events", "narrate", "bridge"),
)
REDACTIONS = Family(
    "vision_redactions",
    Kind.COUNTER,
    "credentials taken out of logs, messages and pages, workers included",
    (),
    ALL,
)
CERTIFICATE = Family(
    "vision_certificate_expiry_timestamp_seconds",
    Kind.GAUGE,
    "end of validity of the certificate that a TLS server showed, seconds since 1970",
    (Label("peer", origin="`redis`, or `camera:` and its name"),),
)
BUILD = Family(
    "vision_build_info",
    Kind.GAUGE,
    "1; the version that runs and its role",
    (Label("version", origin="the program"), Label("role", ALL)),
    ALL,
)
MODEL = Family(
    "vision_model_info",
    Kind.GAUGE,
    "1; the model that answers",
    tuple(Label(name, origin="the model") for name in ("name", "sha256", "backend")),
    _INFERRING,
)

FAMILIES = (
    STATE,
    FPS,
    NEWEST_AGE,
    CLOCK_OFFSET,
    STILL,
    ASLEEP,
    RECEIVED,
    DECODED,
    SLEPT,
    DECODE_ERRORS,
    OFFERED,
    SKIPPED,
    INFERRED,
    DETECTIONS,
    DISCARDED,
    GATE,
    RECONNECTS,
    STALLS,
    STATE_CHANGES,
    RESTARTS,
    WORKER_CPU,
    WORKER_RSS,
    CAPTURE_TO_PUBLISH,
    FRAME_AGE,
    INFERENCE,
    BATCH_SIZE,
    PUBLISHED,
    DROPPED,
    OUTBOX,
    OUTBOX_LIMIT,
    OUTBOX_BYTES,
    SPOOL_BYTES,
    REDIS_UP,
    TROUBLE,
    INVALID,
    REDACTIONS,
    CERTIFICATE,
    MODEL,
    *events.FAMILIES,
    *snapshots.FAMILIES,
    *narration.FAMILIES,
    *bridge.FAMILIES,
    BUILD,
)
"""All of them, in the order of docs/metrics.md."""
