#!/usr/bin/env bash
# Prints who came and who left, and for how long of it nobody looked.
set -euo pipefail
if [[ -n ${REDIS_PASSWORD_FILE:-} ]]; then
    REDISCLI_AUTH=$(<"$REDIS_PASSWORD_FILE")
    export REDISCLI_AUTH
fi
whole='"camera":"([^"]*)","type":"(new|end)".*"label":"([^"]*)"'
redis-cli -u "${REDIS_URL:-redis://127.0.0.1:6379}" PSUBSCRIBE 'vision:events:{*}' |
    while read -r line; do
        [[ $line =~ $whole ]] || continue
        said="${BASH_REMATCH[1]} ${BASH_REMATCH[2]} ${BASH_REMATCH[3]}"
        gaps=$(grep -o '"from":' <<<"$line" | wc -l) || true
        echo "$said gaps $gaps"
    done
