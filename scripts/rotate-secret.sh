#!/usr/bin/env bash
# Replaces a secret while everything runs. See --help.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

usage() {
    cat <<'TEXT'
usage: rotate-secret.sh [--secrets DIR] [--project NAME] [--stdin] [--dry-run] NAME

Gives the secret file NAME a new value, a random one unless --stdin is given:

  redis_USER_password    Redis takes the new one beside the old, the file is written, a login is
                         tried, and the old one is refused from then on. Connections that exist
                         stay, new ones read the file: nothing is restarted. Not for the users
                         replica and sentinel (see docs/operations.md).
  web_token              the page asks for it after a restart of its container
  camera_NAME_username, camera_NAME_password
                         with --stdin: change it in the camera first; a camera that refuses the
                         old one is tried again within seconds

  --secrets DIR   folder of secret files (secrets)
  --project NAME  Compose project of Redis (ariia-vision)
  --stdin         read the new value from standard input
  --dry-run       say what would be done

Environment: REDISCLI and REDISCLI_AUTH for a Redis that is in no container (--user admin).
Exit code: 0 if the new value holds, 1 if not: the old one holds then; 2 for wrong use.
TEXT
}

secrets=$ROOT/secrets project=ariia-vision from_stdin=false name=''
while (($#)); do
    case $1 in
    --secrets) secrets=$(value_of "$@"); shift ;;
    --project) project=$(value_of "$@"); shift ;;
    --stdin) from_stdin=true ;;
    --dry-run) dry_run=true ;;
    -h | --help) usage; exit 0 ;;
    -*) refuse "$1: no such option" ;;
    *)
        [[ -z $name ]] || refuse "one secret at a time"
        name=$1
        ;;
    esac
    shift
done
[[ -n $name ]] || refuse "which secret?"
user=
case $name in
redis_replica_password | redis_sentinel_password)
    die "$name: servers and Sentinels have to learn it together: see docs/operations.md" ;;
redis_*_password)
    user=${name#redis_}
    user=${user%_password}
    ;;
web_token) ;;
camera_*_username | camera_*_password)
    $from_stdin || refuse "$name: the camera knows its value, give it with --stdin" ;;
*) refuse "$name: no secret of Ariia Vision" ;;
esac
file=$secrets/$name
[[ -f $file ]] || die "$file is not there: make it with compose/prepare.sh, or name --secrets"
[[ -w $file ]] || die "$file cannot be written by this user"
old=$(cat "$file")
if $from_stdin; then
    IFS= read -r new || true
    [[ -n $new ]] || die "there is nothing on standard input"
else
    new=$(head -c 48 /dev/urandom | base64 -w 0 | tr -d '+/=' | head -c 40)
fi
[[ $new != "$old" ]] || die "$name has this value already"

# Into the same file: a mount follows the file, not its name.
write() { printf '%s' "$1" >"$file"; }

if [[ -z $user ]]; then
    if $dry_run; then say "would write $file"; exit 0; fi
    write "$new"
    case $name in
    web_token) say "$name is new: restart the containers that serve the page" ;;
    *) say "$name is new" ;;
    esac
    exit 0
fi

hash_of() { printf '%s' "$1" | sha256sum | cut -d ' ' -f 1; }

# Every server: users are not replicated. Hashes only, since a command line can be seen.
servers=()
if [[ -n ${REDISCLI:-} ]]; then
    servers=(own)
else
    need_engine
    mapfile -t servers < <(redis_containers)
    ((${#servers[@]})) || die "no Redis of project $project runs: start it, or name --project"
fi
everywhere() {
    local server
    for server in "${servers[@]}"; do
        redis_at "$server" "$@" </dev/null >/dev/null 2>"$log" || return 1
    done
}
login_works() {
    local server answer
    for server in "${servers[@]}"; do
        # The password goes through standard input.
        answer=$(printf 'AUTH %s "%s"\n' "$user" "${new//[\"\\]/\\&}" | redis_at "$server" 2>&1) || return 1
        [[ $answer == OK ]] || return 1
    done
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
everywhere ping || die "Redis does not answer: $(tail -n 1 "$log")"
redis_at "${servers[0]}" acl getuser "$user" </dev/null 2>/dev/null | grep --quiet . ||
    die "Redis knows no user $user"
if $dry_run; then say "would change the password of $user on ${#servers[@]} server(s) and write $file"; exit 0; fi

everywhere acl setuser "$user" "#$(hash_of "$new")" || die "Redis took no new password: $(tail -n 1 "$log")"
write "$new"
if [[ $user == admin && -n ${REDISCLI:-} ]]; then export REDISCLI_AUTH=$new; fi
if ! login_works; then
    write "$old"
    if [[ $user == admin && -n ${REDISCLI:-} ]]; then export REDISCLI_AUTH=$old; fi
    everywhere acl setuser "$user" "!$(hash_of "$new")" || true
    die "a login with the new password failed: the old one holds"
fi
# All others: also what a run that was broken off left behind.
everywhere acl setuser "$user" resetpass "#$(hash_of "$new")" ||
    die "the new password holds, and the old one still does too: run it again ($(tail -n 1 "$log"))"
say "$name is new on ${#servers[@]} server(s)"
