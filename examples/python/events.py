"""Prints who came and who left, and for how long of it nobody looked."""

import json
import os
from pathlib import Path

import redis

file = os.environ.get("REDIS_PASSWORD_FILE")
password = Path(file).read_text().strip() if file else None
url = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
channels = redis.Redis.from_url(url, password=password).pubsub(ignore_subscribe_messages=True)
channels.psubscribe("vision:events:{*}")
for received in channels.listen():
    event = json.loads(received["data"])
    if event["type"] != "update":
        gaps = len(event["gaps"])
        print(event["camera"], event["type"], event["label"], "gaps", gaps, flush=True)
