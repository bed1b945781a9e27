#!/usr/bin/env bash
# Makes what the containers need and what nobody should have to think up: passwords, folders, and
# a .env that says as whom they run. Run it again at any time: it keeps what is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    cat <<'TEXT'
usage: prepare.sh [--demo] [--ha] [--bus PREFIX] [--secrets DIR] [--data DIR] [--env FILE]

  --demo         also the credentials of the simulated cameras
  --ha           also a second Redis and three Sentinels (profile redis-ha)
  --secrets DIR  folder of secret files (../secrets)
  --bus PREFIX   first three numbers of the addresses of Redis with --ha (172.29.84)
  --data DIR     folder of what Redis, the monitoring and events keep (../data)
  --env FILE     written for `docker compose --env-file` (.env)

As root the containers get uid and gid 10001 and the files are given to them; as another user
they run as that user, who can read the files anyway.
TEXT
}

demo=false ha=false bus="" secrets=../secrets data=../data env=.env
while (($#)); do
    case $1 in
    --demo) demo=true ;;
    --ha) ha=true ;;
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

# Kept over runs, since addresses stand in what the Sentinels remember.
if [[ -z $bus && -f $env ]]; then bus=$(sed -n 's/^BUS_SUBNET=\(.*\)\.0\/24$/\1/p' "$env"); fi
bus=${bus:-172.29.84}
[[ $bus =~ ^[0-9]{1,3}(\.[0-9]{1,3}){2}$ ]] || { usage >&2; exit 2; }
uid=$(id -u) gid=$(id -g)
if ((uid == 0)); then uid=10001 gid=10001; fi

umask 077
folders=("$data"/{redis,prometheus,alertmanager,grafana,mosquitto,ollama,snapshots})
if [[ -d $data/sentinel-1 ]]; then ha=true; fi
if $ha; then folders+=("$data"/{redis-replica,sentinel-1,sentinel-2,sentinel-3}); fi
mkdir -p "$secrets" "${folders[@]}"

# A random value that needs no escaping anywhere.
random() { head -c 48 /dev/urandom | base64 -w 0 | tr -d '+/=' | head -c "$1"; }

# secret NAME VALUE-COMMAND...: the file, unless it is there already.
secret() {
    local path=$secrets/$1
    shift
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
if ((EUID == 0)); then chown -R "$uid:$gid" "$secrets" "${folders[@]}"; fi

absolute() { (cd "$1" && pwd); }
{
    echo "# Written by prepare.sh. Holds no secret."
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
} >"$env"
chmod 644 "$env"
echo "secrets: $secrets; data: $data; containers run as $uid:$gid ($env)"
