#!/usr/bin/env bash
# Replaces a secret while everything runs. See --help.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/redis-ha.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/redis-ha.sh"

usage() {
    cat <<'TEXT'
usage: rotate-secret.sh [--secrets DIR] [--project NAME] [--stdin] [--dry-run] NAME

Gives the secret file NAME a new value, a random one unless --stdin is given:

  redis_USER_password    Redis takes the new one beside the old, the file is written, a login is
                         tried, and the old one is refused from then on. Connections that exist
                         stay, new ones read the file: nothing is restarted but redis-exporter.
  redis_replica_password, redis_sentinel_password
                         the same, and servers and Sentinels are told one after the other; each
                         has to be in touch with all others before the next one is
  web_token, metrics_token
                         the new one holds at once and the old one no more, at the edge within about
                         two seconds: nothing is restarted
  camera_NAME_username, camera_NAME_password
                         with --stdin: change it in the camera first; a camera that refuses the
                         old one is tried again within seconds

  --secrets DIR   folder of secret files (secrets)
  --project NAME  Compose project of Redis (ariia-vision)
  --stdin         read the new value from standard input
  --dry-run       say what would be done

Environment: REDISCLI and REDISCLI_AUTH for a Redis that is in no container (--user admin); where
there are several, REDIS_SERVERS and REDIS_SENTINELS list them: "host:port host:port ...".
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
redis_*_password)
    user=${name#redis_}
    user=${user%_password}
    ;;
web_token | metrics_token) ;;
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
    say "$name is new"
    exit 0
fi

hash_of() { printf '%s' "$1" | sha256sum | cut -d ' ' -f 1; }

# Every server: users are not replicated. Hashes only, since a command line can be seen.
if [[ -z ${REDISCLI:-} ]]; then need_engine; fi
mapfile -t servers < <(all_servers)
((${#servers[@]})) || die "no Redis of project $project runs: start it, or name --project"
sentinels=()
if [[ $user == sentinel ]]; then mapfile -t sentinels < <(all_sentinels); fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# everywhere WORD...: on all servers, and on the Sentinels if the user is theirs too.
everywhere() {
    local place
    for place in "${servers[@]}"; do
        redis_at "$place" "$@" </dev/null >/dev/null 2>"$log" || return 1
    done
    for place in "${sentinels[@]}"; do
        sentinel_at "$place" "$@" </dev/null >/dev/null 2>"$log" || return 1
    done
}
login_works() {
    local place answer
    # The password goes through standard input.
    for place in "${servers[@]}"; do
        answer=$(printf 'AUTH %s %s\n' "$user" "$(quoted "$new")" | redis_at "$place" 2>&1) || return 1
        [[ $answer == OK ]] || return 1
    done
}
# told OLD_OR_NEW: what logs in by itself learns it.
told() {
    case $user in
    replica) tell_replicas "$1" ;;
    sentinel) tell_sentinels "$1" ;;
    esac
}
everywhere ping || die "Redis does not answer: $(tail -n 1 "$log")"
redis_at "${servers[0]}" acl getuser "$user" </dev/null 2>/dev/null | grep --quiet . ||
    die "Redis knows no user $user"
where="${#servers[@]} server(s)"
if ((${#sentinels[@]})); then where+=" and ${#sentinels[@]} Sentinel(s)"; fi
if $dry_run; then say "would change the password of $user on $where and write $file"; exit 0; fi
if ! well; then die "$why: wait until it is well, or mend it, before a password is changed"; fi

everywhere acl setuser "$user" "#$(hash_of "$new")" || die "Redis took no new password: $(tail -n 1 "$log")"
if ! told "$new"; then
    reason=$why
    told "$old" || true
    everywhere acl setuser "$user" "!$(hash_of "$new")" || true
    die "the new password does not work ($reason): the old one holds"
fi
write "$new"
if [[ $user == admin && -n ${REDISCLI:-} ]]; then export REDISCLI_AUTH=$new; fi
if ! login_works; then
    write "$old"
    if [[ $user == admin && -n ${REDISCLI:-} ]]; then export REDISCLI_AUTH=$old; fi
    told "$old" || true
    everywhere acl setuser "$user" "!$(hash_of "$new")" || true
    die "a login with the new password failed: the old one holds"
fi
# All others: also what a run that was broken off left behind.
everywhere acl setuser "$user" resetpass "#$(hash_of "$new")" ||
    die "the new password holds, and the old one still does too: run it again ($(tail -n 1 "$log"))"
if [[ $user == exporter && -f $secrets/redis_exporter_login ]]; then
    # The form in which the exporter takes it, as compose/prepare.sh writes it; it reads it once.
    escaped=${new//\\/\\\\} && escaped=${escaped//\"/\\\"}
    printf '{"redis://redis:6379": "%s", "redis://exporter@redis:6379": "%s"}' "$escaped" "$escaped" \
        >"$secrets/redis_exporter_login"
    if [[ -z ${REDISCLI:-} ]]; then
        docker ps --quiet --filter "label=com.docker.compose.project=$project" \
            --filter label=com.docker.compose.service=redis-exporter |
            xargs --no-run-if-empty docker restart >/dev/null
    fi
fi
say "$name is new on $where"
