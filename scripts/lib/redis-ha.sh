# Servers and Sentinels that log in to one another; sourced after common.sh by rotate-secret.sh.
# They are containers of the project, or with REDISCLI what REDIS_SERVERS and REDIS_SENTINELS list.
# `servers` and `sentinels` are set by whoever sources it, and reads `why`.
# shellcheck shell=bash disable=SC2154,SC2034

# Why something was not well.
why=''
master_name=$(awk '$1 == "sentinel" && $2 == "monitor" {print $3}' "$COMPOSE_FOLDER/redis/sentinel.conf")
down_after_ms=$(awk '$1 == "sentinel" && $2 == "down-after-milliseconds" {print $4}' "$COMPOSE_FOLDER/redis/sentinel.conf")

# quoted VALUE: as a word of a line that redis-cli reads.
quoted() { local value=${1//\\/\\\\}; printf '"%s"' "${value//\"/\\\"}"; }

# all_servers: a word for redis_at a line.
all_servers() {
    if [[ -z ${REDISCLI:-} ]]; then
        redis_containers
    elif [[ -n ${REDIS_SERVERS:-} ]]; then
        tr -s ' ' '\n' <<<"$REDIS_SERVERS"
    else
        echo own
    fi
}

all_sentinels() {
    if [[ -n ${REDISCLI:-} ]]; then
        if [[ -n ${REDIS_SENTINELS:-} ]]; then tr -s ' ' '\n' <<<"$REDIS_SENTINELS"; fi
    else
        docker ps --quiet --filter "label=com.docker.compose.project=${project:?}" |
            xargs --no-run-if-empty docker inspect --format \
                '{{.Id}} {{index .Config.Labels "com.docker.compose.service"}}' |
            awk '$2 ~ /^sentinel-[0-9]+$/ {print $1}'
    fi
}

# sentinel_at PLACE WORD...: redis-cli as the user sentinel, with the password in no command line.
sentinel_at() {
    local place=$1
    shift
    if [[ -n ${REDISCLI:-} ]]; then
        REDISCLI_AUTH=$(cat "${secrets:?}/redis_sentinel_password") redis-cli -e --no-auth-warning \
            --user sentinel -h "${place%:*}" -p "${place##*:}" "$@"
    else
        # shellcheck disable=SC2016  # expanded in the container
        docker exec --interactive "$place" sh -c \
            'REDISCLI_AUTH=$(cat /run/secrets/redis_sentinel_password) && export REDISCLI_AUTH &&
             exec redis-cli -e --no-auth-warning -p 26379 --user sentinel "$@"' sh "$@"
    fi
}

# field NAME: of `info`, or of a list of names and values one to a line, on standard input.
field() { tr -d '\r' | awk -F: -v name="$1" '$0 == name {getline; print; exit} $1 == name {print $2; exit}'; }

# within SECONDS COMMAND...: until it succeeds.
within() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.2
    done
}

# follows_or_leads PLACE: a server that follows is in touch with the one that leads.
follows_or_leads() {
    local said
    said=$(redis_at "$1" info replication </dev/null 2>/dev/null) || { why="a server does not answer"; return 1; }
    [[ $(field role <<<"$said") == master || $(field master_link_status <<<"$said") == up ]] ||
        { why="a replica is not in touch with its primary"; return 1; }
}

# in_touch SENTINEL: it sees the primary, and enough others for a failover.
in_touch() {
    local said seen
    said=$(sentinel_at "$1" sentinel master "$master_name" </dev/null 2>/dev/null) ||
        { why="a Sentinel does not answer"; return 1; }
    [[ $(field flags <<<"$said") == master ]] || { why="a Sentinel does not see the primary"; return 1; }
    seen=$(sentinel_at "$1" sentinel sentinels "$master_name" </dev/null | tr -d '\r' |
        awk '$0 == "flags" {getline; if ($0 != "sentinel") print}') || return 1
    [[ -z $seen ]] || { why="a Sentinel does not see another one"; return 1; }
    [[ $(sentinel_at "$1" sentinel ckquorum "$master_name" </dev/null 2>/dev/null) == OK* ]] ||
        { why="there are too few Sentinels for a failover"; return 1; }
}

# well: nothing is amiss that a change could make worse, or that would hide what it did.
well() {
    local place
    case ${user:-} in
    replica) for place in "${servers[@]}"; do follows_or_leads "$place" || return 1; done ;;
    sentinel) for place in "${sentinels[@]}"; do in_touch "$place" || return 1; done ;;
    esac
}

# said_ok ANSWER: each line of it is OK.
said_ok() { ! grep --quiet --invert-match '^OK$' <<<"${1//$'\r'/}"; }

# tell_replicas PASSWORD: all servers use it to follow, whichever leads; who follows connects anew.
tell_replicas() {
    local place answer
    for place in "${servers[@]}"; do
        answer=$(printf 'CONFIG SET masterauth %s\n' "$(quoted "$1")" | redis_at "$place" 2>&1) || true
        said_ok "$answer" || { why="a server refused it: $answer"; return 1; }
    done
    for place in "${servers[@]}"; do
        redis_at "$place" client kill type master </dev/null >/dev/null 2>&1 || true
        within 15 follows_or_leads "$place" || return 1
    done
}

# tell_sentinels PASSWORD: each uses it to log in to servers and to the others.
tell_sentinels() {
    local place answer
    for place in "${sentinels[@]}"; do
        answer=$(printf 'SENTINEL SET %s auth-pass %s\nSENTINEL CONFIG SET sentinel-pass %s\n' \
            "$master_name" "$(quoted "$1")" "$(quoted "$1")" | sentinel_at "$place" 2>&1) || true
        said_ok "$answer" || { why="a Sentinel refused it: $answer"; return 1; }
        # Who cannot log in any more is told of after this time.
        sleep "$(awk -v ms="$down_after_ms" 'BEGIN {print ms / 1000 + 0.5}')"
        within 15 in_touch "$place" || return 1
    done
}
