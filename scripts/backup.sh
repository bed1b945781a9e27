#!/usr/bin/env bash
# A backup of what Redis holds, of the configuration and of the models' hashes. See --help.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/archive.sh
source "$ROOT/scripts/lib/archive.sh"

usage() {
    cat <<'TEXT'
usage: backup.sh [--to DIR] [--recipient KEY] [--keep N] [--project NAME] [--config FILE]...
                 [--models DIR] [--dry-run]

Writes ariia-vision-TIME.tar.gz: a snapshot of Redis of one moment, the configuration files, the
hashes of the models and a manifest. The snapshot is loaded into a Redis of its own before the
file counts as a backup. Secret files are never in it.

  --to DIR         folder (data/backups)
  --recipient KEY  encrypt: a public key of age (age1… or ssh-…), a file of such keys, or the id
                   of a key of gpg
  --keep N         backups to keep, this one among them (14)
  --project NAME   Compose project of Redis (ariia-vision)
  --config FILE    file to take along; any number (vision.yaml, compose/cameras.yaml, compose/.env,
                   those that exist)
  --models DIR     folder of models (models)
  --dry-run        say what would be done

Environment: REDISCLI, a command such as "redis-cli -h 10.0.0.5 --user admin" instead of the
container, with REDISCLI_AUTH as its password; DOCKER_HOST.
Exit code: 0 if the backup is there, 1 if not, 2 for wrong use.
TEXT
}

target=$ROOT/data/backups recipient='' keep=14 project=ariia-vision models=$ROOT/models
configs=()
while (($#)); do
    case $1 in
    --to) target=$(value_of "$@"); shift ;;
    --recipient) recipient=$(value_of "$@"); shift ;;
    --keep) keep=$(value_of "$@"); shift ;;
    --project) project=$(value_of "$@"); shift ;;
    --config) value=$(value_of "$@"); configs+=("$value"); shift ;;
    --models) models=$(value_of "$@"); shift ;;
    --dry-run) dry_run=true ;;
    -h | --help) usage; exit 0 ;;
    *) refuse "$1: no such option" ;;
    esac
    shift
done
[[ $keep =~ ^[1-9][0-9]*$ ]] || refuse "--keep takes a number above 0"
for file in "${configs[@]}"; do
    [[ -r $file ]] || die "$file cannot be read: name another --config"
done
if ((${#configs[@]} == 0)); then
    for file in "$ROOT/vision.yaml" "$COMPOSE_FOLDER/cameras.yaml" "$COMPOSE_FOLDER/.env"; do
        if [[ -r $file ]]; then configs+=("$file"); fi
    done
fi

# How it is encrypted is known before anything is read.
encrypt=(cat) suffix=
case $recipient in
'') ;;
age1* | ssh-*) encrypt=(age --encrypt --recipient "$recipient") suffix=.age ;;
*)
    if [[ -f $recipient ]]; then
        encrypt=(age --encrypt --recipients-file "$recipient") suffix=.age
    else
        need gpg
        gpg --batch --list-keys -- "$recipient" >/dev/null 2>&1 ||
            die "gpg knows no key $recipient: import it, or name another --recipient"
        encrypt=(gpg --batch --yes --trust-model always --encrypt --recipient "$recipient") suffix=.gpg
    fi
    ;;
esac
if [[ $suffix == .age ]]; then
    need age
    echo | "${encrypt[@]}" >/dev/null 2>&1 || die "age does not take the key $recipient: correct --recipient"
fi
need tar gzip sha256sum
need_redis
scratch_image=
if [[ -z ${REDISCLI:-} ]]; then
    scratch_image=$(docker inspect --format '{{.Config.Image}}' "$(redis_container)")
fi

name=ariia-vision-$(date -u +%Y%m%dT%H%M%SZ).tar.gz$suffix
if $dry_run; then
    say "would write $target/$name from $(redis dbsize </dev/null) keys, ${#configs[@]} files and the hashes of $models, and keep $keep"
    exit 0
fi

umask 077
mkdir -p "$target" 2>/dev/null || true
[[ -d $target && -w $target ]] || die "$target cannot be written: name another --to"
target=$(cd "$target" && pwd)
one_at_a_time "$target/.lock"
used=$(redis info memory </dev/null | tr -d '\r' | sed -n 's/^used_memory:\(.*\)/\1/p')
# The snapshot, its copy that is tried out, and the archive.
need_space "$target" $((used * 3 / 1024 + 16384))

# What a run that was killed left behind.
rm -rf "$target"/.work.*
work=$(mktemp -d "$target/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir "$work/content" "$work/content/config" "$work/scratch"

redis --rdb - >"$work/content/dump.rdb" 2>"$work/log" </dev/null ||
    die "Redis gave no snapshot: $(tail -n 1 "$work/log")"
[[ $(head -c 5 "$work/content/dump.rdb") == REDIS ]] || die "what Redis gave is no snapshot"
cp "$work/content/dump.rdb" "$work/scratch/"
# In a container it runs as the same user.
found=$(scratch "$work/scratch") || die "the snapshot cannot be loaded again; nothing was written"

for file in "${configs[@]}"; do cp "$file" "$work/content/config/${file##*/}"; done
if [[ -d $models ]]; then
    (cd "$models" && find . -type f -exec sha256sum {} +) | sort -k 2 >"$work/content/models.sha256"
fi
{
    echo "format 1"
    echo "created $(date -u +%FT%TZ)"
    echo "redis $(redis info server </dev/null | tr -d '\r' | sed -n 's/^redis_version:\(.*\)/\1/p')"
    echo "$found"
    if [[ -z ${REDISCLI:-} ]]; then
        docker ps --filter "label=com.docker.compose.project=$project" --format 'image {{.Image}}' | sort --unique
    fi
} >"$work/content/MANIFEST"
(cd "$work/content" && find . -type f ! -name SHA256SUMS -exec sha256sum {} + | sort -k 2) >"$work/sums"
mv "$work/sums" "$work/content/SHA256SUMS"

tar --create --directory "$work/content" --owner 0 --group 0 --sort name . | gzip |
    "${encrypt[@]}" >"$work/$name" || die "$target/$name cannot be written: is there space?"
mv "$work/$name" "$target/$name"

# The oldest make way, and only now.
find "$target" -maxdepth 1 -name 'ariia-vision-*.tar.gz*' -printf '%f\n' | sort --reverse |
    tail -n "+$((keep + 1))" | while read -r old; do
    rm -f "${target:?}/$old"
    say "removed $old"
done
say "wrote $target/$name: $(echo "$found" | tr '\n' ' ')"
