#!/usr/bin/env bash
# Proves a stack of containers: messages arrive, no credential shows, cameras come and go without
# touching one another, and whatever is killed is back within seconds. See --help.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: smoke.sh [--observe | --brief] [--project NAME] [--env-file FILE]... [--profile NAME]...
                [--camera NAME]... [--keep]

Without arguments it starts a stack of its own with two simulated cameras, tries everything on
it, and removes it. After a deploy, let it look at the stack that runs and change nothing:

  smoke.sh --observe --project ariia-vision --env-file .env --profile cpu --camera front

  --observe        start, stop and kill nothing
  --brief          a stack of its own, with one camera, and nothing is killed
  --project NAME   Compose project (ariia-vision-smoke)
  --env-file FILE  as for `docker compose` (made anew, with new secrets)
  --profile NAME   as for `docker compose` (cpu, demo)
  --camera NAME    camera and profile; the second one comes and goes (gate, hall)
  --keep           leave the stack running

Environment: COMPOSE (docker compose), LIMIT_S (10) for a recovery, OBSERVE_S (10), and the
variables of compose.yaml: VISION_IMAGE, DEMO_IMAGE, REDIS_IMAGE, ...
Exit code: 0 if all went well, 1 if not, 2 for a wrong argument.
TEXT
}

cd "$(dirname "${BASH_SOURCE[0]}")"
project=ariia-vision-smoke env_files=() profiles=() cameras=() observe=false brief=false keep=false
limit_s=${LIMIT_S:-10} observe_s=${OBSERVE_S:-10}
read -r -a compose_command <<<"${COMPOSE:-docker compose}"

while (($#)); do
    case $1 in
    --observe) observe=true ;;
    --brief) brief=true ;;
    --keep) keep=true ;;
    -h | --help) usage; exit 0 ;;
    --project | --env-file | --profile | --camera)
        [[ $# -ge 2 ]] || { usage >&2; exit 2; }
        case $1 in
        --project) project=$2 ;;
        --env-file) env_files+=("$2") ;;
        --profile) profiles+=("$2") ;;
        --camera) cameras+=("$2") ;;
        esac
        shift
        ;;
    *) usage >&2; exit 2 ;;
    esac
    shift
