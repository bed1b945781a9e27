#!/usr/bin/env bash
# Tells whether a release may go out by itself. See --help.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

usage() {
    cat <<'TEXT'
usage: change-type.sh [--policy FILE] [--repository DIR] [--at-most-1] [FROM [TO]]

Compares two revisions, the last tag v* and HEAD unless named, by the rules of a policy:

  type-1  nothing that others rely on: may be deployed automatically
  type-2  the contract, keys, volumes or settings change: needs a rollback plan and approval

The first line is `type-1` or `type-2` and `handover=any` or `handover=stop`, then a line for
each reason.

  --policy FILE     rules (scripts/change-policy.tsv, which explains them)
  --repository DIR  git repository (this one)
  --at-most-1       exit with 1 for type 2

Exit code: 0, 1 if it cannot be told (or see above), 2 for wrong use.
TEXT
}

policy=$ROOT/scripts/change-policy.tsv repository=$ROOT at_most_1=false words=()
while (($#)); do
    case $1 in
    --policy) policy=$(value_of "$@"); shift ;;
    --repository) repository=$(value_of "$@"); shift ;;
    --at-most-1) at_most_1=true ;;
    -h | --help) usage; exit 0 ;;
    -*) refuse "$1: no such option" ;;
    *) words+=("$1") ;;
    esac
    shift
done
((${#words[@]} <= 2)) || refuse "two revisions at most"
need git
[[ -r $policy ]] || die "$policy cannot be read: name another --policy"
in_git() { git -C "$repository" "$@"; }
in_git rev-parse --git-dir >/dev/null 2>&1 || die "$repository is no git repository: name another --repository"
from=${words[0]:-$(in_git describe --tags --abbrev=0 --match 'v*' HEAD 2>/dev/null || true)}
to=${words[1]:-HEAD}
[[ -n $from ]] || die "there is no tag v* yet: name the revision that is deployed"
for revision in "$from" "$to"; do
    in_git rev-parse --verify --quiet "$revision^{commit}" >/dev/null ||
        die "$revision: git does not know it: fetch it, or name another revision"
done

# setting_keys REVISION FILE: key and default of each row of the settings table.
setting_keys() {
    { in_git show "$1:$2" 2>/dev/null || true; } |
        awk -F ' [|] ' '/settings: begin/ {on = 1} /settings: end/ {on = 0}
            on && /^\| `/ {sub(/^\| /, "", $1); print $1 " = " $2}' | sort
}

number=0 type=1 handover=any reasons=()
while IFS=$'\t' read -r rule most path match reason; do
    number=$((number + 1))
    if [[ -z $rule || $rule == '#'* ]]; then continue; fi
    [[ -n $reason && $most =~ ^(any|stop)$ ]] || die "$policy:$number: five fields, the second any or stop"
    case $rule in
    lines)
        seen=$(in_git diff --no-color --no-ext-diff --no-renames --unified=0 "$from" "$to" -- "$path" |
            grep -vE '^(\+\+\+|---) ' | sed -n 's/^[+-]//p' | grep -cE -e "$match" || true)
        ;;
    keys) seen=$(comm -23 <(setting_keys "$from" "$path") <(setting_keys "$to" "$path") | grep -c . || true) ;;
    *) die "$policy:$number: no rule $rule: lines or keys" ;;
    esac
    if ((seen > 0)); then
        type=2
        if [[ $most == stop ]]; then handover=stop; fi
        reasons+=("$path: $reason ($seen)")
    fi
done <"$policy"

printf 'type-%d handover=%s\n' "$type" "$handover"
if ((${#reasons[@]})); then printf '%s\n' "${reasons[@]}"; fi
if $at_most_1 && ((type > 1)); then exit 1; fi
