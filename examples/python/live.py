"""Prints what the cameras see, as they see it."""

import json
import os
from pathlib import Path

import redis

file = os.environ.get("REDIS_PASSWORD_FILE")
password = Path(file).read_text().strip() if file else None
url = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
channels = redis.Redis.from_url(url, password=password).pubsub(ignore_subscribe_messages=True)
channels.psubscribe("vision:detections:{*}")
for received in channels.listen():
    message = json.loads(received["data"])
    labels = [found["label"] for found in message["detections"]]
    print(message["camera"], message["seq"], *labels, flush=True)
