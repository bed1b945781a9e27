#!/usr/bin/env bash
# Runs a command in a container that can reach nothing: no network, no mount, no privilege. It gets
# a copy of workspace/, and one file of bounded size comes back.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

usage() {
    cat <<'TEXT'
usage: sandbox.sh [--time-s N] [--memory-mib N] [--result FILE] [--dry-run] [--] COMMAND...

Runs COMMAND in /workspace, which holds a copy of the checkout's workspace/. What it says appears here,
at most 1 MiB of it. The file /workspace/result, if COMMAND leaves one, comes back as FILE. Everything
else is gone when it ends.

  --time-s N      seconds it may take, 1 to 3600 (300)
  --memory-mib N  memory with all it writes, 64 to 4096 (1024)
  --result FILE   where /workspace/result goes, 1 MiB at most (workspace/result); replaced at the end
  --dry-run       check everything, print the command, start nothing

There is no option for a network, a mount, a privilege, a user or a larger limit: compose/sandbox.yaml
says what the container is. Environment: SANDBOX_IMAGE, an image that is here already
(ariia-vision:0.1.0-cpu), and what `docker` reads.
Exit code: that of COMMAND; 124 when its time is over, 125 when the sandbox could not run it or its
result does not fit, 2 for a wrong argument.
TEXT
}

readonly result_kib=1024 said_kib=1024 workspace_kib=131072 grace_s=20
# Before any other file or profile that the environment may name.
readonly compose_yaml=$ROOT/compose/sandbox.yaml inside=$ROOT/compose/sandbox/inside.py

# fail TEXT: as die, with a code that the command's own is not taken for.
fail() {
    say "error: $*"
    exit 125
}

# whole_number OPTION VALUE LEAST MOST
whole_number() {
    if [[ ! $2 =~ ^[1-9][0-9]{0,5}$ ]] || (($2 < $3 || $2 > $4)); then
        refuse "$1: '$2' is not a whole number from $3 to $4"
    fi
}

time_s=300 memory_mib=1024 result=$ROOT/workspace/result
while (($#)); do
    case $1 in
    -h | --help) usage; exit 0 ;;
    --dry-run) dry_run=true ;;
    --time-s) time_s=$(value_of "$@"); whole_number "$1" "$time_s" 1 3600; shift ;;
    --memory-mib) memory_mib=$(value_of "$@"); whole_number "$1" "$memory_mib" 64 4096; shift ;;
    --result) result=$(value_of "$@"); shift ;;
    --) shift; break ;;
    -*) refuse "$1: no such option, and none gives the sandbox more" ;;
    *) break ;;
    esac
    shift
done
(($#)) || refuse "no command"

workspace=$ROOT/workspace
[[ -d $workspace ]] || refuse "$workspace: is no folder: make it and put in what the command needs"
# A link would copy any folder of this machine.
[[ ! -L $workspace ]] || refuse "$workspace: is a link; the sandbox gets a copy of a folder only"
folder=$(dirname "$result")
[[ -d $folder && -w $folder && ! -d $result ]] || refuse "--result $result: cannot be written"
result=$(cd "$folder" && pwd)/$(basename "$result")
folder=$(dirname "$result")
used_kib=$(du --summarize --apparent-size --block-size 1K --exclude ./result "$workspace" | cut -f 1)
((used_kib <= workspace_kib)) ||
    refuse "$workspace: has $used_kib KiB; $workspace_kib KiB fit into the sandbox"

export SANDBOX_IMAGE=${SANDBOX_IMAGE:-ariia-vision:0.1.0-cpu} SANDBOX_MEMORY_MIB=$memory_mib
name=ariia-sandbox-$$-$RANDOM
first_process=$(cat "$inside")
run=(docker compose --project-name "$name" --file "$compose_yaml" --profile sandbox
    run --rm --no-TTY --name "$name" sandbox "$first_process" "$time_s" "$result_kib" "$@")

command -v docker >/dev/null || fail "docker: not found: install Docker Engine and Compose"
answer=$(docker info --format '{{json .SecurityOptions}}' 2>&1) ||
    fail "the engine does not answer: $(tail -n 1 <<<"$answer")"
# 20.10 calls its profile default, later ones builtin.
[[ $answer =~ name=seccomp,profile=(default|builtin) ]] ||
    fail "the engine runs containers without its seccomp profile ($answer): remove seccomp-profile from its settings"
docker image inspect "$SANDBOX_IMAGE" >/dev/null 2>&1 ||
    fail "image $SANDBOX_IMAGE: is not here, and the sandbox pulls none: build it (docs/deploy.md)"
docker compose version >/dev/null 2>&1 || fail "docker compose: not found: install the Compose plugin"

if $dry_run; then
    for word in "${run[@]}"; do
        if [[ $word == "$first_process" ]]; then word=COMPOSE/sandbox/inside.py; fi
        printf '%q ' "${word/#COMPOSE/$ROOT/compose}"
    done
    echo
    exit 0
fi

partial=$(mktemp "$folder/.sandbox-result.XXXXXX")
# shellcheck disable=SC2317  # called by the trap
clean_up() {
    local code=$?
    trap - EXIT
    docker rm --force "$name" >/dev/null 2>&1 || true
    rm -f "$partial"
    exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# bounded KIB: copies that much, and reads on so that the writer is not held up.
bounded() {
    head --bytes "$(($1 * 1024))"
    cat >/dev/null
}

# The first process inside keeps the time; this clock is for an engine that does not answer.
set +e
cd "$workspace"
find . -mindepth 1 ! -path ./result ! -path './.sandbox-result.*' -print0 |
    tar --create --null --no-recursion --files-from - --owner 0 --group 0 --numeric-owner |
    { timeout --kill-after 5 "$((time_s + grace_s))" "${run[@]}" 2>&1 >&3 3>&- | bounded "$said_kib" >&2; exit "${PIPESTATUS[0]}"; } 3>&1 |
    { head --bytes "$((result_kib * 1024 + 1))"; cat >/dev/null; } >"$partial"
codes=("${PIPESTATUS[@]}")
set -e
code=${codes[2]}

if (($(stat --format %s "$partial") > result_kib * 1024)); then
    fail "the result has more than $result_kib KiB"
fi
if [[ -s $partial ]]; then mv --force "$partial" "$result"; fi
exit "$code"
