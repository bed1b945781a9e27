#!/usr/bin/env bash
# The whole life of a deployment on a stack of its own. See --help.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

usage() {
    cat <<'TEXT'
usage: drill.sh [--handover serial|overlap|stop] [--keep] [--dry-run] IMAGE [NEW_IMAGE]

Starts a stack with two simulated cameras and a subscriber, and on it: deploy of NEW_IMAGE (IMAGE
under another name, unless given) → rollback → deploy of a broken image, which has to fail → backup →
wipe → restore → smoke test. It fails if the subscriber misses a message, and removes the stack
at the end.

  --handover HOW  as for deploy.sh (serial)
  --keep          leave the stack running
  --dry-run       say what would be done

Environment: DEMO_IMAGE, REDIS_IMAGE, and the others of compose.yaml.
Exit code: 0 if all went well, 1 if not, 2 for wrong use.
TEXT
}

how=serial keep=false images=()
while (($#)); do
    case $1 in
    --handover) how=$(value_of "$@"); shift ;;
    --keep) keep=true ;;
    --dry-run) dry_run=true ;;
    -h | --help) usage; exit 0 ;;
    -*) refuse "$1: no such option" ;;
    *) images+=("$1") ;;
    esac
    shift
done
((${#images[@]} == 1 || ${#images[@]} == 2)) || refuse "one image, or two"
old_image=${images[0]} new_image=${images[1]:-ariia-vision:drill}
if $dry_run; then
    say "would deploy $new_image after $old_image ($how), roll back, deploy a broken one, back up, wipe, restore and look"
    exit 0
fi
need_engine
docker image inspect "$old_image" >/dev/null 2>&1 || die "there is no image $old_image on this machine"
project=ariia-vision-drill
[[ -z $(docker ps --all --quiet --filter "label=com.docker.compose.project=$project") ]] ||
    die "an earlier drill left containers: docker rm --force those of project $project"
if ((${#images[@]} == 1)); then docker tag "$old_image" "$new_image"; fi

broken_image=ariia-vision:drill-broken
work=$(mktemp -d)
chmod 711 "$work"
env_files=(--env-file "$COMPOSE_FOLDER/demo/demo.env" --env-file "$work/env")
export DEMO_IMAGE=${DEMO_IMAGE:-ariia-vision:0.1.0-demo} VISION_IMAGE=$old_image
compose() {
    docker compose --project-name "$project" --file "$COMPOSE_FOLDER/compose.yaml" "${env_files[@]}" \
        --profile cpu --profile demo --profile gate --profile hall --profile tools "$@"
}
clean_up() {
    local code=$? name
    trap - EXIT
    if $keep; then
        say "kept; its folder is $work"
        exit "$code"
    fi
    docker rm --force "$project-watch" >/dev/null 2>&1 || true
    for name in "$project-blue" "$project-green" "$project"; do
        docker ps --all --quiet --filter "label=com.docker.compose.project=$name" |
            xargs --no-run-if-empty docker rm --force >/dev/null
    done
    compose down --volumes >/dev/null 2>&1 || true
    docker image rm "$broken_image" >/dev/null 2>&1 || true
    rm -rf "$work"
    exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# What is done, without the folder of this run.
step() {
    local words="${*//$work/…}"
    printf '\n$ %s\n' "${words//$ROOT\//}" >&2
    "$@"
}
stop_redis() { compose stop redis 2>/dev/null; }
start_redis() { compose start redis 2>/dev/null; }
"$COMPOSE_FOLDER/prepare.sh" --demo --secrets "$work/secrets" --data "$work/data" --env "$work/env" >&2
compose up --detach --wait --wait-timeout 180 redis simulator infer ingest-gate ingest-hall >"$work/up.log" 2>&1 ||
    die "the stack does not start: $(tail -n 1 "$work/up.log")"

# A subscriber: what it missed, and for how long it heard nothing.
compose run --rm --no-TTY --no-deps --name "$project-watch" tail tail --json 2>"$work/watch.log" </dev/null |
    docker run --rm --interactive --network none --read-only --cap-drop ALL \
        --security-opt no-new-privileges --entrypoint python "$old_image" \
        -u -c "$(cat "$ROOT/scripts/lib/drill_lines.py")" >"$work/heard" &
sleep 10

options=(--project "$project" --state "$work/deploy" --handover "$how")
printf 'Plan for %s\n1. scripts/rollback.sh brings back the containers of %s.\n' "$new_image" "$old_image" >"$work/plan"
unset VISION_IMAGE
step "$ROOT/scripts/deploy.sh" "${options[@]}" "${env_files[@]}" --demo-image "$DEMO_IMAGE" \
    --plan "$work/plan" --approved-by drill "$new_image"
sleep 3
step "$ROOT/scripts/rollback.sh" "${options[@]}"
sleep 3
# A setting that no role starts with.
made=$(docker create "$old_image")
docker commit --change 'ENV VISION_MODEL__NAME=no-such-model' "$made" "$broken_image" >/dev/null
docker rm "$made" >/dev/null
printf 'Plan for %s\n' "$broken_image" >>"$work/plan"
if HEALTHY_WITHIN_S=15 step "$ROOT/scripts/deploy.sh" "${options[@]}" "${env_files[@]}" --no-rehearsal \
    --plan "$work/plan" --approved-by drill "$broken_image"; then
    die "a broken image was put into service"
fi
docker rm --force "$project-watch" >/dev/null
wait
printf '\nwhat a subscriber heard over all of this:\n' >&2
cat "$work/heard" >&2
grep --quiet ' 0 missing' "$work/heard" || die "the subscriber heard nothing"
if grep --quiet --invert-match ' 0 missing' "$work/heard"; then die "the subscriber missed messages"; fi

export VISION_IMAGE=$old_image
step "$ROOT/scripts/backup.sh" --project "$project" --to "$work/backups" --config "$COMPOSE_FOLDER/demo/vision.yaml"
redis_image=$(docker inspect --format '{{.Config.Image}}' "$(redis_container)")
step stop_redis
rm -rf "$work/data/redis"/*
step "$ROOT/scripts/restore.sh" --data "$work/data/redis" --image "$redis_image" "$work"/backups/*.tar.gz
step start_redis
sleep 5
step "$ROOT/scripts/smoke.sh" --observe --project "$project" --camera gate --camera hall "${env_files[@]}"
