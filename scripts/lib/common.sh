# What the scripts share; sourced, never run. Needs `usage` to be defined by whoever sources it.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck disable=SC2034  # read by the scripts
COMPOSE_FOLDER=$ROOT/compose
dry_run=false

say() { printf '%s\n' "$*" >&2; }

# die TEXT: what went wrong and what helps, in one line.
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# refuse TEXT: wrong use.
refuse() {
    printf 'error: %s (see --help)\n' "$*" >&2
    exit 2
}

# run COMMAND...: does it, or with --dry-run says what would be done.
run() {
    if $dry_run; then
        printf 'would run: %s\n' "$*" >&2
    else
        "$@"
    fi
}

# value_of OPTION [VALUE]: the value, or the end. Never before `&&`: a failure there ends nothing.
value_of() {
    [[ $# -ge 2 && -n $2 ]] || refuse "$1 needs a value"
    printf '%s' "$2"
}

need() {
    local program
    for program; do
        command -v "$program" >/dev/null || die "$program is not installed: install it, or put it on PATH"
    done
}

need_engine() {
    need docker
    docker version --format '{{.Server.Version}}' >/dev/null 2>&1 ||
        die "the Docker engine does not answer: start it, or set DOCKER_HOST"
}

# one_at_a_time FILE: nobody else runs the same meanwhile.
one_at_a_time() {
    need flock
    exec 9>"$1"
    flock --nonblock 9 || die "$1: another run is under way: wait for its end"
}

# redis WORD...: redis-cli as an administrator, with the password in no command line.
#   REDISCLI      a command of your own, such as "redis-cli -h 10.0.0.5 --tls", with REDISCLI_AUTH
#   else          in the container of the Compose project $project that leads
redis() {
    if [[ -n ${REDISCLI:-} ]]; then redis_at own "$@"; else redis_at "$(redis_container)" "$@"; fi
}

# redis_at CONTAINER WORD...: the same on one server; `own` is that of REDISCLI, and HOST:PORT one
# that it is asked about.
redis_at() {
    local server=$1 command
    shift
    if [[ $server == own || $server == *:* ]]; then
        read -r -a command <<<"$REDISCLI"
        if [[ $server == *:* ]]; then command+=(-h "${server%:*}" -p "${server##*:}"); fi
        "${command[@]}" -e "$@"
    else
        # shellcheck disable=SC2016  # expanded in the container
        docker exec --interactive "$server" sh -c \
            'REDISCLI_AUTH=$(cat /run/secrets/redis_admin_password) && export REDISCLI_AUTH &&
             exec redis-cli -e --no-auth-warning --user admin "$@"' sh "$@"
    fi
}

# redis_containers: the ids of all servers that run.
redis_containers() {
    docker ps --quiet --filter "label=com.docker.compose.project=${project:?}" |
        xargs --no-run-if-empty docker inspect --format \
            '{{.Id}} {{index .Config.Labels "com.docker.compose.service"}}' |
        awk '$2 == "redis" || $2 == "redis-replica" {print $1}'
}

# redis_container: the id of the one that leads.
redis_container() {
    local id
    for id in $(redis_containers); do
        if redis_at "$id" role </dev/null 2>/dev/null | head -n 1 | grep --quiet '^master'; then
            printf '%s' "$id"
            return
        fi
    done
    die "no Redis of project $project leads: start it, name --project, or set REDISCLI"
}

# need_redis: one clear line instead of a failure half-way.
need_redis() {
    local answer
    if [[ -z ${REDISCLI:-} ]]; then
        need_engine
        redis_container >/dev/null
    fi
    answer=$(redis ping </dev/null 2>&1) || die "Redis does not answer: ${answer//$'\n'/ }"
}
