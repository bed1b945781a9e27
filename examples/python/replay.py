"""Every detection of a camera once, also after a crash; several workers share them."""

import contextlib, json, os  # noqa: E401, I001
from pathlib import Path
import redis

STREAM, GROUP, ME = "vision:detections:{front}", "example", "worker-1"
file = os.environ.get("REDIS_PASSWORD_FILE")
password = Path(file).read_text().strip() if file else None
client = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1"), password=password)
with contextlib.suppress(redis.ResponseError):  # the group is there already
    client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
start = "0"  # what was taken before a crash and not acknowledged; ">" is what is new
while True:
    for _, entries in client.xreadgroup(GROUP, ME, {STREAM: start}, count=100, block=1000):
        start = start if entries else ">"
        for entry, fields in entries:
            message = json.loads(fields[b"message"])
            print(message["camera"], message["seq"], flush=True)
            client.xack(STREAM, GROUP, entry)
