#!/usr/bin/env bash
# Every detection of a camera once, also after a crash; several workers share them.
set -euo pipefail
key='vision:detections:{front}' group=example me=worker-1
if [[ -n ${REDIS_PASSWORD_FILE:-} ]]; then
    REDISCLI_AUTH=$(<"$REDIS_PASSWORD_FILE")
    export REDISCLI_AUTH
fi
redis() { redis-cli -u "${REDIS_URL:-redis://127.0.0.1:6379}" "$@"; }
redis XGROUP CREATE "$key" "$group" 0 MKSTREAM >/dev/null || true # it is there already
start=0 # what was taken before a crash and not acknowledged; ">" is what is new
while true; do
    # The stream's name, then id, field and message of an entry, a line each.
    mapfile -t entry < <(redis XREADGROUP GROUP "$group" "$me" COUNT 1 BLOCK 1000 STREAMS "$key" "$start")
    if ((${#entry[@]} >= 4)); then
        sed -E 's/.*"camera":"([^"]*)".*"seq":([0-9]+).*/\1 \2/' <<<"${entry[3]}"
        redis XACK "$key" "$group" "${entry[1]}" >/dev/null
    else start='>'; fi
done
