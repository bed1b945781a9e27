#!/usr/bin/env bash
# Brings back the stack that deploy.sh replaced. See --help.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/stacks.sh
source "$ROOT/scripts/lib/stacks.sh"

usage() {
    cat <<'TEXT'
usage: rollback.sh [--project NAME] [--handover serial|overlap|stop] [--state DIR] [--dry-run]

The containers of the release before, which deploy.sh kept with their image and configuration,
serve again, camera by camera; those of the new one are stopped and kept. Migrations that came
with it are taken back afterwards. Run again it brings back the newer one. After a deploy.sh that
was broken off, it brings back what served before that.

  --project NAME  Compose project of Redis (ariia-vision)
  --handover HOW  as for deploy.sh (as it was deployed)
  --state DIR     as for deploy.sh (data/deploy)
  --dry-run       say what would be done

Exit code: 0 if the release before serves, 1 if not, 2 for wrong use.
TEXT
}

project=ariia-vision how='' state=$ROOT/data/deploy
while (($#)); do
    case $1 in
    --project) project=$(value_of "$@"); shift ;;
    --handover) how=$(value_of "$@"); shift ;;
    --state) state=$(value_of "$@"); shift ;;
    --dry-run) dry_run=true ;;
    -h | --help) usage; exit 0 ;;
    *) refuse "$1: no such option" ;;
    esac
    shift
done
[[ $how =~ ^(serial|overlap|stop)?$ ]] || refuse "--handover takes serial, overlap or stop"
[[ -d $state ]] || die "$state is not there: nothing was deployed, or name --state"
need_engine
one_at_a_time "$state/lock"
need_redis

of_pending() { sed -n "s/^$1 //p" "$state/pending"; }
if [[ -f $state/pending ]]; then
    target=$(of_pending old) now=$(of_pending new) level=$(of_pending level)
    say "a deploy was broken off: back to $target"
else
    [[ -s $state/previous && -s $state/active ]] || die "there is no release before: nothing was deployed yet"
    target=$(<"$state/previous") now=$(<"$state/active") level=$(<"$state/previous-level")
fi
mapfile -t cameras < <(cameras_of "$target")
[[ ${#cameras[@]} -gt 0 && -n $(infer_of "$target") ]] ||
    die "the containers of $target are gone: deploy its image again with scripts/deploy.sh"
if $dry_run; then
    say "would hand over ${cameras[*]} from $now to $target (${how:-serial}) and migrate down to $level"
    exit 0
fi

if [[ -f $state/pending ]]; then
    bring_back "$target" "$now" || die "$target does not get healthy: docker compose --project-name $target logs"
else
    # For the way forward again, should it be wanted.
    level_now=$("$ROOT/scripts/migrate.sh" --project "$project" status | sed -n 's/^done *//p' | tail -n 1)
    printf '%s\n' "old $now" "new $target" "level ${level_now:-none}" >"$state/pending"
    if [[ $level != none ]]; then "$ROOT/scripts/migrate.sh" --project "$project" --to "$level" up; fi
    if ! hand_over "$now" "$target" "${how:-serial}" "${cameras[@]}"; then
        bring_back "$now" "$target" || die "neither $target nor $now gets healthy: see their logs"
        rm "$state/pending"
        die "$target does not get healthy; $now serves as before"
    fi
    for camera in "${cameras[@]}"; do say "$camera: $(gap_ms "$camera") ms without a message"; done
    printf '%s\n' "$now" >"$state/previous"
    printf '%s\n' "${level_now:-none}" >"$state/previous-level"
fi
"$ROOT/scripts/migrate.sh" --project "$project" --to "$level" down ||
    die "$target serves, but a migration could not be taken back: run scripts/migrate.sh --to $level down"
printf '%s\n' "$target" >"$state/active"
rm "$state/pending"
printf '%s rolled back from %s to %s\n' "$(date -u +%FT%TZ)" "$now" "$target" >>"$state/log"
say "$target serves again; $now is kept"