done
if ((${#cameras[@]} == 0)); then
    cameras=(gate)
    $brief || cameras+=(hall)
fi

work=$(mktemp -d)
messages=$work/messages
: >"$messages"
own_stack=false watcher=
failures=0
table=()

say() { printf '%s %s\n' "$(date +%T)" "$*" >&2; }
row() { table+=("$(printf '%-46s %s' "$1" "$2")"); }
wrong() {
    failures=$((failures + 1))
    row "$1" "FAILED: $2"
    say "FAILED: $1: $2"
}
now_ms() { date +%s%3N; }
seconds() { printf '%d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100)); }

compose() {
    local arguments=(--project-name "$project" --file compose.yaml) item
    for item in "${env_files[@]}"; do arguments+=(--env-file "$item"); done
    for item in "${profiles[@]}"; do arguments+=(--profile "$item"); done
    "${compose_command[@]}" "${arguments[@]}" "$@"
}

containers() { docker ps --quiet --filter "label=com.docker.compose.project=$project" \
    --filter label=com.docker.compose.oneoff=False; }
service_of() { docker inspect --format '{{index .Config.Labels "com.docker.compose.service"}}' "$1"; }
is_healthy() { [[ $(docker inspect --format '{{.State.Health.Status}}' "$1") == healthy ]]; }
started_at() { docker inspect --format '{{.Id}} {{.State.StartedAt}}' "$1"; }
vision_image() { docker inspect --format '{{.Image}}' "$(compose ps --quiet "ingest-${cameras[0]}")"; }

clean_up() {
    local code=$?
    trap - EXIT
    if [[ -n $watcher ]]; then
        docker rm --force "$project-watch" >/dev/null 2>&1 || true
        wait "$watcher" 2>/dev/null || true
    fi
    if $own_stack && ! $keep; then
        say "removing the stack"
        compose --profile '*' down --volumes --timeout 10 >/dev/null 2>&1 || true
    fi
    if $keep && $own_stack; then say "kept; its secrets are in $work"; else rm -rf "$work"; fi
    exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# --- the stack ------------------------------------------------------------------------------
if ((${#env_files[@]} == 0)); then
    if $observe; then
        echo "error: --observe needs --env-file, which says which stack" >&2
        exit 2
    fi
    ((${#profiles[@]})) || profiles=(cpu demo)
    chmod 711 "$work"
    ./prepare.sh --demo --secrets "$work/secrets" --data "$work/data" --env "$work/env" >&2
    env_files=(demo/demo.env "$work/env")
fi
profiles+=("${cameras[0]}")
secrets_dir=$(compose config --format json | sed -n 's/.*"file": "\(.*\)\/redis_subscriber_password".*/\1/p')

if ! $observe; then
    say "starting ${profiles[*]}"
    own_stack=true
    from_ms=$(now_ms)
    compose up --detach --wait --wait-timeout 180 >&2
    row "all healthy after" "$(seconds $(($(now_ms) - from_ms)))"
fi

# --- a subscriber with no more rights than one -----------------------------------------------
# `vision tail` follows the channels and takes what it missed from the streams.
image=$(vision_image)
compose run --rm --no-TTY --no-deps --name "$project-watch" tail tail --json 2>"$work/watch.log" </dev/null |
    docker run --rm --interactive --network none --read-only --cap-drop ALL \
        --security-opt no-new-privileges --entrypoint python "$image" \
        -u -c "$(cat smoke_lines.py)" >"$messages" &
watcher=$!

# await SECONDS COMMAND...: until the command succeeds.
await() {
    local deadline_ms=$(($(now_ms) + $1 * 1000))
    shift
    until "$@"; do
        (($(now_ms) < deadline_ms)) || return 1
        sleep 0.1
    done
}

# first_after CAMERA MS: when the first message was read whose frame came from the camera after MS.
first_after() { awk -v camera="$1" -v after="$2" \
    '$4 == camera && $2 > after {print $1; found = 1; exit} END {exit !found}' "$messages"; }
is_fresh() { first_after "$1" "$2" >/dev/null; }

# gaps CAMERA FROM TO: messages read in between, missing ones, and the longest silence in ms.
# seq == previous seq + 1 + skipped within a run, unless something is missing.
gaps() { awk -v camera="$1" -v from="$2" -v to="$3" '
    $4 == camera && $1 >= from && $1 <= to {
        if (count++) {
            if ($5 != run) restarts++
            else if ($6 != seq + 1 + $7) missing += $6 - (seq + 1 + $7)
            if ($1 - read > silence) silence = $1 - read
        }
        run = $5; seq = $6; read = $1
    }
    END {printf "%d %d %d %d\n", count, missing, silence, restarts}' "$messages"; }

lossless() {
    local what=$1 camera=$2 count missing silence restarts
    read -r count missing silence restarts < <(gaps "$camera" "$3" "$(now_ms)")
    if ((count > 1 && missing == 0 && restarts == 0)); then
        row "$what" "$camera: $count messages, 0 missing, longest silence $silence ms"
    else
        wrong "$what" "$camera: $count messages, $missing missing, $restarts new runs, silence $silence ms"
    fi
}

from_ms=$(now_ms)
if await 60 is_fresh "${cameras[0]}" 0; then
    sleep "$observe_s"
    lossless "undisturbed for $observe_s s" "${cameras[0]}" "$from_ms"
else
    wrong "messages" "none of ${cameras[0]} within 60 s: $(tail -n 1 "$work/watch.log")"
fi

# --- a camera comes and goes -----------------------------------------------------------------
second=${cameras[1]:-}
if [[ -n $second ]]; then
    if $observe; then
        await 30 is_fresh "$second" 0 || wrong "messages" "none of $second"
    else
        before=$(for id in $(containers); do started_at "$id"; done | sort)
        from_ms=$(now_ms)
        compose --profile "$second" up --detach --wait --wait-timeout 120 "ingest-$second" >&2
        if await 60 is_fresh "$second" "$from_ms"; then
            at_ms=$(first_after "$second" "$from_ms")
            row "adding $second: its first message after" "$(seconds $((at_ms - from_ms)))"
        else
            wrong "adding $second" "no message within 60 s"
        fi
        say "removing $second"
        compose --profile "$second" rm --stop --force "ingest-$second" >&2
        sleep 3
        lossless "while $second came and went" "${cameras[0]}" "$from_ms"
        after=$(for id in $(containers); do started_at "$id"; done | sort)
        [[ $before == "$after" ]] || wrong "adding and removing $second" "another container was restarted"
        profiles+=("$second")
        from_ms=$(now_ms)
        compose up --detach --wait --wait-timeout 120 "ingest-$second" >&2
        await 60 is_fresh "$second" "$from_ms" || wrong "adding $second again" "no message within 60 s"
    fi
fi

# --- nothing shows a credential --------------------------------------------------------------
# Each value as it is, and user:password as HTTP and RTSP send it.
values=$work/values
for file in "$secrets_dir"/*; do
    [[ -f $file ]] || continue
    value=$(cat "$file")
    printf '%s\n' "$value"
    case $file in
    *_username)
        password=${file%_username}_password
        if [[ -f $password ]]; then printf '%s:%s' "$value" "$(cat "$password")" | base64 -w 0; echo; fi
        ;;
    esac
done | sort --unique >"$values"

# privileged CAPABILITY... -- ARGUMENT...: smoke_processes.py among the host's processes.
processes() {
    docker run --rm --interactive --pid host --network none --read-only --user 0:0 --cap-drop ALL \
        --cap-add KILL --cap-add SYS_PTRACE --cap-add DAC_READ_SEARCH \
        --security-opt no-new-privileges --entrypoint python "$image" \
        -c "$(cat smoke_processes.py)" "$@"
}

leaks=0 pids=() looked=0
for id in $(containers); do
    service=$(service_of "$id")
    docker inspect "$id" "$(docker inspect --format '{{.Image}}' "$id")" >"$work/inspect"
    docker logs "$id" >"$work/log" 2>&1
    for seen in inspect log; do
        looked=$((looked + 1))
        if grep --quiet --fixed-strings --file "$values" "$work/$seen"; then
            leaks=$((leaks + 1))
            wrong "credentials" "docker $seen of $service shows one"
        fi
    done
    while read -r pid; do pids+=("$pid"); done < <(docker top "$id" -eo pid | tail -n +2)
done
scanned=$(processes scan "${pids[@]}" <"$values")
if grep --quiet '^found' <<<"$scanned"; then
    leaks=$((leaks + 1))
    wrong "credentials" "$(grep '^found' <<<"$scanned" | tr '\n' ' ')"
fi
files=$(sed -n 's/^read //p' <<<"$scanned")
if ((leaks == 0 && files >= ${#pids[@]})); then
    row "credentials visible" "none: $(wc -l <"$values") values, $looked outputs of docker inspect and logs, $files files in /proc"
elif ((leaks == 0)); then
    wrong "credentials" "only $files files in /proc could be read"
fi

# --- whatever is killed comes back -----------------------------------------------------------
if ! $observe && ! $brief; then
    for id in $(containers); do
        service=$(service_of "$id")
        restarts=$(docker inspect --format '{{.RestartCount}}' "$id")
        say "killing $service"
        killed_ms=$(processes kill "$(docker inspect --format '{{.State.Pid}}' "$id")" </dev/null)
        slowest_ms=0 back=true
        for camera in "${cameras[@]}"; do
            # A frame that came later than anything the dead process could have sent or read.
            if await 60 is_fresh "$camera" $((killed_ms + 300)); then
                at_ms=$(first_after "$camera" $((killed_ms + 300)))
                if ((at_ms - killed_ms > slowest_ms)); then slowest_ms=$((at_ms - killed_ms)); fi
            else
                back=false
            fi
        done
        after="all cameras publishing again after $(seconds "$slowest_ms")"
        if ! $back; then
            wrong "killed $service" "not publishing again within 60 s"
        elif (($(docker inspect --format '{{.RestartCount}}' "$id") == restarts)); then
            wrong "killed $service" "it was not restarted"
        elif ((slowest_ms > limit_s * 1000)); then
            wrong "killed $service" "$after"
        else
            row "killed $service" "$after"
        fi
        await 60 is_healthy "$id" || wrong "killed $service" "not healthy again within 60 s"
        # Docker waits longer before each restart of a container that ran for less than this.
        sleep 10
    done
fi

# --- figures ---------------------------------------------------------------------------------
for camera in "${cameras[@]}"; do
    row "messages of $camera" "$(awk -v camera="$camera" '$4 == camera {count++} END {print count + 0}' "$messages")"
done
while read -r name size; do row "image $name" "$size"; done < <(
    for id in $(containers); do docker inspect --format '{{.Config.Image}}' "$id"; done | sort --unique |
        while read -r name; do
            docker image inspect --format '{{.Size}}' "$name" | awk -v name="$name" '{printf "%s %.0f MB\n", name, $1 / 1e6}'
        done
)
while read -r name memory; do row "memory of $name" "$memory"; done < <(
    # shellcheck disable=SC2046  # one id each
    docker stats --no-stream --format '{{.Name}} {{.MemUsage}}' $(containers) | sort
)

printf '\n'
printf '%s\n' "${table[@]}"
if ((failures)); then
    printf '\n%d failed\n' "$failures"
    exit 1
fi
printf '\nall well\n'
