"""Counts messages of `vision tail --json`: a line for each camera at the end."""  # noqa: INP001

import json
import sys
import time

newest, read_s, counts, missing, silence_s = {}, {}, {}, {}, {}
for line in sys.stdin:
    message = json.loads(line)
    if not message["schema"].startswith("vision.detections/"):
        continue
    camera, now_s, before = message["camera"], time.monotonic(), newest.get(message["camera"])
    counts[camera] = counts.get(camera, 0) + 1
    if before is not None:
        silence_s[camera] = max(silence_s.get(camera, 0.0), now_s - read_s[camera])
        # A new run begins at 1; what was under way in the run before is told of by nobody.
        known = before["seq"] if before["run"] == message["run"] else 0
        lost = message["seq"] - known - 1 - message["skipped"]
        missing[camera] = missing.get(camera, 0) + lost
    newest[camera], read_s[camera] = message, now_s
for camera in sorted(counts):
    silence_ms = silence_s.get(camera, 0.0) * 1000
    print(  # noqa: T201  its purpose
        f"{camera}: {counts[camera]} messages, {missing.get(camera, 0)} missing, "
        f"longest silence {silence_ms:.0f} ms"
    )
