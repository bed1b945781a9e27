#!/usr/bin/env bash
# Installs the programs that tests use where they are there, and skip where they are not.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

usage() {
    cat <<'TEXT'
usage: install-tools.sh [--dry-run]

Installs what Debian and Ubuntu package of Redis, nginx, Prometheus and its exporters, Mosquitto,
Chromium, ShellCheck, BusyBox and age, as root or by sudo, and starts none of it. Run it again at any time.

Exit code: 0 if all is there, 1 if not, 2 for wrong use.
TEXT
}

while (($#)); do
    case $1 in
    --dry-run) dry_run=true ;;
    -h | --help) usage; exit 0 ;;
    *) refuse "$1: no such option" ;;
    esac
    shift
done

# age and gpg encrypt backups; a Sentinel is a package of its own.
packages=(age busybox chromium gnupg mosquitto nginx-light openssl prometheus prometheus-alertmanager
    prometheus-node-exporter prometheus-redis-exporter redis-sentinel redis-server shellcheck)
need apt-get
as_root=()
if ((EUID != 0)); then
    need sudo
    as_root=(sudo)
fi
missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
        missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    say "all there: ${packages[*]}"
    exit 0
fi

# Debian starts what it installs; a server on the usual port would be in a test's way.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
    run "${as_root[@]}" install -m 755 /dev/stdin "$policy" <<<$'#!/bin/sh\nexit 101'
    if ! $dry_run; then trap '"${as_root[@]}" rm -f "$policy"' EXIT; fi
fi
run "${as_root[@]}" apt-get update -q
run "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "${missing[@]}"
