#!/usr/bin/env bash
# Makes what the containers need and what nobody should have to think up: passwords, folders, and
# a .env that says as whom they run. Run it again at any time: it keeps what is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    cat <<'TEXT'
usage: prepare.sh [--demo] [--ha] [--bus PREFIX] [--secrets DIR] [--data DIR] [--env FILE] [--check]

  --demo         also the credentials of the simulated cameras
  --ha           also a second Redis and three Sentinels (profile redis-ha)
  --secrets DIR  folder of secret files (../secrets)
  --bus PREFIX   first three numbers of the addresses of Redis with --ha (172.29.84)
  --data DIR     folder of what Redis, the monitoring and events keep (../data)
  --env FILE     written for `docker compose --env-file` (.env); further lines in it are kept
  --check        make nothing, and name what is missing; exit code 1 if anything is

As root the containers get uid and gid 10001 and the files are given to them; as another user
they run as that user, who can read the files anyway.
TEXT
}

demo=false ha=false check=false bus="" secrets="" data="" env=.env
while (($#)); do
    case $1 in
    --demo) demo=true ;;
    --ha) ha=true ;;
    --check) check=true ;;
    --secrets | --data | --env | --bus)
        [[ $# -ge 2 ]] || { usage >&2; exit 2; }
        case $1 in
        --secrets) secrets=$2 ;;
        --data) data=$2 ;;
        --bus) bus=$2 ;;
        --env) env=$2 ;;
        esac
        shift
        ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
    shift
done

# Kept over runs: addresses stand in what the Sentinels remember, and a second run looks where the
# first one wrote.
if [[ -f $env ]]; then
    bus=${bus:-$(sed -n 's/^BUS_SUBNET=\(.*\)\.0\/24$/\1/p' "$env")}
    secrets=${secrets:-$(sed -n 's/^SECRETS_DIR=//p' "$env")}
    data=${data:-$(sed -n 's/^DATA_DIR=//p' "$env")}
fi
secrets=${secrets:-../secrets} data=${data:-../data}
bus=${bus:-172.29.84}
[[ $bus =~ ^[0-9]{1,3}(\.[0-9]{1,3}){2}$ ]] || { usage >&2; exit 2; }
uid=$(id -u) gid=$(id -g)
if ((uid == 0)); then uid=10001 gid=10001; fi

umask 077
folders=("$data"/{redis,prometheus,alertmanager,grafana,mosquitto,ollama,snapshots})
if [[ -d $data/sentinel-1 ]]; then ha=true; fi
if $ha; then folders+=("$data"/{redis-replica,sentinel-1,sentinel-2,sentinel-3}); fi
missing=()
if $check; then
    for folder in "$secrets" "$data"; do
        if [[ -d $folder && ! -x $folder ]]; then
            echo "$folder cannot be looked into by $(id -un): whether all is there is not known" >&2
            exit 0
        fi
    done
    for folder in "$secrets" "${folders[@]}"; do
        if [[ ! -d $folder ]]; then missing+=("$folder/"); fi
    done
else
    mkdir -p "$secrets" "${folders[@]}"
fi

# A random value that needs no escaping anywhere.
random() { head -c 48 /dev/urandom | base64 -w 0 | tr -d '+/=' | head -c "$1"; }

# secret NAME VALUE-COMMAND...: the file, unless it is there already.
secret() {
    local path=$secrets/$1
    shift
    if $check; then
        if [[ ! -s $path ]]; then missing+=("$path"); fi
        return
    fi
    if [[ ! -s $path ]]; then "$@" >"$path"; fi
    chmod 600 "$path"
}

for user in ingest infer events narrator subscriber web bridge exporter admin replica sentinel; do
    secret "redis_${user}_password" random 40
done
# The form in which the exporter takes it, a JSON object by address; newer ones look for the user too.
exporter_login() {
    local password
    password=$(cat "$secrets/redis_exporter_password")
    printf '{"redis://redis:6379": "%s", "redis://exporter@redis:6379": "%s"}' "$password" "$password"
}
secret redis_exporter_login exporter_login
# As whom the bridge logs in to the broker; for a broker elsewhere write what it knows into both. No
# word that stands elsewhere: what is in a secret file is taken out of every log.
secret mqtt_username printf vision-publisher
for name in mqtt_password mqtt_homeassistant_password; do secret "$name" random 40; done
for token in web_token metrics_token grafana_admin_password; do secret "$token" random 40; done
if $demo; then
    # Both cameras have one login: the simulator has one.
    secret camera_gate_username random 12
    secret camera_gate_password random 24
    for part in username password; do
        secret "camera_hall_$part" cat "$secrets/camera_gate_$part"
    done
fi
if $check; then
    if ((${#missing[@]} == 0)); then exit 0; fi
    printf 'error: missing: %s: run compose/prepare.sh, which makes them and keeps what is there\n' \
        "$(printf '%s, ' "${missing[@]}" | sed 's/, $//')" >&2
    exit 1
fi
if ((EUID == 0)); then chown -R "$uid:$gid" "$secrets" "${folders[@]}"; fi

absolute() { (cd "$1" && pwd); }
head='# Written by prepare.sh. Holds no secret.'
own=$(
    echo "RUN_AS=$uid:$gid"
    if [[ $secrets != ../secrets ]]; then echo "SECRETS_DIR=$(absolute "$secrets")"; fi
    if [[ $data != ../data ]]; then echo "DATA_DIR=$(absolute "$data")"; fi
    if $ha; then
        echo NETWORKS_FILE=networks-fixed.yaml
        echo "BUS_SUBNET=$bus.0/24"
        echo "BUS_RANGE=$bus.128/25"
        # An address that is gone does not refuse, it is silent.
        echo REDIS_CONNECT_TIMEOUT_S=0.2
        echo REDIS_COMMAND_TIMEOUT_S=1
        echo "REDIS_ADDRESS=$bus.10"
        echo "REDIS_REPLICA_ADDRESS=$bus.11"
        for number in 1 2 3; do echo "SENTINEL_${number}_ADDRESS=$bus.2$number"; done
        printf 'REDIS_SENTINELS=["%s:26379","%s:26379","%s:26379"]\n' "$bus".2{1,2,3}
    fi
)
# What a person added stays.
added=
if [[ -f $env ]]; then
    added=$(awk -F = -v own="$own" -v head="$head" '
        BEGIN {
            for (n = split(own, lines, "\n"); n > 0; n--) { sub(/=.*/, "", lines[n]); is_own[lines[n]] }
            is_own["SECRETS_DIR"]; is_own["DATA_DIR"]
        }
        $0 != head && !($1 in is_own)' "$env")
fi
printf '%s\n' "$head" "$own" ${added:+"$added"} >"$env"
chmod 644 "$env"
echo "secrets: $secrets; data: $data; containers run as $uid:$gid ($env)"
