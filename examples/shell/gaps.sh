#!/usr/bin/env bash
# Says which frames nobody looked at, and which messages did not arrive.
set -euo pipefail
if [[ -n ${REDIS_PASSWORD_FILE:-} ]]; then
    REDISCLI_AUTH=$(<"$REDIS_PASSWORD_FILE")
    export REDISCLI_AUTH
fi
declare -A last # the newest seq of each camera's run
whole='"camera":"([^"]*)","run":"([0-9]+)","seq":([0-9]+).*"skipped":([0-9]+)'
redis-cli -u "${REDIS_URL:-redis://127.0.0.1:6379}" PSUBSCRIBE 'vision:detections:{*}' |
    while read -r line; do
        [[ $line =~ $whole ]] || continue
        camera=${BASH_REMATCH[1]} seq=${BASH_REMATCH[3]} skipped=${BASH_REMATCH[4]}
        run="$camera ${BASH_REMATCH[2]}"
        missing=$((seq - ${last[$run]:-$((seq - 1 - skipped))} - 1 - skipped))
        if ((missing || skipped)); then echo "$camera $seq skipped $skipped missing $missing"; fi
        last[$run]=$seq
    done
