"""Says which frames nobody looked at, and which messages did not arrive."""

import json, os  # noqa: E401, I001
from pathlib import Path
import redis

file = os.environ.get("REDIS_PASSWORD_FILE")
password = Path(file).read_text().strip() if file else None
client = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1"), password=password)
channels = client.pubsub(ignore_subscribe_messages=True)
channels.psubscribe("vision:detections:{*}")
last: dict[tuple[str, str], int] = {}  # the newest seq of each camera's run
for received in channels.listen():
    message = json.loads(received["data"])
    camera, seq, skipped = message["camera"], message["seq"], message["skipped"]
    missing = seq - last.get((camera, message["run"]), seq - 1 - skipped) - 1 - skipped
    if missing or skipped:
        print(camera, seq, "skipped", skipped, "missing", missing, flush=True)
    last[camera, message["run"]] = seq
