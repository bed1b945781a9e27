#!/usr/bin/env bash
# Changes keys on Redis from release to release, and back. See --help.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
LEDGER=vision:migrations

usage() {
    cat <<'TEXT'
usage: migrate.sh [--dir DIR] [--project NAME] [--to NAME] [--dry-run] status|up|down

  status  what is done and what is not
  up      does what is not done, in order; with --to NAME up to NAME, that one included
  down    takes back what was done after --to NAME, the newest first; --to none takes back all

  --dir DIR       folder of migrations (scripts/migrations, see its README.md)
  --project NAME  Compose project of Redis (ariia-vision)
  --to NAME       as 0003-status-streams
  --dry-run       say what would be done

Each migration and its line in the ledger (the hash vision:migrations) are one transaction.
Environment: REDISCLI and REDISCLI_AUTH for a Redis that is in no container (--user admin).
Exit code: 0 if all is done, 1 if not, 2 for wrong use.
TEXT
}

folder=$ROOT/scripts/migrations project=ariia-vision to='' action=''
while (($#)); do
    case $1 in
    --dir) folder=$(value_of "$@"); shift ;;
    --project) project=$(value_of "$@"); shift ;;
    --to) to=$(value_of "$@"); shift ;;
    --dry-run) dry_run=true ;;
    -h | --help) usage; exit 0 ;;
    status | up | down)
        [[ -z $action ]] || refuse "one of status, up and down"
        action=$1
        ;;
    *) refuse "$1: neither an option nor status, up or down" ;;
    esac
    shift
done
[[ -n $action ]] || refuse "status, up or down?"
[[ $action != down || -n $to ]] || refuse "down needs --to NAME, or --to none"
[[ -d $folder ]] || die "$folder is no folder: name another --dir"

# The folder in order; each has both ways and a number of its own.
names=() last=
shopt -s nullglob
for file in "$folder"/*.lua; do
    name=${file##*/}
    case $name in
    [0-9][0-9][0-9][0-9]-*.up.lua) ;;
    [0-9][0-9][0-9][0-9]-*.down.lua)
        [[ -f ${file%.down.lua}.up.lua ]] || die "$file: there is no ${name%.down.lua}.up.lua"
        continue
        ;;
    *) die "$file: its name is not NNNN-what.up.lua or NNNN-what.down.lua" ;;
    esac
    name=${name%.up.lua}
    [[ -f $folder/$name.down.lua ]] || die "$file: there is no $name.down.lua: it could not be taken back"
    [[ ${name%%-*} != "$last" ]] || die "$file: there are two with number $last"
    last=${name%%-*}
    names+=("$name")
done
is_known() { [[ " ${names[*]} " == *" $1 "* ]]; }
[[ -z $to || $to == none || ${#names[@]} -gt 0 ]] || die "--to $to: there are no migrations in $folder"
[[ -z $to || $to == none ]] || is_known "$to" || die "--to $to: no migration in $folder"
[[ $action != up || $to != none ]] || refuse "up takes no --to none"
need_redis

declare -A done_sum=()
while read -r name && read -r value; do
    if [[ -n $name ]]; then done_sum[$name]=${value%% *}; fi
done < <(redis hgetall $LEDGER </dev/null)
for name in "${!done_sum[@]}"; do
    is_known "$name" || die "the ledger has $name, which is not in $folder: take it back with the release that did it"
done
sum_of() { sha256sum <"$1" | cut -d ' ' -f 1; }
for name in "${!done_sum[@]}"; do
    [[ ${done_sum[$name]} == "$(sum_of "$folder/$name.up.lua")" ]] ||
        die "$folder/$name.up.lua was changed after it was run: bring the old one back, and write a new one"
done

# transact NAME WAY: the script and its line in the ledger, or neither.
transact() {
    local name=$1 way=$2 file=$folder/$1.$2.lua answer script
    script="
local is_done = redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1
if is_done == (ARGV[2] == 'up') then return 'already' end
local function migrate()
$(cat "$file")
end
migrate()
if ARGV[2] == 'up' then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3] .. ' ' .. ARGV[4])
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return 'done'"
    if $dry_run; then say "would do $name $way"; return; fi
    answer=$(redis eval "$script" 1 $LEDGER "$name" "$way" "$(sum_of "$folder/$name.up.lua")" \
        "$(date -u +%FT%TZ)" </dev/null 2>&1) ||
        die "$name $way failed, the ledger does not have it: ${answer//$'\n'/ }"
    say "$name $way: $answer"
}

changed=0
case $action in
status)
    for name in "${names[@]}"; do
        if [[ -n ${done_sum[$name]:-} ]]; then echo "done     $name"; else echo "pending  $name"; fi
    done
    ;;
up)
    for name in "${names[@]}"; do
        if [[ -z ${done_sum[$name]:-} ]]; then
            transact "$name" up
            changed=$((changed + 1))
        fi
        [[ $name != "$to" ]] || break
    done
    ;;
down)
    for ((at = ${#names[@]} - 1; at >= 0; at--)); do
        name=${names[at]}
        [[ $name != "$to" ]] || break
        if [[ -n ${done_sum[$name]:-} ]]; then
            transact "$name" down
            changed=$((changed + 1))
        fi
    done
    ;;
esac
if [[ $action != status ]] && ((changed == 0)); then say "nothing to do"; fi
