#!/usr/bin/env bash
# Puts a new image into service beside the old one, which is kept for a rollback. See --help.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/stacks.sh
source "$ROOT/scripts/lib/stacks.sh"

usage() {
    cat <<'TEXT'
usage: deploy.sh [--project NAME] [--env-file FILE]... [--infer infer|infer-gpu]
                 [--handover serial|overlap|stop] [--plan FILE] [--approved-by NAME]
                 [--demo-image IMAGE | --no-rehearsal] [--state DIR] [--dry-run] IMAGE

Redis stays as it is; ingest and inference get a stack of their own beside it (NAME-blue and
NAME-green by turns):

  1. what kind of change it is, by scripts/change-type.sh between the revisions in the labels of
     both images. Type 2, and whatever cannot be told, needs --plan and an approval.
  2. a rehearsal: the new image in a stack of its own with a simulated camera
  3. migrations of keys (scripts/migrate.sh up)
  4. the new stack starts; cameras change over one by one; if one does not get healthy, all go back
  5. a look at the new stack (scripts/smoke.sh --observe); the old one has sent what waited and
     is stopped. scripts/rollback.sh brings it back.

  --project NAME     Compose project of Redis (ariia-vision)
  --env-file FILE    as for `docker compose` (compose/.env)
  --infer NAME       service of the inference worker (infer)
  --handover HOW     serial: a camera is left by the old stack before the new one opens it, for
                     cameras that allow one session (default); overlap: at the same time, without
                     a gap; stop: all of the old stack ends first, which the kind of change may
                     demand
  --plan FILE        the written rollback plan; it has to name IMAGE
  --approved-by NAME a person who approved, where none can be asked on the terminal
  --demo-image IMAGE image of the simulated camera (ariia-vision:0.1.0-demo)
  --no-rehearsal     without step 2
  --state DIR        what is deployed, and when it was (data/deploy)
  --dry-run          go as far as nothing is changed, and say what would be done

Environment: HEALTHY_WITHIN_S (60); the variables of compose.yaml.
Exit code: 0 if the new stack serves; 1 if not: the old one does then; 2 for wrong use.
TEXT
}

project=ariia-vision env_files=() infer=infer how='' plan='' approved_by='' rehearse=true
demo_image=${DEMO_IMAGE:-ariia-vision:0.1.0-demo} state=$ROOT/data/deploy image=''
while (($#)); do
    case $1 in
    --project) project=$(value_of "$@"); shift ;;
    --env-file) value=$(value_of "$@"); env_files+=("$value"); shift ;;
    --infer) infer=$(value_of "$@"); shift ;;
    --handover) how=$(value_of "$@"); shift ;;
    --plan) plan=$(value_of "$@"); shift ;;
    --approved-by) approved_by=$(value_of "$@"); shift ;;
    --demo-image) demo_image=$(value_of "$@"); shift ;;
    --no-rehearsal) rehearse=false ;;
    --state) state=$(value_of "$@"); shift ;;
    --dry-run) dry_run=true ;;
    -h | --help) usage; exit 0 ;;
    -*) refuse "$1: no such option" ;;
    *)
        [[ -z $image ]] || refuse "one image at a time"
        image=$1
        ;;
    esac
    shift
