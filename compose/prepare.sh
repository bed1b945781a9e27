#!/usr/bin/env bash
# Makes what the containers need and what nobody should have to think up: passwords, folders, and
# a .env that says as whom they run. Run it again at any time: it keeps what is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    cat <<'TEXT'
usage: prepare.sh [--demo] [--secrets DIR] [--data DIR] [--env FILE]

  --demo         also the credentials of the simulated cameras
  --secrets DIR  folder of secret files (../secrets)
  --data DIR     folder of what Redis and the monitoring keep (../data)
  --env FILE     written for `docker compose --env-file` (.env)

As root the containers get uid and gid 10001 and the files are given to them; as another user
they run as that user, who can read the files anyway.
TEXT
}

demo=false secrets=../secrets data=../data env=.env
while (($#)); do
    case $1 in
    --demo) demo=true ;;
    --secrets | --data | --env)
        [[ $# -ge 2 ]] || { usage >&2; exit 2; }
        case $1 in
        --secrets) secrets=$2 ;;
        --data) data=$2 ;;
        --env) env=$2 ;;
        esac
        shift
        ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
    shift
done

uid=$(id -u) gid=$(id -g)
if ((uid == 0)); then uid=10001 gid=10001; fi

umask 077
folders=(redis prometheus alertmanager grafana)
mkdir -p "$secrets" "${folders[@]/#/$data/}"

# A random value that needs no escaping anywhere.
random() { head -c 48 /dev/urandom | base64 -w 0 | tr -d '+/=' | head -c "$1"; }

# secret NAME VALUE-COMMAND...: the file, unless it is there already.
secret() {
    local path=$secrets/$1
    shift
    if [[ ! -s $path ]]; then "$@" >"$path"; fi
    chmod 600 "$path"
}

for user in ingest infer subscriber web exporter admin; do
    secret "redis_${user}_password" random 40
done
# The form in which the exporter takes it, a JSON object by address; newer ones look for the user too.
exporter_login() {
    local password
    password=$(cat "$secrets/redis_exporter_password")
    printf '{"redis://redis:6379": "%s", "redis://exporter@redis:6379": "%s"}' "$password" "$password"
}
secret redis_exporter_login exporter_login
for token in web_token metrics_token grafana_admin_password; do secret "$token" random 40; done
if $demo; then
    # Both cameras have one login: the simulator has one.
    secret camera_gate_username random 12
    secret camera_gate_password random 24
    for part in username password; do
        secret "camera_hall_$part" cat "$secrets/camera_gate_$part"
    done
fi
if ((EUID == 0)); then chown -R "$uid:$gid" "$secrets" "${folders[@]/#/$data/}"; fi

absolute() { (cd "$1" && pwd); }
{
    echo "# Written by prepare.sh. Holds no secret."
    echo "RUN_AS=$uid:$gid"
    if [[ $secrets != ../secrets ]]; then echo "SECRETS_DIR=$(absolute "$secrets")"; fi
    if [[ $data != ../data ]]; then echo "DATA_DIR=$(absolute "$data")"; fi
} >"$env"
chmod 644 "$env"
echo "secrets: $secrets; data: $data; containers run as $uid:$gid ($env)"
