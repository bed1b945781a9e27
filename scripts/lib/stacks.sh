# The stacks of ingest and inference, old and new; sourced after common.sh by deploy.sh and
# rollback.sh. A stack is a Compose project; Redis is in one that stays (docs/adr/0024).
# shellcheck shell=bash

# unknown_users: those of this release that its Redis, started before, has not heard of. Nobody where
# it has users of its own.
unknown_users() {
    local known
    known=$(redis acl users </dev/null 2>/dev/null | sort) || return 0
    grep --quiet --line-regexp infer <<<"$known" || return 0
    sed -n 's/^user \([a-z]*\) .*/\1/p' "$COMPOSE_FOLDER/redis/users.acl" | sort | comm -23 - <(echo "$known")
}

# --live asks no more than that the process works.
how_well=()
healthy_within_s=${HEALTHY_WITHIN_S:-60}

# containers PROJECT PATTERN: ids of the containers, running or not, whose service matches.
containers() {
    docker ps --all --quiet --filter "label=com.docker.compose.project=$1" \
        --filter label=com.docker.compose.oneoff=False |
        xargs --no-run-if-empty docker inspect --format \
            '{{.Id}} {{index .Config.Labels "com.docker.compose.service"}}' |
        awk -v pattern="^($2)\$" '$2 ~ pattern {print $1}'
}
infer_of() { containers "$1" 'infer|infer-gpu'; }
ingest_of() { containers "$1" "ingest-${2:-.*}"; }
cameras_of() {
    local id
    for id in $(ingest_of "$1"); do
        docker inspect --format '{{index .Config.Labels "com.docker.compose.service"}}' "$id"
    done | sed 's/^ingest-//' | sort --unique
}
is_running() { [[ $(docker inspect --format '{{.State.Running}}' "$1") == true ]]; }
serves() {
    local id
    for id in $(ingest_of "$1"); do if is_running "$id"; then return 0; fi; done
    return 1
}

is_well() { docker exec "$1" vision healthcheck >/dev/null 2>&1; }

# await_health ID...: until each says by itself that it works; it is asked, since Docker looks
# every ten seconds only.
await_health() {
    local id deadline=$((SECONDS + healthy_within_s))
    for id; do
        # An ingest that takes over beside the old one is right to complain of that; an older
        # release has no word for it, and does not complain.
        until docker exec "$id" vision healthcheck "${how_well[@]}" >/dev/null 2>&1 ||
            docker exec "$id" vision healthcheck --taking-over "${how_well[@]}" >/dev/null 2>&1; do
            ((SECONDS < deadline)) || return 1
            sleep 0.2
        done
    done
}

each() {
    local verb=$1
    shift
    if (($#)); then docker "$verb" "$@" >/dev/null; fi
}

# hand_over OLD NEW HOW CAMERA...: NEW, which exists and is stopped, serves in the place of OLD.
#   serial   camera by camera: the old ingest ends its session before the new one opens its own
#   overlap  the new one opens a second session; with its first frame the old one is shut out of
#            the slot, since its run is older
#   stop     nothing of the old stack runs any more when the new one starts
# Inference of both runs meanwhile; a lease lets a frame be inferred once.
hand_over() {
    local old=$1 new=$2 how=$3 camera before after
    shift 3
    if [[ $how == stop ]]; then
        # shellcheck disable=SC2046  # one id each
        each stop $(ingest_of "$old") && each stop $(infer_of "$old") || return 1
    fi
    # shellcheck disable=SC2046
    each start $(infer_of "$new") && await_health $(infer_of "$new") || return 1
    for camera; do
        before=$(ingest_of "$old" "$camera") after=$(ingest_of "$new" "$camera")
        how_well=()
        # A camera that is away is no fault of the new stack.
        if [[ $how != stop && -n $before ]] && ! is_well "$before"; then how_well=(--live); fi
        # shellcheck disable=SC2086
        case $how in
        overlap)
            each start $after && await_health $after || return 1
            # At once: two that publish one camera are not to go on for longer than needed.
            if [[ -n $before ]] && is_running $before; then each kill $before || return 1; fi
            ;;
        serial)
            each stop $before && each start $after && await_health $after || return 1
            ;;
        stop)
            each start $after && await_health $after || return 1
            ;;
        esac
        say "$camera: $new${how_well:+, which was away before}"
    done
    how_well=()
    # A camera that the new one does not have.
    # shellcheck disable=SC2046
    each stop $(ingest_of "$old") && each stop $(infer_of "$old")
}

# bring_back OLD NEW HOW: as it was before hand_over, as far as that came.
bring_back() {
    local old=$1 new=$2 id camera
    # shellcheck disable=SC2046
    each start $(infer_of "$old")
    for camera in $(cameras_of "$old"); do
        for id in $(ingest_of "$new" "$camera"); do each stop "$id"; done
        # shellcheck disable=SC2046
        each start $(ingest_of "$old" "$camera")
    done
    # shellcheck disable=SC2046
    each stop $(ingest_of "$new") $(infer_of "$new")
    # shellcheck disable=SC2046
    await_health $(infer_of "$old")
}

# gap_ms CAMERA: milliseconds between the last message of the run before and the first of the
# newest run, as they were published.
gap_ms() {
    local run at newest='' next=''
    while read -r run at; do
        newest=${newest:-$run}
        if [[ $run != "$newest" ]]; then
            echo $(($(date -d "$next" +%s%3N) - $(date -d "$at" +%s%3N)))
            return
        fi
        next=$at
    done < <(redis xrevrange "vision:detections:{$1}" + - COUNT 2000 </dev/null |
        sed -n 's/.*"run":"\([0-9]*\)".*"published":"\([^"]*\)".*/\1 \2/p')
    echo unknown
}
