#!/usr/bin/env bash
# Looks whether a stack works. See --help.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

usage() {
    cat <<'TEXT'
usage: smoke.sh [--dry-run] [OPTION...]

Runs compose/smoke.sh with OPTION..., which see with `compose/smoke.sh --help`. Without options it
starts a stack of its own with simulated cameras, tries everything on it, and removes it.

  --dry-run  say what would be run

Exit code: 0 if all went well, 1 if not, 2 for wrong use.
TEXT
}

options=()
while (($#)); do
    case $1 in
    --dry-run) dry_run=true ;;
    -h | --help) usage; exit 0 ;;
    *) options+=("$1") ;;
    esac
    shift
done
$dry_run || need_engine
run "$COMPOSE_FOLDER/smoke.sh" "${options[@]}"
