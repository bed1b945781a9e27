#!/usr/bin/env bash
# Tries to get out of the sandbox, with a real engine, and tells what held.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

usage() {
    cat <<'TEXT'
usage: sandbox-proof.sh [--dry-run]

Runs what must not work inside scripts/sandbox.sh: the network, mounts, root, a fork bomb, a full
disk, too much memory, output without end, a command without end, a result that is too large or no
file. A line per attempt. Takes about a minute; needs Docker and the image of the sandbox.

  --dry-run   check that the sandbox could be started, and start nothing

Environment: SANDBOX_IMAGE as for sandbox.sh.
Exit code: 0 if all held, 1 if not, 2 for a wrong argument, 125 if there is no sandbox here.
TEXT
}

while (($#)); do
    case $1 in
    -h | --help) usage; exit 0 ;;
    --dry-run) dry_run=true ;;
    *) refuse "$1: no such option" ;;
    esac
    shift
done

# A checkout of its own: what lies in workspace/ is nobody's business here.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/scripts" "$work/compose" "$work/workspace"
cp -r "$ROOT/scripts/sandbox.sh" "$ROOT/scripts/lib" "$work/scripts/"
cp -r "$ROOT/compose/sandbox.yaml" "$ROOT/compose/sandbox" "$work/compose/"
echo "of the host" >"$work/host-file"
sandbox=$work/scripts/sandbox.sh result=$work/workspace/result said=$work/said

if $dry_run; then
    "$sandbox" --dry-run -- true
    exit 0
fi
"$sandbox" --dry-run -- true >/dev/null

failures=0
row() { printf '%-46s %s\n' "$1" "$2"; }
# expect WHAT HELD HOW: a row; HELD is 1 or 0.
expect() {
    if (($2)); then row "$1" "held: $3"; else
        failures=$((failures + 1))
        row "$1" "FAILED: $3"
        tail -n 3 "$said"
    fi
}
# attempt OPTION... -- COMMAND...: sets code, elapsed_s, bytes said, and whether a result came out.
attempt() {
    rm -f "$result"
    local from_s=$SECONDS
    code=0
    "$sandbox" "$@" >"$said" 2>&1 </dev/null || code=$?
    elapsed_s=$((SECONDS - from_s))
    bytes=$(stat --format %s "$said")
    came=0
    if [[ -e $result ]]; then came=1; fi
}
free_kib() { df --output=avail "$work" | tail -n 1; }

attempt --time-s 120 -- python -I -c "$(cat "$work/compose/sandbox/escape.py")" "$work/host-file"
cat "$said"
expect "the checklist as a whole" "$((code == 0 && came))" "exit code $code"

bomb='import os
while True:
    try:
        os.fork()
    except OSError:
        pass'
attempt --time-s 5 -- python -I -c "$bomb"
expect "a fork bomb" "$((code == 124 && elapsed_s < 60))" "exit code $code after $elapsed_s s of 5"

before=$(free_kib)
# shellcheck disable=SC2016  # for the shell inside
attempt --time-s 20 -- sh -c 'for folder in /workspace /tmp /dev/shm /; do head -c 20G /dev/zero >$folder/fill; done'
written=$((before - $(free_kib)))
expect "20 GB to every folder" "$((code != 0 && written < 1048576))" "exit code $code; $written KiB less on the host's disk"

attempt --memory-mib 128 --time-s 30 -- python -c 'held = [bytearray(1 << 20) for _ in range(4096)]'
expect "4 GiB of memory where 128 MiB are allowed" "$((code == 137))" "exit code $code after $elapsed_s s"

attempt --time-s 3 -- sh -c 'trap "" TERM INT HUP; (setsid sleep 600 &); while :; do sleep 1; done'
expect "a command that will not end" "$((code == 124 && elapsed_s < 60))" "exit code $code after $elapsed_s s of 3"

attempt --time-s 3 -- yes
expect "output without end" "$((code == 124 && bytes < 1100000))" "exit code $code, $bytes bytes shown"

attempt -- sh -c 'head -c 2M /dev/zero >result'
expect "a result of 2 MiB" "$((code == 125 && !came))" "exit code $code, nothing came out"

attempt -- sh -c 'ln -s /etc/passwd result'
expect "a result that is a link" "$((code == 125 && !came))" "exit code $code, nothing came out"

attempt -- sh -c 'mkfifo result'
expect "a result that is a pipe" "$((code == 125 && elapsed_s < 60 && !came))" "exit code $code, nothing came out"

ln -s /etc "$work/workspace/link"
attempt -- sh -c 'cat link/hostname >result'
theirs=$(head -n 1 "$result")
expect "a link in the workspace" "$([[ $theirs != "$(hostname)" ]] && echo 1 || echo 0)" "leads to the container's own files"
rm "$work/workspace/link"

for option in --privileged --network=host --volume=/:/host --cap-add=ALL --user=0 --pid=host \
    --security-opt=seccomp=unconfined --time-s=99999 --env=A=b --device=/dev/kmsg; do
    attempt "$option" -- true
    expect "option $option" "$((code == 2))" "refused"
done

left=$(docker ps --all --quiet --filter name=ariia-sandbox- | wc -l)
expect "what is left of it all" "$((left == 0))" "$left containers"

if ((failures)); then
    printf '\n%d failed\n' "$failures"
    exit 1
fi
printf '\nall held\n'
