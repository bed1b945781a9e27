#!/usr/bin/env bash
# Prints what the cameras see, as they see it.
set -euo pipefail
if [[ -n ${REDIS_PASSWORD_FILE:-} ]]; then
    REDISCLI_AUTH=$(<"$REDIS_PASSWORD_FILE")
    export REDISCLI_AUTH
fi
redis-cli -u "${REDIS_URL:-redis://127.0.0.1:6379}" PSUBSCRIBE 'vision:detections:{*}' |
    while read -r line; do
        if [[ $line =~ \"camera\":\"([^\"]*)\".*\"seq\":([0-9]+) ]]; then
            labels=$(grep -o '"label":"[^"]*"' <<<"$line" | cut -d '"' -f 4 | tr '\n' ' ') || true
            echo "${BASH_REMATCH[1]} ${BASH_REMATCH[2]} $labels"
        fi
    done