done
[[ -n $image ]] || refuse "which image?"
[[ $how =~ ^(serial|overlap|stop)?$ ]] || refuse "--handover takes serial, overlap or stop"
[[ $infer =~ ^infer(-gpu)?$ ]] || refuse "--infer takes infer or infer-gpu"
((${#env_files[@]})) || env_files=("$COMPOSE_FOLDER/.env")
for index in "${!env_files[@]}"; do
    [[ -r ${env_files[index]} ]] || die "${env_files[index]} cannot be read: make it with compose/prepare.sh, or name --env-file"
    env_files[index]=$(realpath "${env_files[index]}")
done

# What a release adds to it is missing on a machine that was set up before.
env_variable() {
    local name=$1 fallback=$2 file value=${!1:-}
    if [[ -z $value ]]; then
        for file in "${env_files[@]}"; do
            value=$(sed -n "s/^$name=//p" "$file" | tail -n 1 | grep . || printf '%s' "$value")
        done
    fi
    value=${value:-$fallback}
    if [[ $value != /* ]]; then value=$COMPOSE_FOLDER/$value; fi
    printf '%s' "$value"
}
"$COMPOSE_FOLDER/prepare.sh" --check --env "${env_files[0]}" --secrets "$(env_variable SECRETS_DIR ../secrets)" \
    --data "$(env_variable DATA_DIR ../data)" || exit 1

need_engine
image_id=$(docker image inspect --format '{{.Id}}' "$image" 2>/dev/null) ||
    die "there is no image $image on this machine: pull or build it first"
if $rehearse; then
    docker image inspect "$demo_image" >/dev/null 2>&1 ||
        die "there is no image $demo_image for the rehearsal: name --demo-image, or --no-rehearsal"
fi
need_redis
unknown=$(unknown_users | tr '\n' ' ')
if [[ -n $unknown ]]; then
    say "Redis does not know ${unknown% } yet, and refuses what they do: docker compose up -d --force-recreate redis, in compose/, tells it"
fi
mkdir -p "$state"
state=$(cd "$state" && pwd)
one_at_a_time "$state/lock"
if [[ -f $state/pending ]]; then
    die "an earlier run was broken off: scripts/rollback.sh brings back $(sed -n 's/^old //p' "$state/pending") first"
fi

# --- what serves now ---------------------------------------------------------------------------
old=$project
if [[ -s $state/active ]]; then old=$(<"$state/active"); fi
serves "$old" || die "nothing of $old runs that could be replaced: start it as docs/deploy.md says"
new=$project-blue
if [[ $old == "$new" ]]; then new=$project-green; fi

label() { docker image inspect --format '{{index .Config.Labels "org.opencontainers.image.revision"}}' "$1"; }
old_infer=$(infer_of "$old" | head -n 1)
[[ -n $old_infer ]] || die "$old has no inference worker"
old_image=$(docker inspect --format '{{.Image}}' "$old_infer")

# --- 1. the kind of change ---------------------------------------------------------------------
from=$(label "$old_image") to=$(label "$image_id") reasons=
if kind=$("$ROOT/scripts/change-type.sh" "${from:-none}" "${to:-none}" 2>/dev/null); then
    reasons=$(tail -n +2 <<<"$kind")
    kind=$(head -n 1 <<<"$kind")
else
    kind='type-2 handover=stop'
    reasons="git does not know the revisions of both images (${from:-none}, ${to:-none})"
fi
least=${kind#*handover=}
if [[ $least == stop ]]; then how=stop; fi
how=${how:-serial}
say "$image (${to:-unknown revision}) after ${from:-unknown revision}: ${kind%% *}, handover $how${reasons:+, since}"
if [[ -n $reasons ]]; then say "$reasons"; fi

# --- what it is made of ------------------------------------------------------------------------
# Compose's own reading of the files says what the settings are.
read_variable() {
    local value
    value=$(env_variable "$@")
    realpath "$value" 2>/dev/null || die "$1: $value is not there"
}
settings=$(read_variable SETTINGS_FILE ../vision.yaml)
cameras_file=$(read_variable CAMERAS_FILE cameras.yaml)
for file in "$settings" "$cameras_file"; do [[ -r $file ]] || die "$file cannot be read"; done
mapfile -t cameras < <(sed -n 's/^  ingest-\(.*\):$/\1/p' "$cameras_file" | tr -d "'\"")
# Those that run now: starting a camera is another matter than a release.
served=$(cameras_of "$old")
selected=()
for camera in "${cameras[@]}"; do
    if grep --quiet --line-regexp --fixed-strings -- "$camera" <<<"$served"; then selected+=("$camera"); fi
done
((${#selected[@]})) || die "none of the cameras that $old serves is in $cameras_file"

# --- approval ----------------------------------------------------------------------------------
if [[ $kind == type-2* ]]; then
    [[ -n $plan ]] || die "this is a change of type 2: write down how to go back, and name the file with --plan"
    [[ -r $plan ]] || die "$plan cannot be read: name another --plan"
    grep --quiet --fixed-strings -- "$image" "$plan" || die "$plan does not name $image: is it the plan of another release?"
    if [[ -z $approved_by ]] && ! $dry_run; then
        [[ -t 0 ]] || die "this is a change of type 2: a person has to approve, on a terminal or with --approved-by"
        cat "$plan" >&2
        read -r -p "Type the name of the image to approve: " answer
        [[ $answer == "$image" ]] || die "not approved"
        approved_by=$(id -un)
    fi
fi
if $dry_run; then
    say "would rehearse: $rehearse; would migrate: $("$ROOT/scripts/migrate.sh" --project "$project" --dry-run up 2>&1 | tr '\n' ' ')"
    say "would hand over ${selected[*]} from $old to $new ($how)"
    exit 0
fi

# --- 2. rehearsal ------------------------------------------------------------------------------
if $rehearse; then
    say "rehearsal of $image with a simulated camera"
    VISION_IMAGE=$image DEMO_IMAGE=$demo_image "$COMPOSE_FOLDER/smoke.sh" --brief \
        --project "$project-rehearsal" >"$state/rehearsal.log" 2>&1 ||
        die "the rehearsal failed, nothing was changed: $state/rehearsal.log"
fi

# --- 3. and 4. ---------------------------------------------------------------------------------
level=$("$ROOT/scripts/migrate.sh" --project "$project" status | sed -n 's/^done *//p' | tail -n 1)
printf '%s\n' "old $old" "new $new" "how $how" "level ${level:-none}" >"$state/pending"
"$ROOT/scripts/migrate.sh" --project "$project" up ||
    { rm "$state/pending"; die "a migration failed; the old stack serves on"; }

# A copy of what it was started with, so that a later rollback finds it unchanged.
release=$state/$new
rm -rf "$release"
mkdir -p "$release"
cp "$settings" "$release/vision.yaml"
cp "$cameras_file" "$release/cameras.yaml"
# Read by the containers' user; secrets are in neither.
chmod 755 "$state" "$release"
chmod 644 "$release"/*
variable=VISION_IMAGE
if [[ $infer == infer-gpu ]]; then variable=VISION_GPU_IMAGE; fi
{
    echo "VISION_IMAGE=$image"
    echo "$variable=$image"
    echo "SETTINGS_FILE=$release/vision.yaml"
    echo "CAMERAS_FILE=$release/cameras.yaml"
    echo NETWORKS_FILE=networks-joined.yaml
    echo "JOINED_PROJECT=$project"
} >"$release/env"
compose() {
    local arguments=(--project-name "$new" --file "$COMPOSE_FOLDER/compose.yaml") file
    for file in "${env_files[@]}" "$release/env"; do arguments+=(--env-file "$file"); done
    arguments+=(--profile '*')
    env -u VISION_IMAGE -u VISION_GPU_IMAGE -u SETTINGS_FILE -u CAMERAS_FILE -u NETWORKS_FILE \
        docker compose "${arguments[@]}" "$@"
}
fail() {
    say "going back to $old"
    bring_back "$old" "$new" || die "$1; $old does not get healthy either: docs/operations.md"
    "$ROOT/scripts/migrate.sh" --project "$project" --to "${level:-none}" down >&2 ||
        die "$1; the old stack serves, a migration could not be taken back"
    rm -f "$state/pending"
    die "$1; $old serves as before. Logs: docker compose --project-name $new logs"
}
# What was kept until now makes way: the one before the old one.
rm -f "$state/previous"
for kept in "$project" "$new"; do
    if [[ $kept != "$old" ]]; then
        # shellcheck disable=SC2046  # one id each
        each rm $(ingest_of "$kept") $(infer_of "$kept") || fail "of $kept something runs, stop it first"
    fi
done
services=("$infer")
for camera in "${selected[@]}"; do services+=("ingest-$camera"); done
compose up --no-start --no-deps "${services[@]}" >"$state/compose.log" 2>&1 ||
    fail "the new stack cannot be made: $(tail -n 1 "$state/compose.log")"
hand_over "$old" "$new" "$how" "${selected[@]}" || fail "the new stack does not get healthy"

# --- 5. -------------------------------------------------------------------------------------------
observed=()
for camera in "${selected[@]}"; do observed+=(--camera "$camera"); done
for file in "${env_files[@]}" "$release/env"; do observed+=(--env-file "$file"); done
OBSERVE_S=${OBSERVE_S:-5} "$COMPOSE_FOLDER/smoke.sh" --observe --project "$new" "${observed[@]}" \
    >"$state/smoke.log" 2>&1 || fail "the look at the new stack failed: $(grep -m 1 FAILED "$state/smoke.log" || tail -n 1 "$state/smoke.log")"
for camera in "${selected[@]}"; do say "$camera: $(gap_ms "$camera") ms without a message"; done

printf '%s\n' "$old" >"$state/previous"
printf '%s\n' "${level:-none}" >"$state/previous-level"
printf '%s\n' "$new" >"$state/active"
rm "$state/pending"
printf '%s deployed %s %s %s approved by %s\n' "$(date -u +%FT%TZ)" "$new" "$image" "${kind%% *}" \
    "${approved_by:-nobody, as type 1}" >>"$state/log"
if [[ -n $plan ]]; then cp "$plan" "$release/plan"; fi
say "$new serves with $image; $old is kept: scripts/rollback.sh brings it back"
